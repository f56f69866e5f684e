"""Labels and annotations that a trait adds or removes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pydantic import ConfigDict, Field

from lateen.rendering.parameters import Parameters
from lateen.rendering.shapes.workloads import child

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lateen.model.base import Json


class EntryPatch(Parameters):
    """Any keys: a string sets one, ``null`` removes it."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str | None] = Field(  # pyright: ignore[reportIncompatibleVariableOverride] - pydantic's own way to type extras
        init=False
    )

    def entries(self) -> Mapping[str, str | None]:
        """Return the keys as written."""
        return self.__pydantic_extra__


def patch_entries(owner: Json, field: str, patch: Mapping[str, str | None]) -> None:
    """Set and remove labels or annotations in the metadata of ``owner``."""
    entries = child(child(owner, "metadata"), field)
    for key, value in patch.items():
        if value is None:
            entries.pop(key, None)
        else:
            entries[key] = value


def templates_of(workload: Json) -> Iterator[Json]:
    """Yield what has metadata of its own inside a workload: job template, pod template."""
    owner = workload
    for key in ("jobTemplate", "template"):
        spec: Any = owner.get("spec")
        inner: Any = cast("Json", spec).get(key) if isinstance(spec, dict) else None
        if isinstance(inner, dict):
            owner = cast("Json", inner)
            yield owner

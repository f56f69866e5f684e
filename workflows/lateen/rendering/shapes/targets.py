"""Traits that change one container by name, or several listed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import Field

from lateen.rendering.parameters import Parameters, TemplateError
from lateen.rendering.shapes.workloads import container_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lateen.model.base import Json
    from lateen.rendering.context import RenderContext


class ContainerTarget(Parameters):
    """Which container is meant."""

    container_name: str = Field(
        default="", description="Name of the container; the component's own by default."
    )


T = TypeVar("T", bound=ContainerTarget)


def targets(
    single: T,
    several: Sequence[T] | None,
    *,
    workload: Json,
    context: RenderContext,
    key: str = "containers",
) -> Iterator[tuple[T, Json, str]]:
    """Yield each patch with the container that it changes, and the prefix of its paths.

    ``several`` stands under ``key`` and excludes everything else. Raises ``TemplateError`` for a
    container that doesn't exist, and for a listed patch without ``containerName``.
    """
    if several is None:
        name = single.container_name or context.name
        yield single, container_named(workload, name, path="containerName"), ""
        return
    if others := sorted(single.model_fields_set - {key}):
        raise TemplateError(key, "excludes all other parameters", hint=f"leave out {others[0]}")
    for index, patch in enumerate(several):
        path = f"{key}[{index}].containerName"
        if not patch.container_name:
            raise TemplateError(path, "is required")
        yield patch, container_named(workload, patch.container_name, path=path), f"{key}[{index}]."

"""Putting the values of inputs into what was planned: it stays the same objects, and no value is ever told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.model.errors import InvalidApplication, LateenError
from lateen.model.findings import EXPECTED
from lateen.model.labels import REPLICA_KEY
from lateen.rendering.placeholders import is_at

if TYPE_CHECKING:
    from lateen.model.base import Json
    from lateen.planning.step_graph import Copy
    from lateen.rendering.parameter_keys import Values
    from lateen.rendering.render import RenderedObject


class UnfitValue(LateenError):
    """What an input supplies can't be used; the value itself, which may be a secret, is not told."""

    def __init__(
        self, copy: Copy, values: Values, why: str, error: LateenError | None = None
    ) -> None:
        problems = error.problems if isinstance(error, InvalidApplication) else ()
        path = "spec.components[0]"
        at_fault = [
            key for key in values if any(is_at(problem, key.path(path)) for problem in problems)
        ]
        kinds = {f"expected {kind}" for kind in EXPECTED.values()}
        said = [problem.message for problem in problems if problem.message in kinds]
        keys = ", ".join(key.text for key in at_fault or values)
        expected = f" ({said[0]})" if said else ""
        super().__init__(
            f"component {copy}: the value that an input supplies for {keys} {why}{expected}"
        )


def identity_of(each: RenderedObject) -> tuple[str, str, str, str]:
    """Return what must not depend on inputs; a name made of the content doesn't count."""
    group, kind, namespace, name = each.key
    return (group, kind, namespace, name if each.named else "")


def as_planned(made: Json, planned: Json) -> Json:
    """Keep whose object it is: what all copies share has no replica key."""
    if REPLICA_KEY in planned["metadata"]["labels"]:
        return made
    metadata = made["metadata"]
    labels = {key: value for key, value in metadata["labels"].items() if key != REPLICA_KEY}
    return {**made, "metadata": {**metadata, "labels": labels}}

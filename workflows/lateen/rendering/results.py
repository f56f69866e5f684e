"""What plug-ins and definitions made, checked before anything relies on it; built-ins are trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lateen.model.json_values import as_object, json_problems
from lateen.rendering.definitions import Rendered

if TYPE_CHECKING:
    from lateen.rendering.definitions import ComponentType, TraitType


def check_rendered(kind: ComponentType[Any], made: object) -> None:
    """Make sure that a component type returned objects. Raises ``TypeError`` or ``ValueError``."""
    if kind.origin is None and not kind.evaluated:
        return
    if not isinstance(made, Rendered):
        raise TypeError(f"render() must return Rendered, not {type(made).__name__}")
    _check_object("the workload", made.workload)
    _check_outputs(made.outputs)


def check_applied(kind: TraitType[Any], workload: object, outputs: object) -> None:
    """Make sure that a trait type left and returned objects. Raises as ``check_rendered`` does."""
    if kind.origin is None and not kind.evaluated:
        return
    _check_object("the workload", workload)
    _check_outputs(outputs)


def _check_outputs(outputs: object) -> None:
    by_name = as_object(outputs)
    if by_name is None:
        raise TypeError(f"outputs must be a dict of objects by name, not {type(outputs).__name__}")
    for name, made in by_name.items():
        _check_object(f"output {name!r}", made)


def _check_object(what: str, value: object) -> None:
    made = as_object(value)
    if made is None:
        raise TypeError(f"{what} must be a dict, not {type(value).__name__}")
    for key in ("apiVersion", "kind"):
        if not isinstance(made.get(key), str) or not made[key]:
            raise ValueError(f"{what} has no {key}")
    if as_object(made.get("metadata", {})) is None:
        raise TypeError(f"metadata of {what} must be a dict")
    problems = json_problems(made)
    if problems:
        raise ValueError(f"{what} is no JSON: {problems[0]}")

"""Paths to fields of an object, as rules name them: ``spec.template.spec.containers[0].resources``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import AfterValidator

from lateen.model.json_values import as_list, as_object

if TYPE_CHECKING:
    from lateen.model.base import Json

FieldPath: TypeAlias = tuple[str | int, ...]
"""Keys and positions from the top; an empty path is the whole object."""

EVERYTHING = "*"
_PART = re.compile(r"""\.?(?:([^.\[\]"'\s*]+)|\[(\d+)\]|\[["']?([^\]"'*\s]+)["']?\])""")
_KEPT_METADATA = ("labels", "annotations")
_MISSING = object()


def parse_path(text: str) -> FieldPath:
    """Read a path; ``*`` is the whole object, keys with dots stand in brackets.

    Raises ``ValueError``.
    """
    if text == EVERYTHING:
        return ()
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            break
        name, index, key = match.groups()
        parts.append(int(index) if index is not None else name or key)
        position = match.end()
    if not parts or position < len(text):
        raise ValueError(
            "is not the path of a field, such as spec.replicas or "
            "spec.template.spec.containers[0].image"
        )
    return tuple(parts)


def _checked(text: str) -> str:
    """Refuse what no rule can mean: the identity of an object, and what controllers report."""
    path = parse_path(text)
    root = path[0] if path else "spec"
    if root in ("apiVersion", "kind", "status"):
        raise ValueError(f"{root} is nothing that an application sets")
    if root == "metadata" and (len(path) == 1 or path[1] not in _KEPT_METADATA):
        raise ValueError("of metadata only labels and annotations can be named")
    return text


PathText = Annotated[str, AfterValidator(_checked)]
"""A path as written, checked."""


def value_at(value: Any, path: FieldPath) -> Any:
    """Return what stands at a path; None where there is nothing."""
    found = _at(value, path)
    return None if found is _MISSING else found


def keep(wanted: Any, live: Any, path: FieldPath) -> Any:
    """Return ``wanted`` with what ``live`` has at ``path``; where that has nothing, as it is.

    Neither is changed. Elements of lists are found by their name if they have one: something else may
    have put a container in front.
    """
    if not path:
        return live
    head, rest = path[0], path[1:]
    if isinstance(head, int):
        return _keep_element(wanted, live, head, rest)
    there = as_object(live)
    if there is None or head not in there or not (wanted is None or as_object(wanted) is not None):
        return wanted
    members: Json = as_object(wanted) or {}
    below = keep(members.get(head), there[head], rest)
    return members if below is None and head not in members else {**members, head: below}


def _keep_element(wanted: Any, live: Any, index: int, rest: FieldPath) -> Any:
    items, others = as_list(wanted), as_list(live)
    if items is None or others is None or index >= len(items):
        return wanted
    partner = _partner(items[index], others, index)
    if partner is _MISSING:
        return wanted
    return [*items[:index], keep(items[index], partner, rest), *items[index + 1 :]]


def _partner(item: Any, others: list[Any], index: int) -> Any:
    name = (as_object(item) or {}).get("name")
    if isinstance(name, str):
        named = (other for other in others if (as_object(other) or {}).get("name") == name)
        return next(named, _MISSING)
    return others[index] if index < len(others) else _MISSING


def includes(live: Any, wanted: Any) -> bool:
    """Tell whether ``live`` has all that ``wanted`` says; defaults that a server added don't count."""
    if (members := as_object(wanted)) is not None:
        there = as_object(live)
        return there is not None and all(
            key in there and includes(there[key], value) for key, value in members.items()
        )
    if (items := as_list(wanted)) is not None:
        others = as_list(live)
        return (
            others is not None
            and len(others) == len(items)
            and all(includes(other, item) for other, item in zip(others, items, strict=True))
        )
    return bool(live == wanted)


def is_within(path: FieldPath, outer: FieldPath) -> bool:
    """Tell whether a path is ``outer`` or lies below it."""
    return path[: len(outer)] == outer


def _at(value: Any, path: FieldPath) -> Any:
    for part in path:
        if isinstance(part, int):
            items = as_list(value) or []
            value = items[part] if part < len(items) else _MISSING
        else:
            value = (as_object(value) or {}).get(part, _MISSING)
        if value is _MISSING:
            return _MISSING
    return value

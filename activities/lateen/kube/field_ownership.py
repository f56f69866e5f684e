"""Which manager owns which fields of an object: the sets in ``metadata.managedFields``. Pure.

A set of fields is a tree (``fieldsV1``). ``{}`` is a field that is owned as it is; a field with children is
owned itself only if ``.`` is among them. Keys say what kind of child it is: ``f:`` a field, ``k:`` an item of
a list by its key fields, ``v:`` an item by its value, ``i:`` an item by its position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Any, cast

import orjson

from lateen.kube.shapes import as_list, as_object, as_objects, as_text
from lateen.model.base import Json

Fields = Json
"""A set of fields as ``fieldsV1`` has it; the empty object at the root is the empty set."""

_ITSELF = "."


def union(first: Fields, *others: Fields) -> Fields:
    """Return the fields that are in any of the sets."""
    return reduce(_union, others, _union({}, first))


def contains(fields: Fields, *path: str) -> bool:
    """Tell whether a set has the field at ``path``, given as keys such as ``f:metadata``."""
    node: Any = fields
    for key in path:
        node = node.get(key)
        if node is None:
            return False
    return _is_member(node)


def fields_of(entries: Iterable[Json]) -> Fields:
    """Return the union of what entries of ``managedFields`` own."""
    return union({}, *(as_object(entry.get("fieldsV1")) for entry in entries))


def take_over(
    entries: Sequence[Json],
    *,
    manager: str,
    api_version: str,
    belongs: Callable[[Json], bool],
) -> list[Json] | None:
    """Give to ``manager``'s Apply entry what the Update entries own of which ``belongs`` is true.

    A field that the manager's next apply leaves out is then removed, unless somebody else owns it too. Entries
    of another API version are dropped, since their fields may not exist in this one, and those about a
    subresource stay. Returns the new ``managedFields``, or None when nothing belongs.
    """
    moved = [entry for entry in entries if is_plain_update(entry) and belongs(entry)]
    if not moved:
        return None
    own = [entry for entry in entries if _is_apply_of(entry, manager, api_version)]
    gained = [entry for entry in moved if entry.get("apiVersion") == api_version]
    rest = [entry for entry in entries if entry not in moved and entry not in own]
    if not own and not gained:
        return rest
    times = sorted(as_text(entry.get("time")) for entry in (own or gained))
    merged: Json = {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields_of([*own, *gained]),
    }
    if times[-1]:
        merged["time"] = times[-1]
    return [merged, *rest]


def rename_manager(live: Json, *, old: str, new: str) -> list[Json]:
    """Return an object's ``managedFields`` with manager ``old`` called ``new``.

    Server-side apply removes a field that its manager no longer applies; so whoever takes an object over needs
    the fields of the one before, or they stay for ever. What both own in the same way becomes one entry that
    owns all of it: the API server would keep only one of two. All other entries stay as they are.
    """
    entries: dict[tuple[str, ...], Json] = {}
    for entry in as_objects(as_object(live.get("metadata")).get("managedFields")):
        renamed = {**entry, "manager": new} if entry.get("manager") == old else entry
        known = entries.get(_identity(renamed))
        if known is not None:
            renamed = {**known, "fieldsV1": fields_of([known, renamed])}
        entries[_identity(renamed)] = renamed
    return list(entries.values())


def _identity(entry: Json) -> tuple[str, ...]:
    """Return what tells entries apart."""
    parts = ("manager", "operation", "apiVersion", "subresource")
    return tuple(as_text(entry.get(part)) for part in parts)


def is_plain_update(entry: Json) -> bool:
    """Tell whether an entry is of writes other than applies, to the object itself."""
    return entry.get("operation") == "Update" and not entry.get("subresource")


def remove(value: Any, gone: Fields, *, kept: Fields) -> Any:
    """Return a copy of ``value`` as an apply leaves it that no longer has the fields in ``gone``.

    A field goes with everything in it, unless others own it, or something in it: ``kept``.
    """
    if isinstance(value, dict):
        left: Json = {}
        for name, inner in cast("Json", value).items():
            key = f"f:{name}"
            if not _goes(gone.get(key), kept.get(key)):
                left[name] = _remove_inside(inner, gone.get(key), kept.get(key))
        return left
    if isinstance(value, list):
        return [
            _remove_inside(item, _item(gone, item, position), _item(kept, item, position))
            for position, item in enumerate(as_list(value))
            if not _goes(_item(gone, item, position), _item(kept, item, position))
        ]
    return value


def _goes(gone: Fields | None, kept: Fields | None) -> bool:
    return gone is not None and _is_member(gone) and kept is None


def _remove_inside(value: Any, gone: Fields | None, kept: Fields | None) -> Any:
    if gone is None:
        return value
    return remove(value, _inner(gone), kept=_inner(kept or {}))


def _item(fields: Fields, item: Any, position: int) -> Fields | None:
    """Return what a set has of a list's item."""
    nodes = (node for key, node in _children(fields) if _means(key, item, position))
    return next(nodes, None)


def _means(key: str, item: Any, position: int) -> bool:
    kind, _, text = key.partition(":")
    if kind == "i":
        return text == str(position)
    if kind not in {"k", "v"}:
        return False
    wanted = orjson.loads(text)
    if kind == "v":
        return bool(wanted == item)
    return isinstance(item, dict) and all(
        cast("Json", item).get(name) == part for name, part in wanted.items()
    )


def _union(first: Fields, second: Fields) -> Fields:
    both: Fields = {}
    for key in dict.fromkeys([*first, *second]):
        if key == _ITSELF:
            continue
        nodes = [fields[key] for fields in (first, second) if key in fields]
        children = reduce(_union, map(_inner, nodes), cast("Fields", {}))
        both[key] = _node(children, member=any(map(_is_member, nodes)))
    return both


def _node(children: Fields, *, member: bool) -> Fields:
    return {_ITSELF: {}, **children} if member and children else children


def _children(fields: Fields) -> list[tuple[str, Fields]]:
    return [(key, node) for key, node in fields.items() if key != _ITSELF]


def _inner(node: Fields) -> Fields:
    return dict(_children(node))


def _is_member(node: Fields) -> bool:
    return not node or _ITSELF in node


def _is_apply_of(entry: Json, manager: str, api_version: str) -> bool:
    return (
        entry.get("manager") == manager
        and entry.get("operation") == "Apply"
        and entry.get("apiVersion") == api_version
        and not entry.get("subresource")
    )

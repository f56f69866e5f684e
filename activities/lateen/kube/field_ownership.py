"""Who owns which fields of an object: handing one manager's fields over to another. Pure.

Server-side apply removes a field that its manager no longer applies; so whoever takes an object over needs
the fields of the one before, or they stay for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.kube.shapes import as_object, as_objects, as_text

if TYPE_CHECKING:
    from lateen.model.base import Json

_FIELDS = "fieldsV1"


def rename_manager(live: Json, *, old: str, new: str) -> list[Json]:
    """Return an object's ``managedFields`` with manager ``old`` called ``new``.

    What both own in the same way becomes one entry that owns all of it: the API server would keep only one
    of two. All other entries stay as they are.
    """
    entries: dict[tuple[str, ...], Json] = {}
    for entry in as_objects(as_object(live.get("metadata")).get("managedFields")):
        renamed = {**entry, "manager": new} if entry.get("manager") == old else entry
        known = entries.get(_key(renamed))
        if known is not None:
            both = _union(as_object(known.get(_FIELDS)), as_object(renamed.get(_FIELDS)))
            renamed = {**known, _FIELDS: both}
        entries[_key(renamed)] = renamed
    return list(entries.values())


def _key(entry: Json) -> tuple[str, ...]:
    """Return what tells entries apart."""
    return tuple(
        as_text(entry.get(part)) for part in ("manager", "operation", "apiVersion", "subresource")
    )


def _union(one: Json, other: Json) -> Json:
    """Merge two sets of fields; a field that both own has the members of both."""
    merged = dict(one)
    for key, members in other.items():
        merged[key] = _union(as_object(merged.get(key)), as_object(members))
    return merged

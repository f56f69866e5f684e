"""Objects that KubeVela's controller wrote: who owns their fields, and what hands them to lateen."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from lateen.kube.field_ownership import contains, is_plain_update, take_over
from lateen.kube.shapes import as_list, as_object, as_objects, as_text
from lateen.model.kubevela import ANNOTATIONS, LABELS, TRACKER_FINALIZER

if TYPE_CHECKING:
    from lateen.model.base import Json

_MANAGERS = frozenset({"kubevela", "vela", "vela-core"})
"""What the controller and the command line call themselves to API servers."""

_PEOPLE = "kubectl"
"""Begins the names of managers that are somebody's hands, whatever they copied."""

_MARKS = tuple(
    ("f:metadata", f"f:{field}", f"f:{key}")
    for field, keys in (("annotations", ANNOTATIONS), ("labels", LABELS))
    for key in sorted(keys)
)


def is_of_kubevela(entry: Json) -> bool:
    """Tell whether an entry of ``managedFields`` is the controller's.

    It knows itself by other names too (``manager`` in some images, which others use as well): whoever wrote
    its records is the controller.
    """
    manager = as_text(entry.get("manager"))
    if not is_plain_update(entry) or manager.startswith(_PEOPLE):
        return False
    fields = as_object(entry.get("fieldsV1"))
    return manager in _MANAGERS or any(contains(fields, *mark) for mark in _MARKS)


def kubevela_entries(live: Json) -> list[Json]:
    """Return the entries of an object's ``managedFields`` that are the controller's."""
    metadata = as_object(live.get("metadata"))
    return [entry for entry in as_objects(metadata.get("managedFields")) if is_of_kubevela(entry)]


def has_tracker_finalizer(live: Json) -> bool:
    """Tell whether a deletion of the object would wait for KubeVela's controller."""
    return TRACKER_FINALIZER in _finalizers(live)


def handover(live: Json, *, manager: str, api_version: str) -> list[Json]:
    """Return the JSON patch that makes ``manager`` own what the controller owns; none when it owns nothing.

    It also drops the finalizer that only the controller would remove. It holds for exactly the version that
    was read, changes no field that anybody set, and restarts nothing. What is on its way out is left alone:
    without its finalizer it would be gone.
    """
    metadata = as_object(live.get("metadata"))
    if metadata.get("deletionTimestamp"):
        return []
    entries = as_objects(metadata.get("managedFields"))
    owned = take_over(entries, manager=manager, api_version=api_version, belongs=is_of_kubevela)
    changes = [] if owned is None else [_replace("managedFields", owned)]
    if has_tracker_finalizer(live):
        left = [each for each in _finalizers(live) if each != TRACKER_FINALIZER]
        changes.append(_replace("finalizers", left))
    if changes:
        changes.append(_replace("resourceVersion", metadata.get("resourceVersion")))
    return changes


def _finalizers(live: Json) -> Collection[str]:
    return as_list(as_object(live.get("metadata")).get("finalizers"))


def _replace(field: str, value: object) -> Json:
    return {"op": "replace", "path": f"/metadata/{field}", "value": value}

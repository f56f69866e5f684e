"""What applying one object would do to it, field by field; made of what a look at it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lateen.activities.applying import Found
from lateen.activities.matching import comparable
from lateen.kube.shapes import as_object, as_text
from lateen.model.base import Json
from lateen.model.labels import APP_COMPONENT, APP_REVISION
from lateen.model.objects import ObjectRef
from lateen.model.records import Effect
from lateen.planning.differences import Action, ObjectDifference, differences, masked
from lateen.planning.drift import spared
from lateen.policies.rules.field_paths import FieldPath

_OF_THE_ANSWER = ("uid", "creationTimestamp", "selfLink")
_NOTES: Mapping[str, str] = {
    "join": "is shared: its owner goes on writing it",
    "recreate": "is deleted and created again",
}
_ENDING = "is being deleted now; a delivery waits for that, then creates it again"


def stored(live: Json) -> Json:
    """Return an object as a server would store it, without what is only true of this answer."""
    kept = comparable(live)
    metadata = as_object(kept["metadata"])
    fields = {key: value for key, value in metadata.items() if key not in _OF_THE_ANSWER}
    return {**kept, "metadata": fields}


def difference_of(found: Found, *, exempt: Sequence[FieldPath] = ()) -> ObjectDifference | None:
    """Tell what applying an object that was looked at would do to it; None for nothing.

    Fields in ``exempt`` are passed over.
    """
    ref = ObjectRef.of(found.manifest)
    component = component_of(found.manifest)
    if found.way == "leave":
        return None
    if found.live is None:
        return object_difference("create", ref, component=component, manifest=masked(found.content))
    if as_object(found.live.get("metadata")).get("deletionTimestamp"):
        return object_difference("change", ref, component=component, note=_ENDING)
    if found.way in _NOTES:
        return object_difference("change", ref, component=component, note=_NOTES[found.way])
    if found.planned is None:
        note = "can't be foretold: the application itself brings its kind or its namespace"
        return object_difference("change", ref, component=component, note=note)
    fields = differences(*spared(_shown(found.live), _shown(found.planned), exempt))
    return object_difference("change", ref, component=component, fields=fields) if fields else None


def effect_of(found: Found) -> Effect:
    """Tell in a word what writing an object that was looked at does to it.

    One that can't be foretold counts as changed, as it does in a difference.
    """
    if found.way == "leave":
        return ""
    if found.live is None:
        return "created"
    foretold = found.way not in _NOTES and found.planned is not None
    ending = as_object(found.live.get("metadata")).get("deletionTimestamp")
    if foretold and not ending and _shown(found.live) == _shown(found.planned or {}):
        return ""
    return "changed"


def _shown(live: Json) -> Json:
    """Leave out what every new revision changes."""
    kept = comparable(live)
    metadata = as_object(kept["metadata"])
    labels = as_object(metadata.get("labels"))
    if APP_REVISION not in labels:
        return kept
    others = {key: value for key, value in labels.items() if key != APP_REVISION}
    return {**kept, "metadata": {**metadata, "labels": others}}


def component_of(manifest: Json) -> str:
    """Return the component that an object is of, by its label."""
    return as_text(as_object(manifest["metadata"].get("labels")).get(APP_COMPONENT))


def object_difference(action: Action, ref: ObjectRef, **more: Any) -> ObjectDifference:
    """Say what happens to the object of an identity."""
    return ObjectDifference(
        action=action,
        api_version=ref.api_version,
        kind=ref.kind,
        namespace=ref.namespace,
        name=ref.name,
        **more,
    )

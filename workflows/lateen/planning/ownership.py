"""Whose a live object is: its owner by its labels, those that share it by an annotation. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.model.labels import APP_NAME, APP_NAMESPACE, SHARED_BY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lateen.model.base import Json


def owner_of(live: Json) -> str:
    """Return the application that owns an object, as ``<namespace>/<name>``; empty for nobody."""
    labels = _metadata(live, "labels")
    if APP_NAME not in labels and APP_NAMESPACE not in labels:
        return ""
    return f"{labels.get(APP_NAMESPACE, '')}/{labels.get(APP_NAME, '')}"


def sharers_of(live: Json) -> tuple[str, ...]:
    """Return the applications that share an object, in the order in which they came."""
    listed = str(_metadata(live, "annotations").get(SHARED_BY) or "")
    return tuple(dict.fromkeys(name.strip() for name in listed.split(",") if name.strip()))


def shared_by(applications: Iterable[str]) -> str:
    """Return the annotation's value for several applications; each counts once."""
    return ",".join(dict.fromkeys(applications))


def heir_of(live: Json, application: str) -> str:
    """Return which application owns an object when this one lets go of it; empty for none."""
    return next((name for name in sharers_of(live) if name != application), "")


def joining(live: Json, application: str) -> Json:
    """Return the change (a merge patch) that adds an application to those that share an object."""
    names = (*(sharers_of(live) or (owner_of(live),)), application)
    return _at_version(live, {"annotations": {SHARED_BY: shared_by(names)}})


def leaving(live: Json, application: str) -> Json:
    """Return the change that takes an application from those that share an object.

    If it owns the object, the next one does from then on.
    """
    left = [name for name in sharers_of(live) if name != application]
    metadata: Json = {"annotations": {SHARED_BY: shared_by(left) or None}}
    if owner_of(live) == application and left:
        namespace, _, name = left[0].partition("/")
        metadata["labels"] = {APP_NAME: name, APP_NAMESPACE: namespace}
    return _at_version(live, metadata)


def _at_version(live: Json, metadata: Json) -> Json:
    """Make a change valid for the version that was read only: two at once must not lose a name."""
    return {"metadata": {"resourceVersion": live["metadata"]["resourceVersion"], **metadata}}


def _metadata(live: Json, key: str) -> Json:
    metadata: Json = live.get("metadata") or {}
    found: Json = metadata.get(key) or {}
    return found

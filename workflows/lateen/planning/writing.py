"""What to do with an object that exists: written how, with which content, or not at all. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from lateen.model.labels import APP_NAME, APP_NAMESPACE, SHARED_BY
from lateen.planning.ownership import owner_of, shared_by, sharers_of
from lateen.policies.rules.field_paths import includes, is_within, keep, value_at
from lateen.policies.rules.treatments import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lateen.model.base import Json
    from lateen.policies.rules.field_paths import FieldPath
    from lateen.policies.rules.treatments import Treatment

Way: TypeAlias = Literal["create", "apply", "replace", "recreate", "join", "leave"]
"""``join`` adds the application to those that share the object, ``leave`` leaves it as it is."""

_KEPT_IN_REPLACE = ("finalizers", "ownerReferences")


@dataclass(frozen=True)
class Write:
    """The way to write an object, and what is sent; or why it may not be written."""

    way: Way
    manifest: Json
    refusal: str = ""


def decide_write(
    manifest: Json, live: Json | None, *, application: str, treatment: Treatment = PLAIN
) -> Write:
    """Decide about an object as it was rendered, and as a cluster has it (None: not at all)."""
    if treatment.read_only:
        why = "is marked as read-only but does not exist; create it, or remove it from the policy"
        return Write("leave", manifest, "" if live is not None else why)
    if live is None:
        wanted = _announcing(manifest, (application,)) if treatment.shared else manifest
        return Write("create", wanted)
    owner = owner_of(live)
    if owner not in ("", application):
        return _of_another(manifest, live, owner=owner, application=application, rule=treatment)
    if not owner and not treatment.take_over:
        return Write("leave", manifest, _UNOWNED)
    if treatment.keeps_all and owner:
        return Write("leave", manifest)
    return _of_own(manifest, live, application=application, treatment=treatment)


_UNOWNED = (
    "exists but is not managed by any application; delete it, name the component differently, or adopt "
    "it with a take-over policy"
)


def _of_another(
    manifest: Json, live: Json, *, owner: str, application: str, rule: Treatment
) -> Write:
    """Decide about another application's object: at most to share it, if both want that."""
    sharers = sharers_of(live)
    if rule.shared and sharers:
        return Write("leave" if application in sharers else "join", manifest)
    refusal = f"is managed by application {owner}; only one application can deliver an object"
    if rule.shared:
        refusal = (
            f"is managed by application {owner}, which does not share it; give that one a "
            "shared-resource policy for it first"
        )
    elif sharers:
        refusal += ", unless a shared-resource policy shares it"
    return Write("leave", manifest, refusal)


def _of_own(manifest: Json, live: Json, *, application: str, treatment: Treatment) -> Write:
    """Decide about an object of the application, or one that it adopts.

    Those that share it stay named, also when the application shares it no longer itself.
    """
    wanted = _keeping(manifest, live, treatment)
    sharers = sharers_of(live)
    if treatment.shared or any(name != application for name in sharers):
        wanted = _announcing(wanted, (*sharers, application))
    if treatment.recreate and live["metadata"].get("deletionTimestamp"):
        return Write("recreate", wanted)
    if treatment.op == "replace" and not treatment.keeps_all:
        metadata: Json = {**wanted["metadata"]}
        for key in _KEPT_IN_REPLACE:
            if key in live["metadata"]:
                metadata.setdefault(key, live["metadata"][key])
        return Write("replace", {**wanted, "metadata": metadata})
    return Write("apply", wanted)


def _keeping(manifest: Json, live: Json, treatment: Treatment) -> Json:
    """Take the kept fields from the live object; who owns it is never among them."""
    if treatment.keeps_all:
        return {key: manifest[key] for key in ("apiVersion", "kind", "metadata")}
    wanted = manifest
    for path in treatment.kept:
        wanted = keep(wanted, live, path)
    if wanted is manifest:
        return manifest
    own: Json = manifest["metadata"]["labels"]
    identity = {key: own[key] for key in (APP_NAME, APP_NAMESPACE) if key in own}
    metadata: Json = wanted["metadata"]
    return {**wanted, "metadata": {**metadata, "labels": {**metadata["labels"], **identity}}}


def _announcing(manifest: Json, applications: Iterable[str]) -> Json:
    metadata: Json = manifest["metadata"]
    annotations: Json = {**(metadata.get("annotations") or {}), SHARED_BY: shared_by(applications)}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def is_recreated(live: Json, applied: Json, treatment: Treatment) -> bool:
    """Tell whether applying changes a field that can only be changed by recreating the object."""
    return any(value_at(live, path) != value_at(applied, path) for path in treatment.recreate)


def mends_refusal(
    live: Json, wanted: Json, refused: Iterable[FieldPath], treatment: Treatment
) -> bool:
    """Tell whether recreating an object gets around the fields that may not be changed.

    A refused field that a path covers was changed. Where the server only names what is around the path
    (``spec.template`` for one field of it), it has to be the one that changes.
    """
    fields = list(refused)
    return bool(fields) and all(
        any(
            is_within(field, path) or (is_within(path, field) and _changes(live, wanted, path))
            for path in treatment.recreate
        )
        for field in fields
    )


def _changes(live: Json, wanted: Json, path: FieldPath) -> bool:
    value: Any = value_at(wanted, path)
    return value is not None and not includes(value_at(live, path), value)

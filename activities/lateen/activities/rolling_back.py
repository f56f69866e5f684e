"""The revision that a rollback goes back to: found, and proved to be deliverable as it was kept."""

from __future__ import annotations

from dataclasses import dataclass

from lateen.activities.planning import split
from lateen.activities.rooms import Rooms, off_loop
from lateen.contracts.messages import OpenDelivery
from lateen.model.application import Application
from lateen.model.errors import InvalidApplication
from lateen.model.names import is_subdomain
from lateen.model.parsing import parse_application, parse_policy
from lateen.model.records import Audit, RevisionRef, Snapshot
from lateen.planning.checking import check_application
from lateen.planning.inline_secrets import refuse_inline_secrets
from lateen.planning.references import inline_policy
from lateen.planning.resolving import Resolved
from lateen.planning.rolling_back import not_kept, refuse_other_plugins, revision_before


@dataclass(frozen=True)
class Kept:
    """A revision as it was frozen; nothing of it is read again."""

    ref: RevisionRef
    application: Application
    snapshot: Snapshot
    resolved: Resolved
    warnings: list[str]


async def kept_revision(rooms: Rooms, request: OpenDelivery, audit: Audit) -> Kept:
    """Return the revision that a rollback means. Raises ``InvalidApplication``."""
    try:
        ref, snapshot = await _find(rooms, request, audit)
    except InvalidApplication as error:
        subject = f"Rollback of {request.application}"
        raise InvalidApplication(error.problems, subject=subject) from error
    application = parse_application(snapshot.application)
    policies = [inline_policy(parse_policy(policy)) for policy in snapshot.policies]
    if not rooms.settings.allow_inline_secrets:
        refuse_inline_secrets(application, policies)
    refuse_other_plugins(snapshot, application, rooms.types, revision=ref.name)
    types = rooms.registry(snapshot)
    warnings = await off_loop(types.evaluates, lambda: check_application(application, types))
    known = Resolved(snapshot, types)
    return Kept(ref, application, snapshot, known, warnings)


async def check_kept(rooms: Rooms, namespace: str, ref: RevisionRef) -> None:
    """Raise ``InvalidApplication`` if a revision can't be rendered any more as it was."""
    snapshot = await rooms.revisions.load(namespace, ref)
    application = parse_application(snapshot.application)
    refuse_other_plugins(snapshot, application, rooms.types, revision=ref.name)


async def _find(rooms: Rooms, request: OpenDelivery, audit: Audit) -> tuple[RevisionRef, Snapshot]:
    namespace, name = split(request.application)
    latest = audit.latest_revision
    # What has a higher number was stored by an attempt that died: nothing was ever begun with it.
    kept = [each for each in await rooms.revisions.kept(namespace, name) if each.number <= latest]
    meant = request.rollback_to or revision_before(audit, kept)
    others = is_subdomain(meant) and not meant.startswith(f"{name}-v")
    found = None
    if others or any(each.name == meant for each in kept):
        found = await rooms.revisions.find(namespace, meant)
    if found is None:
        raise not_kept(meant, application=name, latest=latest, kept=kept)
    ref, snapshot = found
    owner = parse_application(snapshot.application)
    if owner.id != request.application:
        raise InvalidApplication.at(
            "revision", f"belongs to application {owner.id}", meant, "name one of its own"
        )
    return ref, snapshot

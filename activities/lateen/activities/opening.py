"""Opening a delivery: check everything, find out whether there is anything to do, store, claim a number."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from lateen.activities.edges import Overtaken
from lateen.activities.matching import all_match
from lateen.activities.planning import plan_all, seal, split, with_prune
from lateen.activities.rolling_back import kept_revision
from lateen.activities.rooms import Rooms, off_loop
from lateen.contracts.messages import OpenDelivery, OpenedDelivery, StepPlan, Vetted
from lateen.hub.audits import append, now
from lateen.hub.revisions import KEPT, RevisionLost, revision_name
from lateen.model.application import Application, InlinePolicy
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication
from lateen.model.json_values import json_digest
from lateen.model.parsing import parse_application, parse_policy
from lateen.model.records import (
    Audit,
    AuditEvent,
    DeliveryRecord,
    RevisionRef,
    Rollback,
    Snapshot,
)
from lateen.planning.checking import check_application
from lateen.planning.inline_secrets import refuse_inline_secrets
from lateen.planning.plan import PlannedStep
from lateen.planning.provenance import plugin_versions
from lateen.planning.publishing import ignored_edit, publish_version, published_before
from lateen.planning.references import inline_policy
from lateen.planning.resolving import Resolved, snapshot_digest
from lateen.policies.topology import ClusterInfo
from lateen.rendering.registry import Registry

_MOST_NUMBERS = 50


@dataclass(frozen=True)
class _Prepared:
    """An application with all that it refers to, found to be deliverable as the hub and clusters are now.

    ``kept`` is the revision that a rollback goes back to: the snapshot is its content then.
    """

    application: Application
    snapshot: Snapshot
    resolved: Resolved
    clusters: Sequence[ClusterInfo]
    audit: Audit
    plans: Sequence[StepPlan]
    warnings: Sequence[str]
    kept: RevisionRef | None = None

    @cached_property
    def ref(self) -> RevisionRef:
        """The revision as it would be now: current if its digest is the audit's, or kept."""
        if self.kept is not None:
            return self.kept
        return self.audit.current.model_copy(update={"digest": snapshot_digest(self.snapshot)})

    @property
    def is_current(self) -> bool:
        """Whether this very revision is the one that a delivery began with last."""
        current = self.audit.current
        if self.kept is not None and self.kept.name != current.name:
            return False
        return current.digest == self.ref.digest


async def vet_submission(rooms: Rooms, request: OpenDelivery) -> Vetted:
    """Tell whether content could be opened now; writes nothing."""
    await rooms.check_hub(request)
    try:
        await _prepare(rooms, request)
    except InvalidApplication as error:
        return Vetted(valid=False, message=str(error), details=error.to_json())
    return Vetted()


async def open_delivery(rooms: Rooms, request: OpenDelivery, *, run_id: str) -> OpenedDelivery:
    """Open a delivery, or find that it is open already (a retry) or that nothing is to be done."""
    hub_uid = await rooms.check_hub(request)
    namespace, _ = split(request.application)
    prepared = await _prepare(rooms, request)
    resolved, audit, plans = prepared.resolved, prepared.audit, prepared.plans
    opened = OpenedDelivery(
        hub_uid=hub_uid,
        revision=prepared.ref,
        steps=list(resolved.plan.steps),
        mode=resolved.plan.mode,
        clusters=sorted({p.cluster for plan in plans for p in plan.placements}),
        options=rooms.settings.options,
        warnings=list(dict.fromkeys(prepared.warnings)),
    )
    if not request.confirm_removal and await _is_unchanged(rooms, prepared):
        return opened.model_copy(update={"unchanged": True})
    if audit.delivery is None or audit.delivery.run_id != run_id or not prepared.is_current:
        ref = await _store(rooms, prepared)
        seen = audit.latest_delivery
        audit = await _claim(rooms, request, ref=ref, run_id=run_id, seen=seen)
        await _drop_revisions(rooms, resolved, audit)
        opened = opened.model_copy(update={"revision": ref})
    rooms.remember(namespace, opened.revision, resolved)
    first = await _first_plan(
        rooms,
        opened,
        plans=plans,
        resolved=resolved,
        clusters=prepared.clusters,
        confirmed=request.confirm_removal,
    )
    number = audit.delivery.number if audit.delivery else audit.latest_delivery
    return opened.model_copy(update={"delivery": number, "first_plan": first})


async def _prepare(rooms: Rooms, request: OpenDelivery) -> _Prepared:
    """Check, read, resolve and render everything. Raises ``InvalidApplication``."""
    if request.intent == "rollback":
        return await _prepare_rollback(rooms, request)
    namespace, name = split(request.application)
    application = parse_application(request.content)
    warnings = check_application(application, rooms.types.opened())
    snapshot, clusters, audit = await asyncio.gather(
        _snapshot(rooms, application, warnings),
        rooms.cluster_infos(),
        rooms.audits.read(namespace, name),
    )
    if not rooms.settings.allow_inline_secrets:
        refuse_inline_secrets(application, map(_inline, snapshot.policies))
    snapshot, types = await _with_definitions(rooms, snapshot, application)
    resolved = Resolved(snapshot, types)
    snapshot, resolved = await rooms.references.complete(snapshot, resolved, types)
    await rooms.introduce(resolved, clusters)
    plans = await off_loop(resolved.evaluates, lambda: plan_all(rooms, resolved, clusters))
    return _Prepared(
        application=application,
        snapshot=snapshot,
        resolved=resolved,
        clusters=clusters,
        audit=audit,
        plans=plans,
        warnings=[*warnings, *resolved.plan.warnings, *_warnings(plans)],
    )


async def _prepare_rollback(rooms: Rooms, request: OpenDelivery) -> _Prepared:
    """Do the same with a revision that is kept: only where it is delivered is found out anew."""
    clusters, audit = await asyncio.gather(
        rooms.cluster_infos(), rooms.audits.read(*split(request.application))
    )
    kept = await kept_revision(rooms, request, audit)
    resolved = kept.resolved
    await rooms.introduce(resolved, clusters)
    plans = await off_loop(resolved.evaluates, lambda: plan_all(rooms, resolved, clusters))
    return _Prepared(
        application=kept.application,
        snapshot=kept.snapshot,
        resolved=resolved,
        clusters=clusters,
        audit=audit,
        plans=plans,
        warnings=[*kept.warnings, *resolved.plan.warnings, *_warnings(plans)],
        kept=kept.ref,
    )


async def _snapshot(rooms: Rooms, application: Application, warnings: list[str]) -> Snapshot:
    """Freeze what is to be delivered; of a version that is published already, what was frozen then.

    Appends to ``warnings``. Raises ``InvalidApplication`` for the version of an older revision.
    """
    version = publish_version(application)
    if version:
        stored = await _stored(rooms, application, version, warnings)
        if stored is not None:
            return stored
    snapshot = await rooms.applications.snapshot(application)
    return _with_plugins(snapshot, application, rooms.types)


async def digest_now(rooms: Rooms, application: Application) -> str:
    """Digest what a delivery of an application would freeze now. Raises ``InvalidApplication``."""
    snapshot = await _snapshot(rooms, application, [])
    snapshot, types = await _with_definitions(rooms, snapshot, application)
    snapshot, _ = await rooms.references.complete(snapshot, Resolved(snapshot, types), types)
    return snapshot_digest(snapshot)


async def _stored(
    rooms: Rooms, application: Application, version: str, warnings: list[str]
) -> Snapshot | None:
    metadata = application.metadata
    audit, kept = await asyncio.gather(
        rooms.audits.read(metadata.namespace, metadata.name),
        rooms.revisions.published(metadata.namespace, metadata.name),
    )
    meant = published_before(version, kept, current=audit.revision, latest=audit.latest_revision)
    found = await rooms.revisions.find(metadata.namespace, meant.revision) if meant else None
    if meant is None or found is None:
        return None
    _, snapshot = found
    warnings += ignored_edit(application, snapshot, meant)
    return snapshot


async def _with_definitions(
    rooms: Rooms, snapshot: Snapshot, application: Application
) -> tuple[Snapshot, Registry]:
    """Read the definitions that the application uses, and check what could not be without them."""
    completed = await rooms.definitions.complete(snapshot, rooms.types)
    if completed.snapshot is snapshot:
        return snapshot, rooms.types
    types = rooms.registry(completed.snapshot, mentioned=completed.mentioned)
    await off_loop(types.evaluates, lambda: check_application(application, types))
    return completed.snapshot, types


async def _drop_revisions(rooms: Rooms, resolved: Resolved, audit: Audit) -> None:
    """Delete revisions beyond those that are kept, by default or by a garbage-collect policy.

    In use are what is being delivered, which may be an old one, and what is delivered until then. Pruning asks
    the revisions that objects came from where they would be delivered: those are in use, too.
    """
    namespace, name = resolved.namespace, resolved.application.metadata.name
    limit = resolved.rules.collect.application_revision_limit
    latest = audit.latest_revision
    used = {audit.revision} | ({audit.delivered.revision} if audit.delivered else set[str]())
    if limit is not None or latest > KEPT:
        inventories = await rooms.inventories.list(namespace, name)
        used |= {entry.revision for inventory in inventories for entry in inventory.entries}
    await rooms.revisions.drop_old(namespace, name, latest=latest, used=used, limit=limit)


def _with_plugins(snapshot: Snapshot, application: Application, types: Registry) -> Snapshot:
    """Note which plug-ins shape the rendering: an upgrade of one makes a new revision."""
    external = [_inline(policy) for policy in snapshot.policies]
    versions = plugin_versions(application, external, types)
    return snapshot.model_copy(update={"plugins": versions})


def _inline(policy: Json) -> InlinePolicy:
    return inline_policy(parse_policy(policy))


def _warnings(plans: Sequence[StepPlan]) -> list[str]:
    return [warning for plan in plans for warning in plan.warnings]


def placements_digest(plans: Sequence[StepPlan]) -> str:
    """Digest what all steps give to all placements."""
    return json_digest(
        sorted(
            [plan.step, p.cluster, p.namespace, p.digest] for plan in plans for p in plan.placements
        )
    )[:32]


async def _is_unchanged(rooms: Rooms, prepared: _Prepared) -> bool:
    """Tell whether the last delivery succeeded with the very same, and the clusters still have it."""
    audit, plans = prepared.audit, prepared.plans
    last, delivered = audit.delivery, audit.delivered
    if last is None or delivered is None or last.number != delivered.number:
        return False
    if not prepared.is_current or delivered.placements_digest != placements_digest(plans):
        return False
    return await all_match(rooms, prepared.resolved, plans, revision=audit.revision)


async def _store(rooms: Rooms, prepared: _Prepared) -> RevisionRef:
    """Write the application and its revision at once; neither needs the other. A kept one is there."""
    application = prepared.application
    await rooms.applications.admit(application)
    if prepared.kept is not None:
        await rooms.applications.store(application)
        return prepared.kept
    stored, revised = await asyncio.gather(
        rooms.applications.store(application),
        _revise(rooms, prepared),
        return_exceptions=True,
    )
    if stored is not None:
        raise stored  # It says most clearly what is wrong: a missing namespace fails both.
    if isinstance(revised, BaseException):
        raise revised
    return revised


async def _revise(rooms: Rooms, prepared: _Prepared) -> RevisionRef:
    """Return the revision of this content: the current one if it is the same, otherwise a new one."""
    audit, snapshot, digest = prepared.audit, prepared.snapshot, prepared.ref.digest
    namespace, name = split(prepared.application.id)
    if prepared.is_current:
        return prepared.ref
    for number in range(audit.latest_revision + 1, audit.latest_revision + _MOST_NUMBERS):
        ref = RevisionRef(name=revision_name(name, number), number=number, digest=digest)
        if await rooms.revisions.create(namespace, name, ref=ref, snapshot=snapshot):
            return ref
        # A worker died between storing a revision and recording it: its number is spent.
    raise RevisionLost(
        f"no free revision number for {namespace}/{name}; see its Revisions in the hub"
    )


def claimed_number(audit: Audit, *, run_id: str, seen: int) -> int:
    """Return the number of the run's delivery: the one that it has, or the next.

    The workflow's id excludes a second run, so who finds another number than ``seen`` at its beginning, or its
    own delivery ended, is an attempt that was frozen and given up. Raises ``Overtaken``: it may not reopen
    what goes on without it.
    """
    current = audit.delivery
    if current is not None and current.run_id == run_id:
        if current.ended_at:
            raise Overtaken(f"delivery {current.number} of this run has ended already")
        return current.number
    if audit.latest_delivery != seen:
        raise Overtaken(f"delivery {audit.latest_delivery} began while this one was being opened")
    return audit.latest_delivery + 1


async def _claim(
    rooms: Rooms, request: OpenDelivery, *, ref: RevisionRef, run_id: str, seen: int
) -> Audit:
    """Take the next delivery number and record who submitted; a retry of the same run keeps its number."""
    namespace, name = split(request.application)
    at = now()
    rolls_back = request.intent == "rollback"

    def change(audit: Audit) -> Audit:
        number = claimed_number(audit, run_id=run_id, seen=seen)
        record = DeliveryRecord(
            number=number,
            run_id=run_id,
            intent=request.intent,
            revision=ref.name,
            digest=ref.digest,
            actor=request.actor,
            started_at=at,
        )
        event = AuditEvent(
            at=at,
            type="rollback" if rolls_back else "submitted",
            delivery=number,
            revision=ref.name,
            actor=request.actor,
            message=f"from {audit.revision} to {ref.name}" if rolls_back else "",
        )
        return audit.model_copy(
            update={
                "phase": "delivering",
                "revision": ref.name,
                "revision_number": ref.number,
                "revision_digest": ref.digest,
                "rollback": _held(audit, request, ref=ref, at=at),
                "latest_revision": max(audit.latest_revision, ref.number),
                "latest_delivery": number,
                "delivery": record,
                "events": append(audit, [event]),
            }
        )

    return await rooms.audits.change(namespace, name, change)


def _held(audit: Audit, request: OpenDelivery, *, ref: RevisionRef, at: str) -> Rollback | None:
    """Note who went back to a revision; whoever repairs drift from it, or tries again, did not.

    Any delivery of the same revision leaves it as it is; one of another revision ends it.
    """
    before = audit.rollback
    if before is not None and before.revision == ref.name:
        return before
    if request.intent != "rollback":
        return None
    return Rollback(revision=ref.name, actor=request.actor, at=at)


async def _first_plan(
    rooms: Rooms,
    opened: OpenedDelivery,
    *,
    plans: Sequence[StepPlan],
    resolved: Resolved,
    clusters: Sequence[ClusterInfo],
    confirmed: Sequence[str],
) -> StepPlan | None:
    """Return the plan of the step that runs first, which saves the run an activity."""
    first = _first_leaf(opened.steps)
    plan = next((plan for plan in plans if first and plan.step == first.name), None)
    if plan is None or first is None or _waits(opened, first):
        return None
    if not first.auto:
        name = resolved.application.metadata.name
        plan = await with_prune(
            rooms, plan, name=name, resolved=resolved, clusters=clusters, confirmed=confirmed
        )
    return seal(plan, opened.revision)


def _waits(opened: OpenedDelivery, step: PlannedStep) -> bool:
    """Tell whether a step begins only after others of a DAG: its plan would be old by then."""
    top = opened.steps[0]
    return (opened.mode == "DAG" and bool(top.depends_on)) or (
        step is not top and top.mode == "DAG" and bool(step.depends_on)
    )


def _first_leaf(steps: Sequence[PlannedStep]) -> PlannedStep | None:
    if not steps:
        return None
    return steps[0].sub_steps[0] if steps[0].sub_steps else steps[0]

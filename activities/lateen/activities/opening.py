"""Opening a delivery: check everything, find out whether there is anything to do, store, claim a number."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lateen.activities.edges import Overtaken
from lateen.activities.matching import all_match
from lateen.activities.planning import plan_all, seal, split, with_prune
from lateen.activities.rooms import Rooms, off_loop
from lateen.contracts.messages import OpenDelivery, OpenedDelivery, StepPlan, Vetted
from lateen.hub.audits import append, now
from lateen.hub.revisions import RevisionLost, revision_name
from lateen.model.application import Application, InlinePolicy
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication
from lateen.model.json_values import json_digest
from lateen.model.parsing import parse_application, parse_policy
from lateen.model.records import Audit, AuditEvent, DeliveryRecord, RevisionRef, Snapshot
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
    """An application with all that it refers to, found to be deliverable as the hub and clusters are now."""

    application: Application
    snapshot: Snapshot
    resolved: Resolved
    clusters: Sequence[ClusterInfo]
    audit: Audit
    plans: Sequence[StepPlan]
    warnings: Sequence[str]


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
    application, snapshot, resolved = prepared.application, prepared.snapshot, prepared.resolved
    audit, plans = prepared.audit, prepared.plans
    digest = snapshot_digest(snapshot)
    opened = OpenedDelivery(
        hub_uid=hub_uid,
        revision=RevisionRef(name=audit.revision, number=audit.latest_revision, digest=digest),
        steps=list(resolved.plan.steps),
        mode=resolved.plan.mode,
        clusters=sorted({p.cluster for plan in plans for p in plan.placements}),
        options=rooms.settings.options,
        warnings=list(dict.fromkeys(prepared.warnings)),
    )
    if not request.confirm_removal and await _is_unchanged(
        rooms, audit, digest=digest, resolved=resolved, plans=plans
    ):
        return opened.model_copy(update={"unchanged": True})
    if audit.delivery is None or audit.delivery.run_id != run_id or audit.revision_digest != digest:
        ref = await _store(rooms, application, audit, digest=digest, snapshot=snapshot)
        seen = audit.latest_delivery
        audit = await claim(rooms, request, ref=ref, run_id=run_id, seen=seen)
        await _drop_revisions(rooms, resolved, audit, latest=ref.number)
        opened = opened.model_copy(update={"revision": ref})
    rooms.remember(namespace, opened.revision, resolved)
    first = await first_plan(
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


async def _drop_revisions(rooms: Rooms, resolved: Resolved, audit: Audit, *, latest: int) -> None:
    """Delete revisions beyond those that are kept, by default or by a garbage-collect policy.

    Pruning asks the revisions that objects came from where they would be delivered: those are in use.
    """
    namespace, name = resolved.namespace, resolved.application.metadata.name
    limit = resolved.rules.collect.application_revision_limit
    used = {audit.delivered.revision} if audit.delivered else set[str]()
    if limit is not None:
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


async def _is_unchanged(
    rooms: Rooms, audit: Audit, *, digest: str, resolved: Resolved, plans: Sequence[StepPlan]
) -> bool:
    """Tell whether the last delivery succeeded with the very same, and the clusters still have it."""
    last, delivered = audit.delivery, audit.delivered
    if last is None or delivered is None or last.number != delivered.number:
        return False
    if audit.revision_digest != digest or delivered.placements_digest != placements_digest(plans):
        return False
    return await all_match(rooms, resolved, plans, revision=audit.revision)


async def _store(
    rooms: Rooms, application: Application, audit: Audit, *, digest: str, snapshot: Snapshot
) -> RevisionRef:
    """Write the application and its revision at once; neither needs the other."""
    await rooms.applications.admit(application)
    name = application.metadata.name
    stored, revised = await asyncio.gather(
        rooms.applications.store(application),
        _revise(rooms, audit, name=name, digest=digest, snapshot=snapshot),
        return_exceptions=True,
    )
    if stored is not None:
        raise stored  # It says most clearly what is wrong: a missing namespace fails both.
    if isinstance(revised, BaseException):
        raise revised
    return revised


async def _revise(
    rooms: Rooms, audit: Audit, *, name: str, digest: str, snapshot: Snapshot
) -> RevisionRef:
    """Return the revision of this content: the latest one if it is the same, otherwise a new one."""
    namespace = snapshot.application["metadata"]["namespace"]
    if audit.revision_digest == digest:
        return RevisionRef(name=audit.revision, number=audit.latest_revision, digest=digest)
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


async def claim(
    rooms: Rooms,
    request: OpenDelivery,
    *,
    ref: RevisionRef,
    run_id: str,
    seen: int,
    message: str = "",
    record: Mapping[str, object] | None = None,
) -> Audit:
    """Take the next delivery number and record who submitted; a retry of the same run keeps its number.

    ``message`` and ``record`` add to the audit's event and to the delivery's record.
    """
    namespace, name = split(request.application)
    at = now()

    def change(audit: Audit) -> Audit:
        number = claimed_number(audit, run_id=run_id, seen=seen)
        begun = DeliveryRecord(
            number=number,
            run_id=run_id,
            revision=ref.name,
            digest=ref.digest,
            actor=request.actor,
            started_at=at,
        ).model_copy(update=record)
        event = AuditEvent(
            at=at,
            type="submitted",
            delivery=number,
            revision=ref.name,
            actor=request.actor,
            message=message,
        )
        return audit.model_copy(
            update={
                "phase": "delivering",
                "revision": ref.name,
                "revision_digest": ref.digest,
                "latest_revision": max(audit.latest_revision, ref.number),
                "latest_delivery": number,
                "delivery": begun,
                "events": append(audit, [event]),
            }
        )

    return await rooms.audits.change(namespace, name, change)


async def first_plan(
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
    done = {outcome.name for outcome in opened.done if outcome.phase == "succeeded"}
    if plan is None or first is None or first.name in done or _waits(opened, first):
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

"""Closing a delivery or a deletion: what to prune first, and the record of how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from lateen.activities.claiming import claimed_number
from lateen.activities.opening import placements_digest
from lateen.activities.planning import decide, split
from lateen.activities.rooms import Rooms
from lateen.contracts.messages import (
    ClosedDelivery,
    CloseDelivery,
    DeletionPlan,
    OpenDeletion,
    PlannedPlacement,
    RecordEvents,
    StepOutcome,
    StepPlan,
)
from lateen.hub.audits import append, now
from lateen.hub.histories import changes_of, overtaken, unended
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication
from lateen.model.records import Audit, AuditEvent, ClusterChanges, DeliveryRecord, Inventory
from lateen.planning.pruning import PruneDecision

_STATES = ("failed", "cancelled", "delivering", "pending", "")
"""What a placement may be besides delivered, the worst first."""

MOST_PLACEMENTS = 500
"""Beyond this many only the placements that failed are recorded one by one."""


async def record_events(rooms: Rooms, request: RecordEvents) -> None:
    """Append events, and show the phase while the delivery is the current one."""
    await rooms.check_hub(request)
    namespace, name = split(request.application)

    def change(audit: Audit) -> Audit:
        update: dict[str, object] = {"events": append(audit, _complete(request, audit))}
        current = audit.delivery
        open_still = current and current.number == request.delivery and not current.ended_at
        if request.phase and current and open_still:
            update["phase"] = request.phase
            update["delivery"] = current.model_copy(update={"phase": request.phase})
        return audit.model_copy(update=update)

    await rooms.audits.change(namespace, name, change)


def _complete(request: RecordEvents | CloseDelivery, audit: Audit) -> list[AuditEvent]:
    return [
        event.model_copy(update={"delivery": request.delivery, "revision": audit.revision})
        for event in request.events
    ]


async def close_delivery(rooms: Rooms, request: CloseDelivery) -> ClosedDelivery:
    """Record the end; a delivery that succeeded is told first what it has to prune.

    So is one that failed, if its garbage-collect policy says to go on.
    """
    await rooms.check_hub(request)
    namespace, name = split(request.application)
    inventories = await rooms.inventories.list(namespace, name)
    try:
        decisions = await _pruning(rooms, request, inventories)
    except InvalidApplication as error:
        if request.phase == "delivered":
            raise
        decisions, retained = [], [f"nothing is pruned: {error}"]  # Clusters changed meanwhile.
    else:
        retained = [line for decision in decisions for line in decision.retained]
    prune = [decision.cluster for decision in decisions if decision.acts]
    if prune and not request.pruned:
        return ClosedDelivery(closed=False, prune=prune, retained=retained)
    stored = await rooms.applications.read(namespace, name) if request.phase == "deleted" else None
    changes = changes_of(
        request.delivery,
        inventories,
        removed=request.removed,
        kept={decision.cluster: len(decision.retained) for decision in decisions},
        states=_states(request.steps),
    )
    audit = await _record_end(rooms, request, retained=retained, changes=changes)
    if request.phase == "deleted" and _is_current(audit, request):
        await rooms.revisions.delete_all(namespace, name, latest=audit.latest_revision)
        await rooms.applications.delete(namespace, name, stored)
    return ClosedDelivery(closed=True, retained=retained)


async def _pruning(
    rooms: Rooms, request: CloseDelivery, inventories: Sequence[Inventory]
) -> list[PruneDecision]:
    if request.phase not in ("delivered", "failed") or request.revision is None:
        return []
    namespace, name = split(request.application)
    failed = request.phase == "failed"
    if failed and request.pruned:
        return []
    resolved = await rooms.resolve(namespace, request.revision)
    if failed and not resolved.rules.collect.continue_on_failure:
        return []
    return await decide(
        rooms,
        resolved,
        name=name,
        placements=request.placements,
        partly=failed,
        confirmed=request.confirm_removal,
        inventories=inventories,
    )


def _states(outcomes: Iterable[StepOutcome]) -> dict[str, str]:
    """Return by cluster what became of placements that were not delivered; the worst if there are several."""
    states: dict[str, str] = {}
    for placement in (each for outcome in outcomes for each in outcome.placements):
        known = states.get(placement.cluster, "")
        if placement.phase in _STATES[: _STATES.index(known)]:
            states[placement.cluster] = placement.phase
    return states


def _is_current(audit: Audit, request: CloseDelivery) -> bool:
    """Tell whether no newer delivery began: what that one stored is not ours to delete."""
    return audit.delivery is not None and audit.delivery.number == request.delivery


async def _record_end(
    rooms: Rooms,
    request: CloseDelivery,
    *,
    retained: list[str],
    changes: Sequence[ClusterChanges],
) -> Audit:
    namespace, name = split(request.application)
    at = now()
    ended = AuditEvent(
        at=at,
        type=request.phase,
        delivery=request.delivery,
        revision=request.revision.name if request.revision else "",
        actor=request.actor,
        message=request.message,
        reason=request.reason,
    )
    events = [event.model_copy(update={"delivery": request.delivery}) for event in request.events]
    if request.phase != "rejected":  # The decision is an event of its own already.
        events.append(ended)

    def end(record: DeliveryRecord) -> DeliveryRecord:
        return record.model_copy(
            update={
                "ended_at": at,
                "phase": request.phase,
                "message": request.message,
                "placements_digest": _digest(request),
                "clusters": sorted({placement.cluster for placement in request.placements}),
                "retained": retained,
                "steps": bounded(request.steps),
            }
        )

    return await rooms.audits.end(
        namespace, name, delivery=request.delivery, ended=end, events=events, changes=changes
    )


def _digest(request: CloseDelivery) -> str:
    """Digest the placements exactly as the opening does, so that both can be compared."""
    plans = [
        StepPlan(
            step=placement.step,
            placements=[
                PlannedPlacement(
                    cluster=placement.cluster,
                    namespace=placement.namespace,
                    digest=placement.digest,
                    objects=0,
                )
            ],
        )
        for placement in request.placements
    ]
    return placements_digest(plans)


def bounded(outcomes: Sequence[StepOutcome]) -> list[Json]:
    """Write the outcomes of steps as the audit has room for them."""
    total = sum(len(outcome.placements) for outcome in outcomes)
    if total <= MOST_PLACEMENTS:
        return [outcome.to_json() for outcome in outcomes]
    return [
        outcome.model_copy(
            update={"placements": [p for p in outcome.placements if p.phase == "failed"][:100]}
        ).to_json()
        for outcome in outcomes
    ]


async def open_deletion(rooms: Rooms, request: OpenDeletion, *, run_id: str) -> DeletionPlan:
    """Claim a delivery number for the deletion, and list where the application still is."""
    hub_uid = await rooms.check_hub(request)
    namespace, name = split(request.application)
    audit, stored, inventories = await asyncio.gather(
        rooms.audits.read(namespace, name),
        rooms.applications.read(namespace, name),
        rooms.inventories.list(namespace, name),
    )
    if stored is None and not inventories:
        return DeletionPlan(hub_uid=hub_uid, known=False)
    at = now()
    changes = changes_of(unended(audit, run_id=run_id), inventories)

    def change(before: Audit) -> Audit:
        current = before.delivery
        number = claimed_number(before, run_id=run_id, seen=audit.latest_delivery)
        if current is not None and current.number == number:
            return before  # A retry: the claim was written, only its answer was lost.
        record = DeliveryRecord(
            number=number,
            run_id=run_id,
            intent="delete",
            revision=before.revision,
            actor=request.actor,
            started_at=at,
            phase="deleting",
        )
        verb = "orphaning" if request.orphan else "deleting"
        event = AuditEvent(at=at, type=verb, delivery=number, actor=request.actor)
        return before.model_copy(
            update={
                "phase": "deleting",
                "latest_delivery": number,
                "delivery": record,
                "past": overtaken(before, run_id=run_id, changes=changes),
                "events": append(before, [event]),
            }
        )

    audit = await rooms.audits.change(namespace, name, change)
    # Listed after the claim: whatever an older attempt still records before it sees the claim is in it.
    inventories = await rooms.inventories.list(namespace, name)
    return DeletionPlan(
        hub_uid=hub_uid,
        known=True,
        delivery=audit.latest_delivery,
        clusters=[inventory.cluster for inventory in inventories],
        options=rooms.settings.options,
    )

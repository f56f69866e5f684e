"""Claiming a delivery number: the fence of everything that a run writes, and the record of who asked for it."""

from __future__ import annotations

from collections.abc import Mapping

from lateen.activities.edges import Overtaken
from lateen.activities.planning import split
from lateen.activities.rooms import Rooms
from lateen.contracts.messages import OpenDelivery
from lateen.hub.audits import append, now
from lateen.hub.histories import changes_of, overtaken, unended
from lateen.model.records import (
    Audit,
    AuditEvent,
    ClusterChanges,
    DeliveryRecord,
    RevisionRef,
    Rollback,
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


async def _left(
    rooms: Rooms, request: OpenDelivery, audit: Audit, *, run_id: str
) -> list[ClusterChanges]:
    """Count what the delivery before did, if its run ended without recording that: soon nobody can tell."""
    number = unended(audit, run_id=run_id)
    if not number:
        return []
    return changes_of(number, await rooms.inventories.list(*split(request.application)))


async def claim(
    rooms: Rooms,
    request: OpenDelivery,
    *,
    ref: RevisionRef,
    run_id: str,
    seen: Audit,
    message: str = "",
    record: Mapping[str, object] | None = None,
) -> Audit:
    """Take the next delivery number and record who submitted; a retry of the same run keeps its number.

    ``seen`` is the audit as it was when the opening began, which nobody may have changed since. ``message``
    and ``record`` add to the audit's event and to the delivery's record.
    """
    namespace, name = split(request.application)
    changes = await _left(rooms, request, seen, run_id=run_id)
    at = now()
    rolls_back = request.intent == "rollback"

    def change(audit: Audit) -> Audit:
        number = claimed_number(audit, run_id=run_id, seen=seen.latest_delivery)
        begun = DeliveryRecord(
            number=number,
            run_id=run_id,
            intent=request.intent,
            revision=ref.name,
            digest=ref.digest,
            actor=request.actor,
            started_at=at,
        ).model_copy(update=record)
        event = AuditEvent(
            at=at,
            type="rollback" if rolls_back else "submitted",
            delivery=number,
            revision=ref.name,
            actor=request.actor,
            message=f"from {audit.revision} to {ref.name}" if rolls_back else message,
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
                "delivery": begun,
                "past": overtaken(audit, run_id=run_id, changes=changes),
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

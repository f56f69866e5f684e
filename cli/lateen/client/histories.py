"""Every delivery of an application: the hub's record, and Temporal's word on one without an end.

The hub keeps it whatever Temporal forgets, also of an application that was deleted. Pure but for one question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from lateen.client.failures import is_missing
from lateen.client.inspecting import run_info
from lateen.client.results import RunInfo
from lateen.model.base import Json, Record
from lateen.model.records import (
    Audit,
    AuditEvent,
    ClusterChanges,
    DeliveryRecord,
    ObjectCounts,
    PastDelivery,
)

DeliveryEnd = Literal["recorded", "open", "unrecorded"]
"""``open``: it goes on. ``unrecorded``: it is over and nobody wrote down how: its run was terminated."""

_BEGINNINGS: Mapping[str, str] = {
    "submitted": "deliver",
    "deleting": "delete",
    "orphaning": "delete",
}
_ENDS = frozenset({"delivered", "failed", "rejected", "cancelled", "superseded", "deleted"})
_LASTING = frozenset({"rejected"})
"""Ends that are a decision about a step as well."""


class HistoryEvent(Record):
    """Something that happened in a delivery, or to what it delivered. ``actor`` is what the sender claimed."""

    at: str
    type: str
    actor: str = ""
    reason: str = ""
    step: str = ""
    message: str = ""


class RecordedDelivery(Record):
    """One delivery or deletion.

    ``phase`` is how it ended, or the last that is known of it. ``seconds`` is how long it took, waiting for
    people included; None where an end or a beginning is not known. ``total`` adds up what it did to objects in
    the ``reached`` clusters; ``clusters`` lists them as long as there is room, and is empty later.
    """

    number: int
    run_id: str = ""
    intent: str = "deliver"
    revision: str = ""
    actor: str = ""
    phase: str = ""
    end: DeliveryEnd = "recorded"
    message: str = ""
    started_at: str = ""
    ended_at: str = ""
    seconds: float | None = None
    total: ObjectCounts = ObjectCounts()
    reached: int = 0
    clusters: list[ClusterChanges] = []
    events: list[HistoryEvent] = []


class History(Record):
    """All deliveries that are kept, the oldest first; ``dropped`` counts older ones that are not.

    ``stored`` is False once the application is deleted.
    """

    application: str
    namespace: str
    name: str
    stored: bool = False
    dropped: int = 0
    deliveries: list[RecordedDelivery] = []


def open_run(inspected: Json) -> str:
    """Return the run of the delivery that has no recorded end; empty if the latest one has."""
    record = Audit.model_validate(inspected.get("audit") or {}).delivery
    return "" if record is None or record.ended_at else record.run_id


async def look_at(client: Client, application: str, *, run_id: str) -> RunInfo | None:
    """Return what Temporal knows of one run; None when it has forgotten it."""
    try:
        described = await client.get_workflow_handle(application, run_id=run_id).describe()
    except RPCError as error:
        if is_missing(error):
            return None
        raise
    return run_info(described)


def history_of(application: str, inspected: Json, *, run: RunInfo | None) -> History:
    """Put together what a worker read in the hub; ``run`` is that of a delivery without an end."""
    audit = Audit.model_validate(inspected.get("audit") or {})
    events = _by_delivery(audit.events)
    numbers = {number for number in events if number}
    known = {each.number: each for each in _kept(audit)}
    numbers |= set(known)
    namespace, _, name = application.partition("/")
    deliveries = [
        _delivery(
            known.get(number) or _from_events(number, events[number]),
            events.get(number, []),
            is_open=audit.delivery is not None and audit.delivery.number == number,
            run=run,
        )
        for number in sorted(numbers)
    ]
    return History(
        application=application,
        namespace=namespace,
        name=name,
        stored=bool(inspected.get("stored")),
        dropped=max(0, audit.latest_delivery - len(deliveries)),
        deliveries=deliveries,
    )


def _by_delivery(events: Iterable[AuditEvent]) -> dict[int, list[AuditEvent]]:
    found: dict[int, list[AuditEvent]] = {}
    for event in events:
        found.setdefault(event.delivery, []).append(event)
    return found


def _kept(audit: Audit) -> list[PastDelivery]:
    """Return every delivery that has a record; those of older workers only have the last two."""
    records = [each for each in (audit.delivered, audit.delivery) if each is not None]
    past = {each.number for each in audit.past}
    return [*audit.past, *(_of_record(each) for each in records if each.number not in past)]


def _of_record(record: DeliveryRecord) -> PastDelivery:
    names = PastDelivery.model_fields.keys() & DeliveryRecord.model_fields.keys()
    fields: dict[str, Any] = {name: getattr(record, name) for name in names}
    return PastDelivery(**fields, reached=len(record.clusters))


def _from_events(number: int, events: Sequence[AuditEvent]) -> PastDelivery:
    """Make out a delivery of which only events are kept."""
    begun = next((each for each in events if each.type in _BEGINNINGS), None)
    ended = next((each for each in reversed(events) if each.type in _ENDS), None)
    return PastDelivery(
        number=number,
        intent=_BEGINNINGS[begun.type] if begun else "deliver",
        revision=next((each.revision for each in events if each.revision), ""),
        actor=begun.actor if begun else "",
        started_at=begun.at if begun else "",
        ended_at=ended.at if ended else "",
        phase=ended.type if ended else "",
        message=ended.message if ended and ended.type not in _LASTING else "",
    )


def _delivery(
    past: PastDelivery, events: Sequence[AuditEvent], *, is_open: bool, run: RunInfo | None
) -> RecordedDelivery:
    end: DeliveryEnd = "recorded" if past.ended_at else "unrecorded"
    phase, ended_at = past.phase, past.ended_at
    if not ended_at and is_open and run is not None:
        if run.status == WorkflowExecutionStatus.RUNNING.name.lower():
            end = "open"
        else:
            phase, ended_at = run.status, run.closed_at
    return RecordedDelivery(
        number=past.number,
        run_id=past.run_id,
        intent=past.intent,
        revision=past.revision,
        actor=past.actor,
        phase=phase,
        end=end,
        message=past.message,
        started_at=past.started_at,
        ended_at=ended_at,
        seconds=_seconds(past.started_at, ended_at),
        total=past.total,
        reached=past.reached,
        clusters=past.changes,
        events=[HistoryEvent.model_validate(each.to_json()) for each in _in_order(events)],
    )


def _in_order(events: Sequence[AuditEvent]) -> list[AuditEvent]:
    """Sort by time: clocks of workflows and workers differ a little, and decisions are written down later."""
    return sorted(events, key=lambda each: _moment(each.at) or 0.0)


def _seconds(start: str, end: str) -> float | None:
    begun, ended = _moment(start), _moment(end)
    if begun is None or ended is None:
        return None
    return round(max(0.0, ended - begun), 3)


def _moment(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None

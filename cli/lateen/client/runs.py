"""The runs of an application: Temporal knows when they ran, the audit who wanted them and what they were."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from lateen.client.errors import NotFound
from lateen.client.inspecting import ask_worker
from lateen.client.results import RunRow, Runs
from lateen.contracts import identifiers, search_attributes
from lateen.contracts.messages import Inspect
from lateen.model.records import Audit, AuditEvent

_MOST = 200
_BEGINS = frozenset({"submitted", "rollback", "deleting", "orphaning"})
_ENDS = frozenset({"delivered", "failed", "rejected", "cancelled", "superseded", "deleted"})
_SKEW = timedelta(seconds=5)
"""Temporal's clock and a worker's may differ by so much."""

_STATUSES = {
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.CANCELED: "cancelled",
    WorkflowExecutionStatus.TERMINATED: "terminated",
    WorkflowExecutionStatus.TIMED_OUT: "timed-out",
    WorkflowExecutionStatus.CONTINUED_AS_NEW: "superseded",
    WorkflowExecutionStatus.RUNNING: "delivering",
}


async def list_runs(client: Client, namespace: str, name: str, *, task_queue: str) -> Runs:
    """List an application's runs, the newest first. Raises ``NotFound`` when none is known."""
    request = Inspect(namespace=namespace, name=name, live=False)
    (inspected, note), executions = await asyncio.gather(
        ask_worker(client, request, task_queue=task_queue),
        _executions(client, identifiers.workflow_id(namespace, name)),
    )
    audit = Audit.model_validate(inspected.get("audit") or {})
    rows = merged(recorded(audit), [_row(each) for each in executions])
    if not rows:
        hint = f"; {note}" if note else ""
        raise NotFound(f"no run of application {namespace}/{name} is known{hint}")
    return Runs(runs=rows, note=note)


async def _executions(client: Client, application: str) -> list[WorkflowExecution]:
    query = f'WorkflowType="{identifiers.APPLICATION}" AND WorkflowId="{application}"'
    return [each async for each in client.list_workflows(query, limit=_MOST)]


def _row(run: WorkflowExecution) -> RunRow:
    attributes = run.typed_search_attributes
    phase = attributes.get(search_attributes.PHASE, "")
    status = _STATUSES.get(run.status, "") if run.status else ""
    if run.status == WorkflowExecutionStatus.COMPLETED:
        status = phase or "unchanged"
    elif phase and run.status in {WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.FAILED}:
        status = phase
    return RunRow(
        revision=attributes.get(search_attributes.REVISION, ""),
        phase=status,
        started_at=_time(run.start_time),
        ended_at=_time(run.close_time),
        run_id=run.run_id,
    )


def recorded(audit: Audit) -> list[RunRow]:
    """Read the deliveries out of the audit, in their order; the last one's record says most."""
    rows: dict[int, RunRow] = {}
    for event in audit.events:
        if event.delivery and (event.type in _BEGINS or event.type in _ENDS):
            known = rows.get(event.delivery, RunRow(delivery=event.delivery))
            rows[event.delivery] = _with_event(known, event)
    for record in (*audit.past, audit.delivered, audit.delivery):
        if record is None:
            continue
        known = rows.get(record.number, RunRow(delivery=record.number))
        rows[record.number] = known.model_copy(
            update={
                "revision": record.revision or known.revision,
                "intent": record.intent,
                "phase": record.phase or known.phase,
                "actor": record.actor,
                "started_at": record.started_at,
                "ended_at": record.ended_at,
                "message": record.message or known.message,
                "run_id": record.run_id,
            }
        )
    return [rows[number] for number in sorted(rows)]


def _with_event(row: RunRow, event: AuditEvent) -> RunRow:
    if event.type in _BEGINS:
        intent = {"submitted": "deliver", "rollback": "rollback"}.get(event.type, "delete")
        began: dict[str, object] = {
            "intent": intent,
            "actor": event.actor,
            "started_at": event.at,
            "message": event.message,
        }
        return row.model_copy(update={**began, "revision": event.revision or row.revision})
    ended: dict[str, object] = {"phase": event.type, "ended_at": event.at}
    ended["message"] = event.message or row.message
    return row.model_copy(update=ended)


def merged(deliveries: Sequence[RunRow], runs: Iterable[RunRow]) -> list[RunRow]:
    """Join what the audit recorded with Temporal's runs; the newest comes first.

    One run of an application follows the other, so a delivery whose run isn't recorded is of the run that
    had begun last when the delivery began.
    """
    left = {run.run_id: run for run in runs}
    rows: list[RunRow] = []
    for delivery in sorted(deliveries, key=lambda row: not row.run_id):
        mine = left.get(delivery.run_id) if delivery.run_id else _run_of(delivery, left.values())
        if mine is None:
            rows.append(delivery)
        else:
            del left[mine.run_id]
            rows.append(_joined(delivery, mine))
    rows += left.values()
    return sorted(rows, key=lambda row: (_moment(row.started_at), row.delivery), reverse=True)


def _run_of(delivery: RunRow, runs: Iterable[RunRow]) -> RunRow | None:
    began, skew = _moment(delivery.started_at), _SKEW.total_seconds()
    fitting = [
        run
        for run in runs
        if _moment(run.started_at) <= began + skew
        and (not run.ended_at or began <= _moment(run.ended_at) + skew)
    ]
    before = [run for run in fitting if _moment(run.started_at) <= began]
    if before:
        return max(before, key=lambda run: _moment(run.started_at))
    return min(fitting, key=lambda run: _moment(run.started_at), default=None)


def _joined(delivery: RunRow, run: RunRow) -> RunRow:
    """Let Temporal say how a run stands that is open or never recorded its end."""
    said = delivery.phase in _ENDS or run.phase == "delivering"
    return delivery.model_copy(
        update={
            "phase": (delivery.phase if said else "") or run.phase,
            "started_at": run.started_at,
            "ended_at": run.ended_at or (delivery.ended_at if said else ""),
            "run_id": run.run_id,
        }
    )


def _moment(text: str) -> float:
    """Return a time as seconds since the epoch; 0 when it isn't known."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def _time(moment: datetime | None) -> str:
    return moment.isoformat(timespec="milliseconds") if moment else ""

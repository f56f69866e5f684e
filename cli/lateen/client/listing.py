"""Listing applications: the hub knows which there are, Temporal which of them are being worked on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError

from lateen.client.inspecting import ask_worker
from lateen.client.results import ApplicationRow, Listing, LivePhase
from lateen.client.statuses import OPEN_PHASES, known_phase, row_of
from lateen.contracts import identifiers, search_attributes
from lateen.contracts.messages import Inspect

_MOST = 1000
"""Runs read from Temporal when no worker answers."""

_AT_ONCE = 20
_CLOSED: dict[WorkflowExecutionStatus, LivePhase] = {
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.CANCELED: "cancelled",
    WorkflowExecutionStatus.TERMINATED: "terminated",
    WorkflowExecutionStatus.TIMED_OUT: "timed-out",
}


async def list_applications(client: Client, namespace: str | None, *, task_queue: str) -> Listing:
    """List what the hub stores, with the phase that Temporal knows better; without a worker only that."""
    (inspected, note), running = await asyncio.gather(
        ask_worker(client, Inspect(namespace=namespace or ""), task_queue=task_queue),
        list_runs(client, namespace, only_open=True),
    )
    if "applications" not in inspected:
        runs = await list_runs(client, namespace, only_open=False)
        rows = [row for row in map(_row, runs.values()) if row.phase != "deleted"]
        return Listing(applications=_sorted(rows), note=note)
    stored = [row_of(row) for row in inspected["applications"]]
    rows = await _corrected(client, stored, running)
    known = {f"{row.namespace}/{row.name}" for row in rows}
    rows += [_row(run) for workflow_id, run in running.items() if workflow_id not in known]
    return Listing(applications=_sorted(rows), note=note)


async def _corrected(
    client: Client, rows: list[ApplicationRow], running: dict[str, WorkflowExecution]
) -> list[ApplicationRow]:
    """Let Temporal speak for what is worked on, and for rows that only claim to be."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(row: ApplicationRow) -> ApplicationRow:
        workflow_id = identifiers.workflow_id(row.namespace, row.name)
        if workflow_id in running:
            now = _row(running[workflow_id])
            clusters = now.clusters or row.clusters
            revision = now.revision or row.revision
            changes = {"phase": now.phase, "clusters": clusters, "revision": revision}
            return row.model_copy(update=changes)
        if row.phase not in OPEN_PHASES:
            return row
        async with slots:
            return row.model_copy(update={"phase": await _phase(client, workflow_id) or row.phase})

    return list(await asyncio.gather(*(one(row) for row in rows)))


async def _phase(client: Client, workflow_id: str) -> LivePhase:
    try:
        described = await client.get_workflow_handle(workflow_id).describe()
    except RPCError:
        return ""
    return _CLOSED.get(described.status, "") if described.status else ""


async def list_runs(
    client: Client,
    namespace: str | None,
    *,
    only_open: bool,
    name: str = "",
    or_closed_since: datetime | None = None,
) -> dict[str, WorkflowExecution]:
    """Return the latest run of each application; Temporal lists the newest first.

    ``only_open`` leaves out what is closed, or was already at ``or_closed_since``.
    """
    query = f'WorkflowType="{identifiers.APPLICATION}"'
    if only_open and or_closed_since is not None:
        moment = or_closed_since.astimezone(UTC).isoformat(timespec="seconds")
        query += f' AND (ExecutionStatus="Running" OR CloseTime > "{moment}")'
    elif only_open:
        query += ' AND ExecutionStatus="Running"'
    if namespace and name:
        query += f' AND WorkflowId="{identifiers.workflow_id(namespace, name)}"'
    elif namespace:
        query += f' AND WorkflowId STARTS_WITH "{namespace}/"'
    found: dict[str, WorkflowExecution] = {}
    async for run in client.list_workflows(query, limit=_MOST):
        if "/" in run.id and not _says_more(found.get(run.id)):
            found[run.id] = run
    return found


def _says_more(run: WorkflowExecution | None) -> bool:
    """Whether a run tells more of its application than the ones before: one that changed nothing doesn't."""
    if run is None or run.status != WorkflowExecutionStatus.COMPLETED:
        return run is not None
    return bool(run.typed_search_attributes.get(search_attributes.PHASE))


def _row(run: WorkflowExecution) -> ApplicationRow:
    namespace, _, name = run.id.partition("/")
    attributes = run.typed_search_attributes
    phase = known_phase(attributes.get(search_attributes.PHASE, ""))
    if run.status == WorkflowExecutionStatus.RUNNING:
        phase = phase or "delivering"
    elif run.status is not None and run.status in _CLOSED:
        phase = _CLOSED[run.status] if phase in OPEN_PHASES or not phase else phase
    return ApplicationRow(
        namespace=namespace,
        name=name,
        phase=phase,
        revision=attributes.get(search_attributes.REVISION, ""),
        clusters=list(attributes.get(search_attributes.CLUSTERS) or ()),
        at=(run.close_time or run.start_time).isoformat(timespec="seconds"),
    )


def _sorted(rows: list[ApplicationRow]) -> list[ApplicationRow]:
    return sorted(rows, key=lambda row: (row.namespace, row.name))

"""All deliveries, again and again, with few requests.

The hub is read once and then seldom; each refresh lists the open runs, and those that just closed, in one
request. A run is asked how far it is only while it works, or when its phase changed: one that waits for
somebody stays as it is. No cluster is asked for anything.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError

from lateen.client.ending import end_if_known
from lateen.client.failures import translated
from lateen.client.listing import list_applications, list_runs
from lateen.client.observing import observe, query_state
from lateen.client.results import ApplicationRow, DeliveryRow, Overview, Progress
from lateen.client.statuses import known_phase
from lateen.contracts import search_attributes
from lateen.contracts.messages import StepOutcome
from lateen.model.cluster_states import cluster_states

_REREAD = 60.0
"""Seconds until the hub is read again: what nobody delivers meanwhile changes there only."""

_OVERLAP = timedelta(seconds=15)
"""Temporal lists with a delay, and clocks differ: closed runs are asked for from a while before."""

_AT_ONCE = 10
_SILENT = "no worker answers"


@dataclass(frozen=True)
class _Asked:
    """What an open run was when it was asked, and what it said."""

    key: tuple[str, str, str]
    progress: Progress


class OverviewReader:
    """Reads the latest delivery of every application of a namespace, or of all."""

    def __init__(self, client: Client, namespace: str | None, *, task_queue: str) -> None:
        self._client = client
        self._namespace = namespace
        self._task_queue = task_queue
        self._rows: dict[str, DeliveryRow] = {}
        self._asked: dict[str, _Asked] = {}
        self._ended: dict[str, str] = {}
        self._read_at: float | None = None
        self._since = datetime.now(UTC)
        self._note = ""
        self._questions = self._answers = 0
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def refresh(self) -> Overview:
        """Return all deliveries as they are now. Raises ``TemporalUnavailable``."""
        with translated(self._client):
            now = datetime.now(UTC)
            self._questions = self._answers = 0
            if self._read_at is None or time.monotonic() - self._read_at > _REREAD:
                await self._read_hub()
            runs = await list_runs(
                self._client,
                self._namespace,
                only_open=True,
                or_closed_since=self._since - _OVERLAP,
            )
            self._since = now
            open_runs = {run.id: run for run in runs.values() if _is_open(run)}
            await asyncio.gather(
                *(self._follow(run) for run in open_runs.values()),
                *(self._end(run) for run in runs.values() if not _is_open(run)),
                *(
                    self._end_of(row)
                    for row in list(self._rows.values())
                    if row.open and row.application not in runs
                ),
            )
        rows = sorted(self._rows.values(), key=lambda row: (row.namespace, row.name))
        silent = self._questions > 0 and not self._answers
        return Overview(deliveries=rows, note=self._note or (_SILENT if silent else ""))

    async def _read_hub(self) -> None:
        listing = await list_applications(
            self._client, self._namespace, task_queue=self._task_queue
        )
        self._note = listing.note
        stored = {f"{row.namespace}/{row.name}": row for row in listing.applications}
        kept = {key: row for key, row in self._rows.items() if key in stored or row.open}
        for key, row in stored.items():
            known = kept.get(key)
            if known is None or known.phase == "unchanged" or not _is_newer(known, row):
                kept[key] = _row_of_hub(row)
        self._rows = kept
        self._read_at = time.monotonic()

    async def _follow(self, run: WorkflowExecution) -> None:
        """Take in an open run; ask it only if it may say something new."""
        attributes = run.typed_search_attributes
        waiting_for = attributes.get(search_attributes.WAITING_FOR) or ""
        key = (run.run_id, attributes.get(search_attributes.PHASE) or "", waiting_for)
        before = self._asked.get(run.id)
        if before is not None and before.key == key and waiting_for and not before.progress.note:
            return
        async with self._slots:
            progress = await self._ask(run, before)
        self._asked[run.id] = _Asked(key, progress)
        self._rows[run.id] = _row_of_run(run, progress)

    async def _ask(self, run: WorkflowExecution, before: _Asked | None) -> Progress:
        """Ask a run how far it is; where nothing moves, Temporal also why."""
        state = await query_state(self._client, run.id, run_id=run.run_id)
        self._questions += 1
        self._answers += state is not None
        if state is None:
            silent = {"application": run.id, "runId": run.run_id, "note": _SILENT}
            known = before.progress if before and before.key[0] == run.run_id else None
            return Progress.model_validate({**(known.to_json() if known else {}), **silent})
        progress = Progress.model_validate(state)
        if before is None or before.progress.steps != progress.steps or progress.waiting:
            return progress
        try:
            return await observe(self._client, run.id, run_id=run.run_id)
        except RPCError:
            return progress  # It ended just now; the next refresh says how.

    async def _end(self, run: WorkflowExecution) -> None:
        """Take in a run that closed."""
        if self._ended.get(run.id) == run.run_id:
            return
        async with self._slots:
            await self._ended_as(run.id, run.run_id, closed_at=run.close_time)

    async def _end_of(self, row: DeliveryRow) -> None:
        """Take in the end of a run that was open, and that Temporal lists no more as anything."""
        async with self._slots:
            handle = self._client.get_workflow_handle(row.application, run_id=row.run)
            try:
                described = await handle.describe()
            except RPCError:
                self._rows.pop(row.application, None)
                return
            if described.status != WorkflowExecutionStatus.RUNNING:
                await self._ended_as(row.application, row.run, closed_at=described.close_time)

    async def _ended_as(self, application: str, run_id: str, *, closed_at: datetime | None) -> None:
        end = await end_if_known(self._client, application, run_id=run_id)
        if end is None or end.next_run:
            return  # Its history is gone, or the run that follows tells.
        self._ended[application] = run_id
        self._asked.pop(application, None)
        since = (closed_at or datetime.now(UTC)).isoformat(timespec="seconds")
        before = self._rows.get(application)
        said = Progress.model_validate(
            {**(end.result or {}), "application": application, "phase": end.phase}
        )
        if end.phase == "unchanged":
            self._read_at = None  # What it is stands in the hub.
            if before is not None and not before.open:
                return
        row = _row_of(said, run_id=run_id, since=since, is_open=False)
        if not said.steps and before is not None:
            row = row.model_copy(
                update={
                    "clusters": before.clusters,
                    "revision": row.revision or before.revision,
                    "done": before.done,
                    "total": before.total,
                }
            )
        self._rows[application] = row.model_copy(update={"message": end.message or row.message})


def _is_open(run: WorkflowExecution) -> bool:
    return run.status == WorkflowExecutionStatus.RUNNING


def _is_newer(known: DeliveryRow, row: ApplicationRow) -> bool:
    """Tell whether the hub's record is of a time before what is known."""
    return known.open or known.since > row.at


def _row_of_hub(row: ApplicationRow) -> DeliveryRow:
    states = row.states or dict.fromkeys(row.clusters, row.phase)
    total = len(states)
    return DeliveryRow(
        application=f"{row.namespace}/{row.name}",
        namespace=row.namespace,
        name=row.name,
        phase=row.phase,
        revision=row.revision,
        done=sum(state == "delivered" for state in states.values()),
        total=total,
        clusters=states,
        since=row.at,
    )


def _row_of_run(run: WorkflowExecution, progress: Progress) -> DeliveryRow:
    row = _row_of(
        progress,
        run_id=run.run_id,
        since=run.start_time.isoformat(timespec="seconds"),
        is_open=True,
    )
    attributes = run.typed_search_attributes
    listed = known_phase(attributes.get(search_attributes.PHASE) or "")
    coming = dict.fromkeys(attributes.get(search_attributes.CLUSTERS) or (), "pending")
    return row.model_copy(
        update={
            "clusters": {**coming, **row.clusters},
            "phase": row.phase or listed or "delivering",
            "revision": row.revision or attributes.get(search_attributes.REVISION) or "",
            "message": progress.note or row.message,
        }
    )


def _row_of(progress: Progress, *, run_id: str, since: str, is_open: bool) -> DeliveryRow:
    namespace, _, name = progress.application.partition("/")
    current = _current(progress.steps) if is_open else None
    told = [current] if current else progress.steps
    placements = [placement for step in told for placement in step.placements]
    why = "; ".join(f"{retry.subject}: {retry.message}" for retry in progress.retries)
    return DeliveryRow(
        application=progress.application,
        namespace=namespace,
        name=name,
        open=is_open,
        phase=progress.phase,
        message=progress.message or why,
        revision=progress.revision,
        run=run_id,
        step=current.name if current else "",
        done=sum(placement.phase == "delivered" for placement in placements),
        total=len(placements),
        waiting=progress.waiting,
        clusters=cluster_states([step.to_json() for step in progress.steps]) or progress.clusters,
        retries=len(progress.retries),
        since=since,
    )


def _current(steps: list[StepOutcome]) -> StepOutcome | None:
    """Return the step that is at work, or else the one that waits; groups are told by what is in them."""
    plain = [step for step in steps if step.type != "step-group"]
    working = [step for step in plain if step.phase == "delivering"]
    waiting = [step for step in plain if step.phase == "waiting"]
    return next(iter([*working, *waiting]), None)

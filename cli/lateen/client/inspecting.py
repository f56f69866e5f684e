"""Asking a worker to read the hub and the clusters, and merging that with what Temporal knows."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.service import RPCError

from lateen.client.ending import RunEnd, end_if_known
from lateen.client.failures import is_missing
from lateen.client.observing import observe
from lateen.client.results import Progress, RunInfo
from lateen.client.workers import ANSWER, has_worker, no_worker
from lateen.contracts import identifiers
from lateen.contracts.messages import Inspect
from lateen.model.base import Json
from lateen.model.json_values import as_object

_PATIENCE = timedelta(seconds=20)
"""A worker waits 5 seconds for each cluster, all at once, and may have to connect first."""

_UNTOUCHED = 2
"""Events of a run that no worker took up: it was started, a task was scheduled."""


async def ask_worker(client: Client, request: Inspect, *, task_queue: str) -> tuple[Json, str]:
    """Return what a worker reads, or nothing and a sentence why not."""
    if not await has_worker(client, task_queue):
        return {}, str(no_worker(client, task_queue))
    subject = "/".join(part for part in (request.namespace, request.name) if part)
    handle: WorkflowHandle[Any, Any] = await client.start_workflow(
        identifiers.INSPECTION,
        request.to_json(),
        # No application's id begins like this: a namespace has no colon.
        id=f"inspection:{uuid.uuid4()}",
        task_queue=task_queue,
        execution_timeout=_PATIENCE,
        static_summary=f"inspect {subject or 'all applications'}"[:200],
    )
    answering = asyncio.ensure_future(handle.result())
    try:
        done, _ = await asyncio.wait([answering], timeout=ANSWER.total_seconds())
        if not done and (await handle.describe()).history_length <= _UNTOUCHED:
            return {}, str(no_worker(client, task_queue))
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            answer: Any = await answering
    except WorkflowFailureError as error:
        return {}, f"the worker could not read the hub: {error.cause}"
    except TimeoutError:
        return {}, str(no_worker(client, task_queue))
    finally:
        answering.cancel()
    return as_object(answer) or {}, ""


async def look_at_run(
    client: Client, application: str
) -> tuple[RunInfo | None, Progress | None, RunEnd | None]:
    """Return the latest run: its progress while it is open, its end when it is closed."""
    handle = client.get_workflow_handle(application)
    try:
        described = await handle.describe()
    except RPCError as error:
        if is_missing(error):
            return None, None, None
        raise
    info = run_info(described)
    if described.status == WorkflowExecutionStatus.RUNNING:
        return info, await observe(client, application, run_id=described.run_id), None
    return info, None, await end_if_known(client, application, run_id=described.run_id)


def run_info(described: WorkflowExecutionDescription) -> RunInfo:
    """Return what Temporal knows of a run."""
    return RunInfo(
        run_id=described.run_id,
        status=(described.status.name if described.status else "unknown").lower().replace("_", "-"),
        started_at=_time(described.start_time),
        closed_at=_time(described.close_time),
    )


def _time(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""

"""Whether anybody polls the task queue: without a worker nothing is answered, and people should know soon."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from lateen.client.errors import NoWorker
from lateen.contracts.identifiers import TASK_QUEUE

ANSWER = timedelta(seconds=1.5)
"""A worker that is there answers a query in milliseconds."""

_STARTING = 0.7
_INTERVAL = 0.1
"""Seconds."""

_FORGOTTEN = timedelta(seconds=75)
"""A poll lasts up to a minute; whoever has not polled for longer is gone, though still listed."""


async def has_worker(client: Client, task_queue: str) -> bool:
    """Tell whether a worker polls; one that is just starting has a moment to begin.

    One that was killed still counts for another minute: it may be in the middle of a poll.
    """
    give_up = time.monotonic() + _STARTING
    while not await _polled_lately(client, task_queue):
        if time.monotonic() > give_up:
            return False
        await asyncio.sleep(_INTERVAL)
    return True


async def _polled_lately(client: Client, task_queue: str) -> bool:
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    now = datetime.now(UTC)
    return any(
        now - poller.last_access_time.ToDatetime(tzinfo=UTC) < _FORGOTTEN
        for poller in answer.pollers
    )


def no_worker(
    client: Client, task_queue: str, *, then: str = "", submitted: bool = False
) -> NoWorker:
    """Build the error; ``then`` says what that means for what was asked."""
    start = (
        "lateen worker" if task_queue == TASK_QUEUE else f"lateen worker --task-queue {task_queue}"
    )
    return NoWorker(
        f"no worker polls the task queue {task_queue!r} of Temporal namespace {client.namespace!r};"
        f" start one with `{start}`{f' ({then})' if then else ''}",
        submitted=submitted,
    )

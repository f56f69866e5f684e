"""Asking a worker to look for drift, and waiting for what it found."""

from __future__ import annotations

import uuid
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from lateen.client.errors import Refused
from lateen.client.workers import has_worker, no_worker
from lateen.contracts import identifiers
from lateen.contracts.drift import DriftRequest, DriftSummary


async def check_drift(client: Client, request: DriftRequest, *, task_queue: str) -> DriftSummary:
    """Run one check and return what it found. Raises ``NoWorker``, ``Refused``."""
    if not await has_worker(client, task_queue):
        raise no_worker(client, task_queue, then="nothing was looked at")
    subject = "/".join(part for part in (request.namespace, request.name) if part)
    handle: WorkflowHandle[Any, Any] = await client.start_workflow(
        identifiers.DRIFT,
        request.to_json(),
        # No application's id begins like this: a namespace has no colon.
        id=f"drift:{uuid.uuid4()}",
        task_queue=task_queue,
        static_summary=f"look for drift of {subject or 'all applications'}"[:200],
    )
    try:
        return DriftSummary.model_validate(await handle.result())
    except WorkflowFailureError as error:
        cause = error.cause
        why = cause.message if isinstance(cause, ApplicationError) else str(cause)
        raise Refused(f"the worker could not look for drift: {why}") from error

"""How far a run is: what its workflow answers, and what Temporal knows of the activities that it retries."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowQueryFailedError
from temporalio.exceptions import FailureError
from temporalio.service import RPCError

from lateen.client.results import Progress, Retry
from lateen.client.workers import ANSWER
from lateen.contracts import identifiers
from lateen.model.base import Json
from lateen.model.json_values import as_object

_STARTED = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
_DELIVERING = frozenset({"delivering"})


async def observe(client: Client, application: str, *, run_id: str | None = None) -> Progress:
    """Read the progress of a run, the latest by default.

    When nobody answers the query, what Temporal itself knows is returned with a ``note``.
    """
    handle = client.get_workflow_handle(application, run_id=run_id)
    described, state = await asyncio.gather(
        handle.describe(), query_state(client, application, run_id=run_id)
    )
    retries, activity = await pending(described)
    base: Json = state or {"application": application, "runId": described.run_id, "phase": ""}
    progress = Progress.model_validate(base)
    return progress.model_copy(
        update={
            "retries": retries,
            "activity": activity,
            "note": "" if state else "no worker answers; what is shown is what Temporal knows",
        }
    )


async def query_state(client: Client, application: str, *, run_id: str | None) -> Json | None:
    """Ask a run for its state; None when nobody answers in time."""
    handle = client.get_workflow_handle(application, run_id=run_id)
    try:
        async with asyncio.timeout(ANSWER.total_seconds()):
            answer: Any = await handle.query(identifiers.STATE, rpc_timeout=ANSWER)
    except (TimeoutError, RPCError, WorkflowQueryFailedError):
        return None
    return as_object(answer)


async def pending(described: WorkflowExecutionDescription) -> tuple[list[Retry], dict[str, str]]:
    """Return what is being retried, and what each activity says that it does, by placement or cluster."""
    retries: list[Retry] = []
    activity: dict[str, str] = {}
    for info in described.raw_description.pending_activities:
        subject = subject_of(info.activity_id) or info.activity_type.name
        said = await _heartbeat(described, info)
        if said:
            activity[subject] = said
        failure = info.last_failure
        if info.attempt > 1 and failure.message:
            # While an attempt runs, its own words tell more than why the last one failed.
            attempt = info.attempt if info.state == _STARTED else info.attempt - 1
            retries.append(
                Retry(subject=subject, attempt=attempt, message=await _root(described, failure))
            )
    return retries, activity


def subject_of(activity_id: str) -> str:
    """Return what an activity works on: ``step/cluster/namespace`` and ``prune/cluster`` name it."""
    _, separator, subject = activity_id.partition("/")
    return subject if separator else ""


async def _heartbeat(described: WorkflowExecutionDescription, info: PendingActivityInfo) -> str:
    payloads = info.heartbeat_details.payloads
    if not payloads:
        return ""
    try:
        said = as_object((await described.data_converter.decode(payloads[:1]))[0])
    except (ValueError, RuntimeError, IndexError):
        return ""  # Encoded by a codec that is not ours.
    return str(said.get("message", "")) if said else ""


async def _root(described: WorkflowExecutionDescription, failure: Failure) -> str:
    error = await described.data_converter.decode_failure(failure)
    while isinstance(error.__cause__, FailureError) and error.__cause__.message:
        error = error.__cause__
    return error.message if isinstance(error, FailureError) else str(error)

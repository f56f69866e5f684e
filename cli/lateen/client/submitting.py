"""Sending an application, or its deletion, to the workflow that is its own: one atomic start-or-message."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from lateen.client.errors import Refused
from lateen.client.failures import is_missing, refusal
from lateen.client.results import Submitted
from lateen.client.workers import has_worker, no_worker
from lateen.contracts import identifiers
from lateen.model.application import Application
from lateen.model.base import Json
from lateen.model.json_values import as_object

_PATIENCE = timedelta(seconds=20)
"""For a worker's answer while one polls: it may be restarting or busy."""

_VERBS = {"delete": "delete", "rollback": "roll back"}
_ATTEMPTS = 5
_CLOSED_MEANWHILE = "AcceptedUpdateCompletedWorkflow"


def delivery(
    application: Application, *, actor: str, queue: bool, confirm_removal: Sequence[str]
) -> Json:
    """Write the envelope that asks to deliver."""
    envelope: Json = {"application": application.to_json(), "actor": actor}
    if queue:
        envelope["queue"] = True
    if confirm_removal:
        envelope["confirmRemoval"] = list(confirm_removal)
    return envelope


def deletion(*, actor: str, orphan: bool, abandon: Sequence[str]) -> Json:
    """Write the envelope that asks to delete."""
    return {"intent": "delete", "actor": actor, "orphan": orphan, "abandon": list(abandon)}


def rollback(revision: str, *, actor: str, queue: bool, confirm_removal: Sequence[str]) -> Json:
    """Write the envelope that asks to go back to a revision; empty for the one before."""
    envelope: Json = {"intent": "rollback", "actor": actor}
    if revision:
        envelope["revision"] = revision
    if queue:
        envelope["queue"] = True
    if confirm_removal:
        envelope["confirmRemoval"] = list(confirm_removal)
    return envelope


async def submit(client: Client, envelope: Json, *, application: str, task_queue: str) -> Submitted:
    """Start the application's workflow, or tell the one that runs; return what that means.

    The envelope is the start's argument too, so that it is not lost if nobody answers the update.
    Raises ``InvalidApplication``, ``Refused``, and ``NoWorker`` when nobody is there to answer.
    """
    if not await has_worker(client, task_queue):
        raise no_worker(client, task_queue, then="nothing was submitted")
    for attempt in range(_ATTEMPTS):
        try:
            answer = await _update_with_start(
                client, envelope, application=application, task_queue=task_queue
            )
        except WorkflowUpdateFailedError as error:
            refused = refusal(error, application=application)
            if refused is not None:
                raise refused from error
            if not _closed_meanwhile(error):
                raise
        except RPCError as error:
            # The run ended between the server's look and the message: the next attempt starts another.
            if not is_missing(error) and error.status != RPCStatusCode.ABORTED:
                raise
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
            message = "it was submitted and begins when one answers"
            raise no_worker(client, task_queue, then=message, submitted=True) from error
        else:
            return _submitted(answer, application=application)
        await asyncio.sleep(0.05 * 2**attempt)
    raise Refused(f"{application}: its runs end faster than they answer; try again")


async def _update_with_start(
    client: Client, envelope: Json, *, application: str, task_queue: str
) -> Any:
    verb = _VERBS.get(str(envelope.get("intent")), "deliver")
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        identifiers.APPLICATION,
        envelope,
        id=application,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"{verb} {application}",
    )
    async with asyncio.timeout(_PATIENCE.total_seconds()):
        return await client.execute_update_with_start_workflow(  # pyright: ignore[reportUnknownMemberType]
            identifiers.SUBMIT,
            envelope,
            start_workflow_operation=start,
            # Update ids are remembered per run: only a fresh one is sure to reach the handler.
            id=str(uuid.uuid4()),
        )


def _closed_meanwhile(error: WorkflowUpdateFailedError) -> bool:
    return isinstance(error.cause, ApplicationError) and error.cause.type == _CLOSED_MEANWHILE


def _submitted(answer: Any, *, application: str) -> Submitted:
    found = as_object(answer) or {}
    if found.get("state") == "refused":
        raise Refused(f"{application}: too many submissions wait already; supersede instead")
    return Submitted(
        application=application,
        run_id=str(found.get("runId", "")),
        state=found.get("state", "started"),
        digest=str(found.get("digest", "")),
    )

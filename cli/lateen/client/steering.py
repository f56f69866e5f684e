"""Steering what is being delivered: suspend, resume, restart, terminate."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError

from lateen.client.errors import NotFound, NotWaiting, Refused
from lateen.client.failures import is_missing, refusal
from lateen.client.inspecting import ask_worker, look_at_run
from lateen.client.observing import observe
from lateen.client.results import Progress, Steered, Submitted
from lateen.client.workers import has_worker, no_worker
from lateen.contracts import identifiers
from lateen.contracts.messages import Inspect
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication, nearest
from lateen.model.json_values import canonical_json
from lateen.model.records import Audit, DeliveryRecord

_CAME_TO_NOTHING = frozenset({"failed", "cancelled", "terminated", "timed-out"})

_PATIENCE = 10.0
"""Seconds for a worker's answer."""


async def describe_open(client: Client, application: str) -> WorkflowExecutionDescription | None:
    """Return what Temporal knows of the open run; None when none is open."""
    try:
        described = await client.get_workflow_handle(application).describe()
    except RPCError as error:
        if is_missing(error):
            return None
        raise
    return described if described.status == WorkflowExecutionStatus.RUNNING else None


async def progress_of_open(client: Client, application: str, *, task_queue: str) -> Progress | None:
    """Return how far the open run is; None when none is open. Raises ``NoWorker``."""
    if await describe_open(client, application) is None:
        return None
    progress = await observe(client, application)
    if progress.note:
        raise no_worker(client, task_queue, then="the run can't say how far it is")
    return progress


async def say_now(
    client: Client, verb: str, word: Json, *, application: str, task_queue: str
) -> Steered:
    """Say something to the open run and return its answer. Raises ``NotWaiting``, ``Refused``, ``NoWorker``."""
    if not await has_worker(client, task_queue):
        raise no_worker(client, task_queue, then="nothing was changed")
    handle = client.get_workflow_handle(application)
    try:
        async with asyncio.timeout(_PATIENCE):
            answer: Any = await handle.execute_update(  # pyright: ignore[reportUnknownMemberType]
                verb, word, id=str(uuid.uuid4())
            )
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise no_worker(
            client, task_queue, then="look at the status before you try again"
        ) from error
    except WorkflowUpdateFailedError as error:
        raise (refusal(error, application=application) or error) from error
    except RPCError as error:
        if is_missing(error):
            raise nothing_open(application) from error
        raise
    if not answer.get("accepted"):
        raise NotWaiting(f"{application}: {answer.get('message', '')}")
    return Steered(message=str(answer.get("message", "")))


async def send(client: Client, verb: str, word: Json, *, application: str) -> Steered:
    """Leave something in the open run's mailbox, for when a worker runs. Raises ``NotWaiting``."""
    try:
        await client.get_workflow_handle(application).signal(verb, word)
    except RPCError as error:
        if is_missing(error):
            raise nothing_open(application) from error
        raise
    return Steered(message=f"sent: {verb}; it counts once a worker takes it up")


def nothing_open(application: str) -> NotWaiting:
    """Build the error for a message to a run that is not there."""
    return NotWaiting(f"{application}: no delivery is open")


def continuation(*, delivery: int, restart: bool, step: str, actor: str) -> Json:
    """Write the envelope that asks to go on with a recorded delivery; a restart has an id of its own."""
    wish: Json = {"delivery": delivery} if delivery else {}
    if restart:
        wish |= {"restart": True, "id": str(uuid.uuid4())}
    if step:
        wish["step"] = step
    return {"resume": wish, "actor": actor}


async def recorded(
    client: Client, namespace: str, name: str, *, task_queue: str
) -> tuple[DeliveryRecord, list[str]]:
    """Return the delivery that the hub recorded last, and the names of its steps if they are known.

    Raises ``NoWorker``, ``NotFound`` when nothing was ever delivered, ``Refused`` for a deletion.
    """
    application = identifiers.workflow_id(namespace, name)
    if not await has_worker(client, task_queue):
        raise no_worker(client, task_queue, then="nothing was submitted")
    request = Inspect(namespace=namespace, name=name, live=False)
    inspected, note = await ask_worker(client, request, task_queue=task_queue)
    if note:
        raise Refused(f"{application}: {note}")
    record = Audit.model_validate(inspected.get("audit") or {}).delivery
    if record is None:
        raise NotFound(f"nothing is recorded of application {application}; submit it")
    if record.intent == "delete":
        done = "deleted" if record.phase == "deleted" else "being deleted"
        raise Refused(f"{application}: it is {done}; submit it again to deliver it")
    return record, list(inspected.get("workflow") or [])


async def refuse_finished(client: Client, application: str, record: DeliveryRecord) -> None:
    """Raise ``Refused`` when a delivery left nothing to resume."""
    if record.phase == "delivered":
        run, _, end = await look_at_run(client, application)
        if run and end and run.run_id != record.run_id and end.phase in _CAME_TO_NOTHING:
            why = f" ({end.message})" if end.message else ""
            message = f"the last run {end.phase}{why} before it delivered anything; submit it again"
            raise Refused(f"{application}: {message}")
        raise Refused(
            f"{application}: delivery {record.number} succeeded, nothing is left to resume; "
            "restart it to run its steps again"
        )


def refuse_unknown_step(application: str, step: str, known: list[str]) -> None:
    """Raise ``InvalidApplication`` for a step that the recorded workflow doesn't have."""
    if known and step and step not in known:
        message = f"the workflow of {application} has no such step"
        raise InvalidApplication.at("step", message, step, nearest(step, known))


async def terminate(client: Client, application: str, *, word: Json, force: bool) -> Submitted:
    """End the open run, cleanly or by ``force``; return it so that it can be waited for.

    Raises ``NotWaiting`` when none is open.
    """
    described = await describe_open(client, application)
    if described is None:
        raise nothing_open(application)
    handle = client.get_workflow_handle(application, run_id=described.run_id)
    digest = (await observe(client, application, run_id=described.run_id)).digest
    try:
        if force:
            reason = f": {word['reason']}" if word.get("reason") else ""
            await handle.terminate(reason=f"by {word.get('actor') or 'unattributed'}{reason}")
        else:
            await handle.cancel(reason=canonical_json(word).decode())
    except RPCError as error:
        if is_missing(error):
            raise nothing_open(application) from error
        raise
    return Submitted(
        application=application, run_id=described.run_id, state="joined", digest=digest
    )

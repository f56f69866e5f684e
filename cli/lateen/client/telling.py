"""Reading the story of an application's latest run: from Temporal while that knows it, else from the audit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from lateen.client.errors import NotFound
from lateen.client.failures import is_missing
from lateen.client.inspecting import ask_worker
from lateen.client.observing import pending
from lateen.client.results import Retry, StoryEvent
from lateen.client.stories import Storyteller
from lateen.contracts import identifiers
from lateen.contracts.messages import Inspect, StepOutcome
from lateen.model.records import Audit

_INTERVAL = 1.0
"""Seconds between two looks at what is tried again, which no event tells before it ended."""


async def tell_story(
    client: Client, namespace: str, name: str, *, follow: bool, task_queue: str
) -> AsyncGenerator[StoryEvent]:
    """Yield what happened in the latest run; with ``follow`` until it and those that continue it have ended.

    Raises ``NotFound`` when neither Temporal nor the audit knows a run.
    """
    application = identifiers.workflow_id(namespace, name)
    try:
        run_id = (await client.get_workflow_handle(application).describe()).run_id
    except RPCError as error:
        if not is_missing(error):
            raise
        for event in await _recorded(client, namespace, name, task_queue=task_queue):
            yield event
        return
    while run_id:
        teller = Storyteller(client.data_converter)
        events = _followed if follow else _told
        async with contextlib.aclosing(events(client, application, run_id, teller)) as told:
            async for event in told:
                yield event
        run_id = teller.next_run if follow else ""


async def _told(
    client: Client, application: str, run_id: str, teller: Storyteller
) -> AsyncGenerator[StoryEvent]:
    handle = client.get_workflow_handle(application, run_id=run_id)
    async for event in handle.fetch_history_events():
        for told in await teller.tell(event):
            yield told
    for retry in await _retries(client, application, run_id):
        yield _retrying(retry)


async def _followed(
    client: Client, application: str, run_id: str, teller: Storyteller
) -> AsyncGenerator[StoryEvent]:
    """Yield events as they come, and between them what is tried again."""
    heard: asyncio.Queue[StoryEvent | None] = asyncio.Queue()
    handle = client.get_workflow_handle(application, run_id=run_id)

    async def listen() -> None:
        try:
            async for event in handle.fetch_history_events(wait_new_event=True):
                for told in await teller.tell(event):
                    heard.put_nowait(told)
        finally:
            heard.put_nowait(None)

    async def watch() -> None:
        known: dict[str, int] = {}
        while True:
            await asyncio.sleep(_INTERVAL)
            for retry in await _retries(client, application, run_id):
                if known.get(retry.subject) != retry.attempt:
                    known[retry.subject] = retry.attempt
                    heard.put_nowait(_retrying(retry))

    listening, watching = asyncio.ensure_future(listen()), asyncio.ensure_future(watch())
    try:
        while (event := await heard.get()) is not None:
            yield event
        await listening  # It says what went wrong, if anything did.
    finally:
        for task in (listening, watching):
            task.cancel()
        await asyncio.gather(listening, watching, return_exceptions=True)


async def _retries(client: Client, application: str, run_id: str) -> list[Retry]:
    try:
        described = await client.get_workflow_handle(application, run_id=run_id).describe()
    except RPCError:
        return []  # What matters are the events, and reading them says what is wrong.
    if described.status != WorkflowExecutionStatus.RUNNING:
        return []
    retries, _ = await pending(described)
    return retries


def _retrying(retry: Retry) -> StoryEvent:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return StoryEvent(
        at=at,
        type="retrying",
        subject=retry.subject,
        attempt=retry.attempt,
        message=retry.message,
    )


async def _recorded(
    client: Client, namespace: str, name: str, *, task_queue: str
) -> list[StoryEvent]:
    request = Inspect(namespace=namespace, name=name, live=False)
    inspected, note = await ask_worker(client, request, task_queue=task_queue)
    audit = Audit.model_validate(inspected.get("audit") or {})
    if audit.delivery is None:
        hint = f"; {note}" if note else ""
        raise NotFound(f"no run of application {namespace}/{name} is known{hint}")
    return told_by(audit)


def told_by(audit: Audit) -> list[StoryEvent]:
    """Tell the latest delivery from its record: decisions with their times, the rest as it ended."""
    record = audit.delivery
    if record is None:
        return []
    events = [
        StoryEvent(
            at=event.at,
            type=event.type,
            step=event.step,
            actor=event.actor,
            message=event.reason or event.message,
        )
        for event in audit.events
        if event.delivery == record.number
    ]
    ends = [event for event in events if event.at == record.ended_at]
    begun = [event for event in events if event.at != record.ended_at]
    done: list[StoryEvent] = []
    for step in map(StepOutcome.model_validate, record.steps):
        for placement in step.placements:
            where = f"{placement.cluster}/{placement.namespace}"
            done.append(
                StoryEvent(
                    at=record.ended_at,
                    type=placement.phase,
                    step=step.name,
                    subject=where,
                    message=placement.message,
                )
            )
        said = StoryEvent(at=record.ended_at, type=step.phase, step=step.name, message=step.message)
        done.append(said)
    return [*begun, *done, *ends]

"""A real Temporal dev server for tests, and what a test does with it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowHistory
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from lateen.contracts.identifiers import APPLICATION, STATE, workflow_id
from lateen.contracts.search_attributes import (
    APPLICATION as APPLICATION_ATTRIBUTE,
)
from lateen.contracts.search_attributes import CLUSTERS, PHASE, REVISION, WAITING_FOR
from lateen.delivery.application import ApplicationWorkflow
from lateen.delivery.drifting import DriftWorkflow
from lateen.delivery.inspection import InspectionWorkflow
from lateen.delivery.sharding import ShardWorkflow
from lateen.local.building import Cache
from lateen.local.finding import Toolbox
from lateen.local.settings import cache_directory
from lateen.local.toolsets import TEMPORAL
from lateen.model.base import Json
from support.activities import FakeActivities
from support.applications import NAMESPACE, application

WORKFLOWS = [ApplicationWorkflow, ShardWorkflow, InspectionWorkflow, DriftWorkflow]
IDENTITY = "test"

_SOON = timedelta(milliseconds=50)

# A dev server has one shard and polls its queues 20 times a second: every activity would wait 50 ms.
_DYNAMIC_CONFIG = (
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    "system.enableActivityEagerExecution=true",
    "history.maximumBufferedEventsBatch=4000",
)


async def start_server() -> WorkflowEnvironment:
    """Start a dev server in memory, on a free port of 127.0.0.1."""
    binary = find_server()
    flags = [part for value in _DYNAMIC_CONFIG for part in ("--dynamic-config-value", value)]
    return await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(binary),
        dev_server_extra_args=flags,
        search_attributes=[APPLICATION_ATTRIBUTE, REVISION, PHASE, WAITING_FOR, CLUSTERS],
        identity=IDENTITY,
    )


def find_server() -> Path:
    """Find the ``temporal`` program as the local stack does: it is built if nothing else helps."""
    return Toolbox(Cache(cache_directory())).path(TEMPORAL)


@dataclass
class Bench:
    """One test's own application, task queue and fake activities."""

    client: Client
    fakes: FakeActivities
    name: str = field(default_factory=lambda: f"app-{uuid.uuid4().hex[:10]}")
    task_queue: str = field(default_factory=lambda: f"queue-{uuid.uuid4().hex[:10]}")

    @property
    def id(self) -> str:
        """The workflow id of the test's application."""
        return workflow_id(NAMESPACE, self.name)

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The latest run of the test's application."""
        return self.client.get_workflow_handle(self.id)

    def app(self, **more: Any) -> Json:
        """Build the test's application."""
        return application(self.name, **more)

    def worker(self, **more: Any) -> Worker:
        """Build a worker that hears cancellations soon."""
        settings: dict[str, Any] = {
            "workflows": WORKFLOWS,
            "activities": self.fakes.all(),
            "max_heartbeat_throttle_interval": _SOON,
            "default_heartbeat_throttle_interval": _SOON,
            "sticky_queue_schedule_to_start_timeout": timedelta(seconds=1),
        }
        return Worker(self.client, task_queue=self.task_queue, **{**settings, **more})

    async def start(self, *arguments: Any, client: Client | None = None, **more: Any) -> Any:
        """Start a run with plain data; returns its handle."""
        options: dict[str, Any] = {"id": self.id, "task_queue": self.task_queue, **more}
        return await (client or self.client).start_workflow(
            APPLICATION, args=list(arguments), **options
        )

    async def deliver(self, **more: Any) -> Json:
        """Deliver the test's application and return the run's result."""
        handle = await self.start(self.app(**more))
        return await result_of(handle)

    async def state(self) -> Json:
        """Ask the latest run how far it is."""
        state: Json = await self.handle.query(STATE)
        return state

    async def until(self, holds: Callable[[Json], Any]) -> Json:
        """Wait until the state is as wanted, and return it."""
        state: Json = {}
        try:
            async with asyncio.timeout(10):
                while True:
                    state = await self.state()
                    if holds(state):
                        return state
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"not in ten seconds; the last state was {state}") from None

    async def until_waiting(self, *steps: str) -> Json:
        """Wait until exactly these steps wait for a decision."""
        return await self.until(lambda s: [w["step"] for w in s["waiting"]] == list(steps))

    async def until_closed(self, run_id: str) -> str:
        """Wait for one run's own end, not its successors', and return its status."""
        handle = self.client.get_workflow_handle(self.id, run_id=run_id)
        async with asyncio.timeout(10):
            while True:
                status = (await handle.describe()).status
                if status is not None and status.name != "RUNNING":
                    return status.name
                await asyncio.sleep(0.02)


async def result_of(handle: WorkflowHandle[Any, Any], *, seconds: float = 20) -> Json:
    """Return a run's result (following continued runs)."""
    async with asyncio.timeout(seconds):
        result: Json = await handle.result()
        return result


async def failure_of(handle: WorkflowHandle[Any, Any], *, seconds: float = 20) -> ApplicationError:
    """Return the error that a run failed with."""
    try:
        result = await result_of(handle, seconds=seconds)
    except WorkflowFailureError as error:
        if isinstance(error.cause, ApplicationError):
            return error.cause
        raise
    raise AssertionError(f"the run did not fail but answered {result}")


async def history_of(handle: WorkflowHandle[Any, Any]) -> WorkflowHistory:
    """Return the events of a run."""
    return await handle.fetch_history()


async def event_types(handle: WorkflowHandle[Any, Any]) -> list[str]:
    """Return the types of a run's events, in order, without their prefix."""
    history = await history_of(handle)
    prefix = "EVENT_TYPE_"
    from temporalio.api.enums.v1 import EventType

    return [EventType.Name(event.event_type).removeprefix(prefix) for event in history.events]


def steps_of(state: Json) -> dict[str, str]:
    """Return each step's phase."""
    return {step["name"]: step["phase"] for step in state["steps"]}


def placements_of(state: Json, step: str) -> dict[str, str]:
    """Return each placement's phase in one step."""
    found = next(s for s in state["steps"] if s["name"] == step)
    return {f"{p['cluster']}/{p['namespace']}": p["phase"] for p in found["placements"]}

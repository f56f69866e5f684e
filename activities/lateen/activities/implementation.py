"""The activities as the worker registers them: each hands over to the module that does it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from temporalio import activity

from lateen.activities import (
    closing,
    continuing,
    drifting,
    inspecting,
    opening,
    placing,
    planning,
    pruning,
)
from lateen.activities.converging import Convergence
from lateen.activities.edges import edge
from lateen.activities.rooms import Rooms
from lateen.contracts.activities import DeliveryActivities
from lateen.contracts.drift import CheckDrift, DeliveredShard, DriftChecked, ListDelivered
from lateen.contracts.messages import (
    ClosedDelivery,
    CloseDelivery,
    DeletionPlan,
    DeliverPlacement,
    Inspect,
    OpenDeletion,
    OpenDelivery,
    OpenedDelivery,
    PlacementResult,
    PlanStep,
    PruneCluster,
    RecordEvents,
    StepPlan,
    Vetted,
)
from lateen.model.base import Json

_HEARTBEAT = 1.0
"""Seconds between heartbeats: also how soon a cancellation is heard."""

_FIRST_HEARTBEAT = 0.5
"""Seconds until the first one: what ends sooner, as most do, costs Temporal no heartbeat at all."""


class KubernetesActivities(DeliveryActivities):
    """Delivers to real clusters. The contract's class says what each activity means."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._convergence = Convergence()

    @activity.defn(name="open_delivery")
    @edge
    async def open_delivery(self, request: OpenDelivery) -> OpenedDelivery:
        """Check, store, claim, plan."""
        async with _heartbeating():
            if request.continuation is None:
                return await opening.open_delivery(self._rooms, request, run_id=_run_id())
            return await continuing.open_continuation(
                self._rooms, request, request.continuation, run_id=_run_id()
            )

    @activity.defn(name="vet_submission")
    @edge
    async def vet_submission(self, request: OpenDelivery) -> Vetted:
        """Check as the opening does, without writing."""
        async with _heartbeating():
            if request.continuation is None:
                return await opening.vet_submission(self._rooms, request)
            return await continuing.vet_continuation(self._rooms, request, request.continuation)

    @activity.defn(name="plan_step")
    @edge
    async def plan_step(self, request: PlanStep) -> StepPlan:
        """Plan one step."""
        async with _heartbeating():
            return await planning.plan_step(self._rooms, request)

    @activity.defn(name="deliver_placement")
    @edge
    async def deliver_placement(self, request: DeliverPlacement) -> PlacementResult:
        """Apply and wait."""
        async with (
            self._convergence.member(run=_run_id(), step=request.step),
            _heartbeating() as report,
        ):
            return await placing.deliver_placement(self._rooms, request, report=report)

    @activity.defn(name="record_events")
    @edge
    async def record_events(self, request: RecordEvents) -> None:
        """Append to the audit."""
        async with _heartbeating():
            await closing.record_events(self._rooms, request)

    @activity.defn(name="prune_cluster")
    @edge
    async def prune_cluster(self, request: PruneCluster) -> PlacementResult:
        """Delete from one cluster."""
        async with _heartbeating() as report:
            return await pruning.prune_cluster(self._rooms, request, report=report)

    @activity.defn(name="close_delivery")
    @edge
    async def close_delivery(self, request: CloseDelivery) -> ClosedDelivery:
        """Record the end."""
        async with _heartbeating():
            return await closing.close_delivery(self._rooms, request)

    @activity.defn(name="open_deletion")
    @edge
    async def open_deletion(self, request: OpenDeletion) -> DeletionPlan:
        """Begin a deletion."""
        async with _heartbeating():
            return await closing.open_deletion(self._rooms, request, run_id=_run_id())

    @activity.defn(name="inspect")
    @edge
    async def inspect(self, request: Inspect) -> Json:
        """Read hub and clusters."""
        return await inspecting.inspect(self._rooms, request)

    @activity.defn(name="list_delivered")
    @edge
    async def list_delivered(self, request: ListDelivered) -> DeliveredShard:
        """List applications."""
        return await drifting.list_delivered(self._rooms, request)

    @activity.defn(name="check_drift")
    @edge
    async def check_drift(self, request: CheckDrift) -> DriftChecked:
        """Look, and record what was found."""
        async with _heartbeating():
            return await drifting.check_drift(self._rooms, request)


def _run_id() -> str:
    return activity.info().workflow_run_id or ""


@asynccontextmanager
async def _heartbeating() -> AsyncGenerator[Callable[[Json], None]]:
    """Heartbeat every second with the last thing that was reported.

    A worker that died is noticed when they stop, also in the middle of the shortest activity; and a
    cancellation reaches an activity as the answer to a heartbeat.
    """
    said: Json = {}

    def report(progress: Json) -> None:
        said.clear()
        said.update(progress)

    async def beat() -> None:
        pause = _FIRST_HEARTBEAT
        while True:
            await asyncio.sleep(pause)
            activity.heartbeat(dict(said))
            pause = _HEARTBEAT

    beating = asyncio.create_task(beat())
    try:
        yield report
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating

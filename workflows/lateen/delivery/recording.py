"""The activities that a run uses to read and write the hub's records, with their timeouts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from lateen.contracts.activities import DeliveryActivities
    from lateen.contracts.messages import (
        ClosedDelivery,
        CloseDelivery,
        DeletionPlan,
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

_T = TypeVar("_T")

_HUB = timedelta(minutes=2)
"""One attempt to talk to the hub; attempts go on for as long as the run is open."""

_VETTING = timedelta(seconds=30)
"""How long new content waits to be vetted; then it supersedes unvetted, and its own run finds out."""

_HEARTBEAT = timedelta(seconds=6)

_WAIT = workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
"""Let a cancelled attempt end first: its late writes would meet those of the next run."""

_HUB_RETRY = RetryPolicy(maximum_interval=timedelta(seconds=5))

_OWED_RETRY = RetryPolicy(maximum_interval=timedelta(minutes=5))
"""For clusters that can't be reached now: they are owed a deletion until they return."""


async def open_delivery(request: OpenDelivery) -> OpenedDelivery:
    """Check and store an application, claim a delivery number. May succeed although it is cancelled."""
    return await _call(
        workflow.execute_activity_method(
            DeliveryActivities.open_delivery,
            request,
            summary=_opening(request),
            start_to_close_timeout=_HUB,
            heartbeat_timeout=_HEARTBEAT,
            retry_policy=_HUB_RETRY,
            cancellation_type=_WAIT,
        )
    )


def _opening(request: OpenDelivery) -> str:
    if request.intent == "rollback":
        return f"roll {request.application} back to {request.rollback_to or 'the revision before'}"
    return f"open a delivery of {request.application}"


async def vet_submission(request: OpenDelivery) -> Vetted | None:
    """Check content against hub and clusters; None when they can't be asked for a while."""
    try:
        return await workflow.execute_activity_method(
            DeliveryActivities.vet_submission,
            request,
            summary=f"vet what would supersede {request.application}",
            schedule_to_close_timeout=_VETTING,
            heartbeat_timeout=_HEARTBEAT,
            retry_policy=_HUB_RETRY,
        )
    except ActivityError:
        return None


async def plan_step(request: PlanStep) -> StepPlan:
    """Resolve a step's placements."""
    return await _call(
        workflow.execute_activity_method(
            DeliveryActivities.plan_step,
            request,
            summary=f"plan {request.step}",
            start_to_close_timeout=_HUB,
            heartbeat_timeout=_HEARTBEAT,
            retry_policy=_HUB_RETRY,
        )
    )


async def open_deletion(request: OpenDeletion) -> DeletionPlan:
    """List the clusters that hold something. May succeed although it is cancelled."""
    return await _call(
        workflow.execute_activity_method(
            DeliveryActivities.open_deletion,
            request,
            summary=f"open the deletion of {request.application}",
            start_to_close_timeout=_HUB,
            heartbeat_timeout=_HEARTBEAT,
            retry_policy=_HUB_RETRY,
            cancellation_type=_WAIT,
        )
    )


async def record(request: RecordEvents) -> None:
    """Append to the audit."""
    await _call(
        workflow.execute_activity_method(
            DeliveryActivities.record_events,
            request,
            summary="record " + ", ".join(event.type for event in request.events),
            start_to_close_timeout=_HUB,
            heartbeat_timeout=_HEARTBEAT,
            retry_policy=_HUB_RETRY,
        )
    )


async def close(request: CloseDelivery) -> ClosedDelivery:
    """Record how the delivery ended, or learn what to prune first."""
    return await _call(
        workflow.execute_activity_method(
            DeliveryActivities.close_delivery,
            request,
            summary=f"close as {request.phase}",
            start_to_close_timeout=_HUB,
            heartbeat_timeout=_HEARTBEAT,
            retry_policy=_HUB_RETRY,
        )
    )


async def prune(request: PruneCluster, *, give_up: timedelta | None) -> PlacementResult:
    """Delete from one cluster; without ``give_up`` until it worked."""
    return await _call(
        workflow.execute_activity_method(
            DeliveryActivities.prune_cluster,
            request,
            activity_id=f"{'forget' if request.orphan else 'prune'}/{request.cluster}",
            summary=f"{'forget' if request.orphan else 'prune'} in {request.cluster}",
            start_to_close_timeout=timedelta(minutes=10),
            schedule_to_close_timeout=give_up,
            heartbeat_timeout=_HEARTBEAT,
            retry_policy=_OWED_RETRY,
            cancellation_type=_WAIT,
        )
    )


async def uncancelled(work: Awaitable[_T]) -> _T:
    """Let a recording end although the run is being cancelled; the cancellation follows then."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def _call(activity: Awaitable[_T]) -> _T:
    """Await an activity; one that was cancelled is a cancellation like any other."""
    try:
        return await activity
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise asyncio.CancelledError from error
        raise


def cause_type(error: ActivityError) -> str:
    """Return the type of the application error behind a failed activity; empty for a timeout."""
    return error.cause.type or "" if isinstance(error.cause, ApplicationError) else ""


def reason_of(error: ActivityError) -> str:
    """Say why an activity failed, in the words of what it met last."""
    cause: BaseException | None = error.cause
    while cause is not None and not isinstance(cause, ApplicationError) and cause.__cause__:
        cause = cause.__cause__
    return cause.message if isinstance(cause, ApplicationError) else str(cause or error)


def failure_of(error: ActivityError) -> ApplicationError:
    """Turn a failed activity into the run's own failure: same type, message and details."""
    cause = error.cause
    details = cause.details if isinstance(cause, ApplicationError) else ()
    return ApplicationError(
        reason_of(error), *details, type=cause_type(error) or "ActivityFailed", non_retryable=True
    )

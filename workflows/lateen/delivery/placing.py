"""Runs a step's placements: one activity each, never more in flight than the step allows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from lateen.contracts import errors
    from lateen.contracts.activities import DeliveryActivities
    from lateen.contracts.messages import (
        DeliverPlacement,
        PlacementOutcome,
        PlannedPlacement,
    )
    from lateen.delivery.gathering import all_of
    from lateen.delivery.recording import cause_type, reason_of
    from lateen.delivery.suspension import Suspension
    from lateen.model.records import RevisionRef

HEARTBEAT_TIMEOUT = timedelta(seconds=6)
"""Workers heartbeat every second, so a dead one is noticed soon and a live one never by mistake."""

SLACK = timedelta(seconds=20)
"""The activity keeps its own deadline, to say what is unhealthy; the server's comes a little later."""

RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=10),
)

PLAN_CHANGED = "plan-changed"
"""The phase of a placement whose content is not what was planned: the step plans again."""


@dataclass(frozen=True)
class Batch:
    """What the placements of one step have in common."""

    application: str
    hub_uid: str
    revision: RevisionRef
    delivery: int
    step: str
    parallelism: int
    deadline: timedelta


async def deliver_all(
    batch: Batch,
    placements: list[PlannedPlacement],
    *,
    suspension: Suspension,
    report: Callable[[PlacementOutcome], None],
) -> None:
    """Deliver every placement and report each as it changes. One that fails stops no other."""
    slots = asyncio.Semaphore(batch.parallelism)

    async def one(placement: PlannedPlacement) -> None:
        async with slots:
            await suspension.lifted()
            report(_outcome(placement, "delivering"))
            report(await _deliver(batch, placement))

    await all_of(one(placement) for placement in placements)


async def _deliver(batch: Batch, placement: PlannedPlacement) -> PlacementOutcome:
    deadline = workflow.now() + batch.deadline
    request = DeliverPlacement(
        application=batch.application,
        hub_uid=batch.hub_uid,
        revision=batch.revision,
        delivery=batch.delivery,
        step=batch.step,
        placement=placement,
        deadline=deadline.timestamp(),
    )
    try:
        result = await workflow.execute_activity_method(
            DeliveryActivities.deliver_placement,
            request,
            activity_id=f"{batch.step}/{placement.name}",
            summary=f"apply {batch.revision.name} to {placement.name}",
            schedule_to_close_timeout=batch.deadline + SLACK,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RETRY,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise asyncio.CancelledError from error
        if cause_type(error) == errors.PLAN_CHANGED:
            return _outcome(placement, PLAN_CHANGED, message="its content changed after planning")
        # The placement says which cluster it was already.
        reason = reason_of(error).removeprefix(f"cluster {placement.cluster}: ")
        return _outcome(placement, "failed", message=reason)
    return _outcome(placement, "delivered", message=result.message, objects=result.objects)


def _outcome(
    placement: PlannedPlacement, phase: str, *, message: str = "", objects: int = 0
) -> PlacementOutcome:
    return PlacementOutcome(
        cluster=placement.cluster,
        namespace=placement.namespace,
        phase=phase,
        message=message,
        objects=objects or placement.objects,
        digest=placement.digest,
    )

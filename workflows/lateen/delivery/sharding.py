"""Splits very many placements into child workflows, one after another.

A workflow may have 2,000 pending activities, and its history should stay small. Shards run in sequence, so
that the step's bound on concurrency holds across them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import (
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from lateen.contracts.identifiers import RESUME, SHARD, SUSPEND
    from lateen.contracts.messages import (
        DeliverShard,
        PlacementOutcome,
        PlannedPlacement,
        ShardResult,
    )
    from lateen.delivery.gathering import stop_if_cancelled
    from lateen.delivery.placing import Batch, deliver_all
    from lateen.delivery.suspension import Suspension, read_word

SHARD_SIZE = 200
"""Up to this many placements a step runs them itself; beyond it, this many a shard."""


_NAMESAKE_PAUSE = timedelta(seconds=2)


def needs_shards(placements: list[PlannedPlacement]) -> bool:
    """Tell whether a step has more placements than one history should hold."""
    return len(placements) > SHARD_SIZE


async def deliver_sharded(
    batch: Batch,
    placements: list[PlannedPlacement],
    *,
    suspension: Suspension,
    report: Callable[[PlacementOutcome], None],
) -> None:
    """Deliver the placements in shards and report each shard's placements when it is done."""
    for number, start in enumerate(range(0, len(placements), SHARD_SIZE), start=1):
        shard = placements[start : start + SHARD_SIZE]
        await suspension.lifted()
        request = DeliverShard(
            application=batch.application,
            hub_uid=batch.hub_uid,
            revision=batch.revision,
            delivery=batch.delivery,
            step=batch.step,
            parallelism=batch.parallelism,
            deadline_seconds=batch.deadline.total_seconds(),
            placements=shard,
        )
        try:
            result = await _deliver(
                request,
                suspension,
                id=f"{workflow.info().workflow_id}/{batch.step}/{number}",
                summary=f"{batch.step}: placements {start + 1} to {start + len(shard)}",
            )
        except ChildWorkflowError as error:
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            for placement in shard:
                report(_lost(placement, str(error.cause or error)))
            continue
        for outcome in result.placements:
            report(outcome)
        stop_if_cancelled()  # A shard that ended just then would swallow it, and the next one begin.


async def _deliver(
    request: DeliverShard,
    suspension: Suspension,
    *,
    id: str,  # noqa: A002
    summary: str,
) -> ShardResult:
    """Run one shard, after its namesake: a run that was terminated leaves one that is still ending."""
    while True:
        try:
            shard = await workflow.start_child_workflow(
                SHARD,
                request,
                id=id,
                result_type=ShardResult,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
                static_summary=summary,
            )
        except WorkflowAlreadyStartedError:
            await workflow.sleep(_NAMESAKE_PAUSE, summary=f"{id} of a run before is still ending")
        else:
            return await _attended(shard, suspension)


async def _attended(
    shard: workflow.ChildWorkflowHandle[Any, ShardResult], suspension: Suspension
) -> ShardResult:
    """Wait for a shard; tell it meanwhile when the run is suspended and when it goes on."""

    async def attend() -> None:
        while True:
            await workflow.wait_condition(lambda: suspension.active)
            await tell(SUSPEND)
            await suspension.lifted()
            await tell(RESUME)

    async def tell(what: str) -> None:
        with contextlib.suppress(FailureError):  # It ended meanwhile; its result says how.
            await shard.signal(what)

    attending = asyncio.ensure_future(attend())
    try:
        return await shard
    finally:
        attending.cancel()


def _lost(placement: PlannedPlacement, message: str) -> PlacementOutcome:
    return PlacementOutcome(
        cluster=placement.cluster,
        namespace=placement.namespace,
        phase="failed",
        message=f"its shard ended early: {message}",
        digest=placement.digest,
    )


@workflow.defn(name=SHARD)
class ShardWorkflow:
    """Delivers one shard of a step's placements and returns how each ended."""

    def __init__(self) -> None:
        self._suspension = Suspension()

    @workflow.run
    async def run(self, payload: Any) -> ShardResult:
        """Deliver every placement of the shard."""
        request = DeliverShard.model_validate(payload)
        outcomes: dict[str, PlacementOutcome] = {}

        def report(outcome: PlacementOutcome) -> None:
            outcomes[f"{outcome.cluster}/{outcome.namespace}"] = outcome

        batch = Batch(
            application=request.application,
            hub_uid=request.hub_uid,
            revision=request.revision,
            delivery=request.delivery,
            step=request.step,
            parallelism=request.parallelism,
            deadline=timedelta(seconds=request.deadline_seconds),
        )
        await deliver_all(batch, request.placements, suspension=self._suspension, report=report)
        return ShardResult(placements=list(outcomes.values()))

    @workflow.signal(name=SUSPEND)
    def suspend(self, payload: Any = None, *_: Any) -> None:
        """Begin no further placement."""
        if not workflow.patched("steering"):
            return
        self._suspension.begin(read_word(payload), at=workflow.now().isoformat())

    @workflow.signal(name=RESUME)
    def resume(self, _payload: Any = None, *_: Any) -> None:
        """Go on."""
        if not workflow.patched("steering"):
            return
        self._suspension.end()

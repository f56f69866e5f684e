"""The workflow ``Drift``: looks whether clusters still have what was delivered, a shard a run.

It repairs nothing itself: it starts the application's own workflow, whose id keeps every other delivery out.
If that runs already there is nothing to do, now or later: a delivery is under way, or waits for somebody.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from lateen.contracts import errors, identifiers
    from lateen.contracts.activities import DeliveryActivities
    from lateen.contracts.drift import (
        CheckDrift,
        DeliveredShard,
        DriftChecked,
        DriftReport,
        DriftRequest,
        ListDelivered,
    )
    from lateen.delivery.gathering import all_of
    from lateen.delivery.recording import failure_of, reason_of
    from lateen.delivery.tallying import added
    from lateen.model.base import Json

SHARD_SIZE = 100
"""Applications that one run looks at; the next run goes on with the next ones."""

MOST_SUBMISSIONS = 20
"""Deliveries that one run asks for: a cluster that lost everything is not repaired all at once."""

_AT_ONCE = 5
_TRIES = RetryPolicy(maximum_attempts=3)
_HEARTBEAT = timedelta(seconds=6)


@workflow.defn(name=identifiers.DRIFT)
class DriftWorkflow:
    """Looks at one application, at those of a namespace, or at all."""

    def __init__(self) -> None:
        self._submissions = 0

    @workflow.run
    async def run(self, payload: Any = None) -> Json:
        """Look, ask for repairs, and say what was found."""
        request = _read(payload)
        shard = await _shard(request)
        reports: dict[str, DriftReport] = {}
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(application: str) -> None:
            async with slots:
                reports[application] = await self._look(request, application, hub_uid=shard.hub_uid)

        await all_of(one(application) for application in shard.applications)
        found = [reports[application] for application in shard.applications]
        summary = added(request.summary, found)
        if shard.after:
            following = request.model_copy(update={"after": shard.after, "summary": summary})
            workflow.continue_as_new(following.to_json())
        return summary.to_json()

    async def _look(self, request: DriftRequest, application: str, *, hub_uid: str) -> DriftReport:
        check = CheckDrift(
            application=application,
            hub_uid=hub_uid,
            repair=request.repair,
            named=bool(request.name),
            may_submit=self._submissions < MOST_SUBMISSIONS,
            actor=request.actor,
        )
        try:
            checked = await _checked(check)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            return DriftReport(application=application, state="unchecked", message=reason_of(error))
        if checked.submission is None:
            return checked.report
        self._submissions += 1
        return await _submitted(checked)


async def _shard(request: DriftRequest) -> DeliveredShard:
    if request.name:
        application = identifiers.workflow_id(request.namespace, request.name)
        return DeliveredShard(hub_uid="", applications=[application])
    asked = ListDelivered(namespace=request.namespace, after=request.after, limit=SHARD_SIZE)
    try:
        return await workflow.execute_activity_method(
            DeliveryActivities.list_delivered,
            asked,
            summary=f"list applications after {request.after}" if request.after else None,
            start_to_close_timeout=timedelta(minutes=1),
            retry_policy=_TRIES,
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise asyncio.CancelledError from error
        raise failure_of(error) from error


async def _checked(check: CheckDrift) -> DriftChecked:
    return await workflow.execute_activity_method(
        DeliveryActivities.check_drift,
        check,
        activity_id=f"check/{check.application}",
        summary=f"check {check.application}",
        start_to_close_timeout=timedelta(minutes=10),
        heartbeat_timeout=_HEARTBEAT,
        retry_policy=_TRIES,
    )


async def _submitted(checked: DriftChecked) -> DriftReport:
    """Start the application's workflow; it goes on by itself when this one has ended."""
    report = checked.report
    try:
        await workflow.start_child_workflow(
            identifiers.APPLICATION,
            args=[checked.submission, {"hubUid": checked.hub_uid}],
            id=report.application,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON,
            static_summary=f"deliver {report.application}",
        )
    except WorkflowAlreadyStartedError:
        message = "a delivery began meanwhile"
        return report.model_copy(update={"state": "busy", "repair": "", "message": message})
    return report


def _read(payload: Any) -> DriftRequest:
    try:
        request = DriftRequest.model_validate(payload or {})
    except ValidationError as error:
        raise _refusal("expected an object with namespace, name, repair and actor") from error
    if request.name and not request.namespace:
        raise _refusal(f"the application {request.name!r} is named without its namespace")
    return request


def _refusal(message: str) -> ApplicationError:
    return ApplicationError(message, type=errors.REFUSED, non_retryable=True)

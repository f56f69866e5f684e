"""The workflow ``Inspection``: how clients ask a worker to read the hub and the clusters for them.

Whoever may start workflows can see status without holding a credential of the hub or of a cluster.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from lateen.contracts import errors, identifiers
    from lateen.contracts.activities import DeliveryActivities
    from lateen.contracts.messages import Inspect
    from lateen.delivery.recording import failure_of
    from lateen.model.base import Json


@workflow.defn(name=identifiers.INSPECTION)
class InspectionWorkflow:
    """Reads once and completes with what it read."""

    @workflow.run
    async def run(self, payload: Any = None) -> Json:
        """Inspect one application or list them."""
        try:
            request = Inspect.model_validate(payload or {})
        except ValidationError as error:
            raise ApplicationError(
                "expected an object with namespace, name and live",
                type=errors.REFUSED,
                non_retryable=True,
            ) from error
        try:
            return await workflow.execute_activity_method(
                DeliveryActivities.inspect,
                request,
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=RetryPolicy(maximum_attempts=2),
            )
        except ActivityError as error:
            raise failure_of(error) from error

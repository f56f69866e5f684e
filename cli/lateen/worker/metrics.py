"""What lateen counts itself, beside the SDK's own metrics: placements, and requests to API servers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.common import MetricMeter
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)
from typing_extensions import override

from lateen.contracts.messages import DeliverPlacement, PruneCluster
from lateen.kube.connection import Observe

PLACEMENTS = "lateen_placements"
DURATION = "lateen_placement_duration"
REQUESTS = "lateen_api_requests"
LATENCY = "lateen_api_request_duration"


class PlacementMetrics(Interceptor):
    """Counts placements by cluster and outcome, and measures how long they took from being asked for.

    Outcomes are ``delivered`` (healthy), ``pruned``, ``failed``, ``cancelled``, and ``retried`` for an
    attempt that failed and is tried again.
    """

    def __init__(self, meter: MetricMeter) -> None:
        self._meter = meter

    @override
    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Counting(next, self._meter)


class _Counting(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, meter: MetricMeter) -> None:  # noqa: A002 - SDK's word
        super().__init__(next)
        self._placements = meter.create_counter(
            PLACEMENTS, "Attempts to deliver to or prune a placement, by outcome."
        )
        self._duration = meter.create_histogram_timedelta(
            DURATION, "From when a placement was asked for until it was healthy.", "duration"
        )

    @override
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        request = input.args[0] if input.args else None
        match request:
            case DeliverPlacement():
                return await self._counted(input, request.placement.cluster, "delivered")
            case PruneCluster():
                return await self._counted(input, request.cluster, "pruned")
            case _:
                return await super().execute_activity(input)

    async def _counted(self, input: ExecuteActivityInput, cluster: str, success: str) -> Any:  # noqa: A002 - SDK's word
        outcome = "retried"
        try:
            result = await super().execute_activity(input)
            outcome = success
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except ApplicationError as error:
            outcome = "failed" if error.non_retryable else "retried"
            raise
        finally:
            attributes = {"cluster": cluster, "outcome": outcome}
            self._placements.add(1, attributes)
            if outcome == success:
                taken = datetime.now(UTC) - activity.info().scheduled_time
                self._duration.record(max(taken, timedelta()), attributes)
        return result


def request_metrics(meter: MetricMeter) -> Observe:
    """Return what counts and measures each request to an API server; code 0 is no answer."""
    requests = meter.create_counter(REQUESTS, "Requests to API servers, by cluster, verb and code.")
    latency = meter.create_histogram_timedelta(
        LATENCY, "Until an API server began to answer.", "duration"
    )

    def observe(cluster: str, verb: str, status: int, seconds: float) -> None:
        attributes = {"cluster": cluster, "verb": verb}
        requests.add(1, {**attributes, "code": status})
        latency.record(timedelta(seconds=seconds), attributes)

    return observe

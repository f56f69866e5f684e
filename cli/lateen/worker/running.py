"""The composition root: the only place that builds the hub connection, the activities and the worker."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import MetricMeter, VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import PollerBehaviorAutoscaling, Worker, WorkerDeploymentConfig

from lateen.activities.implementation import KubernetesActivities
from lateen.activities.rooms import DeliverySettings, Rooms
from lateen.client.encryption import encrypts
from lateen.contracts import search_attributes
from lateen.contracts.messages import RunOptions
from lateen.delivery.application import ApplicationWorkflow
from lateen.delivery.drifting import DriftWorkflow
from lateen.delivery.inspection import InspectionWorkflow
from lateen.delivery.sharding import ShardWorkflow
from lateen.hub.clusters import ClusterRegistry, dial_member
from lateen.hub.installing import check
from lateen.kube.cluster import Cluster
from lateen.kube.connection import Connection
from lateen.kube.credentials import hub_credentials
from lateen.model.labels import LOCAL
from lateen.rendering.plugins import installed
from lateen.worker.health import Check, health_served
from lateen.worker.metrics import PlacementMetrics, request_metrics
from lateen.worker.settings import WorkerSettings

WORKFLOWS = [ApplicationWorkflow, ShardWorkflow, InspectionWorkflow, DriftWorkflow]

_LOG = logging.getLogger("lateen.worker")

_STICKY = timedelta(seconds=5)
"""After a worker was killed its cached runs wait this long before another one takes them over.

Shorter, and a worker that is merely busy loses its cache: every run is replayed then.
"""


async def run_worker(
    client: Client,
    settings: WorkerSettings,
    *,
    stop: asyncio.Event,
    meter: MetricMeter = MetricMeter.noop,
) -> None:
    """Run a worker until ``stop`` is set, then let running activities end."""
    async with (
        connected_rooms(client, settings, meter=meter) as rooms,
        _health(client, rooms, settings),
        build_worker(client, rooms, settings, meter=meter),
    ):
        started = {"task_queue": settings.task_queue, "build_id": settings.build_id or None}
        _LOG.info("worker started", extra={k: v for k, v in started.items() if v})
        await stop.wait()
        _LOG.info("worker stopping", extra={"task_queue": settings.task_queue})


@asynccontextmanager
async def _health(client: Client, rooms: Rooms, settings: WorkerSettings) -> AsyncGenerator[None]:
    if settings.health_address is None:
        yield
        return
    checks: dict[str, Check] = {
        "temporal": client.service_client.check_health,
        "hub": rooms.hub.connection.version,
    }
    async with health_served(*settings.health_address, checks):
        yield


@asynccontextmanager
async def connected_rooms(
    client: Client, settings: WorkerSettings, *, meter: MetricMeter = MetricMeter.noop
) -> AsyncGenerator[Rooms]:
    """Connect to the hub, see what is missing there and in Temporal, and build what activities need."""
    observe = None if meter is MetricMeter.noop else request_metrics(meter)
    credentials = hub_credentials(settings.hub_kubeconfig)
    async with Cluster(Connection(LOCAL, credentials, observe=observe)) as hub:
        for missing in await check(hub, namespace=settings.registry_namespace):
            _LOG.warning("the hub is not ready", extra={"missing": missing})
        has_attributes = await _has_search_attributes(client)
        if not has_attributes:
            _LOG.warning(
                "search attributes are not registered; run `lateen install --temporal`, then restart"
            )
        registry = ClusterRegistry(
            hub,
            settings.registry_namespace,
            allow_insecure=settings.allow_insecure,
            allowed_exec=settings.allowed_exec,
            dial=functools.partial(dial_member, observe=observe),
        )
        options = RunOptions(
            deadline_seconds=settings.deadline_seconds,
            require_attributed_approvals=settings.require_attributed_approvals,
            search_attributes=has_attributes,
        )
        encrypted = encrypts(client.data_converter)
        delivery = DeliverySettings(
            options=options,
            allow_cross_namespace=settings.allow_cross_namespace,
            allow_foreign_references=settings.allow_foreign_references,
            allow_inline_secrets=settings.allow_inline_secrets or encrypted,
            allowed_urls=settings.allowed_urls,
            drift=settings.drift,
        )
        try:
            yield Rooms(hub=hub, clusters=registry, types=installed(), settings=delivery)
        finally:
            await registry.close()


def build_worker(
    client: Client,
    rooms: Rooms,
    settings: WorkerSettings,
    *,
    meter: MetricMeter = MetricMeter.noop,
) -> Worker:
    """Build the worker: lateen's workflows and activities on one task queue."""
    activities = KubernetesActivities(rooms)
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        activities=activities_of(activities),
        max_concurrent_activities=settings.max_concurrent_activities,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(initial=2, maximum=20),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(initial=2, maximum=20),
        sticky_queue_schedule_to_start_timeout=_STICKY,
        graceful_shutdown_timeout=timedelta(seconds=settings.graceful_shutdown_seconds),
        max_heartbeat_throttle_interval=timedelta(seconds=1),
        default_heartbeat_throttle_interval=timedelta(seconds=1),
        deployment_config=_deployment(settings),
        interceptors=[] if meter is MetricMeter.noop else [PlacementMetrics(meter)],
    )


def activities_of(activities: KubernetesActivities) -> list[Callable[..., Any]]:
    """Return what a worker registers."""
    return [
        activities.open_delivery,
        activities.vet_submission,
        activities.plan_step,
        activities.deliver_placement,
        activities.record_events,
        activities.prune_cluster,
        activities.close_delivery,
        activities.open_deletion,
        activities.inspect,
        activities.list_delivered,
        activities.check_drift,
    ]


def _deployment(settings: WorkerSettings) -> WorkerDeploymentConfig | None:
    if not settings.build_id:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(
            deployment_name=settings.deployment, build_id=settings.build_id
        ),
        use_worker_versioning=True,
        # A run may wait for days: it goes on with the newest build, which replays what older ones began.
        default_versioning_behavior=(
            VersioningBehavior.PINNED if settings.pinned else VersioningBehavior.AUTO_UPGRADE
        ),
    )


async def _has_search_attributes(client: Client) -> bool:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    try:
        answer = await client.operator_service.list_search_attributes(request)
    except RPCError:
        return False  # Not everybody may ask; without knowing, an upsert could wedge every run.
    return all(name in answer.custom_attributes for name, _ in search_attributes.ALL)

"""Counting the requests that a delivery makes: a worker whose connections count."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client
from typing_extensions import override

from lateen.activities.rooms import DeliverySettings, Rooms
from lateen.contracts.messages import RunOptions
from lateen.hub.clusters import ClusterRegistry
from lateen.kube.access import Credentials
from lateen.kube.cluster import Cluster
from lateen.kube.connection import Answer, Connection, Guard
from lateen.kube.credentials import hub_credentials
from lateen.kube.errors import Target
from lateen.model.base import Json
from lateen.model.labels import LOCAL
from lateen.model.objects import ObjectRef
from lateen.rendering.registry import builtin
from lateen.worker.running import build_worker
from lateen.worker.settings import WorkerSettings

QUEUE = "bench-counted"

Tally = Counter[str]
"""Requests by what they are for: ``hub``, ``members``."""


class CountingConnection(Connection):
    """A connection that counts its requests; a watch counts once."""

    def __init__(self, cluster: str, credentials: Credentials, tally: Tally) -> None:
        super().__init__(cluster, credentials)
        self._tally = tally
        self._room = "hub" if cluster == LOCAL else "members"

    @override
    async def send(
        self,
        verb: str,
        target: Target,
        *,
        params: Mapping[str, str] | None = None,
        body: Json | list[Json] | None = None,
        content_type: str | None = None,
        timeout: float | None = None,
        guard: Guard | None = None,
    ) -> Answer:
        self._tally[self._room] += 1
        return await super().send(
            verb,
            target,
            params=params,
            body=body,
            content_type=content_type,
            timeout=timeout,
            guard=guard,
        )

    @override
    def stream(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        timeout: float | None = None,
        ref: ObjectRef | None = None,
    ) -> AsyncGenerator[Json]:
        self._tally[self._room] += 1
        return super().stream(path, params=params, timeout=timeout, ref=ref)


@asynccontextmanager
async def counted_worker(client: Client, hub_kubeconfig: Path) -> AsyncIterator[Tally]:
    """Run a worker on a queue of its own inside this process, and count what it asks."""
    tally: Tally = Counter()
    credentials = hub_credentials(hub_kubeconfig)
    async with Cluster(CountingConnection(LOCAL, credentials, tally)) as hub:
        registry = ClusterRegistry(
            hub, dial=lambda name, found: Cluster(CountingConnection(name, found, tally))
        )
        settings = DeliverySettings(options=RunOptions(search_attributes=True))
        rooms = Rooms(hub=hub, clusters=registry, types=builtin(), settings=settings)
        try:
            async with build_worker(client, rooms, WorkerSettings(task_queue=QUEUE)):
                yield tally
        finally:
            await registry.close()

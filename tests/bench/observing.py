"""When objects appeared, became ready and went: watches that were open before anything began."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Self

from bench.applications import NAMESPACE
from lateen.kube.cluster import Cluster
from lateen.model.base import Json

_DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
_SERVICES = f"/api/v1/namespaces/{NAMESPACE}/services"
_OPEN = 3600.0
_PATIENCE = 120.0

Key = tuple[str, str]
"""A cluster, and the name of an object in it."""


class Observer:
    """Watches Deployments and Services of clusters; all runs, ours and bare, are timed by it."""

    def __init__(self, clusters: Sequence[Cluster]) -> None:
        self._clusters = clusters
        self._appeared: dict[str, float] = {}
        self._ready: defaultdict[Key, asyncio.Event] = defaultdict(asyncio.Event)
        self._gone: defaultdict[Key, asyncio.Event] = defaultdict(asyncio.Event)
        self._exits = AsyncExitStack()
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._exits.enter_async_context(self._group)
        for cluster in self._clusters:
            for path in (_DEPLOYMENTS, _SERVICES):
                listed = await cluster.connection.request("GET", path, params={"limit": "1"})
                version = listed["metadata"]["resourceVersion"]
                self._tasks.append(self._group.create_task(self._watch(cluster, path, version)))
        return self

    async def __aexit__(self, *raised: object) -> None:
        for task in self._tasks:
            task.cancel()
        await self._exits.aclose()

    def appeared(self, name: str) -> float:
        """Return when the first object of a name was seen in any cluster (``perf_counter``)."""
        return self._appeared[name]

    async def until_ready(self, clusters: Sequence[str], name: str) -> None:
        """Wait until a Deployment is ready in each cluster."""
        async with asyncio.timeout(_PATIENCE):
            for cluster in clusters:
                await self._ready[cluster, name].wait()

    async def until_gone(self, clusters: Sequence[str], name: str) -> None:
        """Wait until a Deployment is gone from each cluster."""
        async with asyncio.timeout(_PATIENCE):
            for cluster in clusters:
                await self._gone[cluster, name].wait()

    async def _watch(self, cluster: Cluster, path: str, version: str) -> None:
        """Watch for ever: a server ends the watch of who falls behind, and it goes on from there."""
        while True:
            params = {"watch": "true", "resourceVersion": version, "timeoutSeconds": f"{_OPEN:.0f}"}
            events = cluster.connection.stream(path, params=params, timeout=_OPEN + 10)
            async with aclosing(events):
                async for event in events:
                    if event["type"] == "ERROR":
                        raise RuntimeError(f"watch of {path} in {cluster.name}: {event['object']}")
                    self._see(cluster.name, event, deployments=path == _DEPLOYMENTS)
                    version = event["object"]["metadata"]["resourceVersion"]

    def _see(self, cluster: str, event: Json, *, deployments: bool) -> None:
        live = event["object"]
        name = live["metadata"]["name"]
        self._appeared.setdefault(name, time.perf_counter())
        if not deployments:
            return
        if event["type"] == "DELETED":
            self._gone[cluster, name].set()
        elif is_ready(live):
            self._ready[cluster, name].set()


def is_ready(deployment: Json) -> bool:
    """Say whether a Deployment's newest template has all its replicas ready."""
    status = deployment.get("status") or {}
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return False
    replicas: int = deployment["spec"]["replicas"]
    return {status.get("updatedReplicas"), status.get("readyReplicas")} == {replicas}

"""What is measured on: a stack, a worker process, and a client that knows nothing of lateen's types."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psutil
from temporalio.client import Client, WorkflowHandle

from bench.applications import NAMESPACE, TARGETS, application, unique
from bench.bare import BareLoop
from bench.observing import Observer
from lateen.cli.registering import register_search_attributes
from lateen.contracts.identifiers import APPLICATION, TASK_QUEUE
from lateen.kube.cluster import Cluster
from lateen.kube.connection import Connection
from lateen.kube.credentials import hub_credentials
from lateen.local.preparing import prepare
from lateen.local.stack import Stack
from lateen.model.base import Json
from support.processes import WorkerProcess

_PATIENCE = 300.0

_GROUPS = {"temporal": "Temporal", "kube-apiserver": "API servers", "etcd": "etcd"}
_OTHERS = "controllers, nodes"
OURS, CALLER = "worker", "caller"


@dataclass
class Stand:
    """Everything that a measurement needs, up and warm."""

    stack: Stack
    client: Client
    observer: Observer
    bare: BareLoop
    worker: WorkerProcess

    async def start(
        self, name: str, *arguments: Any, queue: str = TASK_QUEUE
    ) -> WorkflowHandle[Any, Any]:
        """Start a run of an application with plain data."""
        return await self.client.start_workflow(
            APPLICATION, args=list(arguments), id=f"{NAMESPACE}/{name}", task_queue=queue
        )

    async def deliver(self, application: Json, *, queue: str = TASK_QUEUE) -> Json:
        """Deliver an application; raises when the run fails."""
        handle = await self.start(application["metadata"]["name"], application, queue=queue)
        return await result_of(handle)

    async def delete(self, name: str, *, queue: str = TASK_QUEUE) -> Json:
        """Delete an application from everywhere."""
        handle = await self.start(name, None, {"intent": "delete"}, queue=queue)
        return await result_of(handle)

    def cpu(self) -> dict[str, float]:
        """Return the CPU seconds that each group of processes has used up to now."""
        used = dict.fromkeys((OURS, CALLER, *_GROUPS.values(), _OTHERS), 0.0)
        for group, process in self._processes():
            times = process.cpu_times()
            used[group] += times.user + times.system
        return used

    async def settle(self) -> None:
        """Wait until controllers have cleaned up: little CPU is used, or half a minute is over."""
        for _ in range(30):
            before = sum(self.cpu().values())
            await asyncio.sleep(1)
            if sum(self.cpu().values()) - before < 0.35:
                return

    def _processes(self) -> list[tuple[str, psutil.Process]]:
        home = str(self.stack.state_dir)
        found = [(OURS, psutil.Process(self.worker.pid)), (CALLER, psutil.Process())]
        known = {self.worker.pid, os.getpid()}
        for process in psutil.process_iter(["cmdline", "name"]):
            words = process.info["cmdline"] or []
            if process.pid not in known and any(home in word for word in words):
                found.append((_GROUPS.get(process.info["name"], _OTHERS), process))
        return found


@asynccontextmanager
async def stand(stack: Stack) -> AsyncIterator[Stand]:
    """Prepare a running stack, start a worker, and deliver once so that everything is warm."""
    os.environ.update(stack.environment())
    await prepare(stack)
    await register_search_attributes()
    async with AsyncExitStack() as exits:
        clusters = {
            name: await exits.enter_async_context(_cluster(stack, name)) for name in TARGETS
        }
        observer = await exits.enter_async_context(Observer(list(clusters.values())))
        worker = WorkerProcess(stack, stack.state_dir / "bench-worker.log")
        exits.callback(worker.stop)
        client = await Client.connect(stack.temporal_address)
        at = Stand(stack, client, observer, BareLoop(clusters, observer), worker)
        for _ in range(2):
            name = unique("warm")
            await at.deliver(application(name))
            await at.delete(name)
        yield at


async def result_of(handle: WorkflowHandle[Any, Any]) -> Json:
    """Wait for a run's result."""
    result: Json = await asyncio.wait_for(handle.result(), _PATIENCE)
    return result


def _cluster(stack: Stack, name: str) -> Cluster:
    return Cluster(Connection(name, hub_credentials(stack.kubeconfig(name))))

"""A prepared stack with a worker, for tests that deliver to real clusters through real processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from lateen.client.workers import has_worker
from lateen.local.simulating import SIMULATE, SIMULATE_DELAY
from lateen.local.stack import Stack
from support.api import Api, eventually
from support.processes import WorkerProcess

Json = dict[str, Any]

BEIJING, HANGZHOU_1, HANGZHOU_2 = "cluster-beijing", "cluster-hangzhou-1", "cluster-hangzhou-2"
QUEUE = "lateen"


@dataclass
class Platform:
    """The stack, and the plain Temporal client that knows nothing of lateen's types."""

    stack: Stack
    logs: Path
    hub_kubeconfig: Path
    """The worker's own, with the rights that ship."""
    worker: WorkerProcess | None = None
    _apis: dict[str, Api] = field(default_factory=dict)

    def start_worker(self, *options: str) -> WorkerProcess:
        """Start the worker that delivers; one at a time unless a test starts its own."""
        self.worker = self._worker("worker.log", *options)
        return self.worker

    async def worker_polls(self) -> None:
        """Wait until the worker takes tasks: on a busy machine it needs some seconds to begin."""
        client = await self.client()
        async with asyncio.timeout(60):
            while not await has_worker(client, QUEUE):
                pass  # It looks for a moment before it says no.

    def another_worker(self, *options: str) -> WorkerProcess:
        """Start a second worker, which the test must stop."""
        return self._worker(f"{uuid.uuid4().hex[:6]}.log", *options)

    def _worker(self, log: str, *options: str) -> WorkerProcess:
        hub = ("--hub-kubeconfig", str(self.hub_kubeconfig))
        return WorkerProcess(self.stack, self.logs / log, *hub, *options)

    def lateen(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the real command line against the stack, as a person would."""
        return subprocess.run(
            [sys.executable, "-m", "lateen.cli", *arguments],
            env={**os.environ, **self.stack.environment()},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    async def client(self) -> Client:
        """Connect with the SDK's own defaults, as any program would."""
        return await Client.connect(self.stack.temporal_address)

    def api(self, cluster: str) -> Api:
        """Look at a cluster past lateen."""
        if cluster not in self._apis:
            self._apis[cluster] = Api(self.stack.kubeconfig(cluster))
        return self._apis[cluster]

    def until_controllers_work(self, cluster: str) -> None:
        """Wait until a change is seen: after a start, controllers take some seconds to come back."""
        path = "/apis/apps/v1/namespaces/examples/deployments"
        name = unique("seen")
        labels = {"seen": name}
        container = {"name": "seen", "image": "nginx"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        self.api(cluster).post(
            path,
            {
                "metadata": {"name": name},
                "spec": {"selector": {"matchLabels": labels}, "template": template},
            },
        )

        def ready() -> bool:
            return bool(
                self.api(cluster).get(f"{path}/{name}").get("status", {}).get("readyReplicas")
            )

        eventually(ready, expected=True, timeout=90)
        self.api(cluster).delete(f"{path}/{name}")

    def deployment(self, cluster: str, name: str, *, namespace: str = "examples") -> Json | None:
        """Return a Deployment, or None."""
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        items = self.api(cluster).get(path)["items"]
        return next((item for item in items if item["metadata"]["name"] == name), None)

    def deployments(self, cluster: str, application: str) -> list[Json]:
        """Return the Deployments that an application has in a cluster."""
        path = "/apis/apps/v1/namespaces/examples/deployments"
        selector = f"?labelSelector=app.oam.dev/name={application}"
        items: list[Json] = self.api(cluster).get(path + selector)["items"]
        return items

    def audit(self, name: str) -> Json:
        """Return what the hub recorded of an application."""
        path = f"/apis/lateen.dev/v1alpha1/namespaces/examples/audits/{name}"
        spec: Json = self.api("local").get(path)["spec"]
        return spec

    def inventories(self, name: str) -> dict[str, list[str]]:
        """Return the names of the objects that an application has, by cluster."""
        selector = f"labelSelector=app.oam.dev/name={name}"
        path = f"/apis/lateen.dev/v1alpha1/namespaces/examples/inventories?{selector}"
        return {
            item["spec"]["cluster"]: sorted(
                f"{entry['kind']}/{entry['name']}" for entry in item["spec"].get("entries", [])
            )
            for item in self.api("local").get(path)["items"]
        }

    def label(self, cluster: str, key: str, value: str | None) -> None:
        """Set or remove a label of a cluster's registration."""
        path = f"/api/v1/namespaces/vela-system/secrets/{cluster}"
        self.api("local").patch(path, {"metadata": {"labels": {key: value}}})

    async def start(
        self, application: Json | str, carry: Json | None = None
    ) -> WorkflowHandle[Any, Any]:
        """Start a run with plain data, as a program in any language does."""
        if isinstance(application, str):
            workflow_id, content = f"examples/{application}", None
        else:
            workflow_id, content = identity(application), application
        arguments = [content, *([carry] if carry else [])]
        client = await self.client()
        return await client.start_workflow(
            "Application", args=arguments, id=workflow_id, task_queue=QUEUE
        )

    async def deliver(self, application: Json | str, carry: Json | None = None) -> Json:
        """Run to the end and return the result."""
        handle = await self.start(application, carry)
        result: Json = await asyncio.wait_for(handle.result(), 90)
        return result

    async def failure(self, application: Json | str, carry: Json | None = None) -> ApplicationError:
        """Run to the end, which must be a failure, and return its error."""
        handle = await self.start(application, carry)
        return await failure_of(handle)

    async def delete(self, *names: str) -> None:
        """Delete applications, so that tests leave nothing behind."""
        await asyncio.gather(*(self.deliver(name, {"intent": "delete"}) for name in names))


async def failure_of(handle: WorkflowHandle[Any, Any]) -> ApplicationError:
    """Wait for a run that must fail and return its error."""
    with pytest.raises(WorkflowFailureError) as caught:
        await asyncio.wait_for(handle.result(), 90)
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError), cause
    return cause


async def state_when(
    handle: WorkflowHandle[Any, Any], expected: Callable[[Json], bool], *, within: float = 30
) -> Json:
    """Ask a run for its state until it is as expected."""
    state: Json = {}
    try:
        async with asyncio.timeout(within):
            while not expected(state):
                await asyncio.sleep(0.05)
                state = await handle.query("state")
    except TimeoutError:
        raise AssertionError(f"the run never got there: {state}") from None
    return state


def placements(state: Json) -> dict[str, str]:
    """Return the phase of each placement, by cluster."""
    return {
        placement["cluster"]: placement["phase"]
        for step in state.get("steps", [])
        for placement in step.get("placements", [])
    }


def identity(application: Json) -> str:
    """Return the workflow id of an application."""
    metadata = application["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"


def unique(prefix: str) -> str:
    """Return a name of a test's own."""
    return f"{prefix}-{uuid.uuid4().hex[:6]}"


def application(
    name: str,
    *,
    clusters: list[str] | None = None,
    topology: Json | None = None,
    image: str = "nginx",
    simulate: str = "",
    delay: str = "",
    steps: list[Json] | None = None,
    **properties: Any,
) -> Json:
    """Build an application of one webservice."""
    pod: Json = {"image": image, **properties}
    if simulate:
        pod["labels"] = {SIMULATE: simulate}
    if delay:
        pod["annotations"] = {SIMULATE_DELAY: delay}
    where = topology if topology is not None else {"clusters": clusters or [BEIJING]}
    spec: Json = {
        "components": [{"name": name, "type": "webservice", "properties": pod}],
        "policies": [{"name": "where", "type": "topology", "properties": where}],
    }
    if steps is not None:
        spec["workflow"] = {"steps": steps}
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "examples"},
        "spec": spec,
    }


def deploy(name: str = "deploy", *, auto: bool = True, **step: Any) -> Json:
    """Build a deploy step that uses the application's topology."""
    return {
        "name": name,
        "type": "deploy",
        "properties": {"policies": ["where"], "auto": auto},
        **step,
    }

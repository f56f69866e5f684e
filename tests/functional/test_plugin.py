"""lateen inside somebody's own Temporal worker."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

from lateen.client import Lateen
from lateen.worker.plugin import LateenPlugin
from lateen.worker.settings import WorkerSettings
from support.platforms import BEIJING, Platform, application, unique


@workflow.defn(name="Own", sandboxed=False)
class Own:
    """What the worker does besides."""

    @workflow.run
    async def run(self, name: str) -> str:
        """Greet."""
        return f"hello {name}"


async def test_own_worker_delivers_besides(platform: Platform) -> None:
    """One worker, one task queue: an application and a workflow of one's own."""
    name = queue = unique("hosted")
    plugin = LateenPlugin(WorkerSettings(hub_kubeconfig=platform.hub_kubeconfig))
    client = await Client.connect(platform.stack.temporal_address, plugins=[plugin])
    async with Worker(client, task_queue=queue, workflows=[Own]):
        lateen = Lateen(client, task_queue=queue)
        wanted = application(name, clusters=[BEIJING])
        outcome = await lateen.wait(await lateen.apply(wanted, actor="ci"), timeout=60)
        outcome.raise_unless_ok()
        greeting = await client.execute_workflow(Own.run, "you", id=queue, task_queue=queue)
        assert greeting == "hello you"
        await asyncio.wait_for(lateen.wait(await lateen.delete("examples", name)), 60)
    assert platform.deployment(BEIJING, name) is None

"""lateen with Temporal's own server on PostgreSQL, and two workers: what breaks is finished by what is left.

Temporal, its database and a worker are killed as a power cut would. Nothing is lost, nothing is done twice.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, field

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from lateen.cli.registering import register_search_attributes
from lateen.local.preparing import prepare
from support.api import eventually
from support.platforms import (
    BEIJING,
    HANGZHOU_1,
    Json,
    Platform,
    application,
    deploy,
    placements,
    state_when,
    unique,
)
from support.postgres import Postgres, find_programs
from support.processes import WorkerProcess, torn_down
from support.rights import restrict
from support.temporal_on_postgres import SERVER, PostgresStack

pytestmark = pytest.mark.timeout(1800)  # The first time Temporal's server is built.

CLUSTERS = [BEIJING, HANGZHOU_1]
DEADLINE = ("--deadline", "90s")


@dataclass
class Pair:
    """Two workers, and the stack that they work for."""

    platform: Platform
    stack: PostgresStack
    workers: list[WorkerProcess] = field(default_factory=list[WorkerProcess])

    def complete(self) -> None:
        """Start workers until there are two."""
        self.workers = [worker for worker in self.workers if worker.running]
        while len(self.workers) < 2:
            self.workers.append(self.platform.another_worker(*DEADLINE))

    def kill_all(self) -> None:
        """End both as a power cut would."""
        for worker in self.workers:
            worker.kill()

    async def kill_busy(self, handle: WorkflowHandle[object, object]) -> WorkerProcess:
        """Kill the worker that delivers a placement now; return it."""
        for _ in range(200):
            description = await handle.describe()
            for each in description.raw_description.pending_activities:
                if each.activity_type.name == "deliver_placement" and each.last_worker_identity:
                    pid = int(each.last_worker_identity.partition("@")[0])
                    busy = next(worker for worker in self.workers if worker.pid == pid)
                    busy.kill()
                    return busy
            await asyncio.sleep(0.02)
        raise AssertionError("no worker ever delivered a placement")


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Generator[Pair]:
    """A hub and two clusters, Temporal on PostgreSQL, and two workers with the rights that ship."""
    programs = find_programs()
    if programs is None:
        pytest.skip("needs PostgreSQL (Debian: postgresql)")
    state = tmp_path_factory.mktemp("stack")
    database = Postgres(programs)
    try:
        stack = PostgresStack(state, database=database)
        stack.toolbox.find(SERVER)
        with torn_down(stack):
            stack.up(CLUSTERS)
            yield from _workers(stack, tmp_path_factory)
    finally:
        database.remove()


def _workers(stack: PostgresStack, paths: pytest.TempPathFactory) -> Generator[Pair]:
    hub_kubeconfig = paths.mktemp("hub") / "kubeconfig"

    async def make_ready() -> None:
        await prepare(stack)
        await register_search_attributes()
        hub_kubeconfig.write_text(json.dumps(await restrict(stack)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEMPORAL_ADDRESS", stack.temporal_address)
        asyncio.run(make_ready())
    platform = Platform(stack, paths.mktemp("logs"), hub_kubeconfig=hub_kubeconfig)
    ready = Pair(platform, stack)
    try:
        ready.complete()
        asyncio.run(platform.worker_polls())
        yield ready
    finally:
        for worker in ready.workers:
            worker.stop()


@pytest.fixture
async def name(pair: Pair) -> AsyncGenerator[str]:
    """The name of a test's application, delivered by two workers; deleted at the end."""
    pair.complete()
    chosen = unique("postgres")
    yield chosen
    pair.complete()
    await pair.platform.delete(chosen)


async def delivered(pair: Pair, name: str, *, within: float = 90) -> Json:
    """Wait for the result, asking anew when Temporal was away."""
    async with asyncio.timeout(within):
        while True:
            try:
                client = await pair.platform.client()
                result: Json = await client.get_workflow_handle(f"examples/{name}").result()
            except (RPCError, RuntimeError):
                await asyncio.sleep(0.5)
            else:
                return result


async def until_listed(pair: Pair, query: str, *statuses: WorkflowExecutionStatus) -> None:
    """Wait until exactly these runs are found: lists hear of an end a moment later."""
    client = await pair.platform.client()
    found: list[WorkflowExecutionStatus | None] = []
    for _ in range(100):
        found = [run.status async for run in client.list_workflows(query)]
        if found == list(statuses):
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"{query} finds {found}")


async def assert_delivered_once(pair: Pair, name: str, *components: str) -> None:
    """One run, completed; each object there and written once; one end in the audit."""
    platform = pair.platform
    await until_listed(pair, f"WorkflowId = 'examples/{name}'", WorkflowExecutionStatus.COMPLETED)
    wanted = sorted([name, *components])
    for cluster in CLUSTERS:
        items = platform.deployments(cluster, name)
        assert sorted(item["metadata"]["name"] for item in items) == wanted
        assert {item["metadata"]["generation"] for item in items} == {1}, "written twice"
        assert {item["metadata"]["labels"]["app.oam.dev/appRevision"] for item in items} == {
            f"{name}-v1"
        }
    assert platform.inventories(name) == {
        cluster: [f"Deployment/{each}" for each in wanted] for cluster in CLUSTERS
    }
    audit = platform.audit(name)
    assert (audit["phase"], audit["latestDelivery"]) == ("delivered", 1)
    ends = [event for event in audit["events"] if event["type"] == "delivered"]
    assert len(ends) == 1


def test_there_are_two_workers_and_no_other_database(pair: Pair) -> None:
    assert len({worker.pid for worker in pair.workers}) == 2
    assert "temporal-server" in " ".join(_command_line(pair))
    assert not list(pair.stack.state_dir.glob("*.db*")), "the dev server's own database"


def _command_line(pair: Pair) -> list[str]:
    process = pair.stack.server.process()
    assert process is not None
    return process.cmdline()


async def test_a_worker_killed_in_the_middle_of_an_apply(pair: Pair, name: str) -> None:
    wanted = application(name, clusters=CLUSTERS)
    more = [f"{name}-{i}" for i in range(30)]
    wanted["spec"]["components"] += [
        {"name": each, "type": "webservice", "properties": {"image": "nginx"}} for each in more
    ]
    handle = await pair.platform.start(wanted)
    for _ in range(2000):
        if pair.platform.deployments(BEIJING, name) or pair.platform.deployments(HANGZHOU_1, name):
            break
        await asyncio.sleep(0.005)
    await pair.kill_busy(handle)
    assert (await delivered(pair, name))["phase"] == "delivered"
    await assert_delivered_once(pair, name, *more)


async def test_a_worker_killed_in_the_middle_of_a_health_wait(pair: Pair, name: str) -> None:
    slow = application(name, clusters=CLUSTERS, simulate="slow", delay="6s")
    handle = await pair.platform.start(slow)
    await state_when(handle, lambda state: "delivering" in placements(state).values())
    eventually(lambda: pair.platform.deployment(BEIJING, name) is not None, expected=True)
    await pair.kill_busy(handle)
    assert (await delivered(pair, name))["phase"] == "delivered"
    await assert_delivered_once(pair, name)


async def test_an_approval_survives_a_restart_of_the_server(pair: Pair, name: str) -> None:
    gate = [deploy("gate", auto=False)]
    handle = await pair.platform.start(application(name, clusters=CLUSTERS, steps=gate))
    before = await state_when(handle, lambda state: bool(state.get("waiting")))
    pair.stack.server.kill()
    await asyncio.to_thread(pair.stack.start_temporal)
    await pair.platform.worker_polls()
    client = await pair.platform.client()
    handle = client.get_workflow_handle(f"examples/{name}")
    after = await state_when(handle, lambda state: bool(state.get("waiting")))
    assert after["waiting"] == before["waiting"], "the same step, since then, for the same plan"
    approved = pair.platform.lateen("approve", name, "-n", "examples", "--actor", "alice")
    assert approved.returncode == 0, approved.stderr
    assert (await delivered(pair, name))["phase"] == "delivered"
    await assert_delivered_once(pair, name)


async def test_an_approval_given_while_no_worker_runs_survives_a_restart_of_everything(
    pair: Pair, name: str
) -> None:
    gate = [deploy("gate", auto=False)]
    handle = await pair.platform.start(application(name, clusters=CLUSTERS, steps=gate))
    await state_when(handle, lambda state: bool(state.get("waiting")))
    pair.kill_all()
    await handle.signal("approve", {"actor": "alice", "reason": "looks good"})
    pair.stack.server.kill()
    pair.stack.database.crash()
    await asyncio.to_thread(pair.stack.start_temporal)
    pair.complete()
    assert (await delivered(pair, name))["phase"] == "delivered"
    await assert_delivered_once(pair, name)
    decided = [e for e in pair.platform.audit(name)["events"] if e["type"] == "approved"]
    assert [(event["actor"], event["reason"]) for event in decided] == [("alice", "looks good")]


async def test_postgres_crashes_in_the_middle_of_a_delivery(pair: Pair, name: str) -> None:
    slow = application(name, clusters=CLUSTERS, simulate="slow", delay="5s")
    handle = await pair.platform.start(slow)
    await state_when(handle, lambda state: "delivering" in placements(state).values())
    pair.stack.database.crash()
    await asyncio.sleep(3)
    await asyncio.to_thread(pair.stack.database.start)
    assert (await delivered(pair, name))["phase"] == "delivered"
    await assert_delivered_once(pair, name)


async def test_runs_are_found_by_what_lateen_tells_of_them(pair: Pair, name: str) -> None:
    """The search attributes are columns of PostgreSQL here."""
    result = await pair.platform.deliver(application(name, clusters=CLUSTERS))
    assert result["phase"] == "delivered"
    query = f"WorkflowId = 'examples/{name}' AND LateenPhase = 'delivered'"
    await until_listed(pair, query, WorkflowExecutionStatus.COMPLETED)
    listed = pair.platform.lateen("ls", "-n", "examples", "-o", "json")
    assert [row["phase"] for row in json.loads(listed.stdout) if row["name"] == name] == [
        "delivered"
    ]

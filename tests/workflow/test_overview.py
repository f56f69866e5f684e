"""What waits and what moves, as the client lists it: by how many questions, and without a worker."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from lateen.client import Lateen, overview, pending
from lateen.client.results import DeliveryRow
from lateen.contracts import errors
from lateen.contracts.messages import Inspect, PruneTarget, RunOptions
from lateen.model.base import Json
from support.activities import failing
from support.applications import application, deploy, suspend
from support.temporal import Bench, result_of

GATED = [deploy("ship", "t", auto=False)]


@pytest.fixture
def lateen(bench: Bench) -> Lateen:
    return Lateen(bench.client, task_queue=bench.task_queue)


@pytest.fixture
def namespace() -> str:
    """A namespace of the test's own: other tests leave runs behind."""
    return f"ns-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which runs were asked for their state, in order."""
    asked: list[str] = []
    for module in (overview, pending):
        original: Callable[..., Any] = module.query_state

        async def counted(client: Any, run: str, *, original: Any = original, **more: Any) -> Any:
            asked.append(run)
            return await original(client, run, **more)

        monkeypatch.setattr(module, "query_state", counted)
    return asked


async def start(bench: Bench, namespace: str, name: str, **more: Any) -> Any:
    """Start a delivery of an application in a namespace."""
    content = application(name, **{"topologies": {"t": ["a", "b"]}, **more})
    content["metadata"]["namespace"] = namespace
    bench.name = name
    return await bench.client.start_workflow(
        "Application", content, id=f"{namespace}/{name}", task_queue=bench.task_queue
    )


async def until(bench: Bench, handle: Any, holds: Callable[[Json], Any]) -> None:
    own = bench.client.get_workflow_handle(handle.id)
    found: Json = {}
    for _ in range(500):
        found = await own.query("state")
        if holds(found):
            return
    raise AssertionError(found)


async def seen(look: Callable[[], Any], holds: Callable[[Any], Any]) -> Any:
    """Look until it is as expected: Temporal's listings come a moment later than what they list."""
    found = await look()
    for _ in range(100):
        if holds(found):
            break
        await asyncio.sleep(0.1)
        found = await look()
    assert holds(found), found
    return found


def phases(*expected: str) -> Callable[[Any], bool]:
    return lambda found: sorted(row.phase for row in found.deliveries) == sorted(expected)


def rows_of(found: list[DeliveryRow]) -> dict[str, tuple[str, str]]:
    return {row.name: (row.phase, row.step) for row in found}


class TestApprovals:
    async def test_what_waits_is_listed_with_its_plan(
        self, bench: Bench, lateen: Lateen, namespace: str
    ) -> None:
        bench.fakes.would_prune = [PruneTarget(cluster="c", objects=["Deployment default/old"])]
        run = await start(bench, namespace, "web", steps=GATED)
        await until(bench, run, lambda state: state["waiting"])
        found = await seen(
            lambda: lateen.approvals(namespace, forecast=False), lambda found: found.approvals
        )
        (waiting,) = found.approvals
        assert (waiting.application, waiting.step, waiting.type) == (
            f"{namespace}/web",
            "ship",
            "deploy",
        )
        assert (waiting.run, waiting.revision) == (run.result_run_id, "v1")
        assert waiting.plan
        assert waiting.since
        assert waiting.clusters == ["a", "b"]
        assert waiting.prune[0].objects == ["Deployment default/old"]
        assert waiting.forecast is None
        await lateen.approve(namespace, "web", run=waiting.run, plan=waiting.plan)
        assert (await result_of(run))["phase"] == "delivered"
        await seen(lambda: lateen.approvals(namespace), lambda found: not found.approvals)

    async def test_who_submitted_is_told(
        self, bench: Bench, lateen: Lateen, namespace: str
    ) -> None:
        content = application("web", topologies={"t": ["a"]}, steps=GATED)
        content["metadata"]["namespace"] = namespace
        submitted = await lateen.apply(content, actor="mia")
        await lateen.wait(submitted, stop_at_approval=True)
        found = await seen(
            lambda: lateen.approvals(namespace, "web", forecast=False),
            lambda found: found.approvals,
        )
        (waiting,) = found.approvals
        assert waiting.actor == "mia"
        await lateen.reject(namespace, "web")

    async def test_only_runs_that_wait_are_asked(
        self, bench: Bench, lateen: Lateen, namespace: str, questions: list[str]
    ) -> None:
        bench.fakes.options = RunOptions(search_attributes=True)
        bench.fakes.hold(f"b/{namespace}")
        waiting = await start(bench, namespace, "waits", steps=[suspend("look")])
        busy = await start(bench, namespace, "works")
        await until(bench, waiting, lambda state: state["waiting"])
        await bench.fakes.begun(f"b/{namespace}")
        await seen(lambda: lateen.approvals(namespace), lambda found: found.approvals)
        await asyncio.sleep(0.5)  # Until Temporal lists that the other one has begun to work.
        questions.clear()
        found = await lateen.approvals(namespace, forecast=False)
        assert [each.name for each in found.approvals] == ["waits"]
        assert questions == [f"{namespace}/waits"]
        bench.fakes.release(f"b/{namespace}")
        await bench.client.get_workflow_handle(waiting.id).signal("approve")
        await result_of(busy)

    async def test_few_get_a_forecast_and_many_on_request(
        self, bench: Bench, lateen: Lateen, namespace: str
    ) -> None:
        runs = [
            await start(bench, namespace, f"app-{number}", steps=GATED)
            for number in range(pending.FEW + 1)
        ]
        for run in runs:
            await until(bench, run, lambda state: state["waiting"])
        await seen(
            lambda: lateen.approvals(namespace, forecast=False),
            lambda found: len(found.approvals) == len(runs),
        )
        assert len((await lateen.approvals(namespace)).approvals) == len(runs)
        assert bench.fakes.called("inspect") == []
        (one,) = (await lateen.approvals(namespace, "app-0")).approvals
        assert one.note == "the worker does not foretell plans"
        asked: list[Inspect] = bench.fakes.called("inspect")
        assert [(each.name, each.plan, each.live) for each in asked] == [("app-0", ["ship"], False)]
        await lateen.approvals(namespace, forecast=True)
        assert len(bench.fakes.called("inspect")) == len(runs) + 1
        for run in runs:
            await bench.client.get_workflow_handle(run.id).terminate()

    async def test_without_a_worker_what_temporal_knows_is_told(
        self, idle: Bench, namespace: str
    ) -> None:
        idle.fakes.options = RunOptions(search_attributes=True)
        async with idle.worker():
            run = await start(idle, namespace, "web", steps=GATED)
            await until(idle, run, lambda state: state["waiting"])
        alone = Lateen(idle.client, task_queue=idle.task_queue)
        found = await seen(lambda: alone.approvals(namespace), lambda found: found.approvals)
        (waiting,) = found.approvals
        assert (waiting.step, waiting.revision, waiting.run) == ("ship", "v1", "")
        assert "no worker answers" in waiting.note
        assert found.note == "no worker answers"
        await idle.client.get_workflow_handle(run.id).terminate()


class TestOverview:
    async def test_deliveries_are_followed_to_their_end(
        self, bench: Bench, lateen: Lateen, namespace: str
    ) -> None:
        bench.fakes.options = RunOptions(search_attributes=True)
        bench.fakes.hold(f"b/{namespace}")
        reader = lateen.overview(namespace)
        assert (await reader.refresh()).deliveries == []
        run = await start(bench, namespace, "web", steps=[*GATED, deploy("rest", "t")])
        await until(bench, run, lambda state: state["waiting"])
        (row,) = (await seen(reader.refresh, phases("waiting"))).deliveries
        assert (row.phase, row.step, row.done, row.total, row.open) == (
            "waiting",
            "ship",
            0,
            2,
            True,
        )
        assert row.clusters == {"a": "waiting", "b": "waiting"}
        assert [each.step for each in row.waiting] == ["ship"]
        await bench.client.get_workflow_handle(run.id).signal("approve")
        await bench.fakes.begun(f"b/{namespace}")
        await until(
            bench, run, lambda state: state["steps"][0]["placements"][0]["phase"] == "delivered"
        )
        (row,) = (await seen(reader.refresh, phases("delivering"))).deliveries
        assert (row.phase, row.done, row.total) == ("delivering", 1, 2)
        assert row.clusters == {"a": "delivered", "b": "delivering"}
        bench.fakes.release(f"b/{namespace}")
        await result_of(run)
        (row,) = (await seen(reader.refresh, lambda seen: not seen.deliveries[0].open)).deliveries
        assert (row.phase, row.open, row.done, row.total) == ("delivered", False, 4, 4)
        assert row.clusters == {"a": "delivered", "b": "delivered"}

    async def test_one_that_waits_is_not_asked_again(
        self, bench: Bench, lateen: Lateen, namespace: str, questions: list[str]
    ) -> None:
        bench.fakes.options = RunOptions(search_attributes=True)
        runs = [await start(bench, namespace, f"app-{n}", steps=GATED) for n in range(5)]
        for run in runs:
            await until(bench, run, lambda state: state["waiting"])
        reader = lateen.overview(namespace)
        everything = {f"app-{n}": ("waiting", "ship") for n in range(5)}
        await seen(reader.refresh, lambda seen: rows_of(seen.deliveries) == everything)
        await asyncio.sleep(0.5)  # Until what they wait for is listed too.
        await reader.refresh()
        asked = len(questions)
        found = [await reader.refresh() for _ in range(4)]
        assert rows_of(found[-1].deliveries) == everything
        assert len(questions) == asked
        await bench.client.get_workflow_handle(runs[0].id).signal("reject", "no")
        for run in runs[1:]:
            await bench.client.get_workflow_handle(run.id).terminate()

    async def test_ends_of_all_kinds(self, bench: Bench, lateen: Lateen, namespace: str) -> None:
        reader = lateen.overview(namespace)
        await reader.refresh()
        bench.fakes.failures[f"b/{namespace}"] = [failing(errors.UNHEALTHY, "0 of 1 ready")]
        failed = await start(bench, namespace, "fails")
        rejected = await start(bench, namespace, "rejected", steps=GATED)
        stopped = await start(bench, namespace, "stopped", steps=GATED)
        for run in (rejected, stopped):
            await until(bench, run, lambda state: state["waiting"])
        await reader.refresh()
        await bench.client.get_workflow_handle(rejected.id).signal("reject", "no")
        await bench.client.get_workflow_handle(stopped.id).terminate("by hand")
        for run in (failed, rejected):
            await until_closed(run)
        now = await seen(reader.refresh, phases("failed", "rejected", "terminated"))
        now = await seen(reader.refresh, lambda seen: not any(row.open for row in seen.deliveries))
        found = {row.name: row for row in now.deliveries}
        assert (found["fails"].phase, found["fails"].clusters) == (
            "failed",
            {"a": "delivered", "b": "failed"},
        )
        assert "0 of 1 ready" in found["fails"].message
        assert found["rejected"].phase == "rejected"
        assert found["stopped"].phase == "terminated"
        assert found["stopped"].clusters == {"a": "waiting", "b": "waiting"}

    async def test_what_nobody_answers_for_is_told(self, idle: Bench, namespace: str) -> None:
        run = await start(idle, namespace, "web")
        reader = Lateen(idle.client, task_queue=idle.task_queue).overview(namespace)
        found = await seen(reader.refresh, lambda found: found.deliveries)
        (row,) = found.deliveries
        assert (row.phase, row.open) == ("delivering", True)
        assert "no worker" in found.note
        await idle.client.get_workflow_handle(run.id).terminate()


async def until_closed(run: Any) -> None:
    try:
        await result_of(run)
    except Exception:  # noqa: BLE001 - however it ends
        return

"""Steering deliveries on real clusters by the command line: what is done is not done again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from lateen.cli import codes
from support.forgetting import forget
from support.platforms import (
    BEIJING,
    HANGZHOU_1,
    HANGZHOU_2,
    Platform,
    application,
    deploy,
    placements,
    state_when,
    unique,
)

Json = dict[str, Any]
OTHERS = [HANGZHOU_1, HANGZHOU_2]
ALL = [*OTHERS, BEIJING]


@pytest.fixture
async def name(platform: Platform) -> AsyncIterator[str]:
    """A name of the test's own; its application is deleted afterwards, whatever is still open."""
    own = unique("steer")
    yield own
    client = await platform.client()
    handle = client.get_workflow_handle(f"examples/{own}")
    try:
        described = await handle.describe()
        if described.status == WorkflowExecutionStatus.RUNNING:
            await handle.terminate("the test is over")
    except RPCError:
        pass  # Nothing was ever started, or Temporal was made to forget it.
    await platform.delete(own)


def lateen(platform: Platform, verb: str, name: str, *more: str, code: int = 0) -> str:
    """Run ``lateen workflow`` and return what it printed as its result."""
    done = platform.lateen("workflow", verb, name, "-n", "examples", *more)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout if code != codes.ERROR else done.stderr


def written(platform: Platform, cluster: str, name: str) -> tuple[str, str]:
    """Return what changes when somebody writes a Deployment, or its controller does."""
    found = platform.deployment(cluster, name)
    assert found is not None
    return found["metadata"]["uid"], found["metadata"]["resourceVersion"]


async def settled(platform: Platform, name: str) -> dict[str, tuple[str, str]]:
    """Return what the other clusters have, once controllers leave it alone."""
    seen: dict[str, tuple[str, str]] = {}
    while True:
        now = {cluster: written(platform, cluster, name) for cluster in OTHERS}
        if now == seen:
            return now
        seen = now
        await asyncio.sleep(0.5)


def events(platform: Platform, name: str, *types: str) -> list[Json]:
    return [event for event in platform.audit(name)["events"] if event["type"] in types]


async def failed_in_beijing(platform: Platform, name: str, app: Json) -> None:
    """Deliver while a cluster is down, then bring it up."""
    await asyncio.to_thread(platform.stack.stop_cluster, BEIJING)
    try:
        failure = await platform.failure(app)
        assert BEIJING in failure.message
    finally:
        await asyncio.to_thread(platform.stack.start_cluster, BEIJING)
    await asyncio.to_thread(platform.until_controllers_work, BEIJING)


class TestResume:
    async def test_delivers_only_the_placement_that_failed(
        self, platform: Platform, name: str
    ) -> None:
        app = application(name, clusters=ALL, steps=[deploy(auto=False)])
        run = await platform.start(app)
        await state_when(run, lambda s: bool(s.get("waiting")))
        await asyncio.to_thread(platform.stack.stop_cluster, BEIJING)
        try:
            await run.signal("approve", {"actor": "mia"})
            with pytest.raises(Exception, match="failed"):
                await run.result()
        finally:
            await asyncio.to_thread(platform.stack.start_cluster, BEIJING)
        await asyncio.to_thread(platform.until_controllers_work, BEIJING)
        before = await settled(platform, name)
        said = lateen(platform, "resume", name, "--actor", "ben")
        assert said == f"examples/{name}: delivered {name}-v1 to 3 placements\n"
        assert {cluster: written(platform, cluster, name) for cluster in OTHERS} == before
        assert platform.deployment(BEIJING, name) is not None
        audit = platform.audit(name)
        assert (audit["phase"], audit["latestDelivery"]) == ("delivered", 2)
        assert audit["delivery"]["continues"] == 1
        (step,) = audit["delivery"]["steps"]
        assert step["decision"]["actor"] == "mia", "the approval was for the very same plan"
        messages = {p["cluster"]: p["message"] for p in step["placements"]}
        assert messages == {**dict.fromkeys(OTHERS, "in delivery 1"), BEIJING: ""}
        assert [e["actor"] for e in events(platform, name, "submitted")] == ["", "ben"]
        again = lateen(platform, "resume", name, code=codes.ERROR)
        assert "delivery 2 succeeded, nothing is left to resume" in again
        status = platform.lateen("up", name, "-n", "examples")
        assert status.returncode == codes.UNCHANGED, status.stdout + status.stderr

    async def test_goes_on_with_a_run_that_temporal_has_forgotten(
        self, platform: Platform, name: str
    ) -> None:
        """It was terminated, so the hub has no record of its end, only the clusters know."""
        steps = [deploy("first", auto=False), deploy("second", auto=False)]
        app = application(name, clusters=ALL, steps=steps)
        run = await platform.start(app)
        await state_when(run, lambda s: bool(s.get("waiting")))
        await asyncio.to_thread(platform.stack.stop_cluster, BEIJING)
        try:
            await run.signal("approve", {"actor": "mia"})
            await state_when(
                run, lambda s: [placements(s).get(c) for c in OTHERS] == ["delivered"] * 2
            )
            await run.terminate(reason="from the UI")
        finally:
            await asyncio.to_thread(platform.stack.start_cluster, BEIJING)
        await forget(await platform.client(), name)
        await asyncio.to_thread(platform.until_controllers_work, BEIJING)
        before = await settled(platform, name)
        lateen(platform, "resume", name, code=codes.WAITING)
        client = await platform.client()
        handle = client.get_workflow_handle(f"examples/{name}")
        state = await handle.query("state")
        assert {w["step"] for w in state["waiting"]} == {"second"}, "the first was approved"
        assert placements({"steps": state["steps"][:1]}) == dict.fromkeys(ALL, "delivered")
        assert {cluster: written(platform, cluster, name) for cluster in OTHERS} == before
        assert "approved by" in lateen(platform, "resume", name, "--actor", "ben", "-m", "ok")
        await handle.result()
        assert {cluster: written(platform, cluster, name) for cluster in OTHERS} == before
        assert platform.audit(name)["phase"] == "delivered"

    async def test_of_nothing_is_a_clear_error(self, platform: Platform) -> None:
        said = lateen(platform, "resume", "nobody", code=codes.ERROR)
        assert said == "Error: nothing is recorded of application examples/nobody; submit it\n"


class TestRestart:
    async def test_writes_nothing_that_is_live_and_asks_again(
        self, platform: Platform, name: str
    ) -> None:
        steps = [deploy("first"), deploy("second", auto=False)]
        run = await platform.start(application(name, clusters=ALL, steps=steps))
        await state_when(run, lambda s: bool(s.get("waiting")))
        await run.signal("approve", {"actor": "mia"})
        await run.result()
        before = {c: written(platform, c, name) for c in ALL}
        wrong = lateen(platform, "restart", name, "--step", "secnd", code=codes.ERROR)
        assert "has no such step" in wrong
        assert "did you mean 'second'?" in wrong
        lateen(platform, "restart", name, "--step", "second", code=codes.WAITING)
        lateen(platform, "restart", name, "--step", "second", "--no-wait")
        client = await platform.client()
        handle = client.get_workflow_handle(f"examples/{name}")
        state = await state_when(handle, lambda s: bool(s.get("waiting") and s["previous"]))
        assert state["steps"][0]["message"] == "in delivery 2"
        lateen(platform, "resume", name)
        await handle.result()
        assert {c: written(platform, c, name) for c in ALL} == before
        assert platform.audit(name)["latestDelivery"] == 3
        listed = json.loads(lateen(platform, "list", name, "-o", "json"))
        assert [(row["delivery"], row["phase"]) for row in listed] == [
            (3, "delivered"),
            (2, "superseded"),
            (1, "delivered"),
        ]


class TestSuspendAndTerminate:
    async def test_a_suspended_delivery_can_be_ended_and_taken_up_again(
        self, platform: Platform, name: str
    ) -> None:
        steps = [deploy("first"), deploy("second", auto=False)]
        run = await platform.start(application(name, clusters=OTHERS, steps=steps))
        await state_when(run, lambda s: bool(s.get("waiting")))
        said = lateen(platform, "suspend", name, "--actor", "mia", "-m", "hold on")
        assert said == f"examples/{name}: suspended by mia: hold on\n"
        lateen(platform, "suspend", name)
        status = platform.lateen("status", name, "-n", "examples").stdout
        assert "Status:       suspended" in status
        assert "Suspended:    by mia: hold on, since 20" in status
        listed = platform.lateen("ls", "-n", "examples").stdout
        assert [" suspended " in line for line in listed.splitlines() if name in line] == [True]
        assert "approved" in lateen(platform, "resume", name, "--step", "second")
        await asyncio.sleep(0.5)
        assert (await run.describe()).status == WorkflowExecutionStatus.RUNNING
        said = lateen(platform, "terminate", name, "--actor", "zoe", "-m", "wrong day")
        assert said == (f"examples/{name}: cancelled by zoe: wrong day; what is delivered stays\n")
        (ended,) = events(platform, name, "cancelled")
        assert (ended["actor"], ended["reason"]) == ("zoe", "wrong day")
        (suspended,) = events(platform, name, "suspended")
        assert (suspended["actor"], suspended["reason"]) == ("mia", "hold on")
        said = lateen(platform, "terminate", name, code=codes.ERROR)
        assert said == f"Error: examples/{name}: no delivery is open\n"
        lateen(platform, "resume", name)
        assert platform.audit(name)["phase"] == "delivered"
        told = lateen(platform, "logs", name)
        assert "resume" in told.splitlines()[0]
        assert "first done: in delivery 1" in told
        assert f"second: {HANGZHOU_1}/examples delivered" in told
        status = platform.lateen("status", name, "-n", "examples").stdout
        assert "cancelled by zoe: wrong day (delivery 1)" in status

    async def test_force_needs_no_worker(self, platform: Platform, name: str) -> None:
        run = await platform.start(application(name, clusters=OTHERS, steps=[deploy(auto=False)]))
        await state_when(run, lambda s: bool(s.get("waiting")))
        said = lateen(platform, "terminate", name, "--force", "--actor", "zoe")
        assert said == f"examples/{name}: terminated by zoe; what is delivered stays\n"
        described = await run.describe()
        assert described.status == WorkflowExecutionStatus.TERMINATED


async def test_logs_tell_why_something_is_tried_again(platform: Platform, name: str) -> None:
    await asyncio.to_thread(platform.stack.stop_cluster, BEIJING)
    try:
        run = await platform.start(application(name, clusters=[BEIJING]))
        await asyncio.sleep(3)
        told = lateen(platform, "logs", name, "--step", "deploy-where", "-o", "json")
        assert [json.loads(line)["type"] for line in told.splitlines()] == ["delivering"]
        assert f"{BEIJING}/examples retrying (attempt" in lateen(platform, "logs", name)
        following = asyncio.create_task(asyncio.to_thread(lateen, platform, "logs", name, "-f"))
        with pytest.raises(Exception, match="failed"):
            await run.result()
        followed = (await following).splitlines()
        assert any("retrying" in line for line in followed)
        assert " failed: " in followed[-1]
    finally:
        await asyncio.to_thread(platform.stack.start_cluster, BEIJING)
    await asyncio.to_thread(platform.until_controllers_work, BEIJING)
    await forget(await platform.client(), name)
    told = lateen(platform, "logs", name)
    assert f"deploy-where: {BEIJING}/examples failed" in told
    await platform.start(application(name, clusters=OTHERS))

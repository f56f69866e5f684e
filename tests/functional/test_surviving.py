"""What breaks on purpose: workers, Temporal, targets, the hub. Nothing is lost, nothing is done twice.

After each fault the clusters hold exactly the desired objects and the run finished once.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator

import pytest
from temporalio.client import WorkflowExecutionStatus

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


@pytest.fixture
async def name(platform: Platform) -> AsyncGenerator[str]:
    """The name of a test's application; deleted at the end, by whatever worker runs then."""
    chosen = unique("survive")
    yield chosen
    await platform.delete(chosen)


def replace_worker(platform: Platform, *options: str) -> None:
    """Kill the worker as a power cut would, and start another one."""
    assert platform.worker is not None
    platform.worker.kill()
    platform.start_worker("--deadline", "60s", *options)


async def assert_delivered_once(platform: Platform, name: str, *clusters: str) -> None:
    """One run, completed; the right objects, in the right clusters, recorded as such."""
    client = await platform.client()
    runs = [run async for run in client.list_workflows(f"WorkflowId = 'examples/{name}'")]
    assert [run.status for run in runs] == [WorkflowExecutionStatus.COMPLETED]
    for cluster in (BEIJING, HANGZHOU_1):
        there = platform.deployment(cluster, name)
        assert (there is not None) == (cluster in clusters)
        if there is not None:
            assert there["status"]["readyReplicas"] == 1
            assert there["metadata"]["labels"]["app.oam.dev/appRevision"] == f"{name}-v1"
    assert platform.inventories(name) == {cluster: [f"Deployment/{name}"] for cluster in clusters}
    audit = platform.audit(name)
    assert (audit["phase"], audit["latestDelivery"]) == ("delivered", 1)
    ends = [event for event in audit["events"] if event["type"] == "delivered"]
    assert len(ends) == 1


async def test_worker_killed_in_the_middle_of_an_apply(platform: Platform, name: str) -> None:
    """Stopped between recording the inventory and writing the objects, then killed there."""
    wanted = application(name, clusters=[BEIJING, HANGZHOU_1])
    wanted["spec"]["components"] += [
        {"name": f"{name}-{i}", "type": "webservice", "properties": {"image": "nginx"}}
        for i in range(30)
    ]
    handle = await platform.start(wanted)
    await state_when(handle, lambda state: "delivering" in placements(state).values())
    replace_worker(platform)
    result = await asyncio.wait_for(handle.result(), 60)
    assert result["phase"] == "delivered"
    for cluster in (BEIJING, HANGZHOU_1):
        assert len(platform.inventories(name)[cluster]) == 31
        for i in range(30):
            assert platform.deployment(cluster, f"{name}-{i}") is not None
    assert platform.audit(name)["latestDelivery"] == 1


async def test_worker_killed_in_the_middle_of_a_health_wait(platform: Platform, name: str) -> None:
    slow = application(name, simulate="slow", delay="6s")
    handle = await platform.start(slow)
    await state_when(handle, lambda state: "delivering" in placements(state).values())
    await asyncio.sleep(1.5)
    replace_worker(platform)
    await asyncio.wait_for(handle.result(), 60)
    await assert_delivered_once(platform, name, BEIJING)


async def test_worker_killed_while_an_approval_waits_and_approved_without_one(
    platform: Platform, name: str
) -> None:
    handle = await platform.start(application(name, steps=[deploy("gate", auto=False)]))
    await state_when(handle, lambda state: bool(state.get("waiting")))
    assert platform.worker is not None
    platform.worker.kill()
    await handle.signal("approve", {"actor": "alice"})
    platform.start_worker("--deadline", "60s")
    await asyncio.wait_for(handle.result(), 60)
    await assert_delivered_once(platform, name, BEIJING)
    approved = [event for event in platform.audit(name)["events"] if event["type"] == "approved"]
    assert [event["actor"] for event in approved] == ["alice"]


async def test_temporal_stopped_and_started_on_its_file(platform: Platform, name: str) -> None:
    handle = await platform.start(application(name, simulate="slow", delay="5s"))
    await state_when(handle, lambda state: "delivering" in placements(state).values())
    await asyncio.to_thread(platform.stack.restart_temporal)
    client = await platform.client()
    result = await asyncio.wait_for(client.get_workflow_handle(f"examples/{name}").result(), 60)
    assert result["phase"] == "delivered"
    await assert_delivered_once(platform, name, BEIJING)


async def test_target_cluster_stopped_and_started(platform: Platform, name: str) -> None:
    """The other cluster is not kept waiting, and the one that was away gets what it is owed."""
    await asyncio.to_thread(platform.stack.stop_cluster, BEIJING)
    try:
        replace_worker(platform)
        handle = await platform.start(application(name, clusters=[BEIJING, HANGZHOU_1]))
        state = await state_when(
            handle, lambda state: placements(state).get(HANGZHOU_1) == "delivered"
        )
        assert placements(state)[BEIJING] == "delivering"
    finally:
        await asyncio.to_thread(platform.stack.start_cluster, BEIJING)
    result = await asyncio.wait_for(handle.result(), 80)
    assert result["phase"] == "delivered"
    await assert_delivered_once(platform, name, BEIJING, HANGZHOU_1)


async def test_target_cluster_away_during_a_deletion(platform: Platform, name: str) -> None:
    """The deletion stays open and says which cluster is owed; giving it up ends it."""
    await platform.deliver(application(name, clusters=[BEIJING, HANGZHOU_1]))
    await asyncio.to_thread(platform.stack.stop_cluster, BEIJING)
    try:
        handle = await platform.start(name, {"intent": "delete"})
        state = await state_when(
            handle, lambda state: "deleted" in state.get("clusters", {}).get(HANGZHOU_1, "")
        )
        assert state["clusters"][BEIJING] == "deleting"
        assert platform.deployment(HANGZHOU_1, name) is None
        await handle.execute_update("submit", {"intent": "delete", "abandon": [BEIJING]})
        result = await asyncio.wait_for(handle.result(), 30)
        assert result["clusters"][BEIJING] == "abandoned"
        assert platform.inventories(name) == {}
    finally:
        await asyncio.to_thread(platform.stack.start_cluster, BEIJING)
    assert platform.deployment(BEIJING, name) is not None, "given up for good: left as it is"
    platform.api(BEIJING).delete(f"/apis/apps/v1/namespaces/examples/deployments/{name}")


async def test_hub_api_server_restarted(platform: Platform, name: str) -> None:
    handle = await platform.start(application(name, simulate="slow", delay="5s"))
    await state_when(handle, lambda state: "delivering" in placements(state).values())
    await asyncio.to_thread(platform.stack.restart_api_server)
    result = await asyncio.wait_for(handle.result(), 60)
    assert result["phase"] == "delivered"
    await assert_delivered_once(platform, name, BEIJING)


async def test_a_late_attempt_of_an_old_delivery_writes_nothing(
    platform: Platform, name: str
) -> None:
    """An old attempt is held, a newer delivery goes through elsewhere, then the old one is let go."""
    assert platform.worker is not None
    old = platform.worker
    handle = await platform.start(
        application(name, image="nginx:old", simulate="slow", delay="20s")
    )
    await state_when(handle, lambda state: "delivering" in placements(state).values())
    old.signal(signal.SIGSTOP)
    try:
        platform.start_worker("--deadline", "60s")
        client = await platform.client()
        await client.get_workflow_handle(f"examples/{name}").signal(
            "submit", application(name, image="nginx:new")
        )
        latest = client.get_workflow_handle(f"examples/{name}")
        result = await asyncio.wait_for(latest.result(), 60)
        assert result["phase"] == "delivered"
        before = newest(platform, name)
        old.signal(signal.SIGCONT)
        await asyncio.sleep(3)
    finally:
        old.stop()
    assert newest(platform, name) == before
    assert platform.audit(name)["phase"] == "delivered"


def newest(platform: Platform, name: str) -> Json:
    """What the cluster has: image, revision and resource version."""
    there = platform.deployment(BEIJING, name)
    assert there is not None
    image = there["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == "nginx:new"
    return {"image": image, "version": there["metadata"]["resourceVersion"]}

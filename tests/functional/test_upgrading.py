"""Upgrading workers: an approval that waits outlives the build that asked for it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from temporalio.client import WorkflowHandle

from lateen.client import Lateen
from support.platforms import BEIJING, Json, Platform, application, deploy, state_when, unique


@pytest.fixture
def deployment() -> str:
    """A worker deployment of the test's own, which is also its task queue."""
    return unique("upgrade")


@contextmanager
def build(platform: Platform, deployment: str, build_id: str, *more: str) -> Iterator[None]:
    """Run a worker of a build, until the end of the block."""
    options = ("--task-queue", deployment, "--deployment", deployment, "--build-id", build_id)
    worker = platform.another_worker(*options, *more)
    try:
        yield
    finally:
        worker.stop()


def promote(platform: Platform, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lateen.cli", "worker", "promote", *arguments],
        env={**os.environ, **platform.stack.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def promoted(platform: Platform, deployment: str, build_id: str) -> str:
    """Promote a build as soon as its worker polls, and return what was said."""
    async with asyncio.timeout(60):
        while True:
            done = await asyncio.to_thread(
                promote, platform, "--build-id", build_id, "--deployment", deployment
            )
            if done.returncode == 0:
                return done.stdout
            assert "worker with" in done.stderr, done.stderr
            await asyncio.sleep(0.5)


def gated(name: str) -> Json:
    return application(name, clusters=[BEIJING], steps=[deploy(auto=False)])


async def waiting(platform: Platform, deployment: str, name: str) -> WorkflowHandle[object, object]:
    """Start a delivery in the deployment's task queue that waits for an approval."""
    client = await platform.client()
    handle = await client.start_workflow(
        "Application", args=[gated(name)], id=f"examples/{name}", task_queue=deployment
    )
    await state_when(handle, lambda state: bool(state.get("waiting")), within=60)
    return handle


async def builds_of(platform: Platform, name: str) -> list[str]:
    """Return the builds that completed workflow tasks of the latest run, in order."""
    client = await platform.client()
    history = await client.get_workflow_handle(f"examples/{name}").fetch_history()
    seen: list[str] = []
    for event in history.events:
        done = event.workflow_task_completed_event_attributes
        found = done.deployment_version.build_id
        if found and found not in seen[-1:]:
            seen.append(found)
    return seen


async def test_a_waiting_approval_goes_on_with_the_new_build(
    platform: Platform, deployment: str
) -> None:
    """The old worker is gone when the approval comes: the promoted build finishes what the old one began."""
    name = unique("upgraded")
    with build(platform, deployment, "one"):
        assert "is current now" in await promoted(platform, deployment, "one")
        handle = await waiting(platform, deployment, name)
    with build(platform, deployment, "two"):
        said = await promoted(platform, deployment, "two")
        assert f"Build two of {deployment} is current now, instead of one." in said
        assert "is current already" in await promoted(platform, deployment, "two")
        await handle.signal("approve", "fine")
        result = await asyncio.wait_for(handle.result(), 60)
        assert isinstance(result, dict)
        assert result["phase"] == "delivered"
        assert await builds_of(platform, name) == ["one", "two"]
        async with Lateen.connect(
            target_host=platform.stack.temporal_address, task_queue=deployment
        ) as lateen:
            await lateen.wait(await lateen.delete("examples", name), timeout=60)


async def test_a_pinned_run_stays_with_its_build(platform: Platform, deployment: str) -> None:
    """With --pinned it waits for its own build, also when another one is current."""
    name = unique("pinned")
    with build(platform, deployment, "one", "--pinned"):
        await promoted(platform, deployment, "one")
        handle = await waiting(platform, deployment, name)
        with build(platform, deployment, "two", "--pinned"):
            await promoted(platform, deployment, "two")
            await handle.signal("approve", "fine")
            result = await asyncio.wait_for(handle.result(), 60)
            assert isinstance(result, dict)
            assert result["phase"] == "delivered"
            assert await builds_of(platform, name) == ["one"]
            async with Lateen.connect(
                target_host=platform.stack.temporal_address, task_queue=deployment
            ) as lateen:
                await lateen.wait(await lateen.delete("examples", name), timeout=60)
            assert await builds_of(platform, name) == ["two"]


def test_promoting_what_nobody_runs_is_refused(platform: Platform, deployment: str) -> None:
    done = promote(platform, "--build-id", "nine", "--deployment", deployment)
    assert done.returncode == 1
    assert f"there is no worker deployment '{deployment}'" in done.stderr
    assert "Traceback" not in done.stderr
    misplaced = subprocess.run(
        [sys.executable, "-m", "lateen.cli", "worker", "--build-id", "x", "promote"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert misplaced.returncode == 2
    assert "--build-id is for running a worker" in misplaced.stderr

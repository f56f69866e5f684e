"""Seeing what runs, what waits and what moves: real clusters, a terminal, pipes, a cluster that is down."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lateen.cli import codes
from support.platforms import (
    BEIJING,
    HANGZHOU_1,
    HANGZHOU_2,
    Platform,
    application,
    deploy,
    state_when,
    unique,
)
from support.terminals import Terminal

COMMAND = [sys.executable, "-m", "lateen.cli"]
EVERYWHERE = ["local", BEIJING, HANGZHOU_1, HANGZHOU_2]
Json = dict[str, Any]


def wait_for(holds: Callable[[], bool], *, within: float = 60) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@dataclass
class Seeing:
    """The command, as people run it."""

    platform: Platform

    def env(self, **more: str) -> dict[str, str]:
        stack = self.platform.stack.environment()
        return {**os.environ, **stack, "LATEEN_NAMESPACE": "examples", **more}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        found = subprocess.run(
            [*COMMAND, *arguments],
            env=self.env(),
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert "Traceback" not in found.stderr, found.stderr
        return found

    def json(self, *arguments: str) -> Any:
        found = self.run(*arguments, "-o", "json")
        assert found.returncode == 0, found.stderr
        return json.loads(found.stdout)

    def until(self, name: str, phase: str) -> None:
        """Wait until an application is in a phase."""
        wait_for(lambda: self.json("status", name)["phase"] == phase)

    def reject(self, name: str) -> None:
        """Reject what waits, and wait for the end of the run."""
        assert self.run("reject", name).returncode == 0
        self.until(name, "rejected")

    def terminal(self, *arguments: str, columns: int = 80, lines: int = 24) -> Terminal:
        return Terminal(
            [*COMMAND, *arguments], self.env(), columns=columns, lines=lines, controlling=True
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it with its output in a pipe, and Ctrl-C as from a terminal."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(
                [*COMMAND, *arguments],
                env=self.env(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        finally:
            signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def seeing(platform: Platform) -> Seeing:
    return Seeing(platform)


@pytest.fixture(scope="module")
def delivered(platform: Platform) -> Iterator[str]:
    """An application with a Service in two clusters."""
    name = unique("seen")
    wanted = application(name, clusters=[BEIJING, HANGZHOU_1])
    expose = {"type": "expose", "properties": {"port": [80], "type": "NodePort"}}
    wanted["spec"]["components"][0]["traits"] = [expose]
    asyncio.run(platform.deliver(wanted))
    yield name
    asyncio.run(platform.delete(name))


def test_a_tree_of_steps_placements_components_and_objects(seeing: Seeing, delivered: str) -> None:
    found = seeing.run("status", delivered, "--tree")
    assert (found.returncode, found.stderr) == (0, "")
    lines = [line.rstrip() for line in found.stdout.splitlines()]
    assert lines[0] == f"examples/{delivered}  delivered, {delivered}-v1"
    assert lines[1] == "└── deploy-where (where)  succeeded"
    assert lines[2] == f"    ├── {BEIJING}/examples  delivered"
    assert lines[3] == f"    │   └── {delivered}"
    assert f"    │       ├── ✅ Service {delivered} (expose)" in lines
    assert f"    │       └── ✅ Deployment {delivered}  Ready:1/1" in lines
    assert f"    └── {HANGZHOU_1}/examples  delivered" in lines


def test_pods_and_endpoints_of_all_clusters(seeing: Seeing, delivered: str) -> None:
    found = seeing.run("status", delivered, "--pod", "--endpoint")
    assert (found.returncode, found.stderr) == (0, "")
    pods, endpoints = found.stdout.split("\n\n")
    rows = [line.split() for line in pods.splitlines()]
    assert rows[0][:5] == ["CLUSTER", "NAMESPACE", "COMPONENT", "POD", "PHASE"]
    assert [(row[0], row[1], row[2], row[4], row[5], row[6]) for row in rows[1:]] == [
        (cluster, "examples", delivered, "Running", "1/1", "0") for cluster in (BEIJING, HANGZHOU_1)
    ]
    inner = rf"^{BEIJING} +{delivered} +Service/examples/{delivered} +http://{delivered}\.examples +true"
    assert re.search(inner, endpoints, re.MULTILINE), endpoints
    outer = rf"^{BEIJING} .* http://[0-9.]+:3\d{{4}} +false"
    assert re.search(outer, endpoints, re.MULTILINE), endpoints


def test_details_and_structured_output(seeing: Seeing, delivered: str) -> None:
    text = seeing.run("status", delivered, "--detail").stdout
    assert text.startswith("About:")
    assert "conditions: " in text
    assert "Available=True (MinimumReplicasAvailable)" in text
    assert re.search(rf"pod {delivered}-\S+ Running 1/1", text)
    status = seeing.json("status", delivered, "--tree", "--pod", "--endpoint")
    assert {each["cluster"] for each in status["pods"]} == {BEIJING, HANGZHOU_1}
    kinds = {(each["kind"], each["state"]) for each in status["resources"]}
    assert kinds == {("Deployment", "healthy"), ("Service", "healthy")}
    assert status["healthy"] is True
    assert "endpoints" in seeing.run("status", delivered, "--endpoint", "-o", "yaml").stdout


def test_why_a_pod_is_not_ready(seeing: Seeing) -> None:
    name = unique("crash")
    asyncio.run(seeing.platform.failure(application(name, clusters=[BEIJING], simulate="crash")))
    pods = seeing.run("status", name, "--pod").stdout
    assert "CrashLoopBackOff" in pods
    tree = seeing.run("status", name, "--tree").stdout
    assert re.search(rf"❌ Deployment {name}  progressing: Ready:0/1.*CrashLoopBackOff", tree)
    asyncio.run(seeing.platform.delete(name))


def test_one_cluster_that_is_down_is_named_and_blocks_nothing(
    seeing: Seeing, delivered: str
) -> None:
    gated = unique("gate")
    steps = [deploy("ship", auto=False)]
    asyncio.run(
        until_waiting(
            seeing.platform, application(gated, clusters=[BEIJING, HANGZHOU_1], steps=steps)
        )
    )
    seeing.platform.stack.stop_cluster(BEIJING)
    try:
        began = time.monotonic()
        tree = seeing.run("status", delivered, "--tree")
        assert time.monotonic() - began < 15
        assert tree.returncode == 0
        assert f"✅ Deployment {delivered}  Ready:1/1" in tree.stdout
        assert f"❔ Deployment {delivered}  not looked at" in tree.stdout
        assert f"note: cluster {BEIJING}: " in tree.stderr
        pods = seeing.run("status", delivered, "--pod")
        assert HANGZHOU_1 in pods.stdout
        assert BEIJING not in pods.stdout
        assert f"note: cluster {BEIJING}: " in pods.stderr
        plan = seeing.run("approvals", gated)
        assert f"{HANGZHOU_1}: 1 to create, 0 to change, 0 to delete" in plan.stdout
        assert re.search(rf"{BEIJING}: 0 to delete\n +! ", plan.stdout), plan.stdout
        assert f"examples/{delivered}" in seeing.run("watch", "--once").stdout
    finally:
        seeing.platform.stack.start_cluster(BEIJING)
        seeing.platform.until_controllers_work(BEIJING)
    seeing.reject(gated)
    asyncio.run(seeing.platform.delete(gated))


async def until_waiting(platform: Platform, wanted: Json) -> str:
    """Start a delivery and wait until it waits; return its run."""
    handle = await platform.start(wanted)
    await state_when(handle, lambda state: bool(state.get("waiting")))
    return str(handle.result_run_id)


def test_what_waits_and_an_approval_of_an_earlier_run(seeing: Seeing) -> None:
    name = unique("gate")
    steps = [deploy("ship", auto=False, properties={"policies": ["where"], "auto": False})]
    wanted = application(name, clusters=[BEIJING, HANGZHOU_1], steps=steps)
    run = asyncio.run(until_waiting(seeing.platform, wanted))
    found = seeing.run("approvals")
    assert found.returncode == 0
    assert f"examples/{name}: step ship" in found.stdout
    assert f"run {run}" in found.stdout
    assert f"    {BEIJING}: 1 to create, 0 to change, 0 to delete" in found.stdout
    (told,) = [
        line for line in found.stdout.splitlines() if line.startswith(f"lateen approve {name} ")
    ]
    (listed,) = [each for each in seeing.json("approvals", "-A") if each["name"] == name]
    assert (listed["step"], listed["run"], listed["revision"]) == ("ship", run, f"{name}-v1")
    assert {each["cluster"]: each["create"] for each in listed["forecast"]} == {
        BEIJING: 1,
        HANGZHOU_1: 1,
    }
    assert told.split()[1:] == shlex.split(
        f"approve {name} -n examples --step ship --run {run} --plan {listed['plan']}"
    )
    assert told in seeing.run("status", name).stdout

    seeing.reject(name)
    wanted["spec"]["components"][0]["properties"]["image"] = "nginx:2"
    again = asyncio.run(until_waiting(seeing.platform, wanted))
    late = seeing.run(*shlex.split(told)[1:])
    assert late.returncode == codes.ERROR
    assert f"the decision is for run {run}, not {again}" in late.stderr
    assert seeing.platform.deployment(BEIJING, name) is None

    given = seeing.run("approve", name, "--actor", "ann")
    assert given.stdout == f"examples/{name}: step 'ship' approved by ann\n"
    seeing.until(name, "delivered")
    assert name not in seeing.run("approvals", "-A").stdout
    asyncio.run(seeing.platform.delete(name))


def test_what_would_be_changed_and_deleted_is_part_of_the_plan(seeing: Seeing) -> None:
    name = unique("gate")
    steps = [deploy("ship", auto=False)]
    wanted = application(name, clusters=[BEIJING], steps=steps)
    wanted["spec"]["components"].append(
        {"name": f"{name}-old", "type": "webservice", "properties": {"image": "nginx"}}
    )
    asyncio.run(until_waiting(seeing.platform, wanted))
    seeing.run("approve", name)
    seeing.until(name, "delivered")
    wanted["spec"]["components"].pop()
    wanted["spec"]["components"][0]["properties"]["image"] = "nginx:2"
    asyncio.run(until_waiting(seeing.platform, wanted))
    found = seeing.run("approvals", name)
    assert f"    {BEIJING}: 0 to create, 1 to change, 1 to delete" in found.stdout
    assert f"      - Deployment examples/{name}-old" in found.stdout
    seeing.reject(name)
    asyncio.run(seeing.platform.delete(name))


def test_the_watch_on_a_terminal(seeing: Seeing, delivered: str) -> None:
    with seeing.terminal("watch", columns=140, lines=30) as terminal:
        terminal.until(delivered.encode())
        terminal.until(b"delivered")
        terminal.resize(70, 20)
        terminal.until(b"clusters: ")
        terminal.type(b"\x03")
        assert terminal.wait() == codes.INTERRUPTED
        assert terminal.modes() == terminal.before
        rest = terminal.until(b"\x1b[?1049l")  # the screen that was there before is back
        assert b"Traceback" not in rest


def test_the_watch_follows_a_delivery_and_its_approval(seeing: Seeing) -> None:
    name = unique("watched")
    steps = [deploy("ship", auto=False)]
    process = seeing.start("watch")
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        asyncio.run(
            until_waiting(seeing.platform, application(name, clusters=[BEIJING], steps=steps))
        )
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if f"examples/{name}: waiting" in line:
                assert "(approval of ship)" in line
                assert f"{BEIJING}=waiting" in line
                seeing.run("approve", name)
            if f"examples/{name}: delivered" in line:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == codes.INTERRUPTED
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.communicate()
    asyncio.run(seeing.platform.delete(name))


def test_the_watch_ends_with_its_reader(seeing: Seeing, delivered: str) -> None:
    line = f"{shlex.join(COMMAND)} watch | head -n 1"
    found = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        env=seeing.env(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.stdout.startswith("examples/")
    assert "Traceback" not in found.stderr
    once = seeing.run("watch", "--once")
    assert re.search(
        rf"^examples/{delivered} +delivered +2/2 +{BEIJING}=delivered", once.stdout, re.MULTILINE
    )
    rows = seeing.json("watch", "--once", "-A")
    assert {"delivered"} == {row["phase"] for row in rows if row["name"] == delivered}


def test_a_status_that_is_watched(seeing: Seeing, delivered: str) -> None:
    with seeing.terminal(
        "status", delivered, "--tree", "--watch", columns=60, lines=12
    ) as terminal:
        terminal.until(b"Ready:1/1")
        terminal.type(b"\x03")
        assert terminal.wait() == codes.INTERRUPTED
        assert terminal.modes() == terminal.before
    process = seeing.start("status", delivered, "--watch", "-o", "json")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["phase"] == "delivered"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == codes.INTERRUPTED
    process.communicate()


def test_nobody_knows_it(seeing: Seeing) -> None:
    for view in ([], ["--tree"], ["--pod", "--watch"]):
        found = seeing.run("status", "nobody", *view)
        assert (found.returncode, found.stdout) == (1, "")
        assert "no application 'nobody'" in found.stderr
    none = seeing.run("approvals", "nobody")
    assert (none.returncode, none.stdout) == (0, "")
    assert "nothing waits" in none.stderr


# 30 applications that wait for their approval, each for four clusters.


@dataclass
class Many:
    """Thirty applications on a task queue of their own, and where their worker tells what it did."""

    queue: str
    port: int
    names: list[str]

    def requests(self) -> dict[str, float]:
        """Return how many requests the worker has sent to each cluster."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found: dict[str, float] = {}
        for line in text.splitlines():
            match = re.match(r'lateen_api_requests_total\{cluster="([^"]+)".*\} ([0-9.e+]+)', line)
            if match:
                found[match[1]] = found.get(match[1], 0) + float(match[2])
        return found


@pytest.fixture(scope="module")
def many(platform: Platform) -> Iterator[Many]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    prefix = unique("m")
    found = Many(unique("many"), port, [f"{prefix}-{number:02}" for number in range(30)])
    worker = platform.another_worker(
        "--task-queue", found.queue, "--metrics-address", f"127.0.0.1:{port}"
    )
    try:
        asyncio.run(start_all(platform, found))
        yield found
    finally:
        asyncio.run(end_all(platform, found))
        worker.stop()


async def start_all(platform: Platform, many: Many) -> None:
    """Start a delivery of each, and wait until all of them wait."""
    client = await platform.client()
    steps = [deploy("ship", auto=False)]
    handles = [
        await client.start_workflow(
            "Application",
            args=[application(name, clusters=EVERYWHERE, steps=steps)],
            id=f"examples/{name}",
            task_queue=many.queue,
        )
        for name in many.names
    ]
    for handle in handles:
        await state_when(handle, lambda state: bool(state.get("waiting")), within=90)


async def end_all(platform: Platform, many: Many) -> None:
    client = await platform.client()
    for name in many.names:
        await client.get_workflow_handle(f"examples/{name}").terminate("the test is over")


@pytest.mark.parametrize(
    ("command", "most_of_hub"),
    [(("ls",), 4), (("approvals",), 0), (("watch", "--once"), 4)],
)
def test_thirty_applications_are_listed_quickly_with_few_requests(
    seeing: Seeing, many: Many, command: tuple[str, ...], most_of_hub: int
) -> None:
    before = many.requests()
    began = time.monotonic()
    found = seeing.run(*command, "--task-queue", many.queue)
    took = time.monotonic() - began
    after = many.requests()
    assert found.returncode == 0, found.stderr
    assert all(each in found.stdout for each in many.names), found.stderr
    assert took < 15, "on a busy machine; less than 3 seconds on an idle one"
    spent = {each: after[each] - before.get(each, 0) for each in after}
    assert spent.pop("local", 0) <= most_of_hub
    assert sum(spent.values()) == 0, spent

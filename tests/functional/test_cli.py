"""The real command against real clusters: what people see, and the exit codes that scripts branch on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lateen.cli import codes
from lateen.client.documents import write_yaml
from support.platforms import (
    BEIJING,
    HANGZHOU_1,
    HANGZHOU_2,
    Platform,
    application,
    deploy,
    unique,
)

Json = dict[str, Any]


@dataclass
class Command:
    """Runs ``lateen`` as people do: in a process of its own."""

    platform: Platform
    folder: Path

    def __call__(
        self, *arguments: str, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lateen.cli", *arguments],
            env=self.environment(),
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it as from a terminal and go on.

        Tests may run in the background, where shells ignore Ctrl-C, and so would what they start.
        """
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(
                [sys.executable, "-m", "lateen.cli", *arguments],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        finally:
            signal.signal(signal.SIGINT, before)

    def environment(self) -> dict[str, str]:
        """The caller's environment: the hub and Temporal of the stack, no colours."""
        return {**os.environ, **self.platform.stack.environment(), "LATEEN_NAMESPACE": "examples"}

    def write(self, *documents: Json) -> str:
        """Write documents to a file and return its path."""
        path = self.folder / f"{unique('file')}.yaml"
        path.write_text(write_yaml(documents))
        return str(path)

    def status(self, name: str) -> Json:
        """Return ``lateen status -o json``."""
        found: Json = json.loads(self("status", name, "-o", "json").stdout)
        return found

    def until(self, name: str, phase: str) -> Json:
        """Ask for the status until the phase is as wanted."""
        deadline = time.monotonic() + 30
        while True:
            found = self("status", name, "-o", "json")
            status: Json = json.loads(found.stdout) if found.returncode == 0 else {}
            if status.get("phase") == phase:
                return status
            assert time.monotonic() < deadline, status or found.stderr
            time.sleep(0.2)


@pytest.fixture
def lateen(platform: Platform, tmp_path: Path) -> Command:
    """The command, once the worker polls: its process needs a moment to start."""
    command = Command(platform, tmp_path)
    deadline = time.monotonic() + 30
    while "no worker" in command("ls").stderr:
        assert time.monotonic() < deadline, platform.logs
    return command


def test_deliver_look_and_delete(lateen: Command) -> None:
    """The first minutes with lateen, and the codes that tell delivered from unchanged."""
    name = unique("cli")
    file = lateen.write(application(name, clusters=[BEIJING, HANGZHOU_1]))
    first = lateen("up", "-f", file, "--actor", "mia")
    assert (first.returncode, first.stdout) == (
        codes.DELIVERED,
        f"examples/{name}: delivered {name}-v1 to 2 placements\n",
    )
    assert f"examples/{name}: deploy-where: {BEIJING}/examples delivered" in first.stderr
    again = lateen("up", "-f", file)
    assert (again.returncode, "unchanged" in again.stdout) == (codes.UNCHANGED, True)
    assert lateen("up", name, "--unchanged-ok").returncode == codes.DELIVERED
    text = lateen("status", name).stdout
    for line in ("Status:       delivered", f"{name}-v1 (delivery 1, by mia)", "Healthy Ready:1/1"):
        assert line in text
    row = next(line for line in lateen("ls").stdout.splitlines() if line.startswith(name))
    assert row.split()[:3] == [name, name, "webservice"]
    assert "delivered" in row
    gone = lateen("delete", name)
    assert (gone.returncode, gone.stdout) == (0, f"examples/{name}: deleted from 2 clusters\n")
    assert lateen.platform.deployment(BEIJING, name) is None
    missing = lateen("delete", name)
    assert (missing.returncode, "not found" in missing.stdout) == (codes.ERROR, True)
    assert name not in lateen("ls", "-A").stdout


def test_an_approval(lateen: Command) -> None:
    name = unique("gate")
    file = lateen.write(application(name, clusters=[BEIJING], steps=[deploy("ship", auto=False)]))
    up = lateen("up", "-f", file)
    assert up.returncode == codes.WAITING
    assert f"lateen approve {name} -n examples" in up.stderr
    status = lateen.status(name)
    assert (status["phase"], status["waiting"][0]["step"]) == ("waiting", "ship")
    assert lateen.platform.deployment(BEIJING, name) is None
    wrong = lateen("approve", name, "--step", "other")
    assert (wrong.returncode, "does not wait" in wrong.stderr) == (codes.ERROR, True)
    given = lateen("approve", name, "-m", "looks good", "--actor", "ann")
    assert given.stdout == f"examples/{name}: step 'ship' approved by ann\n"
    lateen.until(name, "delivered")
    assert "ship approved by ann: looks good (delivery 1)" in lateen("status", name).stdout
    late = lateen("approve", name)
    assert (late.returncode, "nothing waits" in late.stderr) == (codes.ERROR, True)
    lateen("delete", name)


def test_a_rejection_and_what_follows(lateen: Command) -> None:
    name = unique("no")
    file = lateen.write(application(name, clusters=[BEIJING], steps=[deploy("ship", auto=False)]))
    assert lateen("up", "-f", file, "--no-wait").returncode == codes.DELIVERED
    lateen.until(name, "waiting")
    following = asyncio.run(_reject_while_followed(lateen, name))
    assert following == "rejected"
    text = lateen("status", name).stdout
    assert "rejected by ann: too soon" in text
    lateen("delete", name)


async def _reject_while_followed(lateen: Command, name: str) -> str:
    """Follow by the Python API, without a stop at the approval, while the command rejects."""
    from lateen.client import Lateen

    address = lateen.platform.stack.temporal_address
    async with Lateen.connect(target_host=address) as client:
        following = asyncio.create_task(client.wait(f"examples/{name}", timeout=30))
        await asyncio.sleep(0.5)
        arguments = ("reject", name, "-m", "too soon", "--actor", "ann")
        done = await asyncio.to_thread(lateen, *arguments)
        assert done.returncode == 0, done.stderr
        return (await following).phase


def test_failed_timed_out_and_superseded_are_told_apart(lateen: Command) -> None:
    name = unique("slow")

    def file(image: str, **more: Any) -> str:
        return lateen.write(application(name, clusters=[BEIJING], image=image, **more))

    late = lateen("up", "-f", file("nginx:1", simulate="never-ready"), "--timeout", "2s")
    assert (late.returncode, "it goes on" in late.stdout) == (codes.TIMED_OUT, True)
    old = lateen.start("up", "-f", file("nginx:1", simulate="never-ready"))
    time.sleep(3)
    assert lateen("up", "-f", file("nginx:2")).returncode == codes.DELIVERED
    said, _ = old.communicate(timeout=30)
    assert (old.returncode, "superseded" in said) == (codes.SUPERSEDED, True)
    broken = lateen("up", "-f", file("nginx:3", simulate="never-ready"))
    assert (broken.returncode, "failed" in broken.stdout) == (codes.FAILED, True)
    status = lateen.status(name)
    assert (status["phase"], status["healthy"]) == ("failed", False)
    lateen("delete", name)


def test_several_at_once(lateen: Command) -> None:
    """One that fails stops no other; one that is invalid stops all before anything happens."""
    good, bad = unique("good"), unique("bad")
    fine = application(good, clusters=[BEIJING])
    nowhere = application(bad, clusters=["no-such-cluster"])
    up = lateen("up", "-f", lateen.write(fine, nowhere))
    assert up.returncode == codes.FAILED
    assert f"examples/{good}: delivered" in up.stdout
    assert "no-such-cluster" in up.stdout
    broken = application(unique("broken"), clusters=[BEIJING])
    broken["spec"]["components"][0]["type"] = "webservise"
    other = application(unique("other"), clusters=[BEIJING])
    refused = lateen("up", "-f", lateen.write(broken, other))
    assert (refused.returncode, refused.stdout) == (codes.ERROR, "")
    assert "did you mean 'webservice'?" in refused.stderr
    assert lateen("status", other["metadata"]["name"]).returncode == codes.ERROR
    lateen("delete", good)


def test_policies_and_workflows_go_to_the_hub_first(lateen: Command) -> None:
    """Everything in one stream on standard input; the Application refers to what comes after it."""
    name, policy, workflow = unique("ext"), unique("where"), unique("release")
    app = application(name)
    app["spec"]["policies"] = []
    app["spec"]["workflow"] = {"ref": workflow}
    external = {"apiVersion": "core.oam.dev/v1alpha1", "metadata": {"namespace": "examples"}}
    where = {
        **external,
        "kind": "Policy",
        "metadata": {"name": policy, "namespace": "examples"},
        "type": "topology",
        "properties": {"clusters": [HANGZHOU_2]},
    }
    step = {"name": "ship", "type": "deploy", "properties": {"policies": [policy]}}
    release = {
        **external,
        "kind": "Workflow",
        "metadata": {"name": workflow, "namespace": "examples"},
        "steps": [step],
    }
    stream = write_yaml([app, where, release])
    shown = lateen("dry-run", "-f", "-", stdin=stream)
    assert f"# {HANGZHOU_2}/examples {name}" in shown.stdout
    assert [m["kind"] for m in yaml.safe_load_all(shown.stdout)] == ["Deployment"]
    assert lateen.platform.deployment(HANGZHOU_2, name) is None
    up = lateen("up", "-f", "-", stdin=stream)
    assert up.returncode == codes.DELIVERED, up.stderr
    assert f"Policy examples/{policy} written to the hub" in up.stderr
    assert lateen.platform.deployment(HANGZHOU_2, name) is not None
    lateen("delete", name)


def test_a_run_that_is_terminated_from_the_ui(lateen: Command) -> None:
    """Nobody tells the hub; status and ls say it all the same, and the next delivery repairs it."""
    name = unique("stop")
    file = lateen.write(application(name, clusters=[BEIJING], steps=[deploy("ship", auto=False)]))
    assert lateen("up", "-f", file).returncode == codes.WAITING

    async def terminate() -> None:
        client = await lateen.platform.client()
        await client.get_workflow_handle(f"examples/{name}").terminate(reason="by hand")

    asyncio.run(terminate())
    status = lateen.status(name)
    assert (status["phase"], status["run"]["status"]) == ("terminated", "terminated")
    assert "by hand" in status["message"]
    row = next(line for line in lateen("ls").stdout.splitlines() if line.startswith(name))
    assert "terminated" in row
    assert lateen("up", "-f", file).returncode == codes.WAITING
    lateen("approve", name)
    lateen.until(name, "delivered")
    lateen("delete", name)


def test_an_interrupted_watch_leaves_the_delivery_alone(lateen: Command) -> None:
    name = unique("ctrlc")
    file = lateen.write(application(name, clusters=[BEIJING], simulate="slow"))
    watching = lateen.start("up", "-f", file)
    lateen.until(name, "delivering")
    watching.send_signal(signal.SIGINT)
    _, said = watching.communicate(timeout=10)
    assert watching.returncode == codes.INTERRUPTED
    assert "the delivery goes on" in said
    assert lateen.status(name)["phase"] in {"delivering", "delivered", "failed"}
    lateen("delete", name)

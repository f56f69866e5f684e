"""The local stack itself: it comes up, survives what happens to it, and goes away.

It is a second stack beside the one that the other tests share, with the hub alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from lateen.local import services
from lateen.local.errors import ServiceFailed
from lateen.local.processes import free_ports, is_free
from lateen.local.settings import HUB
from lateen.local.simulating import SIMULATE, SIMULATE_DELAY
from lateen.local.stack import Stack
from support.api import Api, eventually
from support.processes import torn_down

PODS = "/api/v1/namespaces/default/pods"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    with torn_down(Stack(tmp_path_factory.mktemp("small"))) as stack:
        stack.up([HUB])
        yield stack


@pytest.fixture(scope="module")
def api(small: Stack) -> Api:
    return Api(small.hub_kubeconfig)


def lateen(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lateen.cli", "local", *arguments],
        env={**os.environ, "LATEEN_STATE_DIR": str(stack.state_dir)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def processes(stack: Stack) -> dict[str, int]:
    """The ids of all processes whose command line names the stack's directory."""
    found = {}
    for process in psutil.process_iter(["cmdline", "name"]):
        if any(str(stack.state_dir) in word for word in process.info["cmdline"] or ()):
            found[process.info["name"]] = process.pid
    return found


def pod(name: str, *, simulate: str = "", delay: str = "") -> dict[str, Any]:
    labels = {SIMULATE: simulate} if simulate else {}
    annotations = {SIMULATE_DELAY: delay} if delay else {}
    return {
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": {"containers": [{"name": "main", "image": "nginx:1.27"}]},
    }


def configmap(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": {"written": "before"}}


def appearance(document: dict[str, Any]) -> tuple[str, str, str]:
    """What a person reads off a pod: phase, readiness, why its container doesn't run."""
    status = document["status"]
    ready = {each["type"]: each["status"] for each in status.get("conditions", ())}
    containers = status.get("containerStatuses")
    state = containers[0]["state"] if containers else {}
    reasons = [state.get(kind, {}).get("reason", "") for kind in ("waiting", "terminated")]
    return status["phase"], ready.get("Ready", ""), "".join(reasons)


def look_at(api: Api, path: str) -> tuple[str, str, str]:
    return appearance(api.get(path))


def test_up_again_changes_nothing(small: Stack) -> None:
    """Every process lives on, and all parts run."""
    before = processes(small)
    small.up([HUB])
    assert processes(small) == before
    assert {part.state for part in small.status()} == {"running"}


def test_everything_listens_on_loopback_only(small: Stack) -> None:
    """Nobody else on the network gets at a cluster without authorisation."""
    listening = {
        connection.laddr.ip
        for pid in processes(small).values()
        for connection in psutil.Process(pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_pods_behave_unless_they_are_asked_not_to(api: Api) -> None:
    """Each behaviour looks as it does on a real node."""
    expected = {
        "fine": ("Running", "True", ""),
        "crash": ("Running", "False", "CrashLoopBackOff"),
        "unpullable": ("Pending", "False", "ImagePullBackOff"),
        "never-ready": ("Running", "False", ""),
        "fail": ("Failed", "False", "Error"),
    }
    eventually(
        lambda: api.get("/api/v1/namespaces/default/serviceaccounts")["items"] != [], expected=True
    )
    for name in expected:
        api.post(PODS, pod(f"pod-{name}", simulate="" if name == "fine" else name))
    for name, look in expected.items():
        path = f"{PODS}/pod-{name}"
        eventually(partial(look_at, api, path), look)


def test_a_slow_pod_takes_its_time(api: Api) -> None:
    """It is ready after the delay that it asks for, not before."""
    api.post(PODS, pod("pod-slow", simulate="slow", delay="2s"))
    api.post(PODS, pod("pod-quick"))
    eventually(lambda: appearance(api.get(f"{PODS}/pod-quick"))[1], "True")
    assert appearance(api.get(f"{PODS}/pod-slow"))[1] != "True"
    eventually(lambda: appearance(api.get(f"{PODS}/pod-slow"))[1], "True")


def test_containers_have_logs(api: Api) -> None:
    """Logs come through the API server, from the node."""
    api.post(PODS, pod("pod-logs"))
    eventually(lambda: appearance(api.get(f"{PODS}/pod-logs"))[1], "True")
    assert "local: listening on 0.0.0.0:80" in api.text(f"{PODS}/pod-logs/log")


def test_a_cluster_stopped_and_started_keeps_all(small: Stack, api: Api) -> None:
    """Objects, address and credentials are as before, so what was joined stays joined."""
    api.post(CONFIGMAPS, configmap("kept"))
    content = small.hub_kubeconfig.read_text()
    small.stop_cluster(HUB)
    with pytest.raises(OSError, match="refused"):
        api.get(CONFIGMAPS)
    small.start_cluster(HUB)
    assert api.get(f"{CONFIGMAPS}/kept")["data"] == {"written": "before"}
    assert small.hub_kubeconfig.read_text() == content


def test_a_recycled_process_id_is_left_alone(small: Stack) -> None:
    """After a reboot the ids on file belong to others: they are neither taken for ours nor killed."""
    small.stop_cluster(HUB)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        (pids,) = small.state_dir.glob(f"*/clusters/{HUB}/pids")
        (pids / "etcd.pid").write_text(str(stranger.pid))
        (pids / "kwok-controller.pid").write_text(str(stranger.pid))
        assert small.status()[0].state == "stopped"
        small.start_cluster(HUB)
        assert small.status()[0].state == "running"
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_up_starts_what_died(small: Stack, api: Api) -> None:
    """An API server that was killed comes back; the rest of its cluster lives on."""
    before = processes(small)
    psutil.Process(before["kube-apiserver"]).kill()
    eventually(lambda: small.status()[0].state, "degraded")
    small.up([HUB])
    after = processes(small)
    assert after["etcd"] == before["etcd"]
    assert after["kube-apiserver"] != before["kube-apiserver"]
    assert api.get("/version")["major"] != ""


def test_the_api_server_can_be_restarted_alone(small: Stack, api: Api) -> None:
    """As an upgrade of the hub would do it."""
    before = processes(small)
    small.restart_api_server(HUB)
    after = processes(small)
    assert after["etcd"] == before["etcd"]
    assert after["kube-apiserver"] != before["kube-apiserver"]
    assert api.get(CONFIGMAPS)["items"]


async def test_temporal_restarted_remembers_its_workflows(small: Stack) -> None:
    """Same address, same database."""
    address = small.temporal_address
    client = await Client.connect(address)
    await client.start_workflow("Anything", id="kept", task_queue="nobody")
    await asyncio.to_thread(small.restart_temporal)
    assert small.temporal_address == address
    description = await (await Client.connect(address)).get_workflow_handle("kept").describe()
    assert description.status is WorkflowExecutionStatus.RUNNING


def test_temporal_does_not_move_unasked(small: Stack) -> None:
    """Who restarts it counts on its address; only ``up`` may choose another one."""
    address = small.temporal_address
    small.stop_temporal()
    with (
        socket.create_server(("127.0.0.1", int(address.partition(":")[2]))),
        pytest.raises(ServiceFailed, match="another process took port"),
    ):
        small.start_temporal()
    small.start_temporal()
    assert small.temporal_address == address


def test_temporal_takes_other_ports_when_another_stack_was_quicker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two stacks that begin at once find the same ports free, and only one gets them."""
    usual = services.TemporalPorts(*free_ports(2))
    looked_at: set[int] = set()

    def free_at_first(port: int) -> bool:
        if port in looked_at:
            return is_free(port)
        looked_at.add(port)
        return True

    monkeypatch.setattr(services, "_USUAL_PORTS", usual)
    monkeypatch.setattr(services, "is_free", free_at_first)
    with (
        socket.create_server(("127.0.0.1", usual.server)),
        torn_down(Stack(tmp_path / "late")) as late,
    ):
        late.start_temporal()
        assert late.temporal_address != f"127.0.0.1:{usual.server}"


def test_the_command_shows_the_stack(small: Stack) -> None:
    """``status`` and ``env`` speak of the same stack as the Python API."""
    status = lateen(small, "status", "-o", "json")
    assert status.returncode == 0, status.stderr
    assert [part["name"] for part in json.loads(status.stdout)] == [
        "local",
        "temporal",
        "temporal-ui",
    ]
    assert f"export TEMPORAL_ADDRESS={small.temporal_address}\n" in lateen(small, "env").stdout


def test_down_ends_every_process(small: Stack, tmp_path: Path) -> None:
    """After ``down`` nothing of the stack runs, its data is there, and ``up`` brings it back."""
    down = lateen(small, "down")
    assert down.returncode == 0, down.stderr
    assert processes(small) == {}
    assert lateen(small, "status").returncode == 1
    small.up([HUB])
    assert Api(small.hub_kubeconfig).get(f"{CONFIGMAPS}/kept")["data"] == {"written": "before"}

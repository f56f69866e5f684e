"""The worker's image, built on a base made by debootstrap and run as Kubernetes would: it delivers.

The Docker engine is the test's own: on a private socket, with its own data, and ended by its process id.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from temporalio.client import Client

from lateen.cli.registering import register_search_attributes
from lateen.hub.applications import ensure_namespace
from lateen.kube.cluster import Cluster
from lateen.kube.connection import Connection
from lateen.kube.credentials import hub_credentials
from lateen.local.settings import HUB
from lateen.local.stack import Stack
from support.api import Api
from support.platforms import application
from support.processes import torn_down
from support.rights import restrict

pytestmark = pytest.mark.timeout(1500)

REPOSITORY = Path(__file__).parents[2]
BASE, IMAGE = "lateen-test-base", "lateen-test"

Docker = Callable[..., str]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """A Docker engine of the test's own; the returned function runs its client."""
    missing = [name for name in ("dockerd", "docker", "debootstrap") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(
            f"needs root and {', '.join(missing) or 'nothing else'} (Debian: docker.io, debootstrap)"
        )
    home = tmp_path_factory.mktemp("docker")
    address = f"unix://{home}/docker.sock"
    command = [
        *("dockerd", "--host", address, "--pidfile", f"{home}/pid"),
        *("--data-root", f"{home}/data", "--exec-root", f"{home}/exec"),
        *("--bridge", "none", "--iptables=false"),
    ]
    environment = {**os.environ, "DOCKER_HOST": address, "DOCKER_BUILDKIT": "0"}

    def run(*arguments: str, timeout: float = 300) -> str:
        done = subprocess.run(
            ["docker", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"docker {arguments[0]}: {done.stderr}"
        return done.stdout

    with (
        (home / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as engine,
    ):
        try:
            for _ in range(300):
                with suppress(AssertionError):
                    run("version")
                    break
                assert engine.poll() is None, (home / "log").read_text()[-2000:]
                subprocess.run(["sleep", "0.2"], check=True)
            yield run
        finally:
            engine.terminate()
            engine.wait(timeout=60)


@pytest.fixture(scope="session")
def image(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The worker's image on a Debian base; LATEEN_TEST_ROOTFS names a debootstrap to reuse."""
    root = Path(os.environ.get("LATEEN_TEST_ROOTFS") or tmp_path_factory.mktemp("base") / "root")
    if not root.exists():
        packages = "ca-certificates,python3,python3-venv"
        bootstrap = [
            "debootstrap",
            "--variant=minbase",
            f"--include={packages}",
            "bookworm",
            str(root),
        ]
        subprocess.run(bootstrap, check=True, capture_output=True, timeout=1200)
    archive = root.with_suffix(".tar")
    subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True, timeout=300)
    docker("import", str(archive), BASE)
    archive.unlink()
    address = docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").strip()
    subprocess.run(
        [str(REPOSITORY / "deploy" / "image" / "build.sh"), IMAGE, BASE],
        env={
            **os.environ,
            "DOCKER_HOST": address,
            "DOCKER_BUILDKIT": "0",
            "PYTHON": sys.executable,
        },
        check=True,
        timeout=900,
    )
    return IMAGE


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Temporal and a hub, nothing else."""
    with torn_down(Stack(tmp_path_factory.mktemp("stack"))) as shared:
        shared.up([HUB])
        yield shared


def test_image_is_small_unprivileged_and_complete(docker: Docker, image: str) -> None:
    """A numeric user, the command as entry point, no pip, and the extras."""
    (described,) = json.loads(docker("image", "inspect", image))
    assert described["Config"]["User"] == "65532:65532"
    assert described["Config"]["Entrypoint"] == ["/opt/lateen/bin/lateen"]
    run = ("run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL")
    assert "lateen" in docker(*run, image, "--version")
    program = (
        "import importlib.util as u, os;"
        "print(os.getuid(), *[bool(u.find_spec(n)) for n in ('pip', 'cryptography', 'opentelemetry')])"
    )
    shown = docker(*run, "--entrypoint", "/opt/lateen/bin/python", image, "-c", program)
    assert shown.split() == ["65532", "False", "True", "True"]


async def test_container_delivers(docker: Docker, image: str, stack: Stack, tmp_path: Path) -> None:
    """With the rights and restrictions of deploy/kubernetes, it becomes ready, delivers, and stops in order."""
    kubeconfig = tmp_path / "hub"
    kubeconfig.write_text(json.dumps(await restrict(stack)))
    kubeconfig.chmod(0o644)
    os.environ["TEMPORAL_ADDRESS"] = stack.temporal_address
    await register_search_attributes()
    async with Cluster(Connection(HUB, hub_credentials(stack.hub_kubeconfig))) as hub:
        await ensure_namespace(hub, "examples")
    health = free_port()
    container = docker(
        *("run", "--detach", "--network", "host", "--read-only", "--cap-drop", "ALL"),
        *(
            "--security-opt",
            "no-new-privileges",
            "--env",
            f"TEMPORAL_ADDRESS={stack.temporal_address}",
        ),
        *("--env", "LATEEN_HUB_KUBECONFIG=/hub", "--volume", f"{kubeconfig}:/hub:ro"),
        *(image, "worker", f"--health-address=127.0.0.1:{health}", "--log-format=json"),
    ).strip()
    try:
        await until_ready(health)
        client = await Client.connect(stack.temporal_address)
        wanted = application("contained", clusters=["local"])
        handle = await client.start_workflow(
            "Application", args=[wanted], id="examples/contained", task_queue="lateen"
        )
        assert (await asyncio.wait_for(handle.result(), 120))["phase"] == "delivered"
        path = "/apis/apps/v1/namespaces/examples/deployments/contained"
        assert Api(stack.hub_kubeconfig).get(path)["status"]["readyReplicas"] == 1
        docker("stop", "--time", "40", container)
        (ended,) = json.loads(docker("container", "inspect", container))
        assert ended["State"]["ExitCode"] == 0
    except BaseException:
        print(docker("logs", container))  # noqa: T201 - shown with the failure
        raise
    finally:
        docker("rm", "--force", container)


async def until_ready(port: int) -> None:
    """Wait until the worker says that it is ready."""

    def ask() -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    async with asyncio.timeout(120):
        while await asyncio.to_thread(ask) != 200:  # noqa: ASYNC110 - a server is polled
            await asyncio.sleep(0.5)

"""Contents of Secrets in applications: refused by command and worker, delivered when both allow it."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from lateen.cli import codes
from lateen.client.documents import write_yaml
from support.platforms import BEIJING, Platform, application, unique

Json = dict[str, Any]
VALUE = "geheim-in-the-clear"
PATH = "spec.components[0].traits[0].properties.secret[0].stringData"


def secretive(name: str) -> Json:
    app = application(name, clusters=[BEIJING])
    secret = {"name": name, "mountPath": "/s", "stringData": {"password": VALUE}}
    app["spec"]["components"][0]["traits"] = [
        {"type": "storage", "properties": {"secret": [secret]}}
    ]
    return app


def lateen(
    platform: Platform, *arguments: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lateen.cli", *arguments],
        env={**os.environ, **platform.stack.environment()},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def stored(platform: Platform) -> list[str]:
    path = "/apis/core.oam.dev/v1beta1/namespaces/examples/applications"
    return [item["metadata"]["name"] for item in platform.api("local").get(path)["items"]]


def test_the_command_submits_nothing_of_it(platform: Platform) -> None:
    """Nor anything that was given with it: all is checked before."""
    name, other = unique("secret"), unique("other")
    stream = write_yaml([application(other, clusters=[BEIJING]), secretive(name)])
    done = lateen(platform, "up", "-f", "-", stdin=stream)
    assert (done.returncode, done.stdout) == (codes.ERROR, "")
    assert f"Application examples/{name} is invalid: {PATH}: holds the content" in done.stderr
    assert VALUE not in done.stderr
    assert not {name, other} & set(stored(platform))


async def test_a_worker_fails_what_comes_past_the_command(platform: Platform) -> None:
    name = unique("secret")
    error = await platform.failure(secretive(name))
    assert error.type == "InvalidApplication"
    assert PATH in error.message
    assert VALUE not in f"{error.message} {error.details}"
    assert name not in stored(platform)
    assert platform.deployment(BEIJING, name) is None


def test_command_and_worker_may_allow_it(platform: Platform, tmp_path: Path) -> None:
    name, queue = unique("secret"), unique("queue")
    file = tmp_path / "app.yaml"
    file.write_text(write_yaml([secretive(name)]))
    worker = platform.another_worker("--task-queue", queue, "--allow-inline-secrets")
    try:
        options = ("--task-queue", queue)
        allowed = (*options, "--allow-inline-secrets")
        done = lateen(platform, "up", "-f", str(file), *allowed)
        deadline = time.monotonic() + 60
        while "no worker" in done.stdout + done.stderr and time.monotonic() < deadline:
            done = lateen(platform, "up", "-f", str(file), *allowed)
        assert done.returncode == codes.DELIVERED, done.stdout + done.stderr
        path = f"/api/v1/namespaces/examples/secrets/{name}"
        data = platform.api(BEIJING).get(path)["data"]
        assert base64.b64decode(data["password"]).decode() == VALUE
        assert lateen(platform, "delete", name, "-n", "examples", *options).returncode == 0
    finally:
        worker.stop()

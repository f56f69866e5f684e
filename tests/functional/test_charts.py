"""A chart and a URL, delivered to real clusters by the real command line: seen before, edited, refused."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lateen.cli import codes
from lateen.client.documents import write_yaml
from lateen.model.fetched import FetchedObjects
from lateen.programs.finding import find_program
from support.charts import HOOK, SECRET, Web, chart, web_server
from support.platforms import BEIJING, HANGZHOU_1, Platform, unique

Json = dict[str, Any]

pytestmark = pytest.mark.skipif(
    find_program("helm") is None, reason="needs the program helm: run `lateen local tools`"
)


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        server.publish(chart("1.0.0"))
        yield server


def shop(name: str, web: Web, *, urls: list[str] | None = None, **properties: Any) -> Json:
    """Build an application of a chart, and of manifests at URLs."""
    source = {"source": "shop", "repoURL": f"{web.url}/charts", "version": "1.x"}
    components: list[Json] = [
        {
            "name": name,
            "type": "helmchart",
            "properties": {"chart": source, **properties},
            "traits": [{"type": "scaler", "properties": {"replicas": 2}}],
        }
    ]
    if urls:
        more = {"name": f"{name}-more", "type": "ref-objects", "properties": {"urls": urls}}
        components.append(more)
    where = {"clusters": [BEIJING, HANGZHOU_1]}
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "examples"},
        "spec": {
            "components": components,
            "policies": [{"name": "where", "type": "topology", "properties": where}],
        },
    }


class Commands:
    """The command line, as a person at a shell of this stack uses it."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.platform = platform
        self.folder = folder

    def run(self, *arguments: str, queue: str = "lateen") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lateen.cli", *arguments],
            env={
                **os.environ,
                **self.platform.stack.environment(),
                "LATEEN_NAMESPACE": "examples",
                "LATEEN_TASK_QUEUE": queue,
            },
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def file(self, application: Json) -> str:
        path = self.folder / f"{unique('app')}.yaml"
        path.write_text(write_yaml([application]))
        return str(path)


@pytest.fixture
def commands(platform: Platform, tmp_path: Path) -> Commands:
    return Commands(platform, tmp_path)


def test_a_worker_fetches_nothing_unless_its_operator_allows_it(
    commands: Commands, web: Web
) -> None:
    done = commands.run("up", "-f", commands.file(shop(unique("shop"), web)))
    assert done.returncode != codes.DELIVERED
    said = done.stdout + done.stderr
    assert f"{web.url}/charts/index.yaml may not be fetched" in said
    assert f"--allow-url {web.url}/charts/" in said
    assert web.asked == []


def test_a_chart_and_a_url_arrive(platform: Platform, commands: Commands, web: Web) -> None:
    """What they hold is frozen in the revision; a newer chart is seen by diff, and makes a new revision."""
    name, queue = unique("shop"), unique("queue")
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{name}-url"},
        "data": {"k": "v"},
    }
    web.files["/more/all.yaml"] = write_yaml([config])
    values = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-values"}}
    home = "/api/v1/namespaces/examples/configmaps"
    text = "config: {from: hub, both: hub}"
    platform.api("local").post(home, {**values, "data": {"values.yaml": text}})
    application = shop(
        name,
        web,
        urls=[f"{web.url}/more/all.yaml"],
        values={"config": {"both": "written"}},
        valuesFrom=[{"kind": "ConfigMap", "name": f"{name}-values"}],
    )
    file, allow = commands.file(application), ("--allow-url", web.url)
    vetted = commands.run("vet", "-f", file, *allow)
    assert (vetted.returncode, vetted.stderr) == (0, ""), vetted.stdout
    assert "(1 step, 2 placements)" in vetted.stdout
    shown = commands.run("dry-run", "-f", file, *allow)
    assert shown.stdout.count("kind: Deployment") == 2, shown.stderr
    assert "not looked at" in commands.run("vet", "--offline", "-f", file).stdout
    offline = commands.run("dry-run", "--offline", "-f", file)
    assert "can't be rendered offline" in offline.stderr

    worker = platform.another_worker("--task-queue", queue, "--deadline", "30s", *allow)
    try:
        done = commands.run("up", "-f", file, queue=queue)
        deadline = time.monotonic() + 60
        while "no worker" in done.stdout + done.stderr and time.monotonic() < deadline:
            done = commands.run("up", "-f", file, queue=queue)
        assert f"delivered {name}-v1 to 2 placements" in done.stdout, done.stdout + done.stderr
        for cluster in (BEIJING, HANGZHOU_1):
            live = platform.deployment(cluster, name)
            assert live is not None
            assert live["status"]["readyReplicas"] == 2
            data = platform.api(cluster).get(f"{home}/{name}-config")["data"]
            assert (data["from"], data["both"]) == ("hub", "written")
            at_url = platform.api(cluster).get(f"{home}/{name}-url")
            assert at_url["metadata"]["annotations"]["app.oam.dev/resource-url"].startswith(web.url)
        assert commands.run("up", "-f", file, queue=queue).returncode == codes.UNCHANGED
        assert commands.run("diff", "-f", file, *allow).returncode == codes.SAME

        edited = chart("1.1.0", extra="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n")
        web.publish(chart("1.0.0"), edited)
        different = commands.run("diff", "-f", file, *allow)
        assert different.returncode == codes.DIFFERENT
        assert "+ ConfigMap examples/extra" in different.stdout
        again = commands.run("up", "-f", file, queue=queue)
        assert f"delivered {name}-v2" in again.stdout, again.stderr
        path = f"/apis/lateen.dev/v1alpha1/namespaces/examples/revisions/{name}-v"
        for number, version, objects in ((1, "1.0.0", 3), (2, "1.1.0", 4)):
            spec = platform.api("local").get(f"{path}{number}")["spec"]
            (kept,) = [
                FetchedObjects.model_validate(each)
                for each in spec["fetched"]
                if each["origin"].startswith(f"chart shop {version}")
            ]
            assert len(kept.objects) == objects

        for template, said in ((HOOK, "does not run: Job migrate"), (SECRET, "makes Secret key")):
            web.publish(chart("1.2.0", more=template))
            refused = commands.run("up", "-f", file, queue=queue)
            assert refused.returncode not in {codes.DELIVERED, codes.UNCHANGED}
            assert said in refused.stdout + refused.stderr
        assert commands.run("delete", name, queue=queue).returncode == codes.DELIVERED
        for cluster in (BEIJING, HANGZHOU_1):
            assert platform.deployment(cluster, name) is None
    finally:
        worker.stop()
        platform.api("local").delete(f"{home}/{name}-values")
    assert "password" not in worker.log.read_text()

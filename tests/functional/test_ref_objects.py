"""Copies of the hub's objects, delivered to real clusters: what arrives, is refused, is never kept."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from lateen.client.documents import write_yaml
from support.platforms import BEIJING, HANGZHOU_1, Platform, failure_of, state_when, unique

Json = dict[str, Any]

PASSWORD = "correct-horse-battery-staple"
ENCODED = base64.b64encode(PASSWORD.encode()).decode()
HOME = "/api/v1/namespaces/examples"


def application(name: str, *objects: Json, clusters: list[str], **more: Any) -> Json:
    component = {"name": name, "type": "ref-objects", "properties": {"objects": list(objects)}}
    spec = {
        "components": [{**component, **more}],
        "policies": [{"name": "where", "type": "topology", "properties": {"clusters": clusters}}],
    }
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "examples"},
        "spec": spec,
    }


class Objects:
    """Objects in the hub that nobody delivers, removed after the test."""

    def __init__(self, platform: Platform) -> None:
        self.hub = platform.api("local")
        self.paths: list[str] = []

    def add(self, collection: str, manifest: Json) -> None:
        self.hub.post(collection, manifest)
        self.paths.append(f"{collection}/{manifest['metadata']['name']}")

    def config(self, name: str, *, app: str, **data: str) -> None:
        metadata = {"name": name, "labels": {"app": app}}
        manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        self.add(f"{HOME}/configmaps", manifest)

    def secret(self, name: str, **more: Any) -> None:
        manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "data": {"password": ENCODED},
        }
        self.add(f"{HOME}/secrets", {**manifest, **more})

    def deployment(self, name: str) -> None:
        labels = {"app": name}
        containers = [{"name": "web", "image": "nginx:1"}]
        template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
        spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
        manifest = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "labels": labels},
            "spec": spec,
        }
        self.add("/apis/apps/v1/namespaces/examples/deployments", manifest)


@pytest.fixture
def objects(platform: Platform) -> Iterator[Objects]:
    made = Objects(platform)
    yield made
    for path in made.paths:
        made.hub.delete(path)


async def test_a_deployment_and_its_configuration_are_copied_to_members(
    platform: Platform, objects: Objects
) -> None:
    """KubeVela's standalone example: a Deployment by name, ConfigMaps by label, a trait on the first."""
    name = unique("podinfo")
    objects.deployment(name)
    objects.config(f"{name}-1", app=name, key="one")
    objects.config(f"{name}-2", app=name, key="two")
    wanted = application(
        name,
        {"resource": "deployment"},
        {"resource": "configmap", "labelSelector": {"app": name}},
        clusters=[BEIJING, HANGZHOU_1],
        traits=[{"type": "scaler", "properties": {"replicas": 2}}],
    )
    assert (await platform.deliver(wanted))["phase"] == "delivered"
    for cluster in (BEIJING, HANGZHOU_1):
        copy = platform.deployment(cluster, name)
        assert copy is not None
        assert copy["status"]["readyReplicas"] == 2
        assert copy["metadata"]["labels"]["app.oam.dev/name"] == name
    copied = platform.api(BEIJING).get(f"{HOME}/configmaps/{name}-2")
    assert copied["data"] == {"key": "two"}
    original = platform.deployment("local", name)
    assert original is not None
    assert original["spec"]["replicas"] == 1
    assert "app.oam.dev/name" not in original["metadata"]["labels"]
    assert (await platform.deliver(wanted))["phase"] == "unchanged"
    await platform.delete(name)
    assert platform.deployment(BEIJING, name) is None
    assert platform.deployment("local", name) is not None


async def test_an_edit_of_what_is_copied_makes_a_new_revision(
    platform: Platform, objects: Objects
) -> None:
    name = unique("edited")
    objects.config(name, app=name, key="before")
    wanted = application(name, {"resource": "configmaps", "name": name}, clusters=[BEIJING])
    assert (await platform.deliver(wanted))["revision"] == f"{name}-v1"
    platform.api("local").patch(f"{HOME}/configmaps/{name}", {"data": {"key": "after"}})
    again = await platform.deliver(wanted)
    assert (again["phase"], again["revision"]) == ("delivered", f"{name}-v2")
    assert platform.api(BEIJING).get(f"{HOME}/configmaps/{name}")["data"] == {"key": "after"}
    first = platform.api("local").get(
        f"/apis/lateen.dev/v1alpha1/namespaces/examples/revisions/{name}-v1"
    )
    assert first["spec"]["references"][0]["objects"][0]["data"] == {"key": "before"}
    await platform.delete(name)


async def test_the_content_of_a_secret_arrives_and_is_kept_nowhere(
    platform: Platform, objects: Objects
) -> None:
    """Not in the Revision, nor in any history, nor in the worker's log."""
    name = unique("secret")
    objects.secret(name)
    wanted = application(name, {"resource": "secrets"}, clusters=[BEIJING])
    assert (await platform.deliver(wanted))["phase"] == "delivered"
    copied = platform.api(BEIJING).get(f"{HOME}/secrets/{name}")
    assert copied["data"] == {"password": ENCODED}
    assert (await platform.deliver(wanted))["phase"] == "unchanged"
    changed = base64.b64encode(b"another").decode()
    platform.api("local").patch(f"{HOME}/secrets/{name}", {"data": {"password": changed}})
    assert (await platform.deliver(wanted))["revision"] == f"{name}-v2"
    assert platform.api(BEIJING).get(f"{HOME}/secrets/{name}")["data"] == {"password": changed}
    kept = [platform.api("local").text(path) for path in _records(name)]
    assert f"{name}-v2" in kept[0]
    kept += await _histories(await platform.client(), f"examples/{name}")
    kept.append((platform.logs / "worker.log").read_text())
    for secret in (PASSWORD, ENCODED, changed):
        assert [text for text in kept if secret in text] == []
    await platform.delete(name)


async def test_a_secret_that_changes_before_it_is_delivered_asks_for_a_new_revision(
    platform: Platform, objects: Objects
) -> None:
    name = unique("rotated")
    objects.secret(name)
    wanted = application(name, {"resource": "secrets"}, clusters=[BEIJING])
    wanted["spec"]["workflow"] = {
        "steps": [
            {"name": "wait", "type": "suspend"},
            {"name": "go", "type": "deploy", "properties": {"policies": ["where"]}},
        ]
    }
    handle = await platform.start(wanted)
    changed = base64.b64encode(b"another").decode()
    await state_when(handle, lambda state: bool(state.get("waiting")), within=60)
    platform.api("local").patch(f"{HOME}/secrets/{name}", {"data": {"password": changed}})
    await handle.signal("approve", {"step": "wait"})
    error = await failure_of(handle)
    assert "was changed after the revision was made" in error.message
    assert "submit the application again" in error.message
    await platform.delete(name)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ({"resource": "configmaps", "name": "missing-one"}, "no ConfigMap of this name"),
        (
            {"resource": "configmaps", "labelSelector": {"app": "nobody"}},
            "fits no ConfigMap in namespace 'examples' of cluster 'local'",
        ),
        ({"resource": "configmapz", "name": "x"}, "did you mean 'configmaps'?"),
        (
            {"resource": "secrets", "namespace": "vela-system", "name": BEIJING},
            "is not the application's own namespace",
        ),
        ({"resource": "clusterroles", "name": "admin"}, "is cluster-scoped"),
        ({"resource": "configmaps", "cluster": "cluster-bejing"}, "did you mean 'cluster-beijing'"),
        ({"apiVersion": "acme.example/v1", "kind": "Thing", "name": "x"}, "is not served"),
    ],
    ids=["name", "labels", "resource", "namespace", "scope", "cluster", "kind"],
)
async def test_what_cannot_be_copied_is_refused_before_anything_is_stored(
    platform: Platform, objects: Objects, reference: Json, said: str
) -> None:
    name = unique("refused")
    objects.config("missing-one-but-near", app="near")
    error = await platform.failure(application(name, reference, clusters=[BEIJING]))
    assert error.type == "InvalidApplication"
    assert "spec.components[0].properties.objects[0]" in error.message
    assert said in error.message
    stored = platform.api("local").text(
        "/apis/core.oam.dev/v1beta1/namespaces/examples/applications"
    )
    revisions = platform.api("local").text(
        "/apis/lateen.dev/v1alpha1/namespaces/examples/revisions"
    )
    assert name not in stored + revisions


async def test_cluster_credentials_are_copied_for_nobody(platform: Platform) -> None:
    """Not even for an application that claims to live where they are."""
    name = unique("thief")
    wanted = application(name, {"resource": "secrets", "name": BEIJING}, clusters=[HANGZHOU_1])
    wanted["metadata"]["namespace"] = "vela-system"
    error = await platform.failure(wanted)
    assert "whose Secrets are never copied" in error.message


async def test_people_see_what_would_be_copied(
    platform: Platform, objects: Objects, tmp_path: Path
) -> None:
    """``dry-run`` reads the hub with the caller's rights; Secrets stay closed; ``vet`` finds what lacks."""
    name = unique("seen")
    objects.config(f"{name}-config", app=name, key="value")
    objects.secret(f"{name}-secret")
    wanted = application(
        name,
        {"resource": "cm", "labelSelector": {"app": name}},
        {"resource": "secrets", "name": f"{name}-secret"},
        clusters=[BEIJING],
    )
    file = tmp_path / "app.yaml"
    file.write_text(write_yaml([wanted]))
    shown = _lateen(platform, "dry-run", "-f", str(file))
    assert shown.returncode == 0, shown.stderr
    assert "key: value" in shown.stdout
    assert "lateen.dev/withheld-content" in shown.stdout
    assert ENCODED not in shown.stdout
    assert _lateen(platform, "vet", "-f", str(file)).returncode == 0
    offline = _lateen(platform, "vet", "--offline", "-f", str(file))
    assert "not looked at without a hub: spec.components[0].properties.objects[0]" in offline.stdout
    assert offline.returncode == 0
    wanted["spec"]["components"][0]["properties"]["objects"][1]["name"] = f"{name}-secrets"
    file.write_text(write_yaml([wanted]))
    vetted = _lateen(platform, "vet", "-f", str(file), "-o", "json")
    (document,) = json.loads(vetted.stdout)["documents"]
    assert [problem["path"] for problem in document["problems"]] == [
        "spec.components[0].properties.objects[1].name"
    ]
    assert document["problems"][0]["hint"] == f"did you mean '{name}-secret'?"


def _records(name: str) -> list[str]:
    root = "/apis/lateen.dev/v1alpha1/namespaces/examples"
    return [f"{root}/revisions", f"{root}/inventories", f"{root}/audits/{name}"]


async def _histories(client: Client, workflow_id: str) -> list[str]:
    """Return everything that Temporal keeps of an application's runs, as text."""
    found: list[str] = []
    async for run in client.list_workflows(f"WorkflowId = '{workflow_id}'"):
        history = await client.get_workflow_handle(workflow_id, run_id=run.run_id).fetch_history()
        found += [event.SerializeToString().decode(errors="replace") for event in history.events]
    assert len(found) > 20
    return found


def _lateen(platform: Platform, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lateen.cli", *arguments],
        env={**os.environ, **platform.stack.environment()},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

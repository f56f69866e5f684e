"""The room `kube` against a real API server: what no hand-written one can vouch for."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from lateen.kube.cluster import Cluster
from lateen.kube.connection import Connection
from lateen.kube.credentials import hub_credentials
from lateen.kube.diagnosing import explain
from lateen.kube.errors import (
    AlreadyExists,
    Conflict,
    Invalid,
    NotFound,
    UnknownKind,
    Vanished,
)
from lateen.kube.resources import BUILT_IN
from lateen.kube.waiting import wait_healthy
from lateen.model.objects import ObjectRef

pytestmark = pytest.mark.functional


@pytest.fixture
async def cluster(stack: Any) -> AsyncIterator[Cluster]:
    credentials = hub_credentials(stack.kubeconfig("cluster-beijing"))
    async with Cluster(Connection("beijing", credentials)) as connected:
        yield connected


@pytest.fixture
async def namespace(cluster: Cluster) -> AsyncIterator[str]:
    name = f"kube-{uuid4().hex[:8]}"
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await cluster.apply(manifest, field_manager="tests")
    yield name
    await cluster.delete(ObjectRef.of(manifest))


def open_files() -> list[str]:
    """What this process has open, as far as it still exists when it is looked at."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return found


def deployment(namespace: str, *, replicas: int = 2, **pod: Any) -> dict[str, Any]:
    labels = {"app": "web"}
    containers = [{"name": "web", "image": "nginx:1"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers} | pod},
        },
    }


def config(namespace: str, name: str = "conf", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


async def test_the_table_of_kinds_is_what_the_server_says(cluster: Cluster) -> None:
    served = {}
    for api_version in {api_version for api_version, _ in BUILT_IN}:
        root = "/apis" if "/" in api_version else "/api"
        answer = await cluster.connection.request("GET", f"{root}/{api_version}")
        for entry in answer["resources"]:
            if "/" not in entry["name"]:
                served[api_version, entry["kind"]] = (entry["name"], entry["namespaced"])
    assert {key: (kind.plural, kind.namespaced) for key, kind in BUILT_IN.items()} == {
        key: served[key] for key in BUILT_IN
    }


async def test_a_connection_leaves_no_credential_behind(cluster: Cluster) -> None:
    assert await cluster.connection.healthz() == "ok"
    assert len(await cluster.connection.uid()) == 36
    assert (await cluster.connection.version())["major"]
    assert [name for name in open_files() if "memfd:lateen" in name] == []


async def test_a_deployment_becomes_healthy_changes_scales_to_zero_and_goes(
    cluster: Cluster, namespace: str
) -> None:
    manifest = deployment(namespace)
    ref = ObjectRef.of(manifest)
    told: list[tuple[int, int, str]] = []
    first = await cluster.apply(manifest, field_manager="tests")
    assert first.created
    async with asyncio.timeout(60):
        await wait_healthy(
            cluster,
            [first.object],
            progress=lambda ready, total, text: told.append((ready, total, text)),
        )
        assert told[0][:2] == (0, 1)
        assert told[-1] == (1, 1, "")
        manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:2"
        second = await cluster.apply(manifest, field_manager="tests")
        assert not second.created
        await wait_healthy(cluster, [second.object], progress=lambda *_: None)
        live = await cluster.get(ref)
        assert live is not None
        assert live["status"]["updatedReplicas"] == 2
        third = await cluster.apply(deployment(namespace, replicas=0), field_manager="tests")
        await wait_healthy(cluster, [third.object], progress=lambda *_: None)
    assert await cluster.delete(ref, uid=live["metadata"]["uid"])
    assert not await cluster.delete(ref)
    assert await cluster.get(ref) is None


async def test_a_deployment_that_can_not_be_scheduled_is_explained(
    cluster: Cluster, namespace: str
) -> None:
    manifest = deployment(namespace, replicas=1, nodeSelector={"no": "such-node"})
    applied = await cluster.apply(manifest, field_manager="tests")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await wait_healthy(cluster, [applied.object], progress=lambda *_: None)
    live = await cluster.get(ObjectRef.of(manifest))
    assert live is not None
    text = await explain(cluster, live)
    assert text.startswith(f"Deployment {namespace}/web: Ready:0/1; ")
    assert "not scheduled: Unschedulable" in text
    assert "FailedScheduling" in text


async def test_a_deletion_ends_the_wait(cluster: Cluster, namespace: str) -> None:
    manifest = deployment(namespace, replicas=1, nodeSelector={"no": "such-node"})
    applied = await cluster.apply(manifest, field_manager="tests")
    wait = asyncio.create_task(wait_healthy(cluster, [applied.object], progress=lambda *_: None))
    await asyncio.sleep(0.2)
    await cluster.delete(ObjectRef.of(manifest))
    async with asyncio.timeout(10):
        with pytest.raises(Vanished):
            await wait


async def test_ownership_is_kept_until_forced(cluster: Cluster, namespace: str) -> None:
    await cluster.apply(config(namespace, a="1"), field_manager="one")
    with pytest.raises(Conflict) as caught:
        await cluster.apply(config(namespace, a="2"), field_manager="two")
    assert (caught.value.managers, caught.value.fields) == (("one",), (".data.a",))
    forced = await cluster.apply(config(namespace, a="2"), field_manager="two", force=True)
    assert forced.object["data"] == {"a": "2"}


async def test_a_resource_version_is_a_precondition(cluster: Cluster, namespace: str) -> None:
    made = await cluster.create(config(namespace, a="1"), field_manager="one")
    with pytest.raises(AlreadyExists):
        await cluster.create(config(namespace, a="1"), field_manager="one")
    stale = copy.deepcopy(made)
    made["data"]["a"] = "2"
    await cluster.replace(made, field_manager="one")
    stale.pop("managedFields", None)
    with pytest.raises(Conflict) as caught:
        await cluster.replace(stale, field_manager="one")
    assert caught.value.retryable
    pinned = config(namespace, a="3")
    pinned["metadata"]["resourceVersion"] = stale["metadata"]["resourceVersion"]
    with pytest.raises(Conflict):
        await cluster.apply(pinned, field_manager="one", force=True)
    with pytest.raises(Conflict):
        await cluster.delete(ObjectRef.of(stale), uid="another")


async def test_a_dry_run_changes_nothing(cluster: Cluster, namespace: str) -> None:
    shown = await cluster.apply(config(namespace, a="1"), field_manager="one", dry_run=True)
    assert shown.object["data"] == {"a": "1"}
    assert await cluster.get(ObjectRef.of(config(namespace))) is None


async def test_what_is_wrong_is_named_without_values(cluster: Cluster, namespace: str) -> None:
    manifest = deployment(namespace, replicas=-1)
    manifest["spec"]["template"]["spec"]["containers"][0]["env"] = [
        {"name": "a=", "value": "s3cret"}
    ]
    with pytest.raises(Invalid) as caught:
        await cluster.apply(manifest, field_manager="tests")
    assert set(caught.value.fields) == {
        "spec.replicas",
        "spec.template.spec.containers[0].env[0].name",
    }
    manifest["spec"]["colour"] = "s3cret"
    with pytest.raises(Invalid, match=r"\.spec\.colour: field not declared in schema"):
        await cluster.apply(manifest, field_manager="tests")
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": namespace},
        "data": {"password": "s3cret!"},
    }
    with pytest.raises(Invalid, match="not valid base64") as broken:
        await cluster.apply(secret, field_manager="tests")
    assert "s3cret" not in f"{caught.value}{broken.value}"


async def test_what_is_missing_is_told_apart(cluster: Cluster) -> None:
    with pytest.raises(NotFound, match="namespace nowhere does not exist"):
        await cluster.apply(config("nowhere"), field_manager="tests")
    with pytest.raises(UnknownKind, match="CRD"):
        await cluster.is_namespaced("no.such.group/v1", "Widget")


async def test_pages_are_joined(cluster: Cluster, namespace: str) -> None:
    names = [f"conf-{number}" for number in range(7)]
    for name in names:
        await cluster.apply(config(namespace, name), field_manager="tests")
    found = await cluster.list("v1", "ConfigMap", namespace=namespace, limit=1000)
    assert set(names) <= {item["metadata"]["name"] for item in found}
    one = await cluster.list("v1", "ConfigMap", namespace=namespace, fields="metadata.name=conf-3")
    assert [item["metadata"]["name"] for item in one] == ["conf-3"]


async def test_a_watch_sees_one_object_and_ends_in_time(cluster: Cluster, namespace: str) -> None:
    made = await cluster.apply(config(namespace, a="1"), field_manager="tests")
    ref, version = ObjectRef.of(made.object), made.object["metadata"]["resourceVersion"]
    await cluster.apply(config(namespace, "other"), field_manager="tests")
    await cluster.apply(config(namespace, a="2"), field_manager="tests")
    await cluster.delete(ref)
    async with aclosing(cluster.watch(ref, resource_version=version, timeout=1)) as watch:
        seen = [(kind, live["data"]["a"]) async for kind, live in watch]
    assert seen == [("MODIFIED", "2"), ("DELETED", "2")]


async def test_a_custom_kind_is_discovered_applied_and_gone(
    cluster: Cluster, namespace: str
) -> None:
    group = f"{namespace}.example.com"
    names = {"kind": "Widget", "plural": "widgets", "singular": "widget"}
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    }
    applied = await cluster.apply(definition, field_manager="tests")
    try:
        async with asyncio.timeout(30):
            await wait_healthy(cluster, [applied.object], progress=lambda *_: None)
        widget = {
            "apiVersion": f"{group}/v1",
            "kind": "Widget",
            "metadata": {"name": "w", "namespace": namespace},
            "spec": {"size": 3},
        }
        assert (await cluster.apply(widget, field_manager="tests")).created
        assert await cluster.delete(ObjectRef.of(widget))
    finally:
        await cluster.delete(ObjectRef.of(definition))

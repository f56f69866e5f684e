"""`lateen install` against real API servers and a real Temporal server."""

from __future__ import annotations

import asyncio
import copy
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import yaml
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from lateen.hub.cluster_errors import HubNotUsable
from lateen.hub.installing import check, install, manifests
from lateen.kube.cluster import Cluster
from lateen.kube.connection import Connection
from lateen.kube.credentials import hub_credentials
from lateen.kube.errors import Forbidden, Invalid
from lateen.local.settings import HUB, MEMBERS
from lateen.local.stack import Stack
from lateen.model.base import Json
from lateen.model.objects import ObjectRef
from support.rights import rejoin

APPLICATION: Json = {
    "apiVersion": "core.oam.dev/v1beta1",
    "kind": "Application",
    "metadata": {"name": "everything", "namespace": "default"},
    "spec": {
        "components": [
            {
                "name": "web",
                "type": "webservice",
                "properties": {"image": "nginx", "ports": [{"port": 80}]},
                "traits": [{"type": "scaler", "name": "more", "properties": {"replicas": 2}}],
                "dependsOn": ["other"],
                "inputs": [{"from": "a", "parameterKey": "b"}],
                "outputs": [{"name": "a", "valueFrom": "b"}],
            }
        ],
        "policies": [{"name": "p", "type": "topology", "properties": {"clusters": ["local"]}}],
        "workflow": {
            "mode": {"steps": "DAG"},
            "steps": [
                {
                    "name": "group",
                    "type": "step-group",
                    "if": "always",
                    "timeout": "1m",
                    "meta": {"alias": "All"},
                    "subSteps": [
                        {"name": "a", "type": "deploy", "properties": {"policies": ["p"]}}
                    ],
                }
            ],
        },
    },
}


@asynccontextmanager
async def connected(stack: Stack, name: str = HUB) -> AsyncGenerator[Cluster]:
    credentials = hub_credentials(stack.kubeconfig(name))
    async with Cluster(Connection(name, credentials)) as cluster:
        yield cluster


def lateen(stack: Stack, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lateen.cli", *arguments],
        env={**os.environ, **stack.environment(), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_install_is_complete_and_repeatable(stack: Stack) -> None:
    """The first run makes everything ready to be used, the second changes nothing."""
    async with connected(stack) as hub:
        await install(hub)
        assert {done.action for done in await install(hub)} == {"unchanged"}
        assert await check(hub) == []
    printed = lateen(stack, "install")
    assert printed.returncode == 0
    assert "CustomResourceDefinition applications.core.oam.dev unchanged" in printed.stdout


async def test_check_names_what_is_missing(stack: Stack) -> None:
    """A namespace that isn't there, a kind that isn't there."""
    async with connected(stack) as hub:
        await install(hub)
        assert await check(hub, namespace="nowhere") == [
            "Namespace nowhere does not exist; run `lateen install`"
        ]
    async with connected(stack, MEMBERS[1]) as bare:
        missing = await check(bare)
    assert len(missing) == 7
    assert "CustomResourceDefinition audits.lateen.dev does not exist" in missing[-1]


async def test_dry_run_is_what_install_applies(stack: Stack) -> None:
    """The printed stream is accepted by the API server as it is."""
    printed = lateen(stack, "install", "--dry-run")
    documents = list(yaml.safe_load_all(printed.stdout))
    assert documents == manifests()
    async with connected(stack) as hub:
        await install(hub)
        for document in documents:
            await hub.apply(document, field_manager="lateen-install", dry_run=True)


async def test_kinds_keep_what_is_written(stack: Stack) -> None:
    """Every field of an application survives; unknown ones too, for lateen itself to refuse."""
    odd = copy.deepcopy(APPLICATION)
    odd["spec"]["components"][0]["unknown"] = {"kept": True}
    async with connected(stack) as hub:
        await install(hub)
        for application in (APPLICATION, odd):
            applied = await hub.apply(application, field_manager="test", force=True)
            assert applied.object["spec"] == application["spec"]
        await hub.delete(ObjectRef.of(APPLICATION))


async def test_revisions_never_change(stack: Stack) -> None:
    """The API server itself refuses another spec, also in fields that the schema doesn't name."""
    revision: Json = {
        "apiVersion": "lateen.dev/v1alpha1",
        "kind": "Revision",
        "metadata": {"name": f"r-{uuid.uuid4().hex[:8]}", "namespace": "default"},
        "spec": {
            "number": 1,
            "digest": "d",
            "application": {"spec": {"components": []}},
            "settings": {"a": 1},
        },
    }
    async with connected(stack) as hub:
        await install(hub)
        await hub.create(revision, field_manager="test")
        changes: list[Json] = [
            {"number": 2},
            {"application": {"spec": {"components": [{}]}}},
            {"settings": {"a": 2}},
            {"added": 1},
        ]
        for change in changes:
            changed = {**revision, "spec": {**revision["spec"], **change}}
            with pytest.raises(Invalid):
                await hub.apply(changed, field_manager="test", force=True)
        await hub.apply(revision, field_manager="test", force=True)
        await hub.delete(ObjectRef.of(revision))


async def test_worker_may_do_its_work_and_no_more(stack: Stack) -> None:
    """With its roles and no others: applications and records yes, Secrets elsewhere no."""
    async with connected(stack) as hub:
        await install(hub)
        name = f"worker-{uuid.uuid4().hex[:6]}"
        for manifest in account(name):
            await hub.apply(manifest, field_manager="test")
        path = f"/api/v1/namespaces/lateen-system/serviceaccounts/{name}/token"
        answer = await hub.connection.request("POST", path, body={"spec": {}})
    admin = hub_credentials(stack.hub_kubeconfig)
    credentials = replace(admin, certificate=None, key=None, token=answer["status"]["token"])
    async with Cluster(Connection(HUB, credentials)) as worker:
        assert await check(worker) == []
        assert await worker.connection.uid()
        await worker.apply(APPLICATION, field_manager="worker")
        await worker.delete(ObjectRef.of(APPLICATION))
        await worker.list("v1", "Secret", namespace="vela-system")
        await worker.list("core.oam.dev/v1alpha1", "Policy")
        for kind in ("Revision", "Inventory", "Audit"):
            await worker.list("lateen.dev/v1alpha1", kind)
        with pytest.raises(Forbidden):
            await worker.list("v1", "Secret", namespace="kube-system")
        with pytest.raises(Forbidden):
            await worker.list("v1", "ConfigMap", namespace="default")
        metadata = {"name": "forged", "namespace": "vela-system"}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
        with pytest.raises(Forbidden):
            await worker.create(secret, field_manager="worker")


def account(name: str) -> list[Json]:
    """Build an account with the worker's roles; that of the worker may have been given more."""
    copied: list[Json] = []
    for manifest in copy.deepcopy(manifests()):
        if manifest["kind"] in {"ServiceAccount", "ClusterRoleBinding", "RoleBinding"}:
            manifest["metadata"]["name"] = name
            for subject in manifest.get("subjects", []):
                subject["name"] = name
            copied.append(manifest)
    return copied


async def test_kinds_of_kubevela_are_kept(stack: Stack) -> None:
    """Kinds that somebody else created stay as they are, or stop the install before any change."""
    wanted = next(item for item in manifests() if item["metadata"]["name"].startswith("policies"))
    foreign = copy.deepcopy(wanted)
    del foreign["metadata"]["labels"]
    schema = foreign["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    without_type = copy.deepcopy(foreign)
    crippled = without_type["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del crippled["properties"]["type"]
    del crippled["required"]
    without_type["spec"]["versions"][0].pop("additionalPrinterColumns")
    schema["description"] = "KubeVela's own"
    async with connected(stack, MEMBERS[1]) as other:
        try:
            await other.apply(without_type, field_manager="helm")
            with pytest.raises(HubNotUsable, match=r"policies.core.oam.dev: .*field type"):
                await install(other)
            assert len(await check(other)) == 7
            await other.apply(foreign, field_manager="helm", force=True)
            actions = {done.ref.name: done.action for done in await install(other)}
            assert actions["policies.core.oam.dev"] == "kept"
            assert actions["audits.lateen.dev"] == "created"
            live = await other.get(ObjectRef.of(foreign))
            assert live is not None
            version = live["spec"]["versions"][0]
            assert version["schema"]["openAPIV3Schema"]["description"] == "KubeVela's own"
            assert await check(other) == []
        finally:
            await uninstall(other)
            await rejoin(stack, MEMBERS[1])


async def uninstall(hub: Cluster) -> None:
    """Remove everything, one after the other.

    Namespaces go first: their deletion asks for every kind that is served, and starts over after a
    pause when one vanishes meanwhile.
    """
    async with asyncio.timeout(120):
        for manifest in manifests():
            ref = ObjectRef.of(manifest)
            await hub.delete(ref)
            while await hub.get(ref) is not None:  # noqa: ASYNC110 - no event tells that it is gone
                await asyncio.sleep(0.2)


async def test_search_attributes_are_registered_once(stack: Stack) -> None:
    """What is there already is skipped and said; a name of another type is refused."""
    namespace = f"install-{uuid.uuid4().hex[:8]}"
    client = await Client.connect(stack.temporal_address)
    retention = Duration()
    retention.FromTimedelta(timedelta(days=1))
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=namespace, workflow_execution_retention_period=retention)
    )
    first = await register(stack, namespace)
    assert "SearchAttribute LateenClusters (KeywordList) registered" in first.stdout
    again = lateen(stack, "install", "--no-hub", "--temporal", TEMPORAL_NAMESPACE=namespace)
    assert again.returncode == 0
    assert {line.split()[-1] for line in again.stdout.splitlines()} == {"unchanged"}


async def register(stack: Stack, namespace: str) -> subprocess.CompletedProcess[str]:
    """Register in a new namespace: Temporal's frontends know it after a few seconds only."""
    attempts = 20
    while True:
        attempts -= 1
        done = lateen(stack, "install", "--no-hub", "--temporal", TEMPORAL_NAMESPACE=namespace)
        if done.returncode == 0:
            return done
        assert attempts, done.stderr
        await asyncio.sleep(1)

"""The rights that ship are enough, and are all that is used: accounts, roles, tokens, on real API servers.

That deliveries work with them is what every other functional test shows: the shared worker has no others.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import yaml

from lateen.hub.clusters import ClusterRegistry
from lateen.hub.installing import install
from lateen.kube.cluster import Cluster
from lateen.kube.connection import Connection
from lateen.kube.credentials import hub_credentials
from lateen.kube.errors import Forbidden, Unauthorized
from lateen.local.settings import HUB, MEMBERS
from lateen.local.stack import Stack
from lateen.model.base import Json
from lateen.model.objects import ObjectRef
from support.api import Api, eventually
from support.manifests import KUBERNETES, built
from support.platforms import BEIJING, Platform, application, unique

MEMBER = MEMBERS[0]
TOKENS = "/api/v1/namespaces/lateen-system/secrets?labelSelector=lateen.dev%2Fhub"

Lateen = Callable[..., subprocess.CompletedProcess[str]]


@asynccontextmanager
async def connected(stack: Stack, name: str = HUB) -> AsyncGenerator[Cluster]:
    credentials = hub_credentials(stack.kubeconfig(name))
    async with Cluster(Connection(name, credentials)) as cluster:
        yield cluster


@pytest.fixture
async def registry(stack: Stack) -> AsyncGenerator[ClusterRegistry]:
    """A registry of this test's own."""
    name = f"registry-{uuid.uuid4().hex[:8]}"
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    async with connected(stack) as hub:
        await hub.create(manifest, field_manager="test")
        opened = ClusterRegistry(hub, name)
        yield opened
        await opened.close()
        await hub.delete(ObjectRef.of(manifest))


@pytest.fixture
def lateen(stack: Stack, registry: ClusterRegistry) -> Lateen:
    """Run the command line with that registry."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        own = {"LATEEN_REGISTRY_NAMESPACE": registry.namespace}
        return subprocess.run(
            [sys.executable, "-m", "lateen.cli", *arguments],
            env={**os.environ, **stack.environment(), **own},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def tokens(stack: Stack) -> dict[str, str]:
    """Return the tokens in the member by the name of their Secret."""
    items = Api(stack.kubeconfig(MEMBER)).get(TOKENS)["items"]
    return {item["metadata"]["name"]: item["data"]["token"] for item in items}


async def test_join_keeps_only_a_token_that_can_be_rotated_and_revoked(
    stack: Stack, registry: ClusterRegistry, lateen: Lateen
) -> None:
    """Nothing of the joining user's reaches the hub; each change is seen in both clusters."""
    kubeconfig = str(stack.kubeconfig(MEMBER))
    join = ("cluster", "join", kubeconfig, "--name", MEMBER, "--service-account")
    first = lateen(*join)
    assert (first.returncode, first.stderr) == (0, "")
    assert f"Successfully add cluster {MEMBER}" in first.stdout
    registration = await registry.registration(MEMBER, fresh=True)
    assert registration.type == "ServiceAccountToken"
    assert set(registration.secret["data"]) == {"endpoint", "ca.crt", "token"}
    stored = registration.text("token")
    assert base64.b64decode(tokens(stack)[registration.token_secret]).decode() == stored

    assert "is unchanged" in lateen(*join).stdout
    assert (await registry.registration(MEMBER, fresh=True)).text("token") == stored

    member = await registry.connect(MEMBER)
    assert await member.connection.uid()
    with pytest.raises(Forbidden):
        await member.list("v1", "Secret")
    with pytest.raises(Forbidden):
        await member.list("v1", "Node")

    assert "Successfully update cluster" in lateen(*join, "--overwrite").stdout
    rotated = await registry.registration(MEMBER, fresh=True)
    assert rotated.text("token") != stored
    assert registration.token_secret not in tokens(stack)
    assert await works(stack, rotated.text("token"))
    assert not await works(stack, stored, within=15)

    detached = lateen("cluster", "detach", MEMBER, "--revoke")
    assert detached.returncode == 0, detached.stderr
    assert "Its token is revoked" in detached.stderr
    assert rotated.token_secret not in tokens(stack)
    assert not await works(stack, rotated.text("token"), within=15)


async def works(stack: Stack, token: str, *, within: float = 0) -> bool:
    """Whether the member accepts a token; API servers remember one that ended for some seconds."""
    admin = hub_credentials(stack.kubeconfig(MEMBER))
    credentials = replace(admin, certificate=None, key=None, token=token)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    async with Cluster(Connection(MEMBER, credentials)) as member:
        while True:
            try:
                await member.get(ObjectRef(api_version="v1", kind="Namespace", name="kube-system"))
            except Unauthorized:
                return False
            if loop.time() >= deadline:
                return True
            await asyncio.sleep(0.5)


async def test_a_refused_join_makes_nothing(
    stack: Stack, registry: ClusterRegistry, lateen: Lateen
) -> None:
    """The same cluster under a second name: refused before the member is touched."""
    join = ("cluster", "join", str(stack.kubeconfig(MEMBER)), "--service-account", "--name")
    assert lateen(*join, MEMBER).returncode == 0
    before = tokens(stack)
    refused = lateen(*join, "again", "--overwrite")
    assert refused.returncode == 1
    assert f"already joined as '{MEMBER}'" in refused.stderr
    assert tokens(stack) == before
    assert lateen("cluster", "detach", MEMBER, "--revoke").returncode == 0


async def test_only_an_own_token_is_revoked(
    stack: Stack, registry: ClusterRegistry, lateen: Lateen
) -> None:
    """Credentials that somebody else gave are not lateen's to end: nothing happens."""
    assert (
        lateen("cluster", "join", str(stack.kubeconfig(MEMBER)), "--name", MEMBER).returncode == 0
    )
    refused = lateen("cluster", "detach", MEMBER, "--revoke")
    assert refused.returncode == 1
    assert "no token to revoke" in refused.stderr
    assert (await registry.registration(MEMBER, fresh=True)).name == MEMBER


async def test_changed_roles_are_left_alone(
    stack: Stack, registry: ClusterRegistry, lateen: Lateen
) -> None:
    """Who narrows the role keeps it narrow, and is told so at the next join."""
    join = ("cluster", "join", str(stack.kubeconfig(MEMBER)), "--name", MEMBER, "--service-account")
    assert lateen(*join).returncode == 0
    api = Api(stack.kubeconfig(MEMBER))
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/lateen-delivery"
    rules = api.get(path)["rules"]
    try:
        api.patch(path, {"rules": rules[:-1]})
        again = lateen(*join)
        assert again.returncode == 0
        assert "ClusterRole lateen-delivery was changed by somebody else" in again.stderr
        assert api.get(path)["rules"] == rules[:-1]
    finally:
        api.patch(path, {"rules": rules})
        lateen("cluster", "detach", MEMBER, "--revoke")


async def test_rights_can_be_extended_by_a_label(platform: Platform) -> None:
    """A kind beyond the default is refused by name; a labelled role makes it deliverable, and prunable."""
    name = unique("extended")
    budget: Json = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": name}}},
    }
    wanted = application(name)
    wanted["spec"]["components"] = [
        {"name": name, "type": "k8s-objects", "properties": {"objects": [budget]}}
    ]
    failure = await platform.failure(wanted)
    assert "poddisruptionbudgets" in str(failure).lower() or "PodDisruptionBudget" in str(failure)
    role: Json = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": name,
            "labels": {"lateen.dev/aggregate-to-delivery": "true"},
        },
        "rules": [
            {
                "apiGroups": ["policy"],
                "resources": ["poddisruptionbudgets"],
                "verbs": ["get", "watch", "create", "patch", "delete"],
            }
        ],
    }
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    budgets = "/apis/policy/v1/namespaces/examples/poddisruptionbudgets"
    api = platform.api(BEIJING)
    api.post(path, role)
    try:
        aggregated = f"{path}/lateen-delivery-extension"
        eventually(lambda: api.get(aggregated).get("rules"), role["rules"])
        await asyncio.sleep(1)  # authorizers learn of it by watching
        assert (await platform.deliver(wanted))["phase"] == "delivered"
        assert [item["metadata"]["name"] for item in api.get(budgets)["items"]] == [name]
        await platform.delete(name)
        assert api.get(budgets)["items"] == []
    finally:
        api.delete(f"{path}/{name}")


@pytest.mark.parametrize("folder", ["base", "roles", "member", "hub-as-target"])
async def test_api_server_accepts_the_manifests(stack: Stack, folder: str) -> None:
    """Each object of each kustomization, strictly validated, with its defaults and admission."""
    async with connected(stack) as hub:
        await install(hub)
        objects = built(folder)
        assert objects
        for manifest in objects:
            await hub.apply(manifest, field_manager="test", force=True, dry_run=True)


@pytest.mark.parametrize("folder", ["base", "member", "hub-as-target"])
def test_kustomize_builds_them(folder: str) -> None:
    """With kubectl's own kustomize, where there is one."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("needs kubectl on PATH")
    built_by_kubectl = subprocess.run(
        [kubectl, "kustomize", str(KUBERNETES / folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert built_by_kubectl.returncode == 0, built_by_kubectl.stderr
    kinds = {item["kind"] for item in yaml.safe_load_all(built_by_kubectl.stdout)}
    assert {item["kind"] for item in built(folder)} <= kinds

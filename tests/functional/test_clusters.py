"""The cluster registry and its commands, with real clusters and the real command line."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import yaml

from lateen.hub.cluster_errors import ClusterIdentityMismatch
from lateen.hub.clusters import ClusterRegistry
from lateen.kube.cluster import Cluster
from lateen.kube.connection import Connection
from lateen.kube.credentials import hub_credentials
from lateen.kube.errors import Unauthorized
from lateen.local.settings import HUB, MEMBERS
from lateen.local.stack import Stack
from lateen.model.base import Json
from lateen.model.objects import ObjectRef

BEIJING, HANGZHOU, _ = MEMBERS

Lateen = Callable[..., subprocess.CompletedProcess[str]]


@asynccontextmanager
async def connected(stack: Stack, name: str = HUB) -> AsyncGenerator[Cluster]:
    credentials = hub_credentials(stack.kubeconfig(name))
    async with Cluster(Connection(name, credentials)) as cluster:
        yield cluster


@pytest.fixture
async def namespace(stack: Stack) -> AsyncGenerator[str]:
    """A registry of this test's own, so that tests which share the hub don't see each other."""
    name = f"registry-{uuid.uuid4().hex[:8]}"
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    async with connected(stack) as hub:
        await hub.create(manifest, field_manager="test")
        yield name
        await hub.delete(ObjectRef.of(manifest))


@contextmanager
def terminal(answer: str | None) -> Generator[int]:
    """A terminal on which somebody has typed an answer; nothing at all without one."""
    if answer is None:
        yield subprocess.DEVNULL
        return
    controller, given = os.openpty()
    try:
        os.write(controller, f"{answer}\n".encode())
        yield given
    finally:
        os.close(controller)
        os.close(given)


@pytest.fixture
def lateen(stack: Stack, namespace: str) -> Lateen:
    """Runs the command line; `code` is the exit code that it must have.

    Its standard input is empty, or the text `stdin`, or a terminal on which `answer` is typed.
    """

    def run(
        *arguments: str, code: int = 0, stdin: str | None = None, answer: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        with terminal(answer) as given:
            done = subprocess.run(
                [sys.executable, "-m", "lateen.cli", *arguments],
                env={
                    **os.environ,
                    **stack.environment(),
                    "LATEEN_REGISTRY_NAMESPACE": namespace,
                },
                stdin=given if stdin is None else None,
                input=stdin,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        assert done.returncode == code, done.stderr
        return done

    return run


async def token_kubeconfig(stack: Stack, name: str, *, account: str) -> str:
    """Make a ServiceAccount that may read namespaces, and a kubeconfig with a token of it."""
    config = yaml.safe_load(stack.kubeconfig(name).read_text())
    async with connected(stack, name) as member:
        metadata = {"name": account, "namespace": "default"}
        await member.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
            field_manager="test",
        )
        await member.apply(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": account},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": "view",
                },
                "subjects": [{"kind": "ServiceAccount", **metadata}],
            },
            field_manager="test",
        )
        path = f"/api/v1/namespaces/default/serviceaccounts/{account}/token"
        answer = await member.connection.request("POST", path, body={"spec": {}})
    config["users"][0]["user"] = {"token": answer["status"]["token"]}
    return str(yaml.safe_dump(config))


async def test_life_of_a_cluster(stack: Stack, lateen: Lateen) -> None:
    """Joined, listed, labelled, probed, renamed and detached, as KubeVela words it."""
    kubeconfig = str(stack.kubeconfig(BEIJING))
    server = hub_credentials(stack.kubeconfig(BEIJING)).endpoint
    joined = lateen("cluster", "join", kubeconfig, "--name", "bj", "--labels", "region=north,a=b")
    assert joined.stdout == f"Successfully add cluster bj, endpoint: {server}.\n"
    again = lateen("cluster", "join", kubeconfig, "--name", "bj")
    assert again.stdout == f"Cluster bj is unchanged, endpoint: {server}.\n"

    table = lateen("cluster", "list").stdout.splitlines()
    assert [line.split() for line in table] == [
        ["CLUSTER", "ALIAS", "TYPE", "ENDPOINT", "ACCEPTED", "LABELS"],
        ["local", "Internal", "-", "true"],
        ["bj", "X509Certificate", server, "true", "a=b"],
        ["region=north"],
    ]

    labelled = lateen("cluster", "labels", "add", "bj", "tier=gold")
    assert labelled.stdout.splitlines() == [
        "Successfully update labels for cluster bj (type: X509Certificate).",
        *("a=b", "region=north", "tier=gold"),
    ]
    bare = lateen("cluster", "labels", "del", "bj", "a,region,tier")
    assert bare.stdout.splitlines()[1:] == ["No valid label exists."]

    lateen("cluster", "alias", "bj", "北京")
    probed = json.loads(lateen("cluster", "probe", "bj", "-o", "json").stdout)
    assert (probed["health"], probed["identity"]) == ("ok", "match")
    assert lateen("cluster", "probe", "bj").stdout == "Connect to cluster bj successfully.\nok\n"

    renamed = lateen("cluster", "rename", "bj", "north")
    assert renamed.stdout == "Rename cluster bj to north successfully.\n"
    listed = json.loads(lateen("cluster", "list", "-o", "json").stdout)
    assert [(item["name"], item["alias"]) for item in listed] == [("local", ""), ("north", "北京")]
    assert listed[1]["uid"] == probed["uid"]

    assert lateen("cluster", "detach", "north").stdout == "Detach cluster north successfully.\n"
    gone = lateen("cluster", "detach", "north", code=1)
    assert "'north' is not registered" in gone.stderr


async def test_overwriting_is_asked_for_on_a_terminal(
    stack: Stack, lateen: Lateen, tmp_path: Path
) -> None:
    """KubeVela's question: `n` changes nothing, `y` rotates."""
    account = f"member-{uuid.uuid4().hex[:8]}"
    other = tmp_path / "token"
    other.write_text(await token_kubeconfig(stack, BEIJING, account=account))
    lateen("cluster", "join", str(stack.kubeconfig(BEIJING)), "--name", "bj")
    for answer, code, kind in (("n", 1, "X509Certificate"), ("y", 0, "ServiceAccountToken")):
        done = lateen("cluster", "join", str(other), "--name=bj", code=code, answer=answer)
        assert "Cluster bj already exists, do you want to overwrite it?" in done.stderr
        listed = json.loads(lateen("cluster", "list", "-o", "json").stdout)
        assert listed[1]["type"] == kind
    await delete_account(stack, BEIJING, account)


async def test_wrong_cluster_is_refused(stack: Stack, lateen: Lateen) -> None:
    """The same cluster twice, another one under a known name, the hub: all by the real UIDs."""
    beijing, hangzhou = str(stack.kubeconfig(BEIJING)), str(stack.kubeconfig(HANGZHOU))
    lateen("cluster", "join", beijing, "--name", "bj")
    twice = lateen("cluster", "join", beijing, "--name", "second", code=1)
    assert "already joined as 'bj'" in twice.stderr
    other = lateen("cluster", "join", hangzhou, "--name", "bj", "--overwrite", code=1)
    assert "detach --force bj" in other.stderr
    hub = lateen("cluster", "join", str(stack.hub_kubeconfig), "--name", "hub", code=1)
    assert "it is the hub: use `local`" in hub.stderr
    for refused in (twice, other, hub):
        assert refused.stderr.startswith("Error: ")
        assert refused.stdout == ""


async def test_identity_is_checked_at_use(stack: Stack, lateen: Lateen, namespace: str) -> None:
    """A Secret that was pointed to another cluster is noticed at the first connection."""
    lateen("cluster", "join", str(stack.kubeconfig(BEIJING)), "--name", "bj")
    lateen("cluster", "join", str(stack.kubeconfig(HANGZHOU)), "--name", "hz")
    async with connected(stack) as hub:
        secrets = [
            await hub.get(
                ObjectRef(api_version="v1", kind="Secret", namespace=namespace, name=name)
            )
            for name in ("bj", "hz")
        ]
        assert secrets[0] is not None
        assert secrets[1] is not None
        swapped: Json = {**secrets[0], "data": secrets[1]["data"]}
        await hub.replace(swapped, field_manager="test")
        registry = ClusterRegistry(hub, namespace)
        with pytest.raises(ClusterIdentityMismatch, match="'bj'"):
            await registry.connect("bj")
        assert await (await registry.connect("hz")).connection.healthz() == "ok"
        await registry.close()
    probed = lateen("cluster", "probe", "bj", code=1)
    assert "was joined with kube-system UID" in probed.stderr


async def test_rotated_credentials_reach_a_running_registry(
    stack: Stack, lateen: Lateen, namespace: str
) -> None:
    """A token that is revoked gives a 401; after the rotation `fresh` connects without a restart."""
    account = f"member-{uuid.uuid4().hex[:8]}"
    first = await token_kubeconfig(stack, BEIJING, account=account)
    lateen("cluster", "join", "-", "--name", "bj", "--labels", "a=b", stdin=first)
    async with connected(stack) as hub:
        registry = ClusterRegistry(hub, namespace)
        old = await registry.connect("bj")
        assert await old.list("v1", "Pod", namespace="default") == []
        await delete_account(stack, BEIJING, account)
        await wait_refused(old)

        second = await token_kubeconfig(stack, BEIJING, account=f"{account}-2")
        asked = lateen("cluster", "join", "-", "--name", "bj", stdin=second, code=1)
        assert "--overwrite" in asked.stderr
        rotated = lateen("cluster", "join", "-", "--name", "bj", "-y", stdin=second)
        assert rotated.stdout.startswith("Successfully update cluster bj")
        new = await registry.connect("bj", fresh=True)
        assert await new.list("v1", "Pod", namespace="default") == []
        assert (await registry.get("bj")).user_labels == {"a": "b"}
        await registry.close()
    await delete_account(stack, BEIJING, f"{account}-2")
    for text in (asked.stderr, rotated.stdout, rotated.stderr):
        assert yaml.safe_load(second)["users"][0]["user"]["token"] not in text


async def delete_account(stack: Stack, name: str, account: str) -> None:
    async with connected(stack, name) as member:
        await member.delete(
            ObjectRef(api_version="v1", kind="ServiceAccount", namespace="default", name=account)
        )


async def wait_refused(cluster: Cluster) -> None:
    """Wait until a deleted account's token is refused: the API server remembers it for seconds."""
    async with asyncio.timeout(30):
        while True:
            try:
                await cluster.list("v1", "Pod", namespace="default")
            except Unauthorized:
                return
            await asyncio.sleep(0.5)


async def test_detach_in_use_is_refused(stack: Stack, lateen: Lateen, namespace: str) -> None:
    """An inventory in the hub says who lives there; `--force` removes the registration only."""
    lateen("install", "--namespace", namespace)
    name = f"used-{uuid.uuid4().hex[:8]}"
    lateen("cluster", "join", str(stack.kubeconfig(BEIJING)), "--name", name)
    inventory: Json = {
        "apiVersion": "lateen.dev/v1alpha1",
        "kind": "Inventory",
        "metadata": {
            "name": name,
            "namespace": "default",
            "labels": {"lateen.dev/cluster": name},
        },
        "spec": {
            "application": "shop",
            "namespace": "default",
            "cluster": name,
            "delivery": 1,
            "entries": [{"name": "settings"}],
        },
    }
    async with connected(stack) as hub:
        await hub.create(inventory, field_manager="test")
        refusal = lateen("cluster", "detach", name, code=1)
        assert "application default/shop" in refusal.stderr
        forced = lateen("cluster", "detach", name, "--force")
        assert forced.stdout == f"Detach cluster {name} successfully.\n"
        assert "application default/shop" in forced.stderr
        assert await hub.get(ObjectRef.of(inventory)) is not None
        await hub.delete(ObjectRef.of(inventory))

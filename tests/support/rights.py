"""The rights that ship, given to a stack: what a worker in a cluster has, and nothing else."""

from __future__ import annotations

import base64
from typing import Any

from lateen.hub.account_joining import join_with_account
from lateen.hub.clusters import ClusterRegistry
from lateen.hub.installing import install
from lateen.kube.cluster import Cluster
from lateen.kube.connection import Connection
from lateen.kube.credentials import hub_credentials, read_kubeconfig
from lateen.local.settings import HUB
from lateen.local.stack import Stack

_TOKEN = "/api/v1/namespaces/lateen-system/serviceaccounts/lateen-worker/token"


async def restrict(stack: Stack) -> dict[str, Any]:
    """Join all members by accounts of their own, and return a kubeconfig of the worker's ServiceAccount."""
    admin = hub_credentials(stack.hub_kubeconfig)
    async with Cluster(Connection(HUB, admin)) as hub:
        await install(hub, deliver_to_hub=True)
        registry = ClusterRegistry(hub)
        try:
            for name in stack.clusters:
                if name != HUB:
                    await _join(stack, registry, name)
        finally:
            await registry.close()
        spec = {"spec": {"expirationSeconds": 6 * 3600}}
        answer = await hub.connection.request("POST", _TOKEN, body=spec)
    cluster = {
        "server": admin.endpoint,
        "certificate-authority-data": base64.b64encode(admin.ca or b"").decode(),
    }
    return {
        "current-context": "worker",
        "clusters": [{"name": "hub", "cluster": cluster}],
        "users": [{"name": "worker", "user": {"token": answer["status"]["token"]}}],
        "contexts": [{"name": "worker", "context": {"cluster": "hub", "user": "worker"}}],
    }


async def rejoin(stack: Stack, name: str) -> None:
    """Give a member its account again, if it is joined: a test may have removed everything there."""
    async with Cluster(Connection(HUB, hub_credentials(stack.hub_kubeconfig))) as hub:
        registry = ClusterRegistry(hub)
        try:
            if name in await registry.registrations():
                await _join(stack, registry, name)
        finally:
            await registry.close()


async def _join(stack: Stack, registry: ClusterRegistry, name: str) -> None:
    entry = read_kubeconfig(stack.kubeconfig(name).read_text(), base=None)
    await join_with_account(registry, name, credentials=entry.credentials, overwrite=True)

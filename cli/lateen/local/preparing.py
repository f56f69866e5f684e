"""Making a running stack's hub ready for lateen: its kinds, the joined clusters, namespaces."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from lateen.hub.applications import ensure_namespace
from lateen.hub.clusters import ClusterRegistry
from lateen.hub.installing import install
from lateen.hub.joining import join
from lateen.kube.cluster import Cluster
from lateen.kube.connection import Connection
from lateen.kube.credentials import hub_credentials, read_kubeconfig
from lateen.local.settings import HUB
from lateen.local.stack import Stack

LABELS: Mapping[str, Mapping[str, str]] = {
    "cluster-hangzhou-1": {"region": "hangzhou"},
    "cluster-hangzhou-2": {"region": "hangzhou"},
}
"""What the example applications select clusters by."""

NAMESPACES = ("examples", "examples-alternative")
"""Where the example applications live and deliver to."""


async def prepare(stack: Stack, *, namespaces: Iterable[str] = NAMESPACES) -> None:
    """Install lateen in the hub, join the other clusters, make namespaces; quick when all is there."""
    async with Cluster(Connection(HUB, hub_credentials(stack.hub_kubeconfig))) as hub:
        await install(hub)
        registry = ClusterRegistry(hub)
        try:
            for name in stack.clusters:
                if name != HUB:
                    await _join(stack, registry, name)
            clusters = [await registry.connect(name) for name in stack.clusters]
            await asyncio.gather(
                *(ensure_namespace(each, name) for each in clusters for name in namespaces)
            )
        finally:
            await registry.close()


async def _join(stack: Stack, registry: ClusterRegistry, name: str) -> None:
    """Join a cluster, or take over its new credentials when it was made again."""
    content = stack.kubeconfig(name).read_text()
    entry = read_kubeconfig(content, base=None)
    labels = LABELS.get(name) if name not in await registry.registrations() else None
    await join(registry, name, credentials=entry.credentials, labels=labels, overwrite=True)

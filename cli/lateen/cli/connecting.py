"""The hub as commands reach it: quickly, or with one clear sentence why not."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from lateen.model.errors import LateenError
from lateen.model.labels import LOCAL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from lateen.hub.clusters import ClusterRegistry
    from lateen.kube.cluster import Cluster

CONNECT_TIMEOUT = 1.2
"""Seconds for connecting to the hub: a person waits, and the hub is near."""


class HubUnreachable(LateenError):
    """The hub did not answer; nothing was done."""


@asynccontextmanager
async def open_hub(kubeconfig: Path | None) -> AsyncGenerator[Cluster]:
    """Connect to the hub cluster; ``HubUnreachable`` when it doesn't answer, at whatever request."""
    from lateen.kube.cluster import Cluster
    from lateen.kube.connection import Connection
    from lateen.kube.credentials import hub_credentials
    from lateen.kube.errors import Unreachable

    credentials = hub_credentials(kubeconfig)
    connection = Connection(LOCAL, credentials, connect_timeout=CONNECT_TIMEOUT)
    async with Cluster(connection) as hub:
        try:
            yield hub
        except Unreachable as error:
            if error.cluster != LOCAL:
                raise
            why = str(error).removeprefix(f"cluster {LOCAL}: ")
            raise HubUnreachable(
                f"the hub cluster at {credentials.endpoint} can't be reached ({why});"
                " check --hub-kubeconfig and that the hub runs"
            ) from error


@asynccontextmanager
async def open_registry(kubeconfig: Path | None, namespace: str) -> AsyncGenerator[ClusterRegistry]:
    """Connect to the hub and open the cluster registry that a namespace of it keeps."""
    from lateen.hub.clusters import ClusterRegistry

    async with open_hub(kubeconfig) as hub:
        registry = ClusterRegistry(hub, namespace)
        try:
            yield registry
        finally:
            await registry.close()

"""Asking a cluster whether it is there, and whether it is the one that was joined."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lateen.hub.cluster_errors import REJOIN, ClusterIdentityMismatch
from lateen.model.labels import LOCAL

if TYPE_CHECKING:
    from lateen.hub.clusters import ClusterRegistry
    from lateen.kube.cluster import Cluster

Identity = Literal["match", "mismatch", "unrecorded"]


@dataclass(frozen=True)
class Probe:
    """What a cluster answered. ``latency`` is that of one health request on an open connection, seconds.

    ``identity``: whether its kube-system UID is the one recorded at join; KubeVela records none.
    """

    name: str
    health: str
    latency: float
    version: str
    uid: str
    recorded_uid: str
    identity: Identity


async def probe(registry: ClusterRegistry, name: str) -> Probe:
    """Ask a cluster for health, version and identity over a connection of its own.

    Raises what connecting raises; another cluster than the joined one is an answer here, not an
    error.
    """
    if name == LOCAL:
        return await _ask(registry.hub, recorded=await registry.hub.connection.uid())
    registration = await registry.registration(name, fresh=True)
    async with registry.dial(name, registry.usable(registration)) as cluster:
        return await _ask(cluster, recorded=registration.recorded_uid)


async def _ask(cluster: Cluster, *, recorded: str) -> Probe:
    connection = cluster.connection
    version = await connection.version()
    begun = time.monotonic()
    health = await connection.healthz()
    latency = time.monotonic() - begun
    uid = await connection.uid()
    identity: Identity = "unrecorded"
    if recorded:
        identity = "match" if uid == recorded else "mismatch"
    return Probe(
        name=cluster.name,
        health=health,
        latency=latency,
        version=str(version.get("gitVersion", "")),
        uid=uid,
        recorded_uid=recorded,
        identity=identity,
    )


def refuse_mismatch(found: Probe) -> None:
    """Raise ``ClusterIdentityMismatch`` when another cluster answered than the one that was joined."""
    if found.identity == "mismatch":
        raise ClusterIdentityMismatch(
            found.name, recorded=found.recorded_uid, found=found.uid, way_out=REJOIN
        )

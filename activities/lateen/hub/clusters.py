"""The cluster registry: which clusters there are, and a verified connection to each."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from lateen.hub.cluster_errors import (
    REJOIN,
    ClusterIdentityMismatch,
    ReservedCluster,
    UnknownCluster,
)
from lateen.hub.pooling import ConnectionPool, NextFlight, SingleFlight
from lateen.hub.registrations import (
    RENAMED_FROM,
    RegisteredCluster,
    Registration,
    local_cluster,
)
from lateen.kube.cluster import Cluster
from lateen.kube.connection import Connection, Observe
from lateen.kube.credentials import Credentials
from lateen.model.labels import CREDENTIAL_TYPE, LOCAL
from lateen.model.objects import ObjectRef

REGISTRY_NAMESPACE = "vela-system"
"""Where KubeVela keeps the Secrets, and so does lateen unless it is told otherwise."""

MEMBER_CONNECT_TIMEOUT = 5.0
"""Seconds for connecting to a member cluster, TLS included."""

Dial = Callable[[str, Credentials], Cluster]
"""Makes a cluster from its name and credentials, without talking to it yet."""


def dial_member(name: str, credentials: Credentials, *, observe: Observe | None = None) -> Cluster:
    """Return a member cluster that connects at its first request."""
    return Cluster(
        Connection(name, credentials, connect_timeout=MEMBER_CONNECT_TIMEOUT, observe=observe)
    )


@dataclass(frozen=True)
class _Known:
    registration: Registration
    read_at: float


class ClusterRegistry:
    """Reads the hub's cluster Secrets and keeps a connection per cluster.

    ``allow_insecure`` names clusters (``*`` for all) that may be reached without verifying TLS,
    besides those that were joined that way; ``allowed_exec`` names commands that credentials may
    run. A Secret that was read is trusted for ``max_age`` seconds, so that many placements right
    after a listing cost no request each; rotated credentials are used after that, or at once with
    ``fresh``.
    """

    def __init__(
        self,
        hub: Cluster,
        namespace: str = REGISTRY_NAMESPACE,
        *,
        allow_insecure: Collection[str] = (),
        allowed_exec: Collection[str] = (),
        max_age: float = 5.0,
        dial: Dial = dial_member,
    ) -> None:
        self.hub = hub
        self.namespace = namespace
        self.dial = dial
        self._allow_insecure = frozenset(allow_insecure)
        self._allowed_exec = frozenset(allowed_exec)
        self._max_age = max_age
        self._known: dict[str, _Known] = {}
        self._reading: SingleFlight[Registration | None] = SingleFlight()
        self._listing: NextFlight[dict[str, Registration]] = NextFlight()
        self._pool = ConnectionPool()

    async def close(self) -> None:
        """Close the connections to members; the hub's belongs to who opened it."""
        await self._pool.close()

    async def get(self, name: str) -> RegisteredCluster:
        """Return one cluster; ``UnknownCluster`` when it isn't registered."""
        return local_cluster() if name == LOCAL else (await self.registration(name)).describe()

    async def credentials(self, name: str, *, fresh: bool = False) -> Credentials:
        """Return what to connect with. Forbidden kinds are refused at every call, not only at join."""
        return self.usable(await self.registration(name, fresh=fresh))

    def usable(self, registration: Registration) -> Credentials:
        """Return a registration's credentials, or raise ``UnusableCluster`` by this registry's rules."""
        return registration.credentials(
            allow_insecure=self._allow_insecure, allowed_exec=self._allowed_exec
        )

    async def connect(self, name: str, *, fresh: bool = False) -> Cluster:
        """Return the cluster, connected; ``local`` is the hub.

        The first use of a connection checks that the cluster is the one that was joined. ``fresh``
        reads the Secret again: use it after a 401, for rotated credentials make a new connection.
        """
        if name == LOCAL:
            return self.hub
        registration = await self.registration(name, fresh=fresh)
        credentials = self.usable(registration)
        recorded = registration.recorded_uid
        return await self._pool.get(
            name,
            identity=registration.identity,
            dial=lambda: self.dial(name, credentials),
            verify=lambda cluster: _verify(cluster, recorded=recorded),
        )

    async def registration(self, name: str, *, fresh: bool = False) -> Registration:
        """Return a cluster's Secret; ``UnknownCluster`` when there is none, and for ``local``."""
        if name == LOCAL:
            raise ReservedCluster("read credentials of")
        known = self._known.get(name)
        if not fresh and known and time.monotonic() - known.read_at <= self._max_age:
            return known.registration
        found = await self._reading.run(name, lambda: self._read(name))
        if found is None:
            raise UnknownCluster(name, known=[cluster.name for cluster in await self.list()])
        return found

    async def registrations(self) -> dict[str, Registration]:
        """Return all cluster Secrets by name, in the order of the names, as they are after the call."""
        return dict(await self._listing.run(self._list))

    async def _list(self) -> dict[str, Registration]:
        started = time.monotonic()
        secrets = await self.hub.list(
            "v1", "Secret", namespace=self.namespace, labels=CREDENTIAL_TYPE
        )
        found = {item.name: item for item in map(Registration, secrets) if item.name != LOCAL}
        for gone in self._known.keys() - found.keys():
            self.forget(gone)
        for item in found.values():
            self.remember(item, read_at=started)
        return dict(sorted(found.items()))

    def remember(self, registration: Registration, *, read_at: float | None = None) -> None:
        """Take note of a Secret as it was just written, or read by a request begun at ``read_at``.

        What was read earlier never replaces what was read later.
        """
        moment = time.monotonic() if read_at is None else read_at
        known = self._known.get(registration.name)
        if known is None or known.read_at <= moment:
            self._known[registration.name] = _Known(registration, moment)

    def forget(self, name: str) -> None:
        """Drop what is remembered about a cluster that was changed or is gone."""
        self._known.pop(name, None)
        self._pool.drop(name)

    async def list(self) -> list[RegisteredCluster]:
        """Return all clusters: ``local`` first, then by name.

        A cluster whose rename has not ended is listed once, under its old name.
        """
        found = await self.registrations()
        return [local_cluster()] + [
            item.describe()
            for item in found.values()
            if item.annotations.get(RENAMED_FROM) not in found
        ]

    async def _read(self, name: str) -> Registration | None:
        started = time.monotonic()
        secret = await self.hub.get(
            ObjectRef(api_version="v1", kind="Secret", namespace=self.namespace, name=name)
        )
        found = None if secret is None else Registration(secret)
        if found is None or CREDENTIAL_TYPE not in found.labels:
            self.forget(name)
            return None
        self.remember(found, read_at=started)
        return found


async def _verify(cluster: Cluster, *, recorded: str) -> None:
    """Check that the cluster that answers is the one that was joined; KubeVela's joins record no UID."""
    if not recorded:
        return
    found = await cluster.connection.uid()
    if found != recorded:
        raise ClusterIdentityMismatch(
            cluster.name,
            recorded=recorded,
            found=found,
            way_out=REJOIN,
        )

"""The yardstick: the least that puts the same objects on the same clusters and sees them ready.

Nothing is planned, checked, recorded, retried, fenced or pruned; every object is applied at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from bench.observing import Observer
from lateen.kube.cluster import Cluster
from lateen.model.base import Json
from lateen.model.objects import ObjectRef

_MANAGER = "bench"


class BareLoop:
    """Applies and deletes by asyncio and a connection each cluster."""

    def __init__(self, clusters: Mapping[str, Cluster], observer: Observer) -> None:
        self._clusters = clusters
        self._observer = observer

    async def deliver(self, name: str, objects: Mapping[str, Sequence[Json]]) -> None:
        """Apply everything at once and wait until the Deployments are ready."""
        await asyncio.gather(
            *(
                self._clusters[cluster].apply(manifest, field_manager=_MANAGER, force=True)
                for cluster, manifests in objects.items()
                for manifest in manifests
            )
        )
        await self._observer.until_ready(list(objects), name)

    async def delete(self, name: str, objects: Mapping[str, Sequence[Json]]) -> None:
        """Delete everything at once and wait until the Deployments are gone."""
        await asyncio.gather(
            *(
                self._clusters[cluster].delete(ObjectRef.of(manifest))
                for cluster, manifests in objects.items()
                for manifest in manifests
            )
        )
        await self._observer.until_gone(list(objects), name)


def requests_of(objects: Mapping[str, Sequence[Json]]) -> int:
    """Return how many requests a delivery of the bare loop makes: its applies, a watch a cluster."""
    return sum(map(len, objects.values())) + len(objects)

"""Deleting from a cluster what an application recorded there and no longer wants."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence

from lateen.activities.applying import check_owner
from lateen.activities.edges import Refused
from lateen.activities.planning import decide, split
from lateen.activities.rooms import Rooms
from lateen.contracts.messages import PlacementResult, PruneCluster
from lateen.kube.cluster import Cluster
from lateen.kube.errors import Conflict, UnknownKind
from lateen.model.base import Json
from lateen.model.objects import ObjectRef
from lateen.model.records import Inventory, InventoryEntry
from lateen.planning.component_order import deletion_groups
from lateen.rendering.ordering import delete_order

_POLL = (0.05, 2.0)
"""Seconds between looks at an object that finalizers keep: the first, and the longest."""

_AT_ONCE = 10
_MOST_TRIES = 10

Report = Callable[[Json], None]


async def prune_cluster(rooms: Rooms, request: PruneCluster, *, report: Report) -> PlacementResult:
    """Delete, see that it is gone, forget. Raises until all of it is gone: the caller tries again."""
    await rooms.check_hub(request)
    namespace, name = split(request.application)
    inventory = await rooms.inventories.claim(
        namespace, name, cluster=request.cluster, delivery=request.delivery
    )
    entries = inventory.entries
    if not request.everything:
        entries = await _no_longer_wanted(rooms, request, inventory)
    if not request.orphan:
        cluster = await rooms.clusters.connect(request.cluster)

        async def check() -> None:
            await rooms.inventories.check(
                namespace, name, cluster=request.cluster, delivery=request.delivery
            )

        pruner = Pruner(cluster, application=request.application, check=check)
        for group in deletion_groups(entries):
            await pruner.delete_all(group, report=report)
    await rooms.inventories.forget(
        namespace,
        name,
        cluster=request.cluster,
        delivery=request.delivery,
        keys={entry.ref.key for entry in entries},
    )
    return PlacementResult(cluster=request.cluster, objects=len(entries))


async def _no_longer_wanted(
    rooms: Rooms, request: PruneCluster, inventory: Inventory
) -> list[InventoryEntry]:
    namespace, name = split(request.application)
    if request.revision is None:
        return []
    resolved = await rooms.resolve(namespace, request.revision)
    decisions = await decide(
        rooms,
        resolved,
        name=name,
        placements=request.placements,
        confirmed=request.confirm_removal,
        inventories=[inventory],
    )
    return [entry for decision in decisions for entry in decision.delete]


class Pruner:
    """Deletes objects of one application from one cluster; objects of others are left alone.

    ``check`` raises when a newer delivery took the inventory. Every deletion names the version that was read
    before the check: what a newer delivery wrote meanwhile is a conflict, and the check then ends this one.
    """

    def __init__(
        self, cluster: Cluster, *, application: str, check: Callable[[], Awaitable[None]]
    ) -> None:
        self._cluster = cluster
        self._application = application
        self._check = check

    async def delete_all(self, entries: Sequence[InventoryEntry], *, report: Report) -> None:
        """Delete in the reverse order of applying, and return when all of it is gone."""
        manifests: list[Json] = [
            {
                "apiVersion": entry.api_version,
                "kind": entry.kind,
                "metadata": {"namespace": entry.namespace, "name": entry.name},
            }
            for entry in entries
        ]
        refs = [ObjectRef.of(manifest) for manifest in delete_order(manifests)]
        found = await self.own_all(refs)
        await self._check()
        for done, (ref, live) in enumerate(zip(refs, found, strict=True), start=1):
            await self._delete(ref, live)
            report({"deleted": done, "total": len(refs)})
        pause, longest = _POLL
        while left := await self._left(refs):
            refs = left
            report({"remaining": len(left), "message": f"waiting for {left[0]} to be gone"})
            await asyncio.sleep(pause)
            pause = min(longest, pause * 2)

    async def _delete(self, ref: ObjectRef, live: Json | None) -> None:
        """Delete one object as it was read; a change in between is looked at again."""
        for tries in itertools.count(1):
            if live is None or live["metadata"].get("deletionTimestamp"):
                return
            metadata = live["metadata"]
            try:
                await self._cluster.delete(
                    ref, uid=metadata["uid"], resource_version=metadata["resourceVersion"]
                )
            except Conflict:
                if tries == _MOST_TRIES:
                    raise
                live = await self._own(ref)
                await self._check()
            else:
                return

    async def _own(self, ref: ObjectRef) -> Json | None:
        """Return an object of the application; one that is gone, or has become another's, is None."""
        try:
            live = await self._cluster.get(ref)
        except UnknownKind:
            return None  # The CRD was removed, and its objects with it.
        if live is None:
            return None
        try:
            check_owner(live, ref, application=self._application, cluster=self._cluster.name)
        except Refused:
            return None
        return live

    async def own_all(self, refs: Sequence[ObjectRef]) -> list[Json | None]:
        """Return the application's objects as they are; None for each that is gone, or another's."""
        slots = asyncio.Semaphore(_AT_ONCE)

        async def look(ref: ObjectRef) -> Json | None:
            async with slots:
                return await self._own(ref)

        return list(await asyncio.gather(*map(look, refs)))

    async def _left(self, refs: Sequence[ObjectRef]) -> list[ObjectRef]:
        """Return those that are still there."""
        found = await self.own_all(refs)
        return [ref for ref, live in zip(refs, found, strict=True) if live is not None]

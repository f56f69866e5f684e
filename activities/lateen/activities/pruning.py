"""Deleting from a cluster what an application recorded there and no longer wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from lateen.activities.applying import check_owner
from lateen.activities.edges import Refused
from lateen.activities.planning import decide, split
from lateen.activities.rooms import Rooms
from lateen.contracts.messages import PlacementResult, PruneCluster
from lateen.kube.cluster import Cluster
from lateen.kube.errors import Conflict, UnknownKind
from lateen.model.base import Json
from lateen.model.objects import ObjectRef
from lateen.model.records import InventoryEntry
from lateen.rendering.ordering import delete_order

_POLL = (0.05, 2.0)
"""Seconds between looks at an object that finalizers keep: the first, and the longest."""

_AT_ONCE = 10

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
        entries = await _no_longer_wanted(rooms, request)
    if not request.orphan:
        cluster = await rooms.clusters.connect(request.cluster)
        await _delete_all(cluster, entries, application=request.application, report=report)
    await rooms.inventories.forget(
        namespace,
        name,
        cluster=request.cluster,
        delivery=request.delivery,
        keys={entry.ref.key for entry in entries},
    )
    return PlacementResult(cluster=request.cluster, objects=len(entries))


async def _no_longer_wanted(rooms: Rooms, request: PruneCluster) -> list[InventoryEntry]:
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
    )
    return [entry for d in decisions if d.cluster == request.cluster for entry in d.delete]


async def _delete_all(
    cluster: Cluster, entries: Sequence[InventoryEntry], *, application: str, report: Report
) -> None:
    """Delete in the reverse order of applying; objects of others are left alone."""
    manifests: list[Json] = [
        {
            "apiVersion": entry.api_version,
            "kind": entry.kind,
            "metadata": {"namespace": entry.namespace, "name": entry.name},
        }
        for entry in entries
    ]
    for done, manifest in enumerate(delete_order(manifests), start=1):
        await _delete(cluster, ObjectRef.of(manifest), application=application)
        report({"deleted": done, "total": len(manifests)})
    pause, longest = _POLL
    left = [entry.ref for entry in entries]
    while left := await _left(cluster, left, application=application):
        report({"remaining": len(left), "message": f"waiting for {left[0]} to be gone"})
        await asyncio.sleep(pause)
        pause = min(longest, pause * 2)


async def _delete(cluster: Cluster, ref: ObjectRef, *, application: str) -> None:
    """Delete one object if it is there and the application's; a change in between is looked at again."""
    for _ in range(10):
        live = await _own(cluster, ref, application=application)
        if live is None:
            return
        metadata = live["metadata"]
        if metadata.get("deletionTimestamp"):
            return
        try:
            await cluster.delete(
                ref, uid=metadata["uid"], resource_version=metadata["resourceVersion"]
            )
        except Conflict:
            continue
        return
    await cluster.delete(ref)


async def _own(cluster: Cluster, ref: ObjectRef, *, application: str) -> Json | None:
    """Return an object of the application; one that is gone, or has become somebody else's, is None."""
    try:
        live = await cluster.get(ref)
    except UnknownKind:
        return None  # The CRD was removed, and its objects with it.
    if live is None:
        return None
    try:
        check_owner(live, ref, application=application, cluster=cluster.name)
    except Refused:
        return None
    return live


async def _left(
    cluster: Cluster, refs: Sequence[ObjectRef], *, application: str
) -> list[ObjectRef]:
    """Return those that are still there."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def look(ref: ObjectRef) -> Json | None:
        async with slots:
            return await _own(cluster, ref, application=application)

    found = await asyncio.gather(*map(look, refs))
    return [ref for ref, live in zip(refs, found, strict=True) if live is not None]

"""Deleting from a cluster what an application recorded there and no longer wants."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence

from lateen.activities.applying import field_manager
from lateen.activities.planning import decide, split
from lateen.activities.rooms import Rooms
from lateen.contracts.messages import PlacementResult, PruneCluster
from lateen.hub.cluster_errors import RegistryError
from lateen.kube.cluster import Cluster, Propagation
from lateen.kube.errors import Conflict, KubeError, UnknownKind
from lateen.kube.field_ownership import rename_manager
from lateen.model.base import Json
from lateen.model.objects import ObjectRef
from lateen.model.records import Inventory, InventoryEntry
from lateen.planning.component_order import deletion_groups
from lateen.planning.ownership import heir_of, leaving, owner_of, sharers_of
from lateen.planning.pruning import PruneDecision, decide_deletion
from lateen.rendering.ordering import delete_order

_POLL = (0.05, 2.0)
"""Seconds between looks at an object that finalizers keep: the first, and the longest."""

_PATIENCE = 10.0
"""Seconds in which shared objects are handed over when nothing is deleted."""

_PROPAGATION: Mapping[str, Propagation] = {
    "": "Background",
    "orphan": "Orphan",
    "cascading": "Foreground",
}

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
    decision = await _decision(rooms, request, inventory)

    async def check() -> None:
        await rooms.inventories.check(
            namespace, name, cluster=request.cluster, delivery=request.delivery
        )

    message = ""
    if request.orphan:
        message = await _leave_if_reachable(rooms, request, decision.release, check=check)
    elif decision.delete or any(entry.shared for entry in decision.release):
        cluster = await rooms.clusters.connect(request.cluster)
        pruner = Pruner(cluster, application=request.application, check=check)
        await pruner.leave_all([entry for entry in decision.release if entry.shared])
        await pruner.delete_all(decision.delete, report=report)
    await rooms.inventories.forget(
        namespace,
        name,
        cluster=request.cluster,
        delivery=request.delivery,
        keys={entry.ref.key for entry in (*decision.delete, *decision.release)},
    )
    if request.orphan:
        return PlacementResult(
            cluster=request.cluster, objects=len(decision.release), message=message
        )
    kept = len(decision.release)
    return PlacementResult(
        cluster=request.cluster,
        objects=len(decision.delete),
        message=f"{kept} kept by its garbage-collect policy" if kept else "",
        kept=kept,
    )


async def _decision(rooms: Rooms, request: PruneCluster, inventory: Inventory) -> PruneDecision:
    if request.orphan:
        return PruneDecision(request.cluster, release=list(inventory.entries))
    if request.everything:
        return decide_deletion(inventory)
    namespace, name = split(request.application)
    if request.revision is None:
        return PruneDecision(request.cluster)
    resolved = await rooms.resolve(namespace, request.revision)
    (decision,) = await decide(
        rooms,
        resolved,
        name=name,
        placements=request.placements,
        partly=request.partly,
        confirmed=request.confirm_removal,
        inventories=[inventory],
    ) or [PruneDecision(request.cluster)]
    return decision


async def _leave_if_reachable(
    rooms: Rooms,
    request: PruneCluster,
    entries: Sequence[InventoryEntry],
    *,
    check: Callable[[], Awaitable[None]],
) -> str:
    """Hand shared objects over to those that go on sharing them; say so when that can't be done.

    A cluster that does not answer must not keep an application from being orphaned or given up.
    """
    shared = [entry for entry in entries if entry.shared]
    if not shared:
        return ""
    try:
        async with asyncio.timeout(_PATIENCE):
            cluster = await rooms.clusters.connect(request.cluster)
            pruner = Pruner(cluster, application=request.application, check=check)
            await pruner.leave_all(shared)
    except (KubeError, RegistryError, TimeoutError) as error:
        why = str(error) or "no answer"
        return f"{len(shared)} shared objects were not handed over: {why}"
    return ""


class Pruner:
    """Deletes objects of one application from one cluster; objects of others are left alone.

    What others share is not deleted but handed over to them. ``check`` raises when a newer delivery took the
    inventory. Every change names the version that was read before the check: what a newer delivery wrote
    meanwhile is a conflict, and the check then ends this one.
    """

    def __init__(
        self, cluster: Cluster, *, application: str, check: Callable[[], Awaitable[None]]
    ) -> None:
        self._cluster = cluster
        self._application = application
        self._check = check

    async def delete_all(self, entries: Sequence[InventoryEntry], *, report: Report) -> None:
        """Delete in the reverse order of applying, and return when all of it is gone.

        What depends on others goes before them, and is waited for.
        """
        done = 0
        for group in deletion_groups(entries):
            await self._delete_all(group, report=report, done=done, total=len(entries))
            done += len(group)

    async def _delete_all(
        self, entries: Sequence[InventoryEntry], *, report: Report, done: int, total: int
    ) -> None:
        by_ref = {entry.ref: entry for entry in entries}
        refs = [ObjectRef.of(manifest) for manifest in delete_order(map(_manifest, entries))]
        found = await self.own_all(refs)
        await self._check()
        for ref, live in zip(refs, found, strict=True):
            await self._let_go(ref, live, propagation=_PROPAGATION[by_ref[ref].propagation])
            done += 1
            report({"deleted": done, "total": total})
        pause, longest = _POLL
        while left := await self._left(refs):
            refs = left
            report({"remaining": len(left), "message": f"waiting for {left[0]} to be gone"})
            await asyncio.sleep(pause)
            pause = min(longest, pause * 2)

    async def leave_all(self, entries: Sequence[InventoryEntry]) -> None:
        """Leave objects in place; those that others share are handed over to them."""
        refs = [entry.ref for entry in entries]
        found = await self.own_all(refs)
        await self._check()
        for ref, live in zip(refs, found, strict=True):
            await self._let_go(ref, live, propagation=None)

    async def _let_go(
        self, ref: ObjectRef, live: Json | None, *, propagation: Propagation | None
    ) -> None:
        """Let go of one object as it was read; a change in between is looked at again.

        Without a ``propagation`` it is not deleted, whoever else shares it.
        """
        for tries in itertools.count(1):
            if live is None or live["metadata"].get("deletionTimestamp"):
                return
            try:
                await self._let_go_of(ref, live, propagation)
            except Conflict:
                if tries == _MOST_TRIES:
                    raise
                live = await self._own(ref)
                await self._check()
            else:
                return

    async def _let_go_of(self, ref: ObjectRef, live: Json, propagation: Propagation | None) -> None:
        owned = owner_of(live) == self._application
        if not owned or heir_of(live, self._application):
            await self._hand_over(ref, live)
        elif propagation is not None:
            metadata = live["metadata"]
            await self._cluster.delete(
                ref,
                uid=metadata["uid"],
                resource_version=metadata["resourceVersion"],
                propagation=propagation,
            )

    async def _hand_over(self, ref: ObjectRef, live: Json) -> None:
        """Take the application from those that share an object; the next of them gets what it owned.

        The fields go along, so that the next one's apply removes those that it does not want.
        """
        change = leaving(live, self._application)
        manager = field_manager(self._application)
        if owner_of(live) == self._application:
            heir = field_manager(heir_of(live, self._application))
            change["metadata"]["managedFields"] = rename_manager(live, old=manager, new=heir)
            manager = heir
        await self._cluster.patch(ref, change, field_manager=manager)

    async def _own(self, ref: ObjectRef) -> Json | None:
        """Return an object that the application has a part in; one that is gone, or another's, is None."""
        try:
            live = await self._cluster.get(ref)
        except UnknownKind:
            return None  # The CRD was removed, and its objects with it.
        if live is None:
            return None
        has_part = self._application in (owner_of(live), *sharers_of(live))
        return live if has_part else None

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


def _manifest(entry: InventoryEntry) -> Json:
    return {
        "apiVersion": entry.api_version,
        "kind": entry.kind,
        "metadata": {"namespace": entry.namespace, "name": entry.name},
    }

"""Inventories: what an application has in a cluster, written before every apply; and the fence.

Keyed by object identity, never by a generation: going back from B to A keeps A's objects. The delivery number
only grows; an attempt of an older delivery that comes late finds a higher one and stops.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from functools import partial

from lateen.hub.audits import Audits, SupersededDelivery
from lateen.hub.cluster_users import INVENTORY_CLUSTER
from lateen.hub.records import API_VERSION, RecordStore
from lateen.kube.cluster import Cluster
from lateen.model.labels import APP_NAME
from lateen.model.records import Effect, Inventory, InventoryEntry

Key = tuple[str, str, str, str]

_SAYING_MORE: Sequence[Effect] = ("pending", "", "changed", "created")
"""Effects, each said to be more than those before it."""


def inventory_name(application: str, cluster: str) -> str:
    """Return the name of an inventory; a digest tells ``a.b`` + ``c`` from ``a`` + ``b.c``."""
    plain = f"{application}.{cluster}"
    if "." not in application and "." not in cluster:
        return plain
    suffix = hashlib.sha256(f"{application}/{cluster}".encode()).hexdigest()[:8]
    return f"{plain[:240]}-{suffix}"


class Inventories:
    """Reads and writes inventories."""

    def __init__(self, hub: Cluster, audits: Audits) -> None:
        self._store = RecordStore(hub, kind="Inventory", record=Inventory)
        self._audits = audits

    async def claim(
        self,
        namespace: str,
        application: str,
        *,
        cluster: str,
        delivery: int,
        entries: Sequence[InventoryEntry] = (),
        released: Collection[Key] = (),
    ) -> Inventory:
        """Take the inventory for a delivery and record what is about to be applied.

        What is ``released`` is not recorded any more: it is left to somebody else.

        Raises ``SupersededDelivery`` when a newer delivery has it. An inventory that is new says nothing of
        newer deliveries (one of them may have deleted it), so the audit is asked then.
        """
        created = False
        claims = {entry.ref.key: entry for entry in entries}

        def change(before: Inventory | None) -> Inventory:
            nonlocal created
            created = before is None
            inventory = before or Inventory(
                application=application, namespace=namespace, cluster=cluster
            )
            _check_fence(inventory, delivery)
            before_now = (e for e in inventory.entries if e.ref.key not in released)
            merged = {entry.ref.key: entry for entry in before_now}
            merged |= {key: _noted(merged.get(key), entry) for key, entry in claims.items()}
            return inventory.model_copy(
                update={"delivery": delivery, "entries": list(merged.values())}
            )

        name = inventory_name(application, cluster)
        claimed = await self._store.update(
            namespace,
            name,
            change,
            labels={APP_NAME: application, INVENTORY_CLUSTER: cluster},
            likely_new=delivery == 1,
        )
        if created:
            latest = (await self._audits.read(namespace, application)).latest_delivery
            if latest > delivery:
                # Unless the newer one took it meanwhile: then it is no longer ours to delete.
                await self._store.discard(namespace, name, lambda own: own.delivery == delivery)
                raise SupersededDelivery(_over(namespace, application, delivery, latest))
        return claimed

    async def check(self, namespace: str, application: str, *, cluster: str, delivery: int) -> None:
        """Raise ``SupersededDelivery`` when a newer delivery took the inventory meanwhile, or emptied it."""
        inventory = await self._store.read(namespace, inventory_name(application, cluster))
        if inventory is None:
            raise SupersededDelivery(
                f"delivery {delivery} of {namespace}/{application} is over: "
                f"its inventory of cluster {cluster} is gone"
            )
        _check_fence(inventory, delivery)

    async def forget(
        self,
        namespace: str,
        application: str,
        *,
        cluster: str,
        delivery: int,
        keys: Collection[Key],
    ) -> None:
        """Drop entries whose objects are gone; an inventory without entries is deleted."""

        def kept(inventory: Inventory) -> list[InventoryEntry]:
            return [entry for entry in inventory.entries if entry.ref.key not in keys]

        def change(before: Inventory | None) -> Inventory | None:
            if before is None:
                return Inventory(application=application, namespace=namespace, cluster=cluster)
            _check_fence(before, delivery)
            return before.model_copy(update={"delivery": delivery, "entries": kept(before)})

        name = inventory_name(application, cluster)
        if await self._store.discard(
            namespace, name, lambda known: known.delivery == delivery and not kept(known)
        ):
            return
        after = await self._store.update(namespace, name, change)
        if not after.entries:
            await self._store.discard(namespace, name, lambda known: not known.entries)

    async def list(self, namespace: str, application: str) -> Sequence[Inventory]:
        """Return an application's inventories, one a cluster, by the cluster's name."""
        found = await self._store.list(namespace, {APP_NAME: application})
        return sorted(found, key=lambda inventory: inventory.cluster)


def _noted(before: InventoryEntry | None, entry: InventoryEntry) -> InventoryEntry:
    """Keep what an earlier attempt or step of the same delivery was about to do to an object."""
    if before is None or before.delivery != entry.delivery:
        return entry
    effect = max(before.effect, entry.effect, key=_SAYING_MORE.index)
    return entry.model_copy(update={"effect": effect})


def _check_fence(inventory: Inventory, delivery: int) -> None:
    if inventory.delivery > delivery:
        raise SupersededDelivery(
            _over(inventory.namespace, inventory.application, delivery, inventory.delivery)
        )


def _over(namespace: str, application: str, delivery: int, newer: int) -> str:
    return (
        f"delivery {delivery} of {namespace}/{application} is over: delivery {newer} took its place"
    )


def _first(moved: Inventory, before: Inventory | None) -> Inventory:
    return before or moved


async def move_cluster(hub: Cluster, *, old: str, new: str) -> int:
    """Move every inventory of cluster ``old`` to ``new``; running it again finishes what was begun.

    Returns how many were moved.
    """
    store = RecordStore(hub, kind="Inventory", record=Inventory)
    found = await hub.list(API_VERSION, "Inventory", labels={INVENTORY_CLUSTER: old})
    for live in found:
        inventory = store.parse(live)
        moved = inventory.model_copy(update={"cluster": new})
        namespace = live["metadata"]["namespace"]
        await store.update(
            namespace,
            inventory_name(inventory.application, new),
            partial(_first, moved),
            labels={APP_NAME: inventory.application, INVENTORY_CLUSTER: new},
        )
        await store.delete(namespace, live["metadata"]["name"])
    return len(found)

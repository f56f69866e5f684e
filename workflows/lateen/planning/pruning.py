"""What an application still has in a cluster and no longer wants. Pure; it decides, others delete."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from lateen.model.objects import ObjectRef
from lateen.model.placement import Placement
from lateen.model.records import Inventory, InventoryEntry

Key = tuple[str, str, str, str]


@dataclass
class PruneDecision:
    """For one cluster: what to delete, and what is kept although nothing delivers it any more.

    ``confirmable`` is what of it would be deleted if somebody confirmed the cluster's removal.
    """

    cluster: str
    delete: list[InventoryEntry] = field(default_factory=list[InventoryEntry])
    retained: list[str] = field(default_factory=list[str])
    confirmable: list[InventoryEntry] = field(default_factory=list[InventoryEntry])


def decide_pruning(
    inventory: Inventory,
    *,
    wanted: Collection[Key],
    placements: Collection[Placement],
    still_selected: Callable[[str, Placement], bool],
    joined: Collection[str],
    confirmed: Collection[str] = (),
) -> PruneDecision:
    """Compare what a cluster has with what all steps of this delivery put there.

    ``wanted`` are the keys of the objects of all steps in this cluster, ``placements`` where the steps
    deliver now. ``still_selected(revision, placement)`` tells whether the revision that an entry came from
    would, with the clusters as they are now, still be delivered to the placement: if so, the application's
    own edit removed it and it is deleted; if not, cluster labels changed, and it is kept until somebody
    confirms (``confirmed`` names clusters). A cluster that isn't joined any more can't be pruned.
    """
    decision = PruneDecision(inventory.cluster)
    for entry in inventory.entries:
        if entry.ref.key in wanted:
            continue
        placement = Placement(cluster=inventory.cluster, namespace=entry.placement_namespace)
        if inventory.cluster not in joined:
            decision.retained.append(_kept(inventory, entry, "the cluster is not joined"))
        elif (
            placement in placements
            or inventory.cluster in confirmed
            or still_selected(entry.revision, placement)
        ):
            decision.delete.append(entry)
        else:
            decision.confirmable.append(entry)
            decision.retained.append(
                _kept(inventory, entry, "the cluster's labels changed; confirm its removal")
            )
    return decision


def _kept(inventory: Inventory, entry: InventoryEntry, why: str) -> str:
    return f"{inventory.cluster}: {entry.ref} ({why})"


def keys_of(refs: Iterable[ObjectRef]) -> set[Key]:
    """Return the identities of objects."""
    return {ref.key for ref in refs}

"""What an application still has in a cluster and no longer wants. Pure; it decides, others delete."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from lateen.model.objects import ObjectRef
from lateen.model.placement import Placement
from lateen.model.records import Inventory, InventoryEntry
from lateen.policies.rules.selectors import Facts
from lateen.policies.rules.treatments import Rules

Key = tuple[str, str, str, str]

_ON_UPDATE, _ON_DELETE, _NEVER = "onAppUpdate", "onAppDelete", "never"


@dataclass
class PruneDecision:
    """For one cluster: what to delete, and what is kept although nothing delivers it any more.

    ``confirmable`` is what of it would be deleted if somebody confirmed the cluster's removal. What is
    released is left in the cluster, and is not the application's business any longer.
    """

    cluster: str
    delete: list[InventoryEntry] = field(default_factory=list[InventoryEntry])
    release: list[InventoryEntry] = field(default_factory=list[InventoryEntry])
    retained: list[str] = field(default_factory=list[str])
    confirmable: list[InventoryEntry] = field(default_factory=list[InventoryEntry])

    @property
    def acts(self) -> bool:
        """Whether there is anything to do in the cluster or its inventory."""
        return bool(self.delete or self.release)


@dataclass(frozen=True)
class Wanted:
    """What a delivery puts into one cluster, and what its application says about the rest.

    ``keys`` are the objects of all steps there, ``placements`` where the steps deliver now. ``missed`` are
    those of them that it did not reach: what they have stays.
    """

    keys: Collection[Key] = ()
    placements: Collection[Placement] = ()
    missed: Collection[Placement] = ()
    rules: Rules = field(default_factory=Rules)


def decide_pruning(
    inventory: Inventory,
    *,
    wanted: Wanted,
    still_selected: Callable[[str, Placement], bool],
    joined: Collection[str],
    confirmed: Collection[str] = (),
) -> PruneDecision:
    """Compare what a cluster has with what all steps of this delivery put there.

    ``still_selected(revision, placement)`` tells whether the revision that an entry came from would, with
    the clusters as they are now, still be delivered to the placement: if so, the application's own edit
    removed it and it is deleted; if not, cluster labels changed, and it is kept until somebody confirms
    (``confirmed`` names clusters). A cluster that isn't joined any more can't be pruned.
    """
    decision = PruneDecision(inventory.cluster)
    for entry in inventory.entries:
        if entry.ref.key in wanted.keys:
            continue
        placement = Placement(cluster=inventory.cluster, namespace=entry.placement_namespace)
        why = ""
        if inventory.cluster not in joined:
            why = "the cluster is not joined"
        elif placement in wanted.missed:
            why = "its step did not succeed"
        elif not (
            placement in wanted.placements
            or inventory.cluster in confirmed
            or still_selected(entry.revision, placement)
        ):
            why = "the cluster's labels changed; confirm its removal"
            if _strategy(entry, wanted.rules) == _ON_UPDATE:
                decision.confirmable.append(entry)
        if why:
            decision.retained.append(_kept(inventory, entry, why))
        else:
            _collect(decision, inventory, entry, rules=wanted.rules)
    return decision


def _collect(
    decision: PruneDecision, inventory: Inventory, entry: InventoryEntry, *, rules: Rules
) -> None:
    rule = rules.collect.rule(_facts(entry))
    strategy = _strategy(entry, rules)
    if strategy == _NEVER:
        decision.release.append(entry)
        why = "its garbage-collect policy never deletes it"
        decision.retained.append(_kept(inventory, entry, why))
    elif strategy == _ON_DELETE:
        why = "its garbage-collect policy keeps it until the application is deleted"
        decision.retained.append(_kept(inventory, entry, why))
    else:
        propagation = (rule.propagation or "") if rule else entry.propagation
        decision.delete.append(entry.model_copy(update={"propagation": propagation}))


def _strategy(entry: InventoryEntry, rules: Rules) -> str:
    """Return what the policy says; where it says nothing (any more), what it said at the last apply."""
    rule = rules.collect.rule(_facts(entry))
    otherwise = _ON_DELETE if rules.collect.keep_legacy_resource else _ON_UPDATE
    return (rule and rule.strategy) or entry.collect or otherwise


def decide_deletion(inventory: Inventory) -> PruneDecision:
    """Decide about everything when the application is deleted: what was said at the last apply counts."""
    decision = PruneDecision(inventory.cluster)
    for entry in inventory.entries:
        kept = entry.collect == _NEVER
        (decision.release if kept else decision.delete).append(entry)
        if kept:
            why = "its garbage-collect policy never deletes it"
            decision.retained.append(_kept(inventory, entry, why))
    return decision


def _facts(entry: InventoryEntry) -> Facts:
    return Facts(
        component=entry.component,
        component_type=entry.component_type,
        oam_type=entry.oam_type,
        trait_type=entry.trait_type,
        kind=entry.kind,
        name=entry.name,
    )


def _kept(inventory: Inventory, entry: InventoryEntry, why: str) -> str:
    return f"{inventory.cluster}: {entry.ref} ({why})"


def keys_of(refs: Iterable[ObjectRef]) -> set[Key]:
    """Return the identities of objects."""
    return {ref.key for ref in refs}

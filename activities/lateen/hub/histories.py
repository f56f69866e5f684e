"""The deliveries of an application that are over, as its audit keeps them: bounded in number and in size. Pure.

Who did what stands in the audit's events; here is what each delivery was, and what it did in which cluster.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lateen.model.json_values import canonical_json
from lateen.model.records import Audit, ClusterChanges, DeliveryRecord, ObjectCounts, PastDelivery

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from lateen.model.records import Inventory

KEPT_DELIVERIES = 50
"""Older deliveries are dropped."""

_LARGEST = 100 * 1024
"""Bytes of all of them. An object of Kubernetes takes about 1.5 MB, and is written as a whole each time."""

_LONGEST_MESSAGE = 500
_COUNTS = tuple(ObjectCounts.model_fields)


def ended(
    past: Sequence[PastDelivery], record: DeliveryRecord, changes: Iterable[ClusterChanges]
) -> list[PastDelivery]:
    """Return the past with a delivery that ended; one that was filed without an end is completed."""
    found = sorted(changes, key=lambda each: each.cluster)
    filed = PastDelivery(
        number=record.number,
        run_id=record.run_id,
        intent=record.intent,
        revision=record.revision,
        actor=record.actor,
        started_at=record.started_at,
        ended_at=record.ended_at,
        phase=record.phase,
        message=record.message[:_LONGEST_MESSAGE],
        total=_total(found),
        reached=len(found),
        changes=found,
    )
    others = [each for each in past if each.number != record.number]
    return _bounded(sorted([*others, filed], key=lambda each: each.number))


def unended(audit: Audit, *, run_id: str) -> int:
    """Return the number of another run's delivery that has no recorded end; 0 if there is none."""
    before = audit.delivery
    return 0 if before is None or before.ended_at or before.run_id == run_id else before.number


def overtaken(
    audit: Audit, *, run_id: str, changes: Iterable[ClusterChanges] = ()
) -> list[PastDelivery]:
    """Return the past as a run begins its delivery: the one before it may never have recorded its end.

    ``changes`` is what that one did, by what the inventories still say.
    """
    before = audit.delivery
    if before is None or not unended(audit, run_id=run_id):
        return audit.past
    if any(each.number == before.number for each in audit.past):
        return audit.past
    return ended(audit.past, before, changes)


def changes_of(
    delivery: int,
    inventories: Iterable[Inventory],
    *,
    removed: Iterable[ClusterChanges] = (),
    kept: Mapping[str, int] | None = None,
    states: Mapping[str, str] | None = None,
) -> list[ClusterChanges]:
    """Count what a delivery did: by the inventories what it wrote, and what it ``removed``.

    ``kept`` are objects by cluster that it left although it no longer delivers them. ``states`` are those of
    clusters where not all went well. A cluster that was only going to be reached is counted with nothing.
    """
    counts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_COUNTS, 0))
    for inventory in inventories:
        for entry in inventory.entries:
            if entry.delivery == delivery and entry.effect != "pending":
                counts[inventory.cluster][entry.effect or "unchanged"] += 1
    said = dict(states or {})
    for each in removed:
        counts[each.cluster]["deleted"] += each.deleted
        counts[each.cluster]["kept"] += each.kept
        if each.state:
            said[each.cluster] = each.state
    for cluster, number in (kept or {}).items():
        if number:
            counts[cluster]["kept"] += number
    return [
        ClusterChanges.model_validate(
            {"cluster": cluster, "state": said.get(cluster, ""), **counts[cluster]}
        )
        for cluster in sorted({*counts, *said})
    ]


def _total(changes: Collection[ClusterChanges]) -> ObjectCounts:
    return ObjectCounts(**{name: sum(getattr(each, name) for each in changes) for name in _COUNTS})


def _bounded(past: Sequence[PastDelivery]) -> list[PastDelivery]:
    """Keep the newest; where they take too much room, the oldest lose their clusters first."""
    kept = list(past[-KEPT_DELIVERIES:])
    bare = [each.model_copy(update={"changes": []}) for each in kept]
    room = _LARGEST - sum(map(_size, bare))
    for index in range(len(kept) - 1, -1, -1):
        room -= _size(kept[index]) - _size(bare[index])
        if room < 0:
            return [*bare[: index + 1], *kept[index + 1 :]]
    return kept


def _size(past: PastDelivery) -> int:
    return len(canonical_json(past.to_json()))

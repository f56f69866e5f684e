"""What counts as drift, what is remembered of it, and what is done about it. Pure; it decides, others look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import cast, get_args

from lateen.model.base import Json
from lateen.model.drift import (
    DriftedObject,
    DriftMode,
    DriftRecord,
    PlacementChange,
    UncheckedCluster,
)
from lateen.model.errors import InvalidApplication, Problem
from lateen.model.labels import DRIFT, FOLLOW_CLUSTERS
from lateen.model.placement import Placement
from lateen.model.records import Audit, AuditEvent, DeliveryRecord
from lateen.planning.resolving import Resolved
from lateen.policies.rules.field_paths import FieldPath, keep
from lateen.policies.topology import TOPOLOGY, ClusterInfo, select_placements

MODES: tuple[str, ...] = get_args(DriftMode)

_MOST_OBJECTS, _MOST_FIELDS, _MOST_PLACES = 20, 10, 50
_LONGEST_PATH, _LONGEST_REASON = 200, 300
_MOST_REPAIRS = 3
_MOST_EVENTS = 20
_FRESH = timedelta(hours=1)
_EVENTS = frozenset({"drifted", "drift-ended", "clusters-changed"})
_OPEN = frozenset({"delivering", "waiting", "deleting"})


# What an application says.


def drift_mode(annotations: Mapping[str, str], *, otherwise: DriftMode) -> DriftMode:
    """Return what is to be done about an application's drift: its own word, or the operator's."""
    said = annotations.get(DRIFT, "")
    return cast("DriftMode", said) if said in MODES else otherwise


def follows_clusters(annotations: Mapping[str, str]) -> bool:
    """Tell whether an application is delivered by itself to clusters that it matches later."""
    return annotations.get(FOLLOW_CLUSTERS) == "true"


def annotation_problems(annotations: Mapping[str, str]) -> Iterator[Problem]:
    """Refuse words that would otherwise be ignored."""
    for key, words in ((DRIFT, MODES), (FOLLOW_CLUSTERS, ("true", "false"))):
        if key in annotations and annotations[key] not in words:
            path = f'metadata.annotations["{key}"]'
            yield Problem(path, f"expected one of {', '.join(words)}", annotations[key])


# What is compared.


def nothing_to_hold_against(audit: Audit) -> tuple[str, str] | None:
    """Return state and reason where clusters can't be compared with anything; None where they can.

    Only a delivery that is over and succeeded says how clusters should be: what a failed one left is no drift.
    """
    if audit.delivery is None or audit.phase in ("", "deleted"):
        return "undelivered", "nothing is delivered"
    number = audit.delivery.number
    if audit.phase in _OPEN:
        return "busy", f"delivery {number} is open, or was ended from outside"
    if audit.delivered is None or audit.delivered.number != number:
        return "undelivered", f"delivery {number} {audit.phase}: deliver again first"
    return None


def spared(live: Json, planned: Json, exempt: Iterable[FieldPath]) -> tuple[Json, Json]:
    """Make both states of an object alike in fields whose drift is none, also where only one has them."""
    for path in exempt:
        planned = keep(planned, live, path)
        live = keep(live, planned, path)
    return live, planned


@dataclass(frozen=True)
class Delivered:
    """Where a delivery went; of very large ones only the clusters are recorded."""

    clusters: frozenset[str]
    steps: frozenset[tuple[str, Placement]] | None

    @classmethod
    def of(cls, record: DeliveryRecord) -> Delivered:
        """Read what the audit keeps."""
        found = frozenset(
            (str(step.get("name")), Placement.model_validate(placement))
            for step in record.steps
            for placement in step.get("placements", [])
            if placement.get("phase") == "delivered"
        )
        clusters = frozenset(record.clusters)
        complete = frozenset(placement.cluster for _, placement in found) == clusters
        return cls(clusters, found if complete else None)

    def reached(self, step: str, placement: Placement) -> bool:
        """Tell whether a step delivered to a placement."""
        if self.steps is None:
            return placement.cluster in self.clusters
        return (step, placement) in self.steps

    @property
    def placements(self) -> list[Placement]:
        """All that was delivered to; without their namespaces where those are not recorded."""
        if self.steps is None:
            return [Placement(cluster=name, namespace="") for name in sorted(self.clusters)]
        return sorted(frozenset(placement for _, placement in self.steps), key=str)


def placement_changes(
    resolved: Resolved,
    selections: Mapping[str, Sequence[Placement]],
    *,
    clusters: Sequence[ClusterInfo],
    delivered: Delivered,
) -> list[PlacementChange]:
    """Compare where the steps of the delivered revision would go now with where they went.

    ``selections`` are the placements of each step now, among the joined ``clusters``.
    """
    changes: dict[Placement, PlacementChange] = {}
    for step, placements in selections.items():
        for placement in placements:
            if not delivered.reached(step, placement):
                topology = _topology(resolved, step, placement, clusters)
                changes[placement] = _change(placement, topology)
    now = frozenset(chain.from_iterable(selections.values()))
    names = {placement.cluster for placement in now}
    for placement in delivered.placements:
        if placement not in now and (placement.namespace or placement.cluster not in names):
            changes[placement] = PlacementChange(
                cluster=placement.cluster, namespace=placement.namespace, change="vanished"
            )
    return sorted(changes.values(), key=lambda each: (each.change, each.cluster, each.namespace))


def _change(placement: Placement, topology: str) -> PlacementChange:
    return PlacementChange(
        cluster=placement.cluster,
        namespace=placement.namespace,
        change="matches",
        topology=topology,
    )


def _topology(
    resolved: Resolved, step: str, placement: Placement, clusters: Sequence[ClusterInfo]
) -> str:
    """Return the policy by which a step reaches a placement."""
    for policy in resolved.policies_of(resolved.step(step)):
        if policy.type != TOPOLOGY:
            continue
        try:
            selection = select_placements([policy], clusters, namespace=resolved.namespace)
        except InvalidApplication:
            continue  # Another cluster that it names has left.
        if placement in selection.placements:
            return policy.name
    return ""


# What is remembered.


def record_of(
    *,
    delivery: int,
    at: str,
    objects: Sequence[DriftedObject],
    unchecked: Iterable[UncheckedCluster],
    placements: Sequence[PlacementChange],
) -> DriftRecord:
    """Make the record of one look, within its bounds."""
    ordered = sorted(objects, key=lambda each: each.identity)[:_MOST_OBJECTS]
    return DriftRecord(
        delivery=delivery,
        checked_at=at,
        since=at if objects else "",
        total=len(objects),
        objects=[_bounded(each) for each in ordered],
        unchecked=[
            UncheckedCluster(cluster=each.cluster, reason=each.reason[:_LONGEST_REASON])
            for each in sorted(unchecked, key=lambda each: each.cluster)[:_MOST_PLACES]
        ],
        placements=list(placements[:_MOST_PLACES]),
    )


def _bounded(each: DriftedObject) -> DriftedObject:
    fields = [path[:_LONGEST_PATH] for path in each.fields[:_MOST_FIELDS]]
    return each.model_copy(update={"fields": fields})


def noted(audit: Audit, found: DriftRecord, *, submitted: bool) -> Audit:
    """Return the audit with what was found; the very same one while there is nothing new to say."""
    before = audit.drift
    since, repairs = found.since, 0
    if before is not None and found.total and before.total:
        since = before.since if before.delivery == found.delivery else since
        repairs = before.repairs if _same_objects(before, found) else 0
    record = found.model_copy(update={"since": since, "repairs": repairs + int(submitted)})
    if before is not None and _still(before, record):
        return audit
    same_delivery = before if before and before.delivery == found.delivery else None
    events = [*_events(same_delivery, record, audit)]
    return audit.model_copy(update={"drift": record, "events": _appended(audit.events, events)})


def gave_up(audit: Audit, found: DriftRecord) -> bool:
    """Tell whether the same objects drifted again after every repair: somebody else keeps writing them."""
    before = audit.drift
    return before is not None and before.repairs >= _MOST_REPAIRS and _same_objects(before, found)


def _same_objects(before: DriftRecord, after: DriftRecord) -> bool:
    return [each.identity for each in before.objects] == [each.identity for each in after.objects]


def _still(before: DriftRecord, record: DriftRecord) -> bool:
    """Tell whether a record says nothing new and is not old: then it is not written, every few minutes."""
    if before != record.model_copy(update={"checked_at": before.checked_at}):
        return False
    age = datetime.fromisoformat(record.checked_at) - datetime.fromisoformat(before.checked_at)
    return age < _FRESH


def _events(before: DriftRecord | None, record: DriftRecord, audit: Audit) -> Iterator[AuditEvent]:
    known = before or DriftRecord(delivery=record.delivery)
    if record.objects and record.objects != known.objects:
        yield _event("drifted", record, audit, told(record))
    if known.total and not record.total and not record.unchecked:
        yield _event("drift-ended", record, audit, "")
    if record.placements != known.placements:
        lines = [placement_text(change) for change in record.placements]
        yield _event("clusters-changed", record, audit, "; ".join(lines) or "as delivered again")


def _event(kind: str, record: DriftRecord, audit: Audit, message: str) -> AuditEvent:
    return AuditEvent(
        at=record.checked_at,
        type=kind,
        delivery=record.delivery,
        revision=audit.revision,
        message=message,
    )


def _appended(events: Sequence[AuditEvent], new: Sequence[AuditEvent]) -> list[AuditEvent]:
    """Append events about drift; of those only the last are kept, so that they push no decision out."""
    every = [*events, *new]
    own = [index for index, event in enumerate(every) if event.type in _EVENTS]
    dropped = frozenset(own[:-_MOST_EVENTS])
    return [event for index, event in enumerate(every) if index not in dropped]


# How it is told.


def told(record: DriftRecord) -> str:
    """Say in one line what drifted, without a value."""
    lines = [f"{each.cluster}: {each.title}: {object_text(each)}" for each in record.objects]
    more = record.total - len(record.objects)
    return "; ".join([*lines, f"and {more} more"] if more > 0 else lines)


def object_text(each: DriftedObject) -> str:
    """Say what is different about an object."""
    return each.note or ("is missing" if each.missing else ", ".join(each.fields))


def placement_text(change: PlacementChange) -> str:
    """Say what became of a placement."""
    if change.change == "vanished":
        return f"{change.cluster} is not selected any more, or has left: what is there stays"
    by = f"topology {change.topology}" if change.topology else "the application"
    return f"{change.cluster} now matches {by}"

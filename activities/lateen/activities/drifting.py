"""Looking for drift: whether clusters still have what was delivered, asked of their API servers. Read only.

Objects are looked at by the code that delivers them, as ``comparing`` does. What was found is recorded in the
audit as names and paths; a repair is never done here, it is a delivery like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lateen.activities.applying import Found
from lateen.activities.comparing import reached, survey
from lateen.activities.differing import difference_of
from lateen.activities.matching import Wanted, wanted_objects
from lateen.activities.opening import digest_now
from lateen.activities.planning import selections, split
from lateen.activities.rolling_back import check_kept
from lateen.activities.rooms import Rooms
from lateen.contracts.drift import (
    CheckDrift,
    DeliveredShard,
    DriftChecked,
    DriftReport,
    ListDelivered,
)
from lateen.contracts.messages import PlannedPlacement, StepPlan
from lateen.hub.audits import now
from lateen.kube.cluster import Cluster
from lateen.kube.errors import KubeError, NotFound, UnknownKind
from lateen.kube.shapes import as_object
from lateen.model.base import Json
from lateen.model.drift import DriftedObject, DriftRecord, DriftState, UncheckedCluster
from lateen.model.errors import InvalidApplication, LateenError
from lateen.model.labels import APP_COMPONENT
from lateen.model.objects import ObjectRef
from lateen.model.parsing import parse_application
from lateen.model.placement import Placement
from lateen.model.records import Audit
from lateen.planning.drift import (
    Delivered,
    drift_mode,
    follows_clusters,
    gave_up,
    noted,
    nothing_to_hold_against,
    placement_changes,
    record_of,
)
from lateen.planning.resolving import Resolved

ACTOR = "drift"
"""Who submits repairs, for the audit."""

_CLUSTERS_AT_ONCE = 20
_OBJECTS_AT_ONCE = 8
_PATIENCE = 10.0
"""Seconds for a cluster to answer at all."""

_FOREIGN = "is not this application's any more"
_ASKS = "inputs have no value that could be read"


async def list_delivered(rooms: Rooms, request: ListDelivered) -> DeliveredShard:
    """Return the next applications that the hub stores, in the order of their ids."""
    uid, stored = await asyncio.gather(
        rooms.hub.connection.uid(), rooms.applications.list(request.namespace or None)
    )
    ids = sorted(f"{m['namespace']}/{m['name']}" for m in (each["metadata"] for each in stored))
    coming = [each for each in ids if each > request.after]
    shard = coming[: request.limit]
    return DeliveredShard(
        hub_uid=uid,
        applications=shard,
        after=shard[-1] if len(coming) > len(shard) else "",
    )


async def check_drift(rooms: Rooms, request: CheckDrift) -> DriftChecked:
    """Look at one application, record what was found, and say what to submit."""
    uid = await rooms.check_hub(request)
    namespace, name = split(request.application)
    stored, audit = await asyncio.gather(
        rooms.applications.read(namespace, name), rooms.audits.read(namespace, name)
    )
    if stored is None:
        return _told(uid, request, "unknown", "the hub stores no such application")
    wish = _wish(rooms, request, stored)
    if wish.is_none:
        return _told(uid, request, "off")
    unfit = nothing_to_hold_against(audit)
    if unfit is not None:
        state, why = unfit
        return _told(uid, request, state, why)
    resolved = await rooms.resolve(namespace, audit.current)
    found = await _look(rooms, resolved, audit, objects=wish.looks)
    submission, repair, message = None, "", ""
    if wish.wants(found):
        message = await _objection(rooms, request, wish, stored, resolved, audit, found)
        repair = "withheld" if message else "asked" if request.may_submit else "later"
    if repair == "asked":
        submission = _submission(request, resolved, audit)
    recorded = await _record(rooms, request, audit, found, submitted=repair == "asked")
    if recorded is None:
        return _told(uid, request, "busy", "a delivery began meanwhile")
    report = DriftReport.model_validate(
        {
            "application": request.application,
            "state": _state(found),
            "message": message,
            "repair": repair,
            "drift": None if _is_clean(recorded) else recorded,
        }
    )
    return DriftChecked(hub_uid=uid, report=report, submission=submission)


def _told(uid: str, request: CheckDrift, state: str, message: str = "") -> DriftChecked:
    report = {"application": request.application, "state": state, "message": message}
    return DriftChecked(hub_uid=uid, report=DriftReport.model_validate(report))


def _state(found: DriftRecord) -> DriftState:
    if found.total or found.placements:
        return "drifted"
    return "unchecked" if found.unchecked else "clean"


def _is_clean(record: DriftRecord) -> bool:
    return not (record.total or record.placements or record.unchecked)


@dataclass(frozen=True)
class _Wish:
    """What is wanted for an application: to look, to repair, to follow clusters."""

    looks: bool
    repairs: bool
    follows: bool

    @property
    def is_none(self) -> bool:
        return not (self.looks or self.follows)

    def wants(self, found: DriftRecord) -> bool:
        """Tell whether a delivery is wanted."""
        return (self.repairs and found.total > 0) or (self.follows and _matches(found))


def _wish(rooms: Rooms, request: CheckDrift, stored: Json) -> _Wish:
    annotations: Mapping[str, str] = as_object(stored["metadata"].get("annotations"))
    mode = drift_mode(annotations, otherwise="repair" if request.repair else rooms.settings.drift)
    return _Wish(
        looks=mode != "off" or request.named,
        repairs=mode == "repair" or (request.named and request.repair),
        follows=follows_clusters(annotations),
    )


def _matches(found: DriftRecord) -> bool:
    return any(each.change == "matches" for each in found.placements)


async def _objection(
    rooms: Rooms,
    request: CheckDrift,
    wish: _Wish,
    stored: Json,
    resolved: Resolved,
    audit: Audit,
    found: DriftRecord,
) -> str:
    """Return why delivering again would do something else than what is wanted; empty if it would not."""
    if found.unchecked:
        return f"a delivery would meet {found.unchecked[0].cluster}, which could not be looked at"
    if any(each.note == _FOREIGN for each in found.objects):
        return "a delivery would be refused: an object is not this application's any more"
    if found.total and not wish.repairs:
        return (
            "a delivery to new clusters would also repair the drift, which is only to be reported"
        )
    if _matches(found) and not wish.follows:
        return "a delivery would also reach clusters that match now; deliver it yourself"
    if not request.named and gave_up(audit, found):
        return (
            "it came back after every repair: something else writes these objects; exempt the fields "
            "with an apply-once policy"
        )
    return await _pending_change(rooms, stored, resolved, audit)


async def _pending_change(rooms: Rooms, stored: Json, resolved: Resolved, audit: Audit) -> str:
    """Return what else a delivery would bring, besides what was delivered before."""
    try:
        if parse_application(stored).spec != resolved.application.spec:
            return "the application in the hub was changed and not delivered yet"
        if audit.rollback is not None:  # What it uses was frozen, and is not read again.
            await check_kept(rooms, resolved.namespace, audit.current)
        elif await digest_now(rooms, resolved.application) != audit.revision_digest:
            return "what the application uses was changed: policies, types, charts or objects that it copies"
    except InvalidApplication as error:
        return f"it could not be delivered as it is now: {error}"
    return ""


def _submission(request: CheckDrift, resolved: Resolved, audit: Audit) -> Json:
    """Write the envelope that delivers again what was delivered: of a rollback, what was kept."""
    if audit.rollback is not None:
        return {
            "intent": "rollback",
            "revision": audit.revision,
            "actor": request.actor or ACTOR,
        }
    return {
        "application": resolved.application.to_json(),
        "actor": request.actor or ACTOR,
    }


class _Moved(LateenError):
    """Another delivery began while the clusters were looked at."""


async def _record(
    rooms: Rooms, request: CheckDrift, seen: Audit, found: DriftRecord, *, submitted: bool
) -> DriftRecord | None:
    """Write what was found to the audit; None when it is out of date already."""

    def change(audit: Audit) -> Audit:
        if audit.latest_delivery != seen.latest_delivery:
            raise _Moved(f"{request.application}: a delivery began meanwhile")
        return noted(audit, found, submitted=submitted)

    try:
        return (await rooms.audits.change(*split(request.application), change)).drift
    except _Moved:
        return None


# Looking.


@dataclass
class _Seen:
    """What one cluster said."""

    objects: list[DriftedObject] = field(default_factory=list[DriftedObject])
    reasons: list[str] = field(default_factory=list[str])


async def _look(rooms: Rooms, resolved: Resolved, audit: Audit, *, objects: bool) -> DriftRecord:
    """Look at clusters, and at the objects in them if wanted."""
    if audit.delivered is None:
        raise ValueError("nothing was delivered: there is nothing to hold clusters against")
    at = now()
    clusters = await rooms.cluster_infos()
    joined = {cluster.name for cluster in clusters}
    delivered = Delivered.of(audit.delivered)
    now_selected = {
        step: [each for each in places if each.cluster in joined]
        for step, places in selections(resolved, clusters).items()
    }
    seen: dict[str, _Seen] = {}
    if objects:
        plans = [_plan(step, places, delivered) for step, places in now_selected.items()]
        wanted = await wanted_objects(rooms, resolved, plans, revision=audit.revision)
        seen = await _look_at_all(rooms, resolved, wanted)
    return record_of(
        delivery=audit.delivered.number,
        at=at,
        objects=[each for cluster in seen.values() for each in cluster.objects],
        unchecked=[
            UncheckedCluster(cluster=name, reason="; ".join(dict.fromkeys(cluster.reasons)))
            for name, cluster in seen.items()
            if cluster.reasons
        ],
        placements=placement_changes(
            resolved, now_selected, clusters=clusters, delivered=delivered
        ),
    )


def _plan(step: str, places: Sequence[Placement], delivered: Delivered) -> StepPlan:
    """Plan a step where it was delivered to and still goes."""
    return StepPlan(
        step=step,
        placements=[
            PlannedPlacement(cluster=each.cluster, namespace=each.namespace, digest="", objects=0)
            for each in places
            if delivered.reached(step, each)
        ],
    )


async def _look_at_all(
    rooms: Rooms, resolved: Resolved, wanted: Sequence[Wanted]
) -> dict[str, _Seen]:
    by_cluster: dict[str, list[Wanted]] = {}
    for each in wanted:
        by_cluster.setdefault(each.placement.cluster, []).append(each)
    slots = asyncio.Semaphore(_CLUSTERS_AT_ONCE)

    async def one(name: str) -> _Seen:
        async with slots:
            return await _look_at(rooms, resolved, name, by_cluster[name])

    seen = await asyncio.gather(*map(one, by_cluster))
    return dict(zip(by_cluster, seen, strict=True))


async def _look_at(rooms: Rooms, resolved: Resolved, name: str, wanted: Sequence[Wanted]) -> _Seen:
    """Look at all that one cluster should have. A cluster that doesn't answer has not drifted."""
    seen = _Seen(reasons=[_ASKS] if any(each.is_open for each in wanted) else [])
    known = [each.manifest for each in wanted if not each.is_open]
    known = [each for each in known if not resolved.treatment(each).is_exempt()]
    try:
        async with asyncio.timeout(_PATIENCE):
            cluster = await reached(rooms.clusters, name)
        manifests = await rooms.references.reveal(resolved, known)
        slots = asyncio.Semaphore(_OBJECTS_AT_ONCE)

        async def one(manifest: Json) -> DriftedObject | None:
            async with slots:
                return await _look_for(cluster, resolved, manifest)

        found = await asyncio.gather(*map(one, manifests), return_exceptions=True)
    except TimeoutError:
        return _Seen(reasons=["it does not answer"])
    except LateenError as error:
        return _Seen(reasons=[_reason(error, name)])
    for each in found:
        if isinstance(each, LateenError):
            seen.reasons.append(_reason(each, name))
        elif isinstance(each, BaseException):
            raise each
        elif each is not None:
            seen.objects.append(each)
    return seen


def _reason(error: LateenError, cluster: str) -> str:
    return str(error).removeprefix(f"cluster {cluster}: ")


async def _look_for(cluster: Cluster, resolved: Resolved, manifest: Json) -> DriftedObject | None:
    """Look at one object by itself: its namespace and its kind were there when it was delivered."""
    application, treat = resolved.application.id, resolved.treatment
    (found,) = await survey(cluster, [manifest], application=application, treat=treat)
    if isinstance(found, Found):
        difference = difference_of(found, exempt=treat(manifest).exempt)
        if difference is None:
            return None
        missing = difference.action == "create"
        fields = [each.path for each in difference.fields]
        note = difference.note
        return _drifted(cluster, manifest, missing=missing, fields=fields, note=note)
    if isinstance(found, KubeError) and not isinstance(found, (UnknownKind, NotFound)):
        raise found
    # It is refused: because its namespace or its kind is gone, or because it is somebody else's.
    try:
        live = await cluster.get(ObjectRef.of(manifest))
    except UnknownKind:
        live = None
    return _drifted(cluster, manifest, missing=live is None, note="" if live is None else _FOREIGN)


def _drifted(
    cluster: Cluster,
    manifest: Json,
    *,
    missing: bool,
    fields: Sequence[str] = (),
    note: str = "",
) -> DriftedObject:
    ref = ObjectRef.of(manifest)
    return DriftedObject(
        cluster=cluster.name,
        kind=ref.kind,
        namespace=ref.namespace,
        name=ref.name,
        component=manifest["metadata"]["labels"].get(APP_COMPONENT, ""),
        missing=missing,
        fields=list(fields),
        note=note,
    )

"""Delivering one placement: render, check, record, apply, wait until the new revision is healthy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from lateen.activities.applying import Applier, Found
from lateen.activities.differing import effect_of
from lateen.activities.edges import PlanChanged, TimedOut
from lateen.activities.planning import split
from lateen.activities.rooms import Rooms, off_loop
from lateen.activities.waves import Blocked, Waves, uninterrupted
from lateen.contracts.messages import DeliverPlacement, PlacementResult
from lateen.hub.applications import ensure_namespace
from lateen.hub.clusters import ClusterRegistry
from lateen.kube.cluster import Cluster
from lateen.kube.diagnosing import explain
from lateen.kube.errors import Unauthorized, Unhealthy, Vanished
from lateen.kube.health import evaluate
from lateen.kube.waiting import wait_healthy
from lateen.model.base import Json
from lateen.model.labels import CREATE_NAMESPACE
from lateen.model.objects import ObjectRef
from lateen.model.placement import Placement
from lateen.model.records import InventoryEntry
from lateen.planning.pruning import Key
from lateen.planning.resolving import Resolved, refuse_foreign_objects
from lateen.policies.rules.selectors import Facts
from lateen.policies.rules.treatments import Treatment

_LEASE = 0.5
"""Seconds for which a look at the inventory counts: after that, look again before writing."""

Report = Callable[[Json], None]
"""Tells how far the placement is (a heartbeat)."""


async def deliver_placement(
    rooms: Rooms, request: DeliverPlacement, *, report: Report
) -> PlacementResult:
    """Bring one placement to its revision, within its deadline."""
    await rooms.check_hub(request)
    namespace, _ = split(request.application)
    resolved = await rooms.resolve(namespace, request.revision)
    manifests = await off_loop(resolved.evaluates, lambda: manifests_of(rooms, resolved, request))
    limit = asyncio.timeout_at(_loop_time(request.deadline))
    blocked = Blocked()
    told = _Told(report, blocked)
    try:
        async with limit:
            manifests = await rooms.references.reveal(resolved, manifests)
            cluster = await rooms.clusters.connect(request.placement.cluster)
            try:
                applied = await _apply(
                    rooms, request, cluster, resolved=resolved, manifests=manifests, told=told
                )
            except Unauthorized:
                # Rotated credentials: read them again and start over, the applies are idempotent.
                cluster = await rooms.clusters.connect(request.placement.cluster, fresh=True)
                applied = await _apply(
                    rooms, request, cluster, resolved=resolved, manifests=manifests, told=told
                )
            report({"applied": len(applied), "total": len(applied)})
            await wait_healthy(cluster, applied, progress=_progress(report))
    except TimeoutError:
        if not limit.expired():
            raise
        why = await _why_late(rooms.clusters, request, manifests)
        raise TimedOut("; ".join(filter(None, (why, str(blocked))))) from None
    except Vanished:
        raise  # Somebody deleted it while it was waited for: the next attempt applies it again.
    except Unhealthy as error:
        why = f"{error}{await _why(rooms.clusters, request, error.ref)}"
        raise TimedOut("; ".join(filter(None, (why, str(blocked))))) from None
    return PlacementResult(
        cluster=request.placement.cluster,
        namespace=request.placement.namespace,
        objects=len(applied),
    )


def manifests_of(rooms: Rooms, resolved: Resolved, request: DeliverPlacement) -> list[Json]:
    """Render what the placement gets. Raises ``PlanChanged`` when it isn't what was planned."""
    placed, placement = request.placement, _placement(request)
    step = resolved.step(request.step)
    now = resolved.placement_digest(step, placement).digest
    if now != placed.digest:
        raise PlanChanged(f"{placed.name} would get {now}, the plan says {placed.digest}")
    manifests = resolved.manifests(step, placement, revision=request.revision.name)
    if not rooms.settings.allow_cross_namespace:
        refuse_foreign_objects(manifests, namespace=resolved.namespace)
    return manifests


@dataclass(frozen=True)
class _Told:
    """Who is told on the way: the heartbeat, and what is said when the time is over."""

    report: Report
    blocked: Blocked


async def _apply(
    rooms: Rooms,
    request: DeliverPlacement,
    cluster: Cluster,
    *,
    resolved: Resolved,
    manifests: Sequence[Json],
    told: _Told,
) -> list[Json]:
    """Look, record, write. Once writing has begun it ends, also when the delivery is cancelled."""
    step = resolved.step(request.step)
    lease = _Lease(
        rooms,
        request,
        lambda manifests, found: record_of(request, resolved, manifests, found),
    )
    applier = Applier(
        cluster, application=request.application, lease=lease, treat=resolved.treatment
    )
    annotations = resolved.application.metadata.annotations
    if annotations.get(CREATE_NAMESPACE) == "true":
        await ensure_namespace(cluster, request.placement.namespace)
    if resolved.graph(step).links:
        waves = Waves(
            rooms=rooms,
            cluster=cluster,
            resolved=resolved,
            step=step,
            placement=_placement(request),
            revision=request.revision.name,
            applier=applier,
            lease=lease,
            report=told.report,
            blocked=told.blocked,
        )
        return await waves.apply()
    found = await applier.look(manifests)
    writing = _record_and_write(lease, applier, found, manifests=manifests)
    return await uninterrupted(writing, applier)


async def _record_and_write(
    lease: _Lease, applier: Applier, found: Sequence[Found], *, manifests: Sequence[Json]
) -> list[Json]:
    await lease.claim(manifests, found)
    return await applier.write(found)


def _placement(request: DeliverPlacement) -> Placement:
    return Placement(cluster=request.placement.cluster, namespace=request.placement.namespace)


@dataclass(frozen=True)
class PlacementRecord:
    """What the inventory is told of a placement: what it has, and what is not the application's (any more)."""

    entries: Sequence[InventoryEntry]
    released: Collection[Key] = ()


def record_of(
    request: DeliverPlacement,
    resolved: Resolved,
    manifests: Iterable[Json],
    found: Iterable[Found] = (),
) -> PlacementRecord:
    """Return what to record before the placement is written. What is only looked at is not recorded.

    What is ``found`` is about to be written; the rest comes later.
    """
    effects = {ObjectRef.of(each.manifest).key: effect_of(each) for each in found}
    graph = resolved.graph(resolved.step(request.step))
    entries: list[InventoryEntry] = []
    released: set[Key] = set()
    for manifest in manifests:
        treatment = resolved.treatment(manifest)
        if treatment.read_only:
            released.add(ObjectRef.of(manifest).key)
        else:
            wave = graph.wave_of(Facts.of(manifest).component)
            entry = _entry(request, manifest, treatment, wave=wave)
            effect = effects.get(entry.ref.key, "pending")
            entries.append(entry.model_copy(update={"effect": effect}))
    return PlacementRecord(entries, released)


class _Lease:
    """A delivery's hold on one cluster's inventory: taken before the first write, looked at before each.

    Its term is far shorter than the heartbeat timeout after which Temporal gives an attempt up, so a newer
    delivery can't have begun to write while the last look still counts.
    """

    def __init__(
        self,
        rooms: Rooms,
        request: DeliverPlacement,
        record: Callable[[Sequence[Json], Sequence[Found]], PlacementRecord],
    ) -> None:
        self._rooms = rooms
        self._request = request
        self._record = record
        self._seen = float("-inf")

    async def claim(self, manifests: Sequence[Json], found: Sequence[Found]) -> None:
        """Record what the placement gets, and how it changes. Raises ``SupersededDelivery``."""
        record = self._record(manifests, found)
        asked = time.monotonic()
        request = self._request
        namespace, name = split(request.application)
        await self._rooms.inventories.claim(
            namespace,
            name,
            cluster=request.placement.cluster,
            delivery=request.delivery,
            entries=record.entries,
            released=record.released,
        )
        self._seen = (
            asked  # Not the answer's time: a worker may have been frozen before it read it.
        )

    def expired(self) -> bool:
        """Whether the last look at the inventory is too long ago."""
        return time.monotonic() - self._seen >= _LEASE

    async def check(self, *, fresh: bool = False) -> None:
        """Raise ``SupersededDelivery`` when a newer delivery took over; a recent look is not repeated."""
        if not fresh and not self.expired():
            return
        asked = time.monotonic()
        request = self._request
        namespace, name = split(request.application)
        await self._rooms.inventories.check(
            namespace, name, cluster=request.placement.cluster, delivery=request.delivery
        )
        self._seen = (
            asked  # Not the answer's time: a worker may have been frozen before it read it.
        )


def _entry(
    request: DeliverPlacement, manifest: Json, treatment: Treatment, *, wave: int
) -> InventoryEntry:
    ref = ObjectRef.of(manifest)
    facts = Facts.of(manifest)
    return InventoryEntry(
        api_version=ref.api_version,
        kind=ref.kind,
        namespace=ref.namespace,
        name=ref.name,
        component=facts.component,
        component_type=facts.component_type,
        oam_type=facts.oam_type,
        trait_type=facts.trait_type,
        placement_namespace=request.placement.namespace,
        revision=request.revision.name,
        delivery=request.delivery,
        digest=request.placement.digest,
        wave=wave,
        collect=treatment.collect or "",
        propagation=treatment.propagation or "",
        shared=treatment.shared,
    )


def _progress(report: Report) -> Callable[[int, int, str], None]:
    def tell(ready: int, total: int, message: str) -> None:
        report({"ready": ready, "total": total, "message": message})

    return tell


def _loop_time(deadline: float) -> float:
    """Translate an absolute time to the event loop's clock."""
    return asyncio.get_running_loop().time() + (deadline - time.time())


async def _why_late(
    clusters: ClusterRegistry, request: DeliverPlacement, manifests: Sequence[Json]
) -> str:
    """Say which objects are not healthy at the deadline, and why."""
    waited = "not healthy within its deadline"
    try:
        async with asyncio.timeout(10):
            cluster = await clusters.connect(request.placement.cluster)
            reasons = [
                await explain(cluster, live)
                for live in [await cluster.get(ObjectRef.of(m)) for m in manifests]
                if live is not None and not evaluate(live).healthy
            ]
    except TimeoutError:
        return f"{waited}; cluster {request.placement.cluster} does not answer"
    return f"{waited}: {'; '.join(reasons)}" if reasons else waited


async def _why(clusters: ClusterRegistry, request: DeliverPlacement, ref: ObjectRef) -> str:
    cluster = await clusters.connect(request.placement.cluster)
    live = await cluster.get(ref)
    return f" ({await explain(cluster, live)})" if live is not None else ""

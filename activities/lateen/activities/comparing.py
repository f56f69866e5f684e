"""What a delivery would do, asked of the clusters and told field by field. Nothing is written.

Objects are looked at by the code that delivers them, and what would be deleted is decided by the code that
prunes: a difference that is shown is the difference that a delivery makes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from lateen.activities.applying import Applier, Found, plainly
from lateen.activities.differing import component_of, difference_of, object_difference
from lateen.activities.matching import Wanted, wanted_objects
from lateen.activities.planning import decide, plan_all, plan_of
from lateen.activities.pruning import Pruner
from lateen.activities.rooms import Rooms, off_loop
from lateen.contracts.messages import StepPlan
from lateen.hub.clusters import ClusterRegistry
from lateen.hub.revisions import revision_name
from lateen.kube.cluster import Cluster
from lateen.kube.errors import TooManyRequests
from lateen.model.application import Application
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication, LateenError
from lateen.model.labels import CREATE_NAMESPACE
from lateen.model.objects import ObjectRef
from lateen.model.placement import Placement
from lateen.model.records import Audit, InventoryEntry, PlacementDigest, Snapshot
from lateen.planning.differences import (
    ApplicationDifference,
    ObjectDifference,
    PlacementDifference,
    Removal,
)
from lateen.planning.pruning import PruneDecision
from lateen.planning.resolving import Resolved, snapshot_digest
from lateen.policies.rules.treatments import Treatment

T = TypeVar("T")

_CLUSTERS_AT_ONCE = 20
_MOST_TRIES = 5
_LONGEST_PAUSE = 2.0
_OPEN = "can't be foretold: an input has no value yet"


class _NoLease:
    """Stands where a delivery has its lease: who only looks never asks for it."""

    async def check(self, *, fresh: bool = False) -> None:
        raise RuntimeError(f"a look never writes (fresh={fresh}). This is a bug. Please report.")

    def expired(self) -> bool:
        return True


class Comparer:
    """Compares applications with what is live; many clusters at a time, and not more than that."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._slots = asyncio.Semaphore(_CLUSTERS_AT_ONCE)

    async def compare(
        self,
        application: Application,
        *,
        given: Sequence[Json] = (),
        confirmed: Collection[str] = (),
    ) -> ApplicationDifference:
        """Tell what delivering an application would do. Raises what concerns the hub.

        What is wrong with the application, or with a placement, is part of the answer. Documents in ``given``
        count as if they were in the hub; ``confirmed`` are clusters whose removal is confirmed.
        """
        try:
            snapshot, resolved = await self._rooms.freeze(application, given=given)
            clusters = await self._rooms.cluster_infos()
            await self._rooms.introduce(resolved, clusters)
            plans = await off_loop(
                resolved.evaluates, lambda: plan_all(self._rooms, resolved, clusters)
            )
        except InvalidApplication as error:
            return ApplicationDifference(application=application.id, problems=[str(error)])
        name = resolved.application.metadata.name
        audit, decisions = await asyncio.gather(
            _patiently(lambda: self._rooms.audits.read(resolved.namespace, name)),
            _patiently(
                lambda: decide(
                    self._rooms,
                    resolved,
                    name=name,
                    placements=_digests(plans),
                    confirmed=confirmed,
                )
            ),
        )
        revision = _revision(audit, snapshot, name)
        wanted = await wanted_objects(self._rooms, resolved, plans, revision=revision)
        work = _by_cluster(wanted, decisions)
        compared = await asyncio.gather(*(self._compare(resolved, each) for each in work.values()))
        return ApplicationDifference(
            application=resolved.application.id,
            placements=[placement for placements in compared for placement in placements],
            retained=[line for decision in decisions for line in decision.retained],
            removals=[
                Removal(
                    cluster=each.cluster, objects=[str(entry.ref) for entry in each.confirmable]
                )
                for each in decisions
                if each.confirmable
            ],
            warnings=list(
                dict.fromkeys(
                    [*resolved.warnings, *(line for plan in plans for line in plan.warnings)]
                )
            ),
        )

    async def foresee(
        self, resolved: Resolved, steps: Sequence[str], *, revision: str, patience: float
    ) -> list[PlacementDifference]:
        """Tell what some deploy steps of a revision would write, as the clusters are now.

        What would be deleted is not asked: that belongs to the plan of the whole delivery. A cluster gets
        ``patience`` seconds, then that it didn't answer is its problem. Raises ``InvalidApplication``.
        """
        clusters = await self._rooms.cluster_infos()
        await self._rooms.introduce(resolved, clusters)
        plans = await off_loop(
            resolved.evaluates,
            lambda: [
                plan_of(self._rooms, resolved, step=resolved.step(name), clusters=clusters)
                for name in _with_suppliers(resolved, steps)
            ],
        )
        everything = await wanted_objects(self._rooms, resolved, plans, revision=revision)
        wanted = [each for each in everything if each.step in steps]

        slots = asyncio.Semaphore(_CLUSTERS_AT_ONCE)

        async def patiently(work: _Work) -> list[PlacementDifference]:
            try:
                async with slots, asyncio.timeout(patience):
                    return await self._compare(resolved, work)
            except TimeoutError:
                silent = "the cluster does not answer"
                return _summaries(work, [_Change(p, problem=silent) for p in work.placements])

        compared = await asyncio.gather(*map(patiently, _by_cluster(wanted, ()).values()))
        return [placement for placements in compared for placement in placements]

    async def _compare(self, resolved: Resolved, work: _Work) -> list[PlacementDifference]:
        async with self._slots:
            try:
                cluster = await reached(self._rooms.clusters, work.cluster)
                known = [each for each in work.wanted if not each.is_open]
                found = await survey(
                    cluster,
                    await self._rooms.references.reveal(
                        resolved, [each.manifest for each in known]
                    ),
                    application=resolved.application.id,
                    creates=work.namespaces if _creates_namespaces(resolved) else (),
                    treat=resolved.treatment,
                )
                changes = _changes(known, found)
                changes += await _unforeseen(cluster, work.wanted)
                changes += await self._deletions(cluster, resolved, work.unwanted)
            except LateenError as error:
                changes = [_Change(place, problem=str(error)) for place in work.placements]
            return _summaries(work, changes)

    async def _deletions(
        self, cluster: Cluster, resolved: Resolved, entries: Sequence[InventoryEntry]
    ) -> list[_Change]:
        """Return what pruning would delete: entries that are still there and still the application's."""
        pruner = Pruner(cluster, application=resolved.application.id, check=_NoLease().check)
        live = await pruner.own_all([entry.ref for entry in entries])
        return [
            _Change(
                Placement(cluster=cluster.name, namespace=entry.placement_namespace),
                object_difference("delete", entry.ref, component=entry.component),
            )
            for entry, found in zip(entries, live, strict=True)
            if found is not None
        ]


async def _unforeseen(cluster: Cluster, wanted: Iterable[Wanted]) -> list[_Change]:
    """Say of objects with an input that has no value only whether they are there."""
    open_ = [each for each in wanted if each.is_open]
    refs = [ObjectRef.of(each.manifest) for each in open_]
    lives = await asyncio.gather(*map(cluster.get, refs))
    return [
        _Change(
            each.placement,
            object_difference(
                "create" if live is None else "change",
                ref,
                component=component_of(each.manifest),
                note=_OPEN,
            ),
        )
        for each, ref, live in zip(open_, refs, lives, strict=True)
    ]


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask again when a server wants patience, as right after an install; activities are retried by Temporal."""
    for _ in range(_MOST_TRIES):
        try:
            return await ask()
        except TooManyRequests as error:
            await asyncio.sleep(min(error.retry_after or 1.0, _LONGEST_PAUSE))
    return await ask()


async def reached(clusters: ClusterRegistry, name: str) -> Cluster:
    """Connect to a cluster and see that it answers, before many requests find out that it doesn't."""
    cluster = await clusters.connect(name)
    await cluster.connection.version()
    return cluster


async def survey(
    cluster: Cluster,
    manifests: Sequence[Json],
    *,
    application: str,
    creates: Collection[str] = (),
    treat: Callable[[Json], Treatment] = plainly,
) -> list[Found | LateenError]:
    """Look at objects as a delivery does before it writes any: one answer each, or why it is refused.

    ``creates`` are namespaces that the delivery makes where they are missing, ``treat`` says what rule
    policies want.
    """
    refs = [ObjectRef(api_version="v1", kind="Namespace", name=name) for name in creates]
    there = await asyncio.gather(*map(cluster.get, refs))
    coming = [ref.name for ref, live in zip(refs, there, strict=True) if live is None]
    applier = Applier(cluster, application=application, lease=_NoLease(), treat=treat)
    return await applier.survey(manifests, coming=coming)


@dataclass(frozen=True)
class _Change:
    """What happens to one object of a placement: nothing, something, or a problem."""

    placement: Placement
    difference: ObjectDifference | None = None
    problem: str = ""


@dataclass
class _Work:
    """All that concerns one cluster."""

    cluster: str
    wanted: list[Wanted] = field(default_factory=list[Wanted])
    unwanted: list[InventoryEntry] = field(default_factory=list[InventoryEntry])

    @property
    def namespaces(self) -> list[str]:
        return list(dict.fromkeys(each.placement.namespace for each in self.wanted))

    @property
    def placements(self) -> list[Placement]:
        """Where something is delivered or deleted, in the order of the steps."""
        places = [each.placement for each in self.wanted]
        places += [
            Placement(cluster=self.cluster, namespace=entry.placement_namespace)
            for entry in self.unwanted
        ]
        return list({str(place): place for place in places}.values())


def _with_suppliers(resolved: Resolved, steps: Collection[str]) -> list[str]:
    """Return steps in their order; where inputs come from outside, with the steps that come before."""
    order = [step.name for step in resolved.deploy_steps]
    if not any(resolved.graph(resolved.step(name)).links.inputs for name in steps):
        return [name for name in order if name in steps]
    return order[: max(order.index(name) for name in steps) + 1]


def _by_cluster(
    wanted: Iterable[Wanted], decisions: Iterable[PruneDecision]
) -> Mapping[str, _Work]:
    work: dict[str, _Work] = {}
    for each in wanted:
        name = each.placement.cluster
        work.setdefault(name, _Work(name)).wanted.append(each)
    for decision in decisions:
        if decision.delete:
            name = decision.cluster
            work.setdefault(name, _Work(name)).unwanted.extend(decision.delete)
    return work


def _digests(plans: Sequence[StepPlan]) -> list[PlacementDigest]:
    return [
        PlacementDigest(step=plan.step, cluster=p.cluster, namespace=p.namespace, digest=p.digest)
        for plan in plans
        for p in plan.placements
    ]


def _revision(audit: Audit, snapshot: Snapshot, name: str) -> str:
    """Return the name that a delivery would give to the revision; some types render it."""
    if audit.revision and audit.revision_digest == snapshot_digest(snapshot):
        return audit.revision
    return revision_name(name, audit.latest_revision + 1)


def _creates_namespaces(resolved: Resolved) -> bool:
    return resolved.application.metadata.annotations.get(CREATE_NAMESPACE) == "true"


def _changes(wanted: Sequence[Wanted], found: Sequence[Found | LateenError]) -> list[_Change]:
    changes: list[_Change] = []
    for each, seen in zip(wanted, found, strict=True):
        if isinstance(seen, LateenError):
            changes.append(_Change(each.placement, problem=str(seen)))
        else:
            changes.append(_Change(each.placement, difference_of(seen)))
    return changes


def _summaries(work: _Work, changes: Sequence[_Change]) -> list[PlacementDifference]:
    return [_summary(work, place, changes) for place in work.placements]


def _summary(work: _Work, place: Placement, changes: Sequence[_Change]) -> PlacementDifference:
    own = [change for change in changes if change.placement == place]
    objects = [change.difference for change in own if change.difference is not None]
    problems = list(dict.fromkeys(change.problem for change in own if change.problem))
    steps = [each.step for each in work.wanted if each.placement == place]
    counts = dict.fromkeys(("create", "change", "delete"), 0)
    for each in objects:
        counts[each.action] += 1
    unchanged = sum(1 for change in own if change.difference is None and not change.problem)
    return PlacementDifference(
        cluster=place.cluster,
        namespace=place.namespace,
        steps=list(dict.fromkeys(steps)),
        objects=objects,
        unchanged=unchanged,
        problems=problems,
        **counts,
    )

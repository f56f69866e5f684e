"""Plans: where each step delivers, what each placement will get, what will be deleted in the end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain

from lateen.activities.rooms import Rooms, off_loop
from lateen.activities.supplying import check_links
from lateen.contracts.messages import PlannedPlacement, PlanStep, PruneTarget, StepPlan
from lateen.model.errors import InvalidApplication
from lateen.model.json_values import json_digest
from lateen.model.objects import ObjectRef
from lateen.model.placement import Placement
from lateen.model.records import Inventory, PlacementDigest, RevisionRef
from lateen.planning.checking import located
from lateen.planning.plan import PlannedStep
from lateen.planning.pruning import PruneDecision, Wanted, decide_pruning, keys_of
from lateen.planning.resolving import Resolved, refuse_foreign_objects
from lateen.policies.topology import ClusterInfo

_SHOWN_OBJECTS = 50
_DIGEST_LENGTH = 32


def split(application: str) -> tuple[str, str]:
    """Return namespace and name of ``<namespace>/<name>``."""
    namespace, _, name = application.partition("/")
    return namespace, name


async def plan_step(rooms: Rooms, request: PlanStep) -> StepPlan:
    """Plan one step with the clusters as they are now."""
    await rooms.check_hub(request)
    namespace, name = split(request.application)
    resolved = await rooms.resolve(namespace, request.revision)
    clusters = await rooms.cluster_infos()
    step = resolved.step(request.step)
    plan = await off_loop(
        resolved.evaluates, lambda: plan_of(rooms, resolved, step=step, clusters=clusters)
    )
    said = check_links(resolved, step, clusters)
    plan = plan.model_copy(update={"warnings": [*plan.warnings, *said]}) if said else plan
    if request.with_prune:
        plan = await with_prune(
            rooms,
            plan,
            name=name,
            resolved=resolved,
            clusters=clusters,
            confirmed=request.confirm_removal,
        )
    return seal(plan, request.revision)


def plan_of(
    rooms: Rooms, resolved: Resolved, *, step: PlannedStep, clusters: Sequence[ClusterInfo]
) -> StepPlan:
    """Resolve a step's placements and digest each. Raises ``InvalidApplication``."""
    selection = resolved.select(step, clusters)
    placements: list[PlannedPlacement] = []
    for placement in selection.placements:
        if not rooms.settings.allow_cross_namespace:
            manifests = resolved.manifests(step, placement, revision="")
            refuse_foreign_objects(manifests, namespace=resolved.namespace)
        planned = resolved.placement_digest(step, placement)
        placements.append(
            PlannedPlacement(
                cluster=placement.cluster,
                namespace=placement.namespace,
                digest=planned.digest,
                objects=resolved.object_count(step, placement),
            )
        )
    return StepPlan(step=step.name, placements=placements, warnings=list(selection.warnings))


def plan_all(rooms: Rooms, resolved: Resolved, clusters: Sequence[ClusterInfo]) -> list[StepPlan]:
    """Plan every deploy step, so that nothing is applied before all of them are known to be possible."""
    plans: list[StepPlan] = []
    problems: list[InvalidApplication] = []
    for step in resolved.deploy_steps:
        try:
            plan = plan_of(rooms, resolved, step=step, clusters=clusters)
            said = check_links(resolved, step, clusters)
            plans.append(plan.model_copy(update={"warnings": [*plan.warnings, *said]}))
        except InvalidApplication as error:
            problems.append(error)
    if problems:
        found = {str(p): p for error in problems for p in error.problems}
        told = located(found.values(), resolved.application)
        raise InvalidApplication(told, subject=f"Application {resolved.application.id}")
    return plans


async def with_prune(
    rooms: Rooms,
    plan: StepPlan,
    *,
    name: str,
    resolved: Resolved,
    clusters: Sequence[ClusterInfo],
    confirmed: Collection[str] = (),
) -> StepPlan:
    """Add to a plan what the whole delivery would delete in the end, ``confirmed`` removals among it."""
    plans = await off_loop(resolved.evaluates, lambda: plan_all(rooms, resolved, clusters))
    planned = _digests(plans)
    decisions = await decide(rooms, resolved, name=name, placements=planned, confirmed=confirmed)
    targets = [
        PruneTarget(
            cluster=decision.cluster,
            objects=[str(entry.ref) for entry in decision.delete[:_SHOWN_OBJECTS]],
        )
        for decision in decisions
        if decision.delete
    ]
    return plan.model_copy(update={"prune": targets})


def seal(plan: StepPlan, revision: RevisionRef) -> StepPlan:
    """Give a plan its digest: revision, placements with their contents, and what will be deleted."""
    content = {
        "revision": revision.digest,
        "step": plan.step,
        "placements": [[p.cluster, p.namespace, p.digest] for p in plan.placements],
        "prune": [[target.cluster, target.objects] for target in plan.prune],
    }
    return plan.model_copy(update={"digest": json_digest(content)[:_DIGEST_LENGTH]})


async def decide(
    rooms: Rooms,
    resolved: Resolved,
    *,
    name: str,
    placements: Iterable[PlacementDigest],
    partly: bool = False,
    confirmed: Collection[str] = (),
    inventories: Sequence[Inventory] | None = None,
) -> list[PruneDecision]:
    """Decide for every cluster that has something of the application what is no longer wanted.

    ``inventories`` limits it to some clusters; ``placements`` then need to be complete for those only.
    ``partly`` says that they are those that a failed delivery reached: what the others have, and what they
    would get, stays. Clusters and earlier revisions are only read when there is something of the kind.
    """
    if inventories is None:
        inventories = await rooms.inventories.list(resolved.namespace, name)
    if not inventories:
        return []
    reached = list(placements)
    planned = await _planned(rooms, resolved) if partly else []
    wanted = await off_loop(resolved.evaluates, lambda: _wanted(resolved, [*reached, *planned]))
    current = _places(reached) | _places(planned)
    unwanted = [
        entry
        for inventory in inventories
        for entry in inventory.entries
        if entry.ref.key not in wanted.get(inventory.cluster, ())
    ]
    if not unwanted:
        return []
    clusters = await rooms.cluster_infos()
    earlier = {
        revision: await _earlier(rooms, resolved.namespace, revision)
        for revision in sorted({entry.revision for entry in unwanted if entry.revision})
    }
    selected = {
        revision: _selected(old, clusters) if old else set[Placement]()
        for revision, old in earlier.items()
    }
    joined = [cluster.name for cluster in clusters]
    return [
        decide_pruning(
            inventory,
            wanted=Wanted(
                keys=wanted.get(inventory.cluster, set()),
                placements=current,
                missed=_places(planned) - _places(reached),
                rules=resolved.rules,
            ),
            still_selected=lambda revision, placement: placement in selected.get(revision, ()),
            joined=joined,
            confirmed=confirmed,
        )
        for inventory in inventories
    ]


async def _planned(rooms: Rooms, resolved: Resolved) -> list[PlacementDigest]:
    """Return what all steps of a revision would deliver where. Raises ``InvalidApplication``."""
    clusters = await rooms.cluster_infos()
    return _digests(await off_loop(resolved.evaluates, lambda: plan_all(rooms, resolved, clusters)))


def _digests(plans: Iterable[StepPlan]) -> list[PlacementDigest]:
    return [
        PlacementDigest(step=plan.step, cluster=p.cluster, namespace=p.namespace, digest=p.digest)
        for plan in plans
        for p in plan.placements
    ]


def _places(placements: Iterable[PlacementDigest]) -> frozenset[Placement]:
    return frozenset(
        Placement(cluster=each.cluster, namespace=each.namespace) for each in placements
    )


def _wanted(
    resolved: Resolved, placements: Iterable[PlacementDigest]
) -> dict[str, set[tuple[str, str, str, str]]]:
    """Return the identities of all objects that the placements get, by cluster."""
    wanted: dict[str, set[tuple[str, str, str, str]]] = {}
    for each in placements:
        placement = Placement(cluster=each.cluster, namespace=each.namespace)
        manifests = resolved.manifests(resolved.step(each.step), placement, revision="")
        wanted.setdefault(each.cluster, set()).update(keys_of(map(ObjectRef.of, manifests)))
    return wanted


async def _earlier(rooms: Rooms, namespace: str, revision: str) -> Resolved | None:
    found = await rooms.revisions.find(namespace, revision)
    if found is None:
        return None
    ref, _ = found
    try:
        return await rooms.resolve(namespace, ref)
    except InvalidApplication:
        return None  # Written by another version of lateen: what it selected is not known any more.


def _selected(resolved: Resolved, clusters: Sequence[ClusterInfo]) -> set[Placement]:
    """Return where a revision would be delivered with the clusters as they are now."""
    return set(chain.from_iterable(selections(resolved, clusters).values()))


def selections(resolved: Resolved, clusters: Sequence[ClusterInfo]) -> dict[str, list[Placement]]:
    """Return where each deploy step of a revision would deliver with the clusters as they are now.

    A cluster that a step names counts although it has left, and one without a match selects nothing.
    """
    found: dict[str, list[Placement]] = {}
    known = {cluster.name for cluster in clusters}
    for step in resolved.deploy_steps:
        try:
            found[step.name] = list(resolved.select(step, clusters).placements)
        except InvalidApplication:
            # A cluster that it names has left, or its labels fit none now; the others still count.
            found[step.name] = list(_named(resolved, step, known=known, clusters=clusters))
    return found


def _named(
    resolved: Resolved,
    step: PlannedStep,
    *,
    known: Collection[str],
    clusters: Sequence[ClusterInfo],
) -> Iterable[Placement]:
    missing = _missing_clusters(resolved, step, known)
    stand_ins = [*clusters, *(ClusterInfo(name=name) for name in missing)]
    try:
        return resolved.select(step, stand_ins).placements
    except InvalidApplication:
        return ()


def _missing_clusters(resolved: Resolved, step: PlannedStep, known: Collection[str]) -> list[str]:
    names: list[str] = []
    for policy in resolved.policies_of(step):
        listed = (policy.properties or {}).get("clusters")
        names += [n for n in listed or () if isinstance(n, str) and n not in known]
    return names

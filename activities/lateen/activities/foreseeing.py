"""What a step that waits for its approval would do, cluster by cluster: counts and names of objects."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from lateen.activities.comparing import Comparer
from lateen.activities.rooms import Rooms
from lateen.contracts.looks import ClusterForecast, Forecast, ObjectToCome
from lateen.model.errors import InvalidApplication
from lateen.planning.differences import ObjectDifference, PlacementDifference
from lateen.planning.resolving import Resolved
from lateen.planning.step_types import SUSPEND

_PATIENCE = 8.0
"""Seconds for one cluster; the others are told meanwhile."""

_MOST_OBJECTS = 50
_MOST_PROBLEMS = 5
_LONGEST = 300


async def foresee(
    rooms: Rooms, resolved: Resolved, waiting: Sequence[str], *, revision: str
) -> Forecast:
    """Ask every cluster what would be created and changed in it if the waiting steps went on."""
    steps = list(dict.fromkeys(name for gate in waiting for name in let_go(resolved, gate)))
    if not steps:
        return Forecast(revision=revision)
    try:
        found = await Comparer(rooms).foresee(
            resolved, steps, revision=revision, patience=_PATIENCE
        )
    except InvalidApplication as error:
        problem = ClusterForecast(cluster="", problems=[str(error)[:_LONGEST]])
        return Forecast(revision=revision, steps=steps, clusters=[problem])
    by_cluster: dict[str, list[PlacementDifference]] = {}
    for placement in found:
        by_cluster.setdefault(placement.cluster, []).append(placement)
    return Forecast(
        revision=revision,
        steps=steps,
        clusters=[_forecast(cluster, placements) for cluster, placements in by_cluster.items()],
    )


def let_go(resolved: Resolved, gate: str) -> list[str]:
    """Return the deploy steps that an approval lets go on: itself, or those behind it up to the next gate."""
    if resolved.find_step(gate):
        return [gate]
    leaves = list(resolved.plan.leaves)
    names = [step.name for step in leaves]
    if gate not in names:
        return []
    behind = leaves[names.index(gate) + 1 :]
    free = takewhile(lambda step: step.auto and step.type != SUSPEND, behind)
    return [step.name for step in free if resolved.find_step(step.name)]


def _forecast(cluster: str, placements: Sequence[PlacementDifference]) -> ClusterForecast:
    objects = [each for placement in placements for each in placement.objects]
    problems = dict.fromkeys(
        problem.removeprefix(f"cluster {cluster}: ")[:_LONGEST]
        for placement in placements
        for problem in placement.problems
    )
    return ClusterForecast(
        cluster=cluster,
        create=sum(placement.create for placement in placements),
        change=sum(placement.change for placement in placements),
        unchanged=sum(placement.unchanged for placement in placements),
        objects=[_object(each) for each in objects[:_MOST_OBJECTS]],
        problems=list(problems)[:_MOST_PROBLEMS],
    )


def _object(difference: ObjectDifference) -> ObjectToCome:
    return ObjectToCome(
        action=difference.action,
        kind=difference.kind,
        namespace=difference.namespace,
        name=difference.name,
        component=difference.component,
    )

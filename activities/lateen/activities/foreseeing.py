"""What a step that waits for its approval would do, cluster by cluster: counts and names of objects."""

from __future__ import annotations

from collections.abc import Sequence

from lateen.activities.comparing import Comparer
from lateen.activities.rooms import Rooms
from lateen.contracts.looks import ClusterForecast, Forecast, ObjectToCome
from lateen.model.errors import InvalidApplication
from lateen.planning.differences import ObjectDifference, PlacementDifference
from lateen.planning.resolving import Resolved

_PATIENCE = 8.0
"""Seconds for one cluster; the others are told meanwhile."""

_MOST_OBJECTS = 50
_MOST_PROBLEMS = 5
_LONGEST = 300


async def foresee(
    rooms: Rooms, resolved: Resolved, steps: Sequence[str], *, revision: str
) -> Forecast:
    """Ask every cluster what steps would create and change in it."""
    try:
        found = await Comparer(rooms).foresee(
            resolved, steps, revision=revision, patience=_PATIENCE
        )
    except InvalidApplication as error:
        problem = ClusterForecast(cluster="", problems=[str(error)[:_LONGEST]])
        return Forecast(revision=revision, clusters=[problem])
    by_cluster: dict[str, list[PlacementDifference]] = {}
    for placement in found:
        by_cluster.setdefault(placement.cluster, []).append(placement)
    return Forecast(
        revision=revision,
        clusters=[_forecast(cluster, placements) for cluster, placements in by_cluster.items()],
    )


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

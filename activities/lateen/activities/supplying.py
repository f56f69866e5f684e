"""Reading what inputs supply out of live objects. Values stay in memory: no log, error or heartbeat has any."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lateen.kube.errors import Unauthorized
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication
from lateen.model.placement import Placement
from lateen.planning.component_graph import (
    Location,
    PlacementGraph,
    Supply,
    earlier_steps,
    graph_findings,
    placement_graph,
)
from lateen.planning.expressions import ExpressionError, MissingValue, evaluate
from lateen.planning.filling import UnfitValue
from lateen.planning.resolving import Resolved
from lateen.planning.step_graph import Copy

if TYPE_CHECKING:
    from lateen.activities.rooms import Rooms
    from lateen.kube.cluster import Cluster
    from lateen.model.objects import ObjectRef
    from lateen.planning.plan import PlannedStep
    from lateen.policies.topology import ClusterInfo
    from lateen.rendering.parameter_keys import ParameterKey


class NotThere(Exception):
    """A value can't be read yet; the text says which, at which path of which object."""


def select_earlier(
    resolved: Resolved, step: PlannedStep, clusters: Sequence[ClusterInfo]
) -> dict[str, Sequence[Placement]]:
    """Return where the steps before a step deliver, and itself. Raises ``InvalidApplication``."""
    names = (*earlier_steps(resolved.plan, step.name), step.name)
    steps = [each for each in map(resolved.find_step, names) if each is not None]
    return {each.name: resolved.select(each, clusters).placements for each in steps}


def check_links(
    resolved: Resolved, step: PlannedStep, clusters: Sequence[ClusterInfo]
) -> list[str]:
    """Return warnings about what a step's components wait for. Raises ``InvalidApplication``."""
    if not resolved.graph(step).links:
        return []
    selections = select_earlier(resolved, step, clusters)
    problems, warnings = graph_findings(resolved, selections, steps=[step.name])
    if problems:
        raise InvalidApplication(problems, subject=f"Application {resolved.application.id}")
    return warnings


async def trace(
    rooms: Rooms, resolved: Resolved, step: PlannedStep, placement: Placement
) -> PlacementGraph:
    """Return what waits for what in a placement; asks for the clusters only if an earlier step counts."""
    try:
        return placement_graph(resolved, step, placement, {})
    except InvalidApplication:
        clusters = await rooms.cluster_infos()
        selections = select_earlier(resolved, step, clusters)
        return placement_graph(resolved, step, placement, selections)


async def cluster_of(rooms: Rooms, location: Location, own: Cluster) -> Cluster:
    """Return the connection to where a producer is; the placement's own is at hand."""
    if location.placement.cluster == own.name:
        return own
    cluster = await rooms.clusters.connect(location.placement.cluster)
    try:
        await cluster.connection.version()
    except Unauthorized:
        return await rooms.clusters.connect(location.placement.cluster, fresh=True)
    return cluster


def objects_at(resolved: Resolved, location: Location) -> dict[str, ObjectRef]:
    """Return the objects of a copy by output name; the workload is ""."""
    return resolved.outputs_of(resolved.step(location.step), location.placement, location.copy)


async def read_value(cluster: Cluster, resolved: Resolved, supply: Supply) -> Any:
    """Return what an input supplies, as it is now. Raises ``NotThere``."""
    refs = objects_at(resolved, supply.source)
    names = sorted(supply.output.objects)
    lives = await asyncio.gather(*(cluster.get(refs[name]) for name in names))
    objects: dict[str, Json] = {}
    for name, live in zip(names, lives, strict=True):
        if live is None:
            raise NotThere(_missing(supply, f"{refs[name]} does not exist"))
        objects[name] = live
    try:
        return evaluate(supply.output.expression, objects)
    except MissingValue as error:
        shown = ", ".join(str(refs[name]) for name in names)
        raise NotThere(_missing(supply, f"{error.path} of {shown} has no value")) from None
    except ExpressionError as error:
        raise NotThere(_missing(supply, str(error))) from None


def _missing(supply: Supply, why: str) -> str:
    place = supply.source.placement
    return f"input {supply.input.name!r} has no value: on {place}, {why}"


async def manifests_now(
    rooms: Rooms,
    resolved: Resolved,
    step: PlannedStep,
    placement: Placement,
    *,
    revision: str,
    selections: Mapping[str, Sequence[Placement]],
) -> list[Json] | None:
    """Return a placement's manifests with the values that inputs have now; None if one is missing."""
    if not resolved.graph(step).links.inputs:
        return resolved.manifests(step, placement, revision=revision)
    graph = placement_graph(resolved, step, placement, selections)
    groups = resolved.grouped(step, placement, revision=revision)
    found: list[Json] = []
    for copy, group in groups.items():
        maker = copy if copy in graph.supplies else _first_copy(resolved, step, copy)
        supplies = graph.supplies.get(maker, ())
        if not supplies:
            found += group
            continue
        values: dict[ParameterKey, Any] = {}
        try:
            for supply in supplies:
                cluster = await rooms.clusters.connect(supply.source.placement.cluster)
                values[supply.input.key] = await read_value(cluster, resolved, supply)
            found += resolved.filled(
                step, placement, maker, values=values, revision=revision, group=group
            )
        except (NotThere, UnfitValue):
            return None
    return found


def _first_copy(resolved: Resolved, step: PlannedStep, shared: Copy) -> Copy:
    """Return a maker of what all copies of a component share."""
    copies = resolved.graph(step).copies(shared.component)
    return copies[0] if copies else shared

"""Which placements stand: their clusters have just what they would get, and it is healthy."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from lateen.activities.matching import matches
from lateen.activities.rooms import Rooms
from lateen.activities.supplying import manifests_now
from lateen.contracts.messages import PlannedPlacement, StepPlan
from lateen.kube.health import evaluate
from lateen.model.base import Json
from lateen.model.errors import LateenError
from lateen.model.objects import ObjectRef
from lateen.model.placement import Placement
from lateen.planning.resolving import Resolved

_AT_ONCE = 16
_PATIENCE = 10.0
"""Seconds for one placement; one whose cluster doesn't answer is delivered, which will say why."""

_LONGEST = 60.0
"""Seconds for all of them; what is not known by then is delivered."""


async def standing(
    rooms: Rooms,
    resolved: Resolved,
    plans: Sequence[StepPlan],
    asked: Sequence[tuple[str, PlannedPlacement]],
    *,
    revision: str,
) -> frozenset[tuple[str, str, str]]:
    """Ask clusters; return step, cluster and namespace of the placements that need no delivery."""
    slots = asyncio.Semaphore(_AT_ONCE)
    selections = {
        plan.step: [Placement(cluster=p.cluster, namespace=p.namespace) for p in plan.placements]
        for plan in plans
    }

    async def one(step: str, placed: PlannedPlacement) -> bool:
        placement = Placement(cluster=placed.cluster, namespace=placed.namespace)
        async with slots:
            try:
                async with asyncio.timeout(_PATIENCE):
                    return await _stands(
                        rooms, resolved, step, placement, revision=revision, selections=selections
                    )
            except (LateenError, TimeoutError):
                return False

    if not asked:
        return frozenset()
    looks = [asyncio.ensure_future(one(step, placed)) for step, placed in asked]
    try:
        done, _ = await asyncio.wait(looks, timeout=_LONGEST)
    finally:
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)
    return frozenset(
        (step, placed.cluster, placed.namespace)
        for (step, placed), look in zip(asked, looks, strict=True)
        if look in done and look.result()
    )


async def _stands(
    rooms: Rooms,
    resolved: Resolved,
    step: str,
    placement: Placement,
    *,
    revision: str,
    selections: Mapping[str, Sequence[Placement]],
) -> bool:
    manifests = await manifests_now(
        rooms,
        resolved,
        resolved.step(step),
        placement,
        revision=revision,
        selections=selections,
    )
    if manifests is None:
        return False
    whole = await rooms.references.reveal(resolved, manifests)
    cluster = await rooms.clusters.connect(placement.cluster)

    async def stands(manifest: Json) -> bool:
        live = await cluster.get(ObjectRef.of(manifest))
        if live is None or not evaluate(live).healthy:
            return False
        treatment = resolved.treatment(manifest)
        return await matches(
            cluster, manifest, application=resolved.application.id, treatment=treatment
        )

    for manifest in whole:  # One after the other: mostly the first difference tells.
        if not await stands(manifest):
            return False
    return True

"""Whether clusters still have what was delivered: asked of their API servers by a server-side dry run.

Comparing with rendered text would see differences where there are none (defaults, quantities) and miss what
admission changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from lateen.activities.applying import field_manager
from lateen.activities.rooms import Rooms, off_loop
from lateen.contracts.messages import StepPlan
from lateen.kube.cluster import Cluster
from lateen.kube.errors import KubeError
from lateen.kube.shapes import as_object
from lateen.model.base import Json
from lateen.model.errors import LateenError
from lateen.model.objects import ObjectRef
from lateen.model.placement import Placement
from lateen.planning.resolving import Resolved

_AT_ONCE = 16
_SERVER_FIELDS = ("managedFields", "resourceVersion", "generation")


async def all_match(
    rooms: Rooms, resolved: Resolved, plans: Sequence[StepPlan], *, revision: str
) -> bool:
    """Tell whether every object of every placement is as an apply would leave it.

    A cluster that can't be asked counts as different: delivering will say what is wrong with it.
    """
    slots = asyncio.Semaphore(_AT_ONCE)
    manager = field_manager(resolved.application.id)

    async def one(cluster: str, manifest: Json) -> bool:
        async with slots:
            try:
                return await matches(await rooms.clusters.connect(cluster), manifest, manager)
            except LateenError:
                return False

    # Where several steps write one object, the last one has the word.
    wanted = await off_loop(resolved.evaluates, lambda: _wanted(resolved, plans, revision=revision))
    checks = [
        asyncio.ensure_future(one(cluster, manifest)) for (cluster, _), manifest in wanted.items()
    ]
    try:
        # The first difference decides: clusters that don't answer would cost a timeout for each object.
        for check in asyncio.as_completed(checks):
            if not await check:
                return False
        return True
    finally:
        for check in checks:
            check.cancel()
        await asyncio.gather(*checks, return_exceptions=True)


def _wanted(
    resolved: Resolved, plans: Sequence[StepPlan], *, revision: str
) -> dict[tuple[str, ObjectRef], Json]:
    wanted: dict[tuple[str, ObjectRef], Json] = {}
    for plan in plans:
        step = resolved.step(plan.step)
        for placed in plan.placements:
            placement = Placement(cluster=placed.cluster, namespace=placed.namespace)
            for manifest in resolved.manifests(step, placement, revision=revision):
                wanted[placed.cluster, ObjectRef.of(manifest)] = manifest
    return wanted


async def matches(cluster: Cluster, manifest: Json, manager: str) -> bool:
    """Tell whether applying a manifest would change nothing."""
    live = await cluster.get(ObjectRef.of(manifest))
    if live is None or as_object(live.get("metadata")).get("deletionTimestamp"):
        return False
    try:
        applied = await cluster.apply(manifest, field_manager=manager, force=True, dry_run=True)
    except KubeError:
        return False
    return _comparable(live) == _comparable(applied.object)


def _comparable(live: Json) -> Json:
    metadata: dict[str, Any] = dict(live.get("metadata") or {})
    for key in _SERVER_FIELDS:
        metadata.pop(key, None)
    return {**{k: v for k, v in live.items() if k != "status"}, "metadata": metadata}

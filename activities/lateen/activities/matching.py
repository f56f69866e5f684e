"""Whether clusters still have what was delivered: asked of their API servers by a server-side dry run.

Comparing with rendered text would see differences where there are none (defaults, quantities) and miss what
admission changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lateen.activities.applying import field_manager
from lateen.activities.rooms import Rooms
from lateen.activities.supplying import manifests_now
from lateen.contracts.messages import PlannedPlacement, StepPlan
from lateen.hub.kubevela import kubevela_entries
from lateen.kube.cluster import Cluster
from lateen.kube.errors import KubeError
from lateen.kube.shapes import as_object
from lateen.model.base import Json
from lateen.model.errors import LateenError
from lateen.model.objects import ObjectRef
from lateen.model.placement import Placement
from lateen.planning.resolving import Resolved
from lateen.planning.writing import decide_write
from lateen.policies.rules.treatments import PLAIN, Treatment

_AT_ONCE = 16
_SERVER_FIELDS = ("managedFields", "resourceVersion", "generation")


async def all_match(
    rooms: Rooms, resolved: Resolved, plans: Sequence[StepPlan], *, revision: str
) -> bool:
    """Tell whether every object of every placement is as an apply would leave it.

    A cluster that can't be asked counts as different: delivering will say what is wrong with it.
    """
    slots = asyncio.Semaphore(_AT_ONCE)
    application = resolved.application.id

    async def one(cluster: str, manifest: Json) -> bool:
        async with slots:
            try:
                (whole,) = await rooms.references.reveal(resolved, [manifest])
                return await matches(
                    await rooms.clusters.connect(cluster),
                    whole,
                    application=application,
                    treatment=resolved.treatment(manifest),
                )
            except LateenError:
                return False

    objects = await wanted_objects(rooms, resolved, plans, revision=revision)
    if any(wanted.is_open for wanted in objects):
        return False
    checks = [
        asyncio.ensure_future(one(wanted.placement.cluster, wanted.manifest)) for wanted in objects
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


@dataclass(frozen=True)
class Wanted:
    """An object as a delivery would leave it, and which step puts it where.

    It ``is_open`` while an input of its placement has no value: then the manifest is not what will be sent.
    """

    step: str
    placement: Placement
    manifest: Json
    is_open: bool = False


async def wanted_objects(
    rooms: Rooms, resolved: Resolved, plans: Sequence[StepPlan], *, revision: str
) -> list[Wanted]:
    """Return what a whole delivery leaves in the clusters, with the values that inputs have now.

    Where several steps write one object, the last one has the word.
    """
    wanted: dict[tuple[str, ObjectRef], Wanted] = {}
    where = {plan.step: [_placement(placed) for placed in plan.placements] for plan in plans}
    for name, placements in where.items():
        step = resolved.step(name)
        for placement in placements:
            try:
                manifests = await manifests_now(
                    rooms, resolved, step, placement, revision=revision, selections=where
                )
            except LateenError:
                manifests = None  # A cluster that an input comes from can't be asked.
            is_open = manifests is None
            if manifests is None:
                manifests = resolved.manifests(step, placement, revision=revision)
            for manifest in manifests:
                key = placement.cluster, ObjectRef.of(manifest)
                wanted[key] = Wanted(name, placement, manifest, is_open=is_open)
    return list(wanted.values())


def _placement(placed: PlannedPlacement) -> Placement:
    return Placement(cluster=placed.cluster, namespace=placed.namespace)


async def matches(
    cluster: Cluster, manifest: Json, *, application: str, treatment: Treatment = PLAIN
) -> bool:
    """Tell whether delivering a manifest would change nothing, not even who owns its fields.

    What rules leave to others is no difference: objects that are only looked at, or that another
    application writes, and fields that are kept.
    """
    live = await cluster.get(ObjectRef.of(manifest))
    if live is None or as_object(live.get("metadata")).get("deletionTimestamp"):
        return False
    write = decide_write(manifest, live, application=application, treatment=treatment)
    if write.refusal or write.way in ("leave", "join"):
        return not write.refusal and write.way == "leave"
    if kubevela_entries(live):
        return False
    manager = field_manager(application)
    try:
        if write.way == "replace":
            metadata = live["metadata"]
            version = {**write.manifest["metadata"], "resourceVersion": metadata["resourceVersion"]}
            wanted = {**write.manifest, "metadata": version}
            after = await cluster.replace(wanted, field_manager=manager, dry_run=True)
        else:
            applied = await cluster.apply(
                write.manifest, field_manager=manager, force=True, dry_run=True
            )
            after = applied.object
    except KubeError:
        return False
    return comparable(live) == comparable(after)


def comparable(live: Json) -> Json:
    """Return what counts of an object when it is compared: all but the server's own bookkeeping."""
    metadata: dict[str, Any] = dict(live.get("metadata") or {})
    for key in _SERVER_FIELDS:
        metadata.pop(key, None)
    return {**{k: v for k, v in live.items() if k != "status"}, "metadata": metadata}

"""Reading how applications are: records of the hub, and live objects of the clusters."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from lateen.activities.foreseeing import foresee
from lateen.activities.looking import fitting, look
from lateen.activities.rooms import Rooms, off_loop
from lateen.contracts.looks import Forecast, Look
from lateen.contracts.messages import Inspect
from lateen.kube.diagnosing import explain
from lateen.kube.errors import KubeError
from lateen.kube.health import Health, evaluate
from lateen.kube.shapes import as_object, as_objects
from lateen.model.base import Json
from lateen.model.cluster_states import cluster_states
from lateen.model.errors import InvalidApplication, LateenError
from lateen.model.labels import APP_COMPONENT, RESOURCE_TYPE, TRAIT_TYPE, WORKLOAD_TYPE
from lateen.model.objects import ObjectRef
from lateen.model.placement import Placement
from lateen.model.records import Audit, Inventory, KeptRevision
from lateen.planning.plan import PlannedStep
from lateen.planning.resolving import Resolved
from lateen.planning.rolling_back import delivered_before, revision_before

_AT_ONCE = 32
_PATIENCE = 5.0
"""Seconds for one cluster's answer; the others are shown meanwhile."""


async def inspect(rooms: Rooms, request: Inspect) -> Json:
    """Return one application's status, or its revisions, or the list of applications."""
    if request.name and request.revisions:
        return await _revisions(rooms, request)
    if request.name:
        return await _status(rooms, request)
    return {"applications": await _list(rooms, request.namespace or None)}


async def _status(rooms: Rooms, request: Inspect) -> Json:
    namespace, name = request.namespace, request.name
    stored, audit = await asyncio.gather(
        rooms.applications.read(namespace, name), rooms.audits.read(namespace, name)
    )
    if stored is None and audit.latest_delivery == 0:
        return {"known": False}
    resolved = await _resolve(rooms, namespace, audit)
    inventories = await rooms.inventories.list(namespace, name)
    services, looks, forecast = await asyncio.gather(
        _live_services(rooms, request, resolved, audit),
        _looks(rooms, request, resolved, audit, inventories),
        _forecast(rooms, request, resolved, audit),
    )
    return {
        **looks,
        **forecast,
        "known": True,
        "stored": stored is not None,
        "createdAt": (stored or {}).get("metadata", {}).get("creationTimestamp", ""),
        "audit": audit.to_json(),
        "mode": resolved.plan.mode if resolved else "",
        "workflow": _step_names(resolved) if resolved else [],
        "services": services,
        "inventories": [
            {"cluster": inventory.cluster, "objects": len(inventory.entries)}
            for inventory in inventories
        ],
        "components": _components(stored),
    }


async def _revisions(rooms: Rooms, request: Inspect) -> Json:
    """List the revisions that are kept, the newest first, without what they hold."""
    namespace, name = request.namespace, request.name
    audit, kept = await asyncio.gather(
        rooms.audits.read(namespace, name), rooms.revisions.kept(namespace, name)
    )
    try:
        before = revision_before(audit, kept)
    except InvalidApplication:
        before = ""
    return {
        "known": bool(kept) or audit.latest_delivery > 0,
        "before": before,
        "revisions": [_revision(each, audit) for each in reversed(kept)],
    }


def _revision(kept: KeptRevision, audit: Audit) -> Json:
    submitted = next(
        (e for e in audit.events if e.type == "submitted" and e.revision == kept.name), None
    )
    return {
        **kept.to_json(),
        "actor": submitted.actor if submitted else "",
        "current": kept.name == audit.revision,
        "delivered": audit.delivered is not None and kept.name == audit.delivered.revision,
        "succeeded": kept.name in delivered_before(audit),
    }


def _step_names(resolved: Resolved) -> list[str]:
    steps = resolved.plan.steps
    return [name for step in steps for name in (step.name, *(sub.name for sub in step.sub_steps))]


async def _live_services(
    rooms: Rooms, request: Inspect, resolved: Resolved | None, audit: Audit
) -> list[Json]:
    if resolved is None or not request.live or audit.phase == "deleted":
        return []
    return await _services(rooms, resolved, audit)


async def _looks(
    rooms: Rooms,
    request: Inspect,
    resolved: Resolved | None,
    audit: Audit,
    inventories: Sequence[Inventory],
) -> Json:
    if not (request.resources or request.pods or request.endpoints):
        return {}
    found = await look(rooms, request, audit=audit, resolved=resolved, inventories=inventories)
    return {"look": _compact(fitting(found))}


async def _forecast(
    rooms: Rooms, request: Inspect, resolved: Resolved | None, audit: Audit
) -> Json:
    """Tell what steps would do; unlike a difference it says nothing of fields, only of objects."""
    if resolved is None or not request.plan:
        return {}
    foreseen = await foresee(rooms, resolved, request.plan, revision=audit.revision)
    return {"forecast": _compact(foreseen)}


def _compact(seen: Look | Forecast) -> Json:
    """Leave out what is as always: there may be thousands of objects in one payload."""
    return seen.model_dump(by_alias=True, exclude_defaults=True, mode="json")


async def _resolve(rooms: Rooms, namespace: str, audit: Audit) -> Resolved | None:
    if not audit.revision or not audit.revision_digest:
        return None
    try:
        return await rooms.resolve(namespace, audit.current)
    except LateenError:
        return None


async def _services(rooms: Rooms, resolved: Resolved, audit: Audit) -> list[Json]:
    """Look at every component of every placement that was delivered to, or tried."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(step: PlannedStep, placement: Placement) -> list[Json]:
        manifests = await off_loop(
            resolved.evaluates,
            lambda: resolved.manifests(step, placement, revision=audit.revision),
        )
        async with slots:
            return await _placement_services(rooms, placement, manifests)

    touched = _touched(audit)
    found: dict[Placement, PlannedStep] = {}
    clusters = await rooms.cluster_infos()
    for step in resolved.deploy_steps:
        try:
            for placement in resolved.select(step, clusters).placements:
                if touched is None or (placement.cluster, placement.namespace) in touched:
                    found[placement] = step
        except InvalidApplication:
            continue  # The clusters changed since; `status` shows the steps' own record of it.
    groups = await asyncio.gather(*(one(step, placement) for placement, step in found.items()))
    return [service for group in groups for service in group]


def _touched(audit: Audit) -> set[tuple[str, str]] | None:
    """Return the placements that the last delivery touched; None while it runs, when any may be."""
    record = audit.delivery
    if record is None or not record.ended_at:
        return None
    return {
        (str(placement.get("cluster", "")), str(placement.get("namespace", "")))
        for step in record.steps
        for placement in step.get("placements", [])
        if placement.get("phase") != "pending"
    }


async def _placement_services(
    rooms: Rooms, placement: Placement, manifests: Sequence[Json]
) -> list[Json]:
    try:
        async with asyncio.timeout(_PATIENCE):
            cluster = await rooms.clusters.connect(placement.cluster)
            lives = await asyncio.gather(*(cluster.get(ObjectRef.of(m)) for m in manifests))
            reasons = {
                index: await explain(cluster, live)
                for index, live in enumerate(lives)
                if live is not None and not evaluate(live).healthy
            }
    except TimeoutError:
        return [_unknown(placement, "the cluster does not answer")]
    except (KubeError, LateenError) as error:
        return [_unknown(placement, str(error))]
    services: dict[str, Json] = {}
    for index, (manifest, live) in enumerate(zip(manifests, lives, strict=True)):
        labels = manifest["metadata"]["labels"]
        service = services.setdefault(
            labels.get(APP_COMPONENT, ""), _service(placement, labels.get(APP_COMPONENT, ""))
        )
        _add(service, manifest, live, reason=reasons.get(index, ""))
    return list(services.values())


def _service(placement: Placement, component: str) -> Json:
    return {
        "name": component,
        "cluster": placement.cluster,
        "namespace": placement.namespace,
        "type": "",
        "exists": False,
        "healthy": True,
        "message": "",
        "traits": [],
    }


def _unknown(placement: Placement, message: str) -> Json:
    return {**_service(placement, ""), "exists": True, "healthy": False, "message": message}


def _add(service: Json, manifest: Json, live: Json | None, *, reason: str) -> None:
    labels = manifest["metadata"]["labels"]
    health = Health("progressing", "does not exist") if live is None else evaluate(live)
    message = reason or health.message
    service["exists"] = service["exists"] or live is not None
    service["healthy"] = service["healthy"] and health.healthy
    if WORKLOAD_TYPE in labels or labels.get(RESOURCE_TYPE) == "WORKLOAD":
        service["type"] = labels.get(WORKLOAD_TYPE, "")
        service["message"] = message
        return
    trait: Json = {
        "type": labels.get(TRAIT_TYPE, manifest["kind"]),
        "kind": manifest["kind"],
        "name": manifest["metadata"]["name"],
        "healthy": health.healthy,
        "message": message,
    }
    service["traits"].append(trait)


async def _list(rooms: Rooms, namespace: str | None) -> list[Json]:
    stored, audits = await asyncio.gather(
        rooms.applications.list(namespace), rooms.audits.list(namespace)
    )
    by_id: dict[str, Audit] = {f"{ns}/{name}": audit for ns, name, audit in audits}
    rows: list[Json] = []
    for live in stored:
        metadata = live["metadata"]
        audit = by_id.get(f"{metadata['namespace']}/{metadata['name']}", Audit())
        rows.append(
            {
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "createdAt": metadata.get("creationTimestamp", ""),
                "components": _components(live),
                "phase": audit.phase,
                "revision": audit.revision,
                "delivery": audit.latest_delivery,
                "clusters": audit.delivery.clusters if audit.delivery else [],
                "states": cluster_states(audit.delivery.steps) if audit.delivery else {},
                "at": _last_moment(audit),
                "runId": audit.delivery.run_id if audit.delivery else "",
            }
        )
    return sorted(rows, key=lambda row: (row["namespace"], row["name"]))


def _last_moment(audit: Audit) -> str:
    """Return when the latest delivery ended, or began if it hasn't."""
    record = audit.delivery
    return record.ended_at or record.started_at if record else ""


def _components(stored: Json | None) -> list[Json]:
    spec = as_object((stored or {}).get("spec"))
    return [
        {
            "name": component.get("name", ""),
            "type": component.get("type", ""),
            "traits": [trait.get("type", "") for trait in as_objects(component.get("traits"))],
        }
        for component in as_objects(spec.get("components"))
    ]

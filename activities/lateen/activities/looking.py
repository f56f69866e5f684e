"""Looking at what an application has: every object of its inventories, its pods, where it can be reached.

All clusters at once. One that doesn't answer is named, with what is recorded of it, and stops no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from lateen.activities.comparing import reached
from lateen.activities.rooms import Rooms
from lateen.contracts.looks import (
    ConditionSeen,
    EndpointSeen,
    EventSeen,
    Look,
    PodSeen,
    ResourceSeen,
    StepSeen,
    UnseenCluster,
)
from lateen.contracts.messages import Inspect
from lateen.hub.locating import NotLocated, Resource, Scope, locate
from lateen.kube.addresses import GATEWAY_GROUP, addresses_of, has_addresses, parents_of
from lateen.kube.cluster import Cluster
from lateen.kube.diagnosing import explain, recent_events
from lateen.kube.errors import KubeError, Unreachable
from lateen.kube.health import conditions, evaluate, word
from lateen.kube.pods import Pod, read_pod
from lateen.kube.shapes import as_object, as_text
from lateen.model.base import Json, Record
from lateen.model.errors import LateenError
from lateen.model.objects import ObjectRef
from lateen.model.records import Audit, Inventory, InventoryEntry
from lateen.planning.plan import PlannedStep
from lateen.planning.resolving import Resolved

_CLUSTERS_AT_ONCE = 32
_OBJECTS_AT_ONCE = 16
_REACHING = 5.0
_READING = 8.0
"""Seconds for a cluster's first answer, and for all that is read from it then."""

_MOST_RESOURCES = 2000
_MOST_PODS = 2000
_MOST_ENDPOINTS = 1000
_MOST_HOSTS = 3
_LARGEST = 1_000_000
"""Characters of an answer: Temporal refuses payloads of 2 MB."""

_LONGEST = 500
_SILENT = frozenset({"ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding", "Namespace"})
"""Kinds that no controller tells events about."""

_NO_ANSWER = "the cluster does not answer"


@dataclass
class _Seen:
    """What was found in one cluster."""

    resources: list[ResourceSeen] = field(default_factory=list[ResourceSeen])
    endpoints: list[EndpointSeen] = field(default_factory=list[EndpointSeen])
    trouble: str = ""


async def look(
    rooms: Rooms,
    request: Inspect,
    *,
    audit: Audit,
    resolved: Resolved | None,
    inventories: Sequence[Inventory],
) -> Look:
    """Return what was asked for, bounded. Raises only what concerns the hub."""
    slots = asyncio.Semaphore(_CLUSTERS_AT_ONCE)

    async def one(inventory: Inventory) -> _Seen:
        async with slots:
            return await _Looker(rooms, request, audit).at(inventory)

    asked = list(inventories) if request.resources or request.endpoints else []
    (pods, dark), seen = await asyncio.gather(
        _pods(rooms, request), asyncio.gather(*(one(inventory) for inventory in asked))
    )
    unseen = {
        inventory.cluster: found.trouble
        for inventory, found in zip(asked, seen, strict=True)
        if found.trouble
    }
    resources = [each for found in seen for each in found.resources] if request.resources else []
    endpoints = [each for found in seen for each in found.endpoints]
    return Look(
        steps=_steps(resolved.plan.steps) if resolved else [],
        resources=resources[:_MOST_RESOURCES],
        pods=pods[:_MOST_PODS],
        endpoints=endpoints[:_MOST_ENDPOINTS],
        unseen=[
            UnseenCluster(cluster=cluster, message=message)
            for cluster, message in sorted({**dark, **unseen}.items())
        ],
        omitted=max(0, len(resources) - _MOST_RESOURCES)
        + max(0, len(pods) - _MOST_PODS)
        + max(0, len(endpoints) - _MOST_ENDPOINTS),
    )


def fitting(found: Look, *, limit: int = _LARGEST) -> Look:
    """Return what fits one payload of Temporal: the longest list is cut, and what is cut is counted."""
    while len(found.model_dump_json(exclude_defaults=True)) > limit:
        parts: dict[str, Sequence[Record]] = {
            "resources": found.resources,
            "pods": found.pods,
            "endpoints": found.endpoints,
        }
        longest = max(parts, key=lambda name: len(parts[name]))
        kept = parts[longest][: len(parts[longest]) * 3 // 4]
        cut = len(parts[longest]) - len(kept)
        if not cut:
            break
        found = found.model_copy(update={longest: list(kept), "omitted": found.omitted + cut})
    return found


def _steps(steps: Sequence[PlannedStep], group: str = "") -> list[StepSeen]:
    found: list[StepSeen] = []
    for step in steps:
        found.append(
            StepSeen(name=step.name, type=step.type, policies=list(step.policies), group=group)
        )
        found += _steps(step.sub_steps, step.name)
    return found


def told(error: LateenError, cluster: str) -> str:
    """Say what is wrong with a cluster where its name stands beside it."""
    return str(error).removeprefix(f"cluster {cluster}: ")[:_LONGEST]


class _Looker:
    """Looks at the objects of one application in one cluster."""

    def __init__(self, rooms: Rooms, request: Inspect, audit: Audit) -> None:
        self._rooms = rooms
        self._request = request
        self._audit = audit
        self._slots = asyncio.Semaphore(_OBJECTS_AT_ONCE)

    async def at(self, inventory: Inventory) -> _Seen:
        """Look at everything; what can't be seen is told with the name that is recorded."""
        entries = [
            entry
            for entry in inventory.entries
            if self._request.resources or has_addresses(entry.api_version, entry.kind)
        ]
        if not entries:
            return _Seen()
        try:
            async with asyncio.timeout(_REACHING):
                cluster = await reached(self._rooms.clusters, inventory.cluster)
            async with asyncio.timeout(_READING):
                pairs = await asyncio.gather(*(self._see(cluster, entry) for entry in entries))
        except TimeoutError:
            return self._dark(inventory.cluster, entries, _NO_ANSWER)
        except LateenError as error:
            return self._dark(inventory.cluster, entries, told(error, inventory.cluster))
        return _Seen(
            resources=[resource for resource, _ in pairs],
            endpoints=[endpoint for _, endpoints in pairs for endpoint in endpoints],
        )

    def _dark(self, cluster: str, entries: Sequence[InventoryEntry], why: str) -> _Seen:
        return _Seen(resources=[self._recorded(cluster, each) for each in entries], trouble=why)

    def _recorded(self, cluster: str, entry: InventoryEntry) -> ResourceSeen:
        latest = self._audit.revision
        return ResourceSeen(
            cluster=cluster,
            placement=entry.placement_namespace or entry.namespace,
            component=entry.component,
            trait=entry.trait_type,
            api_version=entry.api_version,
            kind=entry.kind,
            namespace=entry.namespace,
            name=entry.name,
            revision=entry.revision,
            outdated=bool(entry.revision and latest and entry.revision != latest),
        )

    async def _see(
        self, cluster: Cluster, entry: InventoryEntry
    ) -> tuple[ResourceSeen, list[EndpointSeen]]:
        recorded = self._recorded(cluster.name, entry)
        async with self._slots:
            try:
                live = await cluster.get(entry.ref)
                if live is None:
                    gone = {"state": "missing", "message": "does not exist"}
                    return recorded.model_copy(update=gone), []
                resource = await self._judged(cluster, live, recorded)
                return resource, await self._endpoints(cluster, live, entry)
            except Unreachable:
                raise  # Then nothing else of this cluster can be read either.
            except KubeError as error:
                return recorded.model_copy(update={"message": told(error, cluster.name)}), []

    async def _judged(self, cluster: Cluster, live: Json, recorded: ResourceSeen) -> ResourceSeen:
        if not self._request.resources:
            return recorded
        health = evaluate(live)
        message = health.message
        if not health.healthy:
            message = (await explain(cluster, live)).removeprefix(f"{ObjectRef.of(live)}: ")
        update = {
            "state": health.state,
            "message": message[:_LONGEST],
            "created_at": as_text(as_object(live.get("metadata")).get("creationTimestamp")),
        }
        return recorded.model_copy(update={**update, **await self._details(cluster, live)})

    async def _details(self, cluster: Cluster, live: Json) -> dict[str, object]:
        if not self._request.details:
            return {}
        events = [] if live.get("kind") in _SILENT else await recent_events(cluster, live)
        return {
            "conditions": [
                ConditionSeen(type=each.type, status=word(each.status), reason=each.reason)
                for each in conditions(live)
                if each.type
            ],
            "events": [
                EventSeen(
                    type=each.type,
                    reason=each.reason,
                    count=each.count,
                    last_seen=each.last_seen,
                    note=each.note,
                )
                for each in events
            ],
        }

    async def _endpoints(
        self, cluster: Cluster, live: Json, entry: InventoryEntry
    ) -> list[EndpointSeen]:
        if not (self._request.endpoints and has_addresses(entry.api_version, entry.kind)):
            return []
        found = addresses_of(
            live,
            node_addresses=await _hosts(cluster, live),
            gateways=await _gateways(cluster, live),
        )
        return [
            EndpointSeen(
                cluster=cluster.name,
                component=entry.component,
                kind=entry.kind,
                namespace=entry.namespace,
                name=entry.name,
                endpoint=each.text[:_LONGEST],
                inner=each.inner,
                port_name=each.port_name,
                message=each.message,
            )
            for each in found
        ]


async def _hosts(cluster: Cluster, live: Json) -> list[str]:
    """Return addresses of nodes that run a Service's pods: through them its node ports are reached."""
    spec = as_object(live.get("spec"))
    selector = as_object(spec.get("selector"))
    if live.get("kind") != "Service" or spec.get("type") not in {"NodePort", "LoadBalancer"}:
        return []
    if not selector or not all(isinstance(value, str) for value in selector.values()):
        return []
    namespace = as_text(as_object(live.get("metadata")).get("namespace"))
    pods = await cluster.list("v1", "Pod", namespace=namespace, labels=selector, limit=50)
    found = dict.fromkeys(pod.host for pod in map(read_pod, pods) if pod.host and not pod.leaving)
    return list(found)[:_MOST_HOSTS]


async def _gateways(cluster: Cluster, live: Json) -> list[Json]:
    """Read the Gateways that a route hangs on, those that can be read."""
    api_version = as_text(live.get("apiVersion"))
    if not api_version.startswith(f"{GATEWAY_GROUP}/") or live.get("kind") == "Gateway":
        return []
    refs = [
        ObjectRef(api_version=f"{GATEWAY_GROUP}/v1", kind="Gateway", namespace=place, name=name)
        for place, name in parents_of(live)
    ]
    found = await asyncio.gather(*map(cluster.get, refs), return_exceptions=True)
    return [each for each in found if isinstance(each, dict)]


async def _pods(rooms: Rooms, request: Inspect) -> tuple[list[PodSeen], dict[str, str]]:
    """List the application's pods everywhere, and which clusters could not be asked."""
    if not request.pods:
        return [], {}
    try:
        found = await locate(rooms.clusters, request.namespace, request.name, scope=Scope())
    except NotLocated:
        return [], {}  # It has nothing anywhere, which is what an empty list says.
    pods = {
        (resource.cluster, pod.ref.namespace, pod.name): _pod(resource, pod)
        for resource in found.resources
        for pod in resource.pods
    }
    dark = {cluster: told(error, cluster) for cluster, error in found.unreachable.items()}
    return [pods[key] for key in sorted(pods)], dark


def _pod(resource: Resource, pod: Pod) -> PodSeen:
    main = pod.main_containers
    return PodSeen(
        cluster=resource.cluster,
        namespace=pod.ref.namespace,
        name=pod.name,
        component=resource.component,
        owner=f"{resource.ref.kind}/{resource.ref.name}",
        phase="Terminating" if pod.leaving else pod.phase,
        reason="; ".join(pod.troubles)[:_LONGEST],
        ready=sum(container.ready for container in main),
        containers=len(main),
        restarts=sum(container.restarts for container in pod.containers),
        node=pod.node,
        created_at=pod.created_at,
    )

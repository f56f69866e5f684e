"""Where an application's pods and Services are, in every cluster that it was delivered to.

Inventories say what there is, one request of the hub; then each cluster is asked once a namespace for
the application's pods, all clusters at the same time. One that doesn't answer is reported and stops no
other.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.hub.applications import Applications
from lateen.hub.audits import Audits
from lateen.hub.inventories import Inventories
from lateen.kube.errors import Unreachable
from lateen.kube.pods import Pod, most_usable, read_pod
from lateen.kube.shapes import as_object, as_objects, as_text
from lateen.model.errors import LateenError, nearest, shorten
from lateen.model.labels import APP_COMPONENT, APP_NAME, APP_NAMESPACE, LOCAL
from lateen.model.objects import ObjectRef

if TYPE_CHECKING:
    from lateen.hub.clusters import ClusterRegistry
    from lateen.kube.cluster import Cluster
    from lateen.model.base import Json
    from lateen.model.records import Inventory, InventoryEntry

PATIENCE = 5.0
"""Seconds that a cluster gets to answer."""

_WORKLOADS = frozenset(
    {
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "ReplicationController",
        "Job",
        "CronJob",
        "Pod",
    }
)
_PASSIVE = frozenset(
    {
        "ConfigMap",
        "HorizontalPodAutoscaler",
        "Ingress",
        "Namespace",
        "PersistentVolumeClaim",
        "Secret",
        "Service",
        "ServiceAccount",
    }
)


class NotLocated(LateenError):
    """There is nothing of the application to talk to; says why and what helps."""


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a Service. ``target`` is a number, or the name of a container's port."""

    name: str
    number: int
    target: int | str


@dataclass(frozen=True, slots=True)
class Resource:
    """A workload or Service of the application in one cluster, and the pods behind it.

    ``labels`` is the selector of its pods, empty when it has none. The pods of a Service are not
    listed yet: ``pods_behind`` does that.
    """

    cluster: str
    ref: ObjectRef
    component: str
    labels: str
    pods: tuple[Pod, ...] = ()
    ports: tuple[ServicePort, ...] = ()

    @property
    def is_service(self) -> bool:
        """Tell a Service from a workload."""
        return self.ref.kind == "Service"

    @property
    def place(self) -> str:
        """Where it is, as placements are shown."""
        return f"{self.cluster}/{self.ref.namespace}"


@dataclass(frozen=True, slots=True)
class Located:
    """What was found; ``unreachable`` says of each cluster that could not be asked why."""

    resources: tuple[Resource, ...]
    unreachable: Mapping[str, LateenError]


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked for; empty means everything. ``namespace`` is one of the target's."""

    cluster: str = ""
    namespace: str = ""
    component: str = ""
    services: bool = False


async def locate(
    registry: ClusterRegistry,
    namespace: str,
    application: str,
    *,
    scope: Scope,
    patience: float = PATIENCE,
) -> Located:
    """Find an application's workloads, and Services if asked for, with their pods.

    Raises ``NotLocated`` when the hub knows that there is nothing of what is asked for.
    """
    hub = registry.hub
    inventories = await Inventories(hub, Audits(hub)).list(namespace, application)
    if not any(inventory.entries for inventory in inventories):
        raise await _nothing(hub, namespace, application)
    wanted = _narrowed(inventories, scope, f"{namespace}/{application}")
    if len(wanted) > 1:
        await registry.registrations()  # one request for all of them
    asked = await asyncio.gather(
        *(
            _ask(registry, cluster, (namespace, application), entries, scope, patience)
            for cluster, entries in wanted.items()
        )
    )
    return Located(
        tuple(
            resource for found in asked if not isinstance(found, LateenError) for resource in found
        ),
        {
            cluster: found
            for cluster, found in zip(wanted, asked, strict=True)
            if isinstance(found, LateenError)
        },
    )


async def pods_behind(cluster: Cluster, resource: Resource) -> list[Pod]:
    """List a resource's pods as they are now, the most usable first."""
    if resource.ref.kind == "Pod":
        live = await cluster.get(resource.ref)
        return [] if live is None else [read_pod(live)]
    return await _pods(cluster, resource.ref.namespace, resource.labels)


def _narrowed(
    inventories: Sequence[Inventory], scope: Scope, application: str
) -> dict[str, list[InventoryEntry]]:
    """Keep what the scope asks for; a name that leads to nothing is an error with the nearest."""
    there = {inventory.cluster: inventory.entries for inventory in inventories if inventory.entries}
    if scope.cluster:
        if scope.cluster not in there:
            raise _missing(application, "cluster", scope.cluster, there)
        there = {scope.cluster: there[scope.cluster]}
    if scope.namespace:
        known = {entry.namespace for entries in there.values() for entry in entries}
        if scope.namespace not in known:
            raise _missing(application, "namespace", scope.namespace, known - {""})
    if scope.component:
        known = {entry.component for entries in there.values() for entry in entries}
        if scope.component not in known:
            raise _missing(application, "component", scope.component, known - {""})
    narrowed = {
        cluster: [
            entry
            for entry in entries
            if scope.namespace in {"", entry.namespace} and scope.component in {"", entry.component}
        ]
        for cluster, entries in there.items()
    }
    return {cluster: entries for cluster, entries in narrowed.items() if entries}


def _missing(application: str, what: str, name: str, known: Collection[str]) -> NotLocated:
    where = "is not delivered to" if what in {"cluster", "namespace"} else "has no"
    hint = nearest(name, known)
    return NotLocated(f"{application} {where} {what} {shorten(name)}{f'; {hint}' if hint else ''}")


async def _nothing(hub: Cluster, namespace: str, application: str) -> NotLocated:
    """Tell an application that has nothing anywhere from one that nobody knows."""
    stored = await Applications(hub).list(namespace)
    names = [as_text(as_object(live.get("metadata")).get("name")) for live in stored]
    if application in names:
        return NotLocated(
            f"{namespace}/{application} has nothing in any cluster (yet); "
            f"see `lateen status {application} -n {namespace}`"
        )
    hint = nearest(application, names) or "is it the right --namespace? see `lateen ls -A`"
    return NotLocated(f"there is no application {application!r} in namespace {namespace!r}; {hint}")


async def _ask(
    registry: ClusterRegistry,
    name: str,
    owner: tuple[str, str],
    entries: Sequence[InventoryEntry],
    scope: Scope,
    patience: float,
) -> list[Resource] | LateenError:
    try:
        async with asyncio.timeout(patience):
            cluster = await registry.connect(name)
            by_namespace: defaultdict[str, list[InventoryEntry]] = defaultdict(list)
            for entry in entries:
                by_namespace[entry.namespace].append(entry)
            by_namespace.pop("", None)
            asked = [
                _look(cluster, owner, namespace, there, scope)
                for namespace, there in by_namespace.items()
            ]
            return [resource for found in await asyncio.gather(*asked) for resource in found]
    except TimeoutError:
        return Unreachable(f"no answer within {patience:g} s", cluster=name)
    except LateenError as error:
        if name == LOCAL and isinstance(error, Unreachable):
            raise  # without its hub nothing works: say so
        return error


async def _look(
    cluster: Cluster,
    owner: tuple[str, str],
    namespace: str,
    entries: Sequence[InventoryEntry],
    scope: Scope,
) -> list[Resource]:
    """Look into one namespace: a request for its pods, and one for its Services."""
    app_namespace, application = owner
    services = [entry for entry in entries if entry.kind == "Service"] if scope.services else []
    pods, live_services = await asyncio.gather(
        _pods(cluster, namespace, f"{APP_NAME}={application}"),
        cluster.list(
            "v1",
            "Service",
            namespace=namespace,
            labels={APP_NAME: application, APP_NAMESPACE: app_namespace},
        )
        if services
        else _none(),
    )
    by_component: defaultdict[str, list[InventoryEntry]] = defaultdict(list)
    for entry in entries:
        by_component[entry.component].append(entry)
    found = await asyncio.gather(
        *(
            _workloads(cluster, application, component, there, pods)
            for component, there in by_component.items()
        )
    )
    known = {entry.name: entry for entry in services}
    return [
        *(resource for several in found for resource in several),
        *(
            _service(cluster.name, known[name], live)
            for live in live_services
            if (name := as_text(as_object(live.get("metadata")).get("name"))) in known
        ),
    ]


async def _none() -> list[Json]:
    return []


async def _workloads(
    cluster: Cluster,
    application: str,
    component: str,
    entries: Sequence[InventoryEntry],
    pods: Sequence[Pod],
) -> list[Resource]:
    """Find a component's workloads and their pods.

    The pods of lateen's own components carry its name. Those of objects that were given as they are
    may not, and a component with several workloads has pods of each: there the workloads' own
    selectors tell.
    """
    labelled = tuple(pod for pod in pods if pod.labels.get(APP_COMPONENT) == component)
    workloads = [entry for entry in entries if entry.kind in _WORKLOADS]
    if not workloads and labelled:
        workloads = [entry for entry in entries if entry.kind not in _PASSIVE][:1]
    if len(workloads) == 1 and labelled:
        labels = f"{APP_NAME}={application},{APP_COMPONENT}={component}"
        return [Resource(cluster.name, workloads[0].ref, component, labels, labelled)]
    return list(
        await asyncio.gather(*(_selecting(cluster, component, entry.ref) for entry in workloads))
    )


async def _selecting(cluster: Cluster, component: str, ref: ObjectRef) -> Resource:
    """Read a workload's own selector and list its pods."""
    live = await cluster.get(ref)
    if live is None:
        return Resource(cluster.name, ref, component, "")
    if ref.kind == "Pod":
        labels = _selector({"matchLabels": as_object(live["metadata"].get("labels"))})
        return Resource(cluster.name, ref, component, labels, (read_pod(live),))
    labels = _selector_of(live)
    pods = await _pods(cluster, ref.namespace, labels)
    return Resource(cluster.name, ref, component, labels, tuple(pods))


def _selector_of(live: Json) -> str:
    spec = as_object(live.get("spec"))
    selector = as_object(spec.get("selector"))
    if live.get("kind") == "CronJob":  # its Jobs have the selectors, its template the labels
        template = as_object(
            as_object(as_object(spec.get("jobTemplate")).get("spec")).get("template")
        )
        selector = {"matchLabels": as_object(as_object(template.get("metadata")).get("labels"))}
    if "matchLabels" not in selector and "matchExpressions" not in selector:
        selector = {"matchLabels": selector}  # a ReplicationController's
    return _selector(selector)


def _selector(selector: Json) -> str:
    """Write a label selector as a query has it; an empty one selects nothing here."""
    terms = [f"{k}={as_text(v)}" for k, v in as_object(selector.get("matchLabels")).items()]
    for each in as_objects(selector.get("matchExpressions")):
        key, values = as_text(each.get("key")), ",".join(map(str, each.get("values") or []))
        match as_text(each.get("operator")):
            case "In":
                terms.append(f"{key} in ({values})")
            case "NotIn":
                terms.append(f"{key} notin ({values})")
            case "Exists":
                terms.append(key)
            case _:
                terms.append(f"!{key}")
    return ",".join(terms)


def _service(cluster: str, entry: InventoryEntry, live: Json) -> Resource:
    spec = as_object(live.get("spec"))
    ports = tuple(_port(each) for each in as_objects(spec.get("ports")) if each.get("port"))
    labels = _selector({"matchLabels": as_object(spec.get("selector"))})
    return Resource(cluster, entry.ref, entry.component, labels, ports=ports)


def _port(declared: Json) -> ServicePort:
    number = int(declared["port"])
    target = declared.get("targetPort") or number
    return ServicePort(as_text(declared.get("name")), number, target)


async def _pods(cluster: Cluster, namespace: str, labels: str) -> list[Pod]:
    if not labels:
        return []
    listed = await cluster.list("v1", "Pod", namespace=namespace, labels=labels)
    return most_usable([read_pod(live) for live in listed])

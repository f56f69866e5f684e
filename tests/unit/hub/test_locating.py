"""Finding what an application has where, with few requests and whatever doesn't answer."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.hub.audits import Audits
from lateen.hub.clusters import ClusterRegistry
from lateen.hub.inventories import Inventories
from lateen.hub.locating import Located, NotLocated, Scope, ServicePort, locate, pods_behind
from lateen.kube.errors import Unreachable
from lateen.model.records import InventoryEntry
from unit.hub.fakes import FakeCluster, Fleet, cluster_secret, uid_of

EVERYTHING = Scope(services=True)


def entry(
    kind: str, name: str, *, component: str = "web", namespace: str = "prod"
) -> InventoryEntry:
    version = "v1" if kind in {"Service", "Pod", "ConfigMap"} else "apps/v1"
    return InventoryEntry(
        api_version=version, kind=kind, namespace=namespace, name=name, component=component
    )


def pod(name: str, *, labels: dict[str, str], namespace: str = "prod", ready: bool = True) -> Any:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "containers": [{"name": "main", "ports": [{"name": "http", "containerPort": 80}]}]
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def labelled(component: str = "web") -> dict[str, str]:
    return {"app.oam.dev/name": "shop", "app.oam.dev/component": component}


@pytest.fixture
def hub() -> FakeCluster:
    return FakeCluster()


async def deliver(hub: FakeCluster, *entries: InventoryEntry, cluster: str = "local") -> None:
    inventories = Inventories(hub, Audits(hub))
    await inventories.claim("examples", "shop", cluster=cluster, delivery=1, entries=entries)
    hub.requests.clear()


async def find(hub: FakeCluster, scope: Scope = EVERYTHING, *, name: str = "shop") -> Located:
    return await locate(ClusterRegistry(hub, dial=Fleet().dial), "examples", name, scope=scope)


async def test_a_workload_is_found_with_its_pods_the_ready_ones_first(hub: FakeCluster) -> None:
    await deliver(hub, entry("Deployment", "web"), entry("ConfigMap", "config"))
    hub.put(pod("web-a", labels=labelled(), ready=False))
    hub.put(pod("web-b", labels=labelled()))
    hub.put(pod("other", labels={"app.oam.dev/name": "another"}))
    hub.put(pod("elsewhere", labels=labelled(), namespace="default"))
    located = await find(hub, Scope())
    (resource,) = located.resources
    assert (str(resource.ref), resource.place) == ("Deployment prod/web", "local/prod")
    assert [each.name for each in resource.pods] == ["web-b", "web-a"]
    assert hub.requests == ["list Inventory", "list Pod"]


async def test_a_service_is_found_with_its_ports(hub: FakeCluster) -> None:
    await deliver(hub, entry("Deployment", "web"), entry("Service", "web"))
    labels = {"app.oam.dev/name": "shop", "app.oam.dev/namespace": "examples"}
    port = {"port": 8080, "name": "api", "targetPort": "http"}
    for name in ("web", "not-recorded"):
        hub.put(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name, "namespace": "prod", "labels": labels},
                "spec": {"selector": labelled(), "ports": [port]},
            }
        )
    hub.put(pod("web-a", labels=labelled()))
    workload, service = (await find(hub)).resources
    assert (workload.ref.kind, service.ref.kind) == ("Deployment", "Service")
    assert service.ports == (ServicePort("api", 8080, "http"),)
    assert [each.name for each in await pods_behind(hub, service)] == ["web-a"]


async def test_pods_without_lateens_labels_are_found_by_the_workloads_selector(
    hub: FakeCluster,
) -> None:
    """Objects that were given as they are keep their own pod labels."""
    await deliver(hub, entry("Deployment", "raw"), entry("Deployment", "gone"))
    hub.put(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "raw", "namespace": "prod"},
            "spec": {"selector": {"matchLabels": {"app": "raw"}}},
        }
    )
    hub.put(pod("raw-1", labels={"app": "raw"}))
    raw, gone = (await find(hub)).resources
    assert [each.name for each in raw.pods] == ["raw-1"]
    assert gone.pods == ()


async def test_a_cluster_that_does_not_answer_stops_no_other(hub: FakeCluster) -> None:
    endpoint = "https://beijing.example:6443"
    uid = {"lateen.dev/cluster-uid": uid_of(endpoint)}
    hub.put(cluster_secret("beijing", annotations=uid))
    await deliver(hub, entry("Deployment", "web"))
    await deliver(hub, entry("Deployment", "web"), cluster="beijing")
    hub.put(pod("web-a", labels=labelled()))
    fleet = Fleet()
    fleet.failures[endpoint] = Unreachable("no route", cluster="beijing")
    registry = ClusterRegistry(hub, dial=fleet.dial)
    located = await locate(registry, "examples", "shop", scope=EVERYTHING)
    assert [resource.cluster for resource in located.resources] == ["local"]
    assert {name: str(why) for name, why in located.unreachable.items()} == {
        "beijing": "cluster beijing: no route"
    }


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        (Scope(cluster="locl"), "not delivered to cluster 'locl'; did you mean 'local'"),
        (Scope(namespace="prd"), "not delivered to namespace 'prd'; did you mean 'prod'"),
        (Scope(component="wbe"), "has no component 'wbe'; did you mean 'web'"),
    ],
)
async def test_a_name_that_leads_nowhere_is_an_error_with_the_nearest(
    hub: FakeCluster, scope: Scope, message: str
) -> None:
    await deliver(hub, entry("Deployment", "web"))
    with pytest.raises(NotLocated, match=message):
        await find(hub, scope)


async def test_an_application_that_nobody_knows_is_told_from_one_with_nothing(
    hub: FakeCluster,
) -> None:
    metadata = {"name": "shop", "namespace": "examples"}
    hub.put({"apiVersion": "core.oam.dev/v1beta1", "kind": "Application", "metadata": metadata})
    with pytest.raises(NotLocated, match="has nothing in any cluster"):
        await find(hub)
    with pytest.raises(NotLocated, match=r"no application 'shp' .* did you mean 'shop'"):
        await find(hub, name="shp")


async def test_components_are_told_apart(hub: FakeCluster) -> None:
    await deliver(hub, entry("Deployment", "web"), entry("Deployment", "db", component="db"))
    hub.put(pod("web-a", labels=labelled()))
    hub.put(pod("db-a", labels=labelled("db")))
    (resource,) = (await find(hub, Scope(component="db"))).resources
    assert [each.name for each in resource.pods] == ["db-a"]

"""Looking at what an application has: what is told, what never is, and a cluster that doesn't answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from lateen.activities import looking
from lateen.activities.inspecting import inspect
from lateen.activities.looking import fitting, look
from lateen.activities.rooms import DeliverySettings, Rooms
from lateen.contracts.looks import Look
from lateen.contracts.messages import Inspect
from lateen.hub.clusters import ClusterRegistry
from lateen.kube.errors import Unreachable
from lateen.model.base import Json
from lateen.model.records import Audit, InventoryEntry
from lateen.rendering.registry import builtin
from unit.activities.test_drifting import Bench, scaled
from unit.hub.fakes import FakeCluster, FakeConnection, Fleet, cluster_secret

SECRET = "hunter2"
LABELS = {"app.oam.dev/name": "web", "app.oam.dev/component": "web"}


class Members(Fleet):
    """Dials the clusters that a test filled."""

    def __init__(self, **clusters: FakeCluster) -> None:
        super().__init__()
        self.clusters = clusters

    def dial(self, name: str, credentials: Any) -> Any:
        return self.clusters.get(name) or super().dial(name, credentials)


def entry(kind: str, name: str = "web", **more: Any) -> InventoryEntry:
    version = {"Deployment": "apps/v1", "Ingress": "networking.k8s.io/v1"}.get(kind, "v1")
    base = {"namespace": "prod", "component": "web", "placement_namespace": "prod"}
    return InventoryEntry(
        api_version=version, kind=kind, name=name, **{**base, "revision": "web-v2", **more}
    )


def live(kind: str, name: str = "web", **more: Any) -> Json:
    version = {"Deployment": "apps/v1", "Ingress": "networking.k8s.io/v1"}.get(kind, "v1")
    metadata = {"name": name, "namespace": "prod", "labels": LABELS}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def deployment(*, ready: int = 1) -> Json:
    return live(
        "Deployment",
        spec={"replicas": 1, "selector": {"matchLabels": LABELS}, "template": {"env": SECRET}},
        status={
            "observedGeneration": 1,
            "replicas": 1,
            "updatedReplicas": 1,
            "readyReplicas": ready,
            "conditions": [
                {"type": "Available", "status": "False", "reason": "Minimum", "message": SECRET}
            ],
        },
    )


def pod() -> Json:
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": SECRET}}
    containers = [{"name": "main", "env": [{"name": "PASSWORD", "value": SECRET}]}]
    return live(
        "Pod",
        "web-1",
        spec={"nodeName": "node-1", "containers": containers},
        status={
            "phase": "Running",
            "hostIP": "10.0.0.7",
            "containerStatuses": [{"name": "main", "restartCount": 4, "state": waiting}],
        },
    )


def event() -> Json:
    return live(
        "Event",
        "web.1",
        type="Warning",
        reason="BackOff",
        count=7,
        lastTimestamp="2026-01-01T00:00:00Z",
        message=SECRET,
    )


def service() -> Json:
    spec = {"type": "NodePort", "selector": LABELS, "ports": [{"port": 80, "nodePort": 30080}]}
    return live("Service", spec=spec)


def member(name: str, *objects: Json) -> FakeCluster:
    cluster = FakeCluster(name, uid="")
    for each in objects:
        cluster.put(each)
    return cluster


async def rooms_with(*entries: InventoryEntry, **clusters: FakeCluster) -> Rooms:
    """Return rooms whose hub recorded the same objects in every member."""
    hub = FakeCluster()
    for name in clusters:
        hub.put(cluster_secret(name))
    rooms = Rooms(
        hub=hub,
        clusters=ClusterRegistry(hub, "vela-system", dial=Members(**clusters).dial),
        types=builtin(),
        settings=DeliverySettings(),
    )
    for name in clusters:
        await rooms.inventories.claim("prod", "web", cluster=name, delivery=1, entries=entries)
    return rooms


async def seen(rooms: Rooms, **views: Any) -> Look:
    request = Inspect(namespace="prod", name="web", **views)
    inventories = await rooms.inventories.list("prod", "web")
    return await look(
        rooms, request, audit=Audit(revision="web-v2"), resolved=None, inventories=inventories
    )


ALL = {"resources": True, "pods": True, "endpoints": True, "details": True}


async def test_objects_pods_and_endpoints_are_told() -> None:
    east = member("east", deployment(ready=0), pod(), event(), service())
    rooms = await rooms_with(
        entry("Deployment"), entry("Service"), entry("Secret", revision="web-v1"), east=east
    )
    found = await seen(rooms, **ALL)
    workload, exposed, missing = found.resources
    assert (workload.state, workload.cluster, workload.placement) == ("progressing", "east", "prod")
    assert "Ready:0/1" in workload.message
    assert "pod web-1 waiting: CrashLoopBackOff" in workload.message
    assert [(c.type, c.status, c.reason) for c in workload.conditions] == [
        ("Available", "False", "Minimum")
    ]
    assert [(e.type, e.reason, e.count) for e in workload.events] == [("Warning", "BackOff", 7)]
    assert (exposed.state, exposed.outdated) == ("healthy", False)
    assert (missing.state, missing.message, missing.outdated) == ("missing", "does not exist", True)
    (runs,) = found.pods
    assert (runs.phase, runs.ready, runs.containers, runs.restarts) == ("Running", 0, 1, 4)
    assert (runs.owner, runs.node) == ("Deployment/web", "node-1")
    assert runs.reason == "waiting: CrashLoopBackOff"
    assert [(e.endpoint, e.inner) for e in found.endpoints] == [
        ("http://10.0.0.7:30080", False),
        ("http://web.prod", True),
    ]
    assert SECRET not in json.dumps(found.to_json())


async def test_only_what_was_asked_for_is_read() -> None:
    east = member("east", deployment(), pod(), service())
    rooms = await rooms_with(entry("Deployment"), entry("Service"), east=east)
    east.requests.clear()
    found = await seen(rooms, endpoints=True)
    assert east.requests == ["get Service prod/web", "list Pod"]
    assert (found.resources, found.pods, len(found.endpoints)) == ([], [], 2)
    east.requests.clear()
    assert len((await seen(rooms, pods=True)).pods) == 1
    assert east.requests == ["list Pod"]
    east.requests.clear()
    await seen(rooms, resources=True)
    assert east.requests == ["get Deployment prod/web", "get Service prod/web"]


@pytest.mark.parametrize("how", ["refuses", "hangs"])
async def test_one_cluster_that_does_not_answer_is_named_with_what_is_recorded(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    east, west = member("east", deployment()), member("west", deployment())
    connection = west.connection
    assert isinstance(connection, FakeConnection)
    if how == "refuses":
        connection.silence = Unreachable("no connection", cluster="west")
    else:
        monkeypatch.setattr(looking, "_REACHING", 0.05)
        monkeypatch.setattr(connection, "version", asyncio.Event().wait)
    rooms = await rooms_with(entry("Deployment"), east=east, west=west)
    found = await seen(rooms, resources=True)
    assert [(each.cluster, each.state) for each in found.resources] == [
        ("east", "healthy"),
        ("west", "unknown"),
    ]
    (dark,) = found.unseen
    said = "no connection" if how == "refuses" else "the cluster does not answer"
    assert (dark.cluster, dark.message) == ("west", said)


async def test_a_kind_that_is_not_served_stands_for_itself() -> None:
    east = member("east", deployment())
    east.missing_kinds.add("Service")
    rooms = await rooms_with(entry("Deployment"), entry("Service"), east=east)
    workload, other = (await seen(rooms, resources=True)).resources
    assert workload.state == "healthy"
    assert other.state == "unknown"
    assert "is not served" in other.message


async def test_too_many_objects_are_cut_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "_MOST_RESOURCES", 2)
    rooms = await rooms_with(*(entry("Service", f"s{n}") for n in range(5)), east=member("east"))
    found = await seen(rooms, resources=True)
    assert (len(found.resources), found.omitted) == (2, 3)


def test_what_does_not_fit_a_payload_is_cut_and_counted() -> None:
    pods = [{"cluster": "a", "namespace": "n", "name": f"pod-{n}"} for n in range(1000)]
    resources = [{"cluster": "a", "kind": "Service", "name": f"s{n}"} for n in range(10)]
    found = fitting(Look.model_validate({"pods": pods, "resources": resources}), limit=20_000)
    assert len(found.model_dump_json(exclude_defaults=True)) <= 20_000
    assert len(found.resources) == 10
    assert len(found.pods) + found.omitted == 1000
    assert fitting(found) is found


async def test_an_application_without_anything_has_nothing() -> None:
    assert await seen(await rooms_with(), **ALL) == Look()


class TestInspecting:
    """The activity itself, on a hub that was delivered to."""

    async def test_views_are_part_of_the_answer_only_if_asked_for(self) -> None:
        bench = await Bench().deliver(scaled())
        plain = await inspect(bench.rooms, Inspect(namespace="default", name="web"))
        assert "look" not in plain
        assert "forecast" not in plain
        request = Inspect(namespace="default", name="web", resources=True)
        found = await inspect(bench.rooms, request)
        assert found["look"]["steps"][0]["type"] == "deploy"

    async def test_a_forecast_counts_what_a_step_would_do(self) -> None:
        bench = await Bench().deliver(scaled())
        step = (
            await inspect(bench.rooms, Inspect(namespace="default", name="web", resources=True))
        )["look"]["steps"][0]["name"]
        request = Inspect(namespace="default", name="web", live=False, plan=[step, "no-such"])
        (cluster,) = (await inspect(bench.rooms, request))["forecast"]["clusters"]
        assert (cluster["cluster"], cluster["unchanged"]) == ("local", 1)
        bench.change(replicas=5)
        (cluster,) = (await inspect(bench.rooms, request))["forecast"]["clusters"]
        assert cluster["change"] == 1
        assert cluster["objects"] == [
            {
                "action": "change",
                "kind": "Deployment",
                "namespace": "default",
                "name": "web",
                "component": cluster["objects"][0]["component"],
            }
        ]
        assert "5" not in json.dumps(cluster["objects"])
        assert not [each for each in bench.hub.requests if each.startswith("create Deployment")]

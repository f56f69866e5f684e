"""Components in waves: what is written when, what a newer delivery or a cancellation stops, what is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from lateen.activities.applying import Applier
from lateen.activities.differing import effect_of
from lateen.activities.edges import Refused
from lateen.activities.waves import Blocked, Waves
from lateen.hub.audits import SupersededDelivery
from lateen.kube.cluster import Applied
from lateen.kube.errors import Invalid
from lateen.model.base import Json
from lateen.model.labels import APP_NAME, APP_NAMESPACE
from lateen.model.objects import ObjectRef
from lateen.model.placement import Placement
from lateen.model.records import Snapshot
from lateen.planning.resolving import Resolved
from lateen.planning.step_graph import Copy
from lateen.rendering.registry import builtin
from unit.activities.test_fencing import rooms_of
from unit.hub.fakes import FakeCluster

HEALTHY = {"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1}


class LiveCluster(FakeCluster):
    """A cluster that takes applies, and Deployments that are healthy when a test says so."""

    def __init__(self) -> None:
        super().__init__("local")
        self.applied: list[str] = []
        self.refused: set[str] = set()
        self.statuses: dict[str, Json] = {}

    async def apply(
        self,
        manifest: Json,
        *,
        field_manager: str,
        force: bool = False,
        dry_run: bool = False,
        subresource: str = "",
        guard: Callable[[], None] | None = None,
    ) -> Applied:
        ref = ObjectRef.of(manifest)
        if ref.name in self.refused:
            raise Invalid(self._target("apply", ref), status=422)
        before = self.objects.get(ref.key)
        if dry_run:
            return Applied(manifest, created=before is None)
        self.applied.append(ref.name)
        live = {**manifest, "metadata": {**manifest["metadata"], "generation": 1}}
        return Applied(self.put({**live, "status": (before or {}).get("status", {})}), created=True)

    async def watch(
        self,
        ref: ObjectRef,
        *,
        resource_version: str,
        timeout: float,  # noqa: ASYNC109 - the real one's signature
    ) -> AsyncGenerator[tuple[str, Json]]:
        seen = resource_version
        while True:
            live = self.objects[ref.key]
            if live["metadata"]["resourceVersion"] != seen:
                seen = live["metadata"]["resourceVersion"]
                yield "MODIFIED", live
            await asyncio.sleep(0.005)

    def change(self, kind: str, name: str, **fields: Any) -> None:
        """Change an object as its controller would."""
        group = "apps" if kind == "Deployment" else ""
        self.put({**self.objects[group, kind, "shop", name], **fields})


class Hold:
    """A lease that counts its looks, and that a newer delivery can take."""

    def __init__(self) -> None:
        self.claimed: list[str] = []
        self.effects: dict[str, str] = {}
        self.fresh = 0
        self.taken = False

    async def claim(self, manifests: Any, found: Any) -> None:
        self.fresh += bool(self.claimed)
        await self.check()
        names = {manifest["metadata"]["name"] for manifest in manifests}
        self.claimed = sorted(names.union(self.claimed))
        for each in found:
            self.effects[each.manifest["metadata"]["name"]] = effect_of(each)

    async def check(self, *, fresh: bool = False) -> None:
        self.fresh += fresh
        if self.taken:
            raise SupersededDelivery("a newer delivery took over")

    def expired(self) -> bool:
        return False


def web(name: str, **fields: Any) -> Json:
    return {"name": name, "type": "webservice", "properties": {"image": "nginx"}, **fields}


def config(name: str, value_from: str = "output.data.host", **data: str) -> Json:
    written = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    return {
        "name": name,
        "type": "k8s-objects",
        "properties": {"objects": [written]},
        "outputs": [{"name": "host", "valueFrom": value_from}],
    }


TAKES = {"inputs": [{"from": "host", "parameterKey": "image"}]}


class Trial:
    """One placement on its way, and what a test can do to it."""

    def __init__(self, *components: Json) -> None:
        content = {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {"name": "app", "namespace": "shop"},
            "spec": {"components": list(components)},
        }
        self.resolved = Resolved(Snapshot(application=content), builtin())
        self.cluster, self.lease, self.blocked = LiveCluster(), Hold(), Blocked()
        self.said: list[str] = []
        (step,) = self.resolved.deploy_steps
        self.waves = Waves(
            rooms=rooms_of(FakeCluster()),
            cluster=self.cluster,
            resolved=self.resolved,
            step=step,
            placement=Placement(cluster="local", namespace="shop"),
            revision="app-v1",
            applier=Applier(self.cluster, application="shop/app", lease=self.lease),
            lease=self.lease,
            report=lambda progress: self.said.append(str(progress)),
            blocked=self.blocked,
        )
        self.task = asyncio.ensure_future(self.waves.apply())

    async def until(self, *applied: str) -> None:
        """Wait until exactly these have been applied, and nothing more comes for a moment."""
        for _ in range(1000):
            if len(self.cluster.applied) >= len(applied) or self.task.done():
                break
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        assert self.cluster.applied == list(applied)

    async def end(self) -> list[Json]:
        async with asyncio.timeout(5):
            return await self.task


async def test_each_is_written_when_all_that_it_depends_on_is_healthy() -> None:
    trial = Trial(
        web("web", dependsOn=["db", "cache"]),
        web("db"),
        web("cache"),
        web("tail", dependsOn=["web"]),
    )
    await trial.until("db", "cache")
    assert trial.lease.claimed == ["cache", "db", "tail", "web"]
    assert str(trial.blocked).startswith("component web was not applied: waiting for component")
    trial.cluster.change("Deployment", "db", status=HEALTHY)
    await trial.until("db", "cache")
    trial.cluster.change("Deployment", "cache", status=HEALTHY)
    await trial.until("db", "cache", "web")
    assert trial.lease.fresh == 1
    trial.cluster.change("Deployment", "web", status=HEALTHY)
    assert {live["metadata"]["name"] for live in await trial.end()} == {
        "web",
        "db",
        "cache",
        "tail",
    }
    assert trial.lease.fresh == 2
    assert trial.lease.effects == dict.fromkeys(("db", "cache", "web", "tail"), "created")
    assert str(trial.blocked) == ""


async def test_one_that_is_slow_holds_up_only_those_that_depend_on_it() -> None:
    trial = Trial(
        web("slow"), web("quick"), web("a", dependsOn=["slow"]), web("b", dependsOn=["quick"])
    )
    await trial.until("slow", "quick")
    trial.cluster.change("Deployment", "quick", status=HEALTHY)
    await trial.until("slow", "quick", "b")
    trial.task.cancel()


async def test_a_newer_delivery_ends_it_before_the_next_wave_writes() -> None:
    trial = Trial(web("web", dependsOn=["db"]), web("db"))
    await trial.until("db")
    trial.lease.taken = True
    trial.cluster.change("Deployment", "db", status=HEALTHY)
    with pytest.raises(SupersededDelivery):
        await trial.end()
    assert trial.cluster.applied == ["db"]


async def test_a_cancellation_is_heard_at_once_between_two_waves() -> None:
    trial = Trial(web("web", dependsOn=["db"]), web("db"))
    await trial.until("db")
    trial.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial.end()
    trial.cluster.change("Deployment", "db", status=HEALTHY)
    await asyncio.sleep(0.05)
    assert trial.cluster.applied == ["db"]


async def test_nothing_is_written_when_what_comes_last_would_be_refused() -> None:
    trial = Trial(web("web", dependsOn=["db"]), web("db"))
    trial.cluster.refused = {"web"}
    with pytest.raises(Invalid):
        await trial.end()
    assert (trial.cluster.applied, trial.lease.claimed) == ([], [])


async def test_nothing_is_written_when_what_still_lacks_a_value_belongs_to_somebody_else() -> None:
    trial = Trial(config("map", host="nginx:2"), web("web", **TAKES))
    labels = {APP_NAME: "other", APP_NAMESPACE: "shop"}
    metadata = {"name": "web", "namespace": "shop", "labels": labels}
    trial.cluster.put({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata})
    with pytest.raises(Refused, match="managed by application shop/other"):
        await trial.end()
    assert trial.cluster.applied == []


async def test_a_value_is_waited_for_and_its_place_told_but_never_itself() -> None:
    trial = Trial(config("map", key="top-secret"), web("web", **TAKES))
    await trial.until("map")
    assert str(trial.blocked) == (
        "component web was not applied: input 'host' has no value: on local/shop, output.data.host of "
        "ConfigMap shop/map has no value"
    )
    trial.cluster.change("ConfigMap", "map", data={"host": "registry/secret:1"})
    await trial.end()
    container = trial.cluster.objects["apps", "Deployment", "shop", "web"]["spec"]["template"][
        "spec"
    ]
    assert container["containers"][0]["image"] == "registry/secret:1"
    assert "secret" not in "".join(trial.said)


async def test_a_failed_dependency_ends_it_at_once() -> None:
    trial = Trial(web("web", dependsOn=["db"]), web("db"))
    await trial.until("db")
    stuck = {
        "observedGeneration": 1,
        "conditions": [
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
        ],
    }
    trial.cluster.change("Deployment", "db", status=stuck)
    with pytest.raises(Exception, match="ProgressDeadlineExceeded"):
        await trial.end()
    assert trial.cluster.applied == ["db"]


def test_those_that_wait_for_the_same_are_told_together() -> None:
    reasons = {Copy(f"c{n}"): "waiting for component db" for n in range(7)}
    assert str(Blocked({**reasons, Copy("web", "k1"): "waiting for component c0"})) == (
        "components c0, c1, c2, c3, c4 and 2 more were not applied: waiting for component db; "
        "component web (k1) was not applied: waiting for component c0"
    )

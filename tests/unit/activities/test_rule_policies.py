"""Rule policies carried out: what is written, left, handed over, recreated and deleted, with a fake cluster."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lateen.activities.applying import Applier
from lateen.activities.edges import Refused
from lateen.activities.matching import matches
from lateen.activities.placing import record_of
from lateen.activities.pruning import Pruner, prune_cluster
from lateen.activities.rooms import DeliverySettings, Rooms
from lateen.contracts.messages import DeliverPlacement, PlannedPlacement, PruneCluster
from lateen.hub.audits import Audits
from lateen.hub.clusters import ClusterRegistry
from lateen.hub.inventories import Inventories
from lateen.hub.revisions import Revisions
from lateen.kube.cluster import Applied
from lateen.kube.errors import FieldProblem, Invalid
from lateen.model.objects import ObjectRef
from lateen.model.placement import Placement
from lateen.model.records import InventoryEntry, RevisionRef, Snapshot
from lateen.planning.resolving import Resolved
from lateen.policies.rules.treatments import PLAIN, Treatment
from lateen.rendering.registry import builtin
from unit.hub.fakes import FakeCluster

Json = dict[str, Any]

WEB, OTHER, THIRD = "shop/web", "shop/other", "shop/third"
SHARED_BY = "app.oam.dev/shared-by"
SHARE = Treatment(shared=True)


class Hold:
    """A lease that holds; ``checks`` counts the looks."""

    def __init__(self) -> None:
        self.checks = 0

    async def check(self, *, fresh: bool = False) -> None:
        self.checks += 1

    def expired(self) -> bool:
        return False


def labels(application: str) -> Json:
    namespace, _, name = application.partition("/")
    return {"app.oam.dev/name": name, "app.oam.dev/namespace": namespace}


def config_map(application: str = WEB, **data: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "thing", "namespace": "shop", "labels": labels(application)},
        "data": data,
    }


REF = ObjectRef.of(config_map())


def put(cluster: FakeCluster, owner: str, *sharers: str, **data: str) -> Json:
    manifest = config_map(owner or WEB, **data)
    if not owner:
        manifest["metadata"]["labels"] = {}
    if sharers:
        manifest["metadata"]["annotations"] = {SHARED_BY: ",".join(sharers)}
    return cluster.put(manifest)


def now(cluster: FakeCluster) -> Json:
    return cluster.objects[REF.key]


def sharers(cluster: FakeCluster) -> str:
    return str(now(cluster)["metadata"].get("annotations", {}).get(SHARED_BY, ""))


async def deliver(
    cluster: FakeCluster,
    treatment: Treatment = PLAIN,
    *,
    application: str = WEB,
    manifest: Json | None = None,
) -> list[Json]:
    applier = Applier(cluster, application=application, lease=Hold(), treat=lambda _: treatment)
    wanted = config_map(application, a=application) if manifest is None else manifest
    return await applier.write(await applier.look([wanted]))


class TestReadOnly:
    READ = Treatment(read_only=True)

    async def test_what_does_not_exist_is_refused(self) -> None:
        with pytest.raises(Refused, match="cluster local: ConfigMap shop/thing is marked as read"):
            await deliver(FakeCluster(), self.READ)

    async def test_what_exists_is_returned_for_its_health_and_not_written(self) -> None:
        cluster = FakeCluster()
        before = put(cluster, OTHER, b="theirs")
        assert await deliver(cluster, self.READ) == [before]
        assert cluster.requests == ["get ConfigMap shop/thing"]

    async def test_its_content_is_no_difference_but_its_absence_is(self) -> None:
        cluster = FakeCluster()
        wanted = config_map(a="new")
        assert not await matches(cluster, wanted, application=WEB, treatment=self.READ)
        put(cluster, "", b="theirs")
        assert await matches(cluster, wanted, application=WEB, treatment=self.READ)


class TestTakeOver:
    TAKE = Treatment(take_over=True)

    async def test_what_nobody_owns_becomes_ours(self) -> None:
        cluster = FakeCluster()
        put(cluster, "", b="by hand")
        assert not await matches(cluster, config_map(), application=WEB, treatment=self.TAKE), (
            "an object that is still to be adopted is not delivered"
        )
        await deliver(cluster, self.TAKE)
        assert now(cluster)["data"] == {"a": WEB, "b": "by hand"}
        assert now(cluster)["metadata"]["labels"] == labels(WEB)

    async def test_what_another_application_owns_is_refused(self) -> None:
        cluster = FakeCluster()
        put(cluster, OTHER)
        with pytest.raises(Refused, match="is managed by application shop/other"):
            await deliver(cluster, self.TAKE)


class TestSharing:
    async def test_the_first_one_owns_and_the_others_add_their_names(self) -> None:
        cluster = FakeCluster()
        for application in (WEB, OTHER, THIRD):
            await deliver(cluster, SHARE, application=application)
        assert sharers(cluster) == f"{WEB},{OTHER},{THIRD}"
        assert now(cluster)["data"] == {"a": WEB}
        assert now(cluster)["metadata"]["labels"] == labels(WEB)

    async def test_a_sharer_that_is_named_writes_nothing(self) -> None:
        cluster = FakeCluster()
        before = put(cluster, OTHER, OTHER, WEB)
        assert await deliver(cluster, SHARE) == [before]
        assert await matches(cluster, config_map(), application=WEB, treatment=SHARE)
        assert not await matches(cluster, config_map(THIRD), application=THIRD, treatment=SHARE)

    async def test_two_that_join_at_once_lose_no_name(self) -> None:
        cluster = FakeCluster()
        put(cluster, OTHER, OTHER)
        cluster.before_write.append(lambda: put(cluster, OTHER, OTHER, THIRD))
        await deliver(cluster, SHARE)
        assert sharers(cluster) == f"{OTHER},{THIRD},{WEB}"

    async def test_two_that_create_at_once_are_owner_and_sharer(self) -> None:
        cluster = FakeCluster()
        cluster.before_write.append(lambda: put(cluster, OTHER, OTHER, a=OTHER))
        await deliver(cluster, SHARE)
        assert sharers(cluster) == f"{OTHER},{WEB}"
        assert now(cluster)["data"] == {"a": OTHER}

    async def test_the_owner_keeps_a_name_that_came_while_it_wrote(self) -> None:
        cluster = FakeCluster()
        put(cluster, WEB, WEB)
        cluster.before_write.append(lambda: put(cluster, WEB, WEB, OTHER))
        await deliver(cluster, SHARE)
        assert sharers(cluster) == f"{WEB},{OTHER}"


class TestKeeping:
    KEEP = Treatment(kept=(("data", "a"),))

    async def test_a_kept_field_is_written_once(self) -> None:
        cluster = FakeCluster()
        await deliver(cluster, self.KEEP)
        put(cluster, WEB, a="by hand", b="x")
        await deliver(cluster, self.KEEP, manifest=config_map(a="new", b="new"))
        assert now(cluster)["data"] == {"a": "by hand", "b": "new"}

    async def test_a_change_of_it_just_before_the_write_is_kept_too(self) -> None:
        cluster = FakeCluster()
        put(cluster, WEB, a="1")
        cluster.before_write.append(lambda: put(cluster, WEB, a="2"))
        await deliver(cluster, self.KEEP)
        assert now(cluster)["data"] == {"a": "2"}

    async def test_it_is_no_difference(self) -> None:
        cluster = FakeCluster()
        put(cluster, WEB, a="by hand")
        wanted = config_map(a="new")
        assert await matches(cluster, wanted, application=WEB, treatment=self.KEEP)
        assert not await matches(cluster, wanted, application=WEB)

    async def test_what_is_kept_as_a_whole_is_not_written_at_all(self) -> None:
        cluster = FakeCluster()
        before = put(cluster, WEB, a="by hand")
        assert await deliver(cluster, Treatment(kept=((),))) == [before]
        assert now(cluster) == before


class Immutable(FakeCluster):
    """Refuses to change ``data.a``, like the template of a Job; deleting takes a few looks."""

    lingering = 0

    async def get(self, ref: ObjectRef) -> Json | None:
        live = await super().get(ref)
        if live is not None and live["metadata"].get("deletionTimestamp"):
            self.lingering -= 1
            if self.lingering < 0:
                del self.objects[ref.key]
                return None
        return live

    async def delete(self, ref: ObjectRef, **how: Any) -> bool:
        if not self.lingering:
            return await super().delete(ref, **how)
        self.requests.append(f"delete {ref}")
        self.objects[ref.key]["metadata"]["deletionTimestamp"] = "t"
        return True

    async def apply(self, manifest: Json, **how: Any) -> Applied:
        live = self.objects.get(ObjectRef.of(manifest).key)
        if live is not None and live["data"].get("a") != manifest["data"].get("a"):
            problems = [FieldProblem("data.a", "field is immutable")]
            if manifest["data"].get("a") == "wrong":
                problems.append(FieldProblem("data.a", "invalid value"))
            target = self._target("apply", ObjectRef.of(manifest))
            raise Invalid(target, status=422, problems=problems)
        return await super().apply(manifest, **how)


class TestRecreating:
    RECREATE = Treatment(recreate=(("data", "a"),))

    @pytest.mark.parametrize("lingering", [0, 2])
    async def test_a_change_of_such_a_field_deletes_waits_and_creates(self, lingering: int) -> None:
        cluster = Immutable()
        before = put(cluster, WEB, a="old")
        cluster.lingering = lingering
        await deliver(cluster, self.RECREATE, manifest=config_map(a="new"))
        assert now(cluster)["data"] == {"a": "new"}
        assert now(cluster)["metadata"]["uid"] != before["metadata"]["uid"]
        writes = [each.split()[0] for each in cluster.requests if not each.startswith("get")]
        assert writes == ["delete", "apply"]

    async def test_so_it_is_in_a_namespace_that_the_application_brings(self) -> None:
        cluster = Immutable()
        before = put(cluster, WEB, a="old")
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}, "data": {}}
        applier = Applier(cluster, application=WEB, lease=Hold(), treat=self._of_maps)
        await applier.write(await applier.look([space, config_map(a="new")]))
        assert now(cluster)["metadata"]["uid"] != before["metadata"]["uid"]

    def _of_maps(self, manifest: Json) -> Treatment:
        return self.RECREATE if manifest["kind"] == "ConfigMap" else PLAIN

    async def test_another_field_is_changed_in_place(self) -> None:
        cluster = Immutable()
        before = put(cluster, WEB, a="old", b="1")
        await deliver(cluster, self.RECREATE, manifest=config_map(a="old", b="2"))
        assert now(cluster)["data"] == {"a": "old", "b": "2"}
        assert now(cluster)["metadata"]["uid"] == before["metadata"]["uid"]

    async def test_without_the_rule_the_refusal_stands(self) -> None:
        cluster = Immutable()
        put(cluster, WEB, a="old")
        for treatment in (PLAIN, Treatment(recreate=(("data", "b"),))):
            with pytest.raises(Invalid, match="field is immutable"):
                await deliver(cluster, treatment, manifest=config_map(a="new"))
        assert now(cluster)["data"] == {"a": "old"}

    async def test_what_would_not_be_accepted_anew_deletes_nothing(self) -> None:
        cluster = Immutable()
        put(cluster, WEB, a="old")
        with pytest.raises(Invalid, match="invalid value"):
            await deliver(cluster, self.RECREATE, manifest=config_map(a="wrong"))
        assert now(cluster)["data"] == {"a": "old"}

    async def test_one_that_is_being_deleted_is_waited_for(self) -> None:
        """A worker was killed between deleting and creating."""
        cluster = Immutable()
        put(cluster, WEB, a="old")
        now(cluster)["metadata"]["deletionTimestamp"] = "t"
        cluster.lingering = 2
        await deliver(cluster, self.RECREATE, manifest=config_map(a="new"))
        assert now(cluster)["data"] == {"a": "new"}

    async def test_waiting_ends_when_the_delivery_does(self) -> None:
        cluster = Immutable()
        put(cluster, WEB, a="old")
        cluster.lingering = 10**6
        applier = Applier(cluster, application=WEB, lease=Hold(), treat=lambda _: self.RECREATE)
        found = await applier.look([config_map(a="new")])
        writing = asyncio.ensure_future(applier.write(found))
        await asyncio.sleep(0.05)
        assert not writing.done()
        applier.stop()
        with pytest.raises(Refused, match="still being deleted"):
            await writing


async def test_replacing_drops_what_the_manifest_does_not_say() -> None:
    cluster = FakeCluster()
    put(cluster, WEB, a="1", b="by hand")
    treatment = Treatment(op="replace")
    wanted = config_map(a="1")
    assert not await matches(cluster, wanted, application=WEB, treatment=treatment)
    await deliver(cluster, treatment, manifest=wanted)
    assert now(cluster)["data"] == {"a": "1"}


def entry(**more: Any) -> InventoryEntry:
    return InventoryEntry(
        **{
            "api_version": "v1",
            "kind": "ConfigMap",
            "namespace": "shop",
            "name": "thing",
            "placement_namespace": "shop",
            **more,
        }
    )


async def nothing_newer() -> None:
    """Nobody took the inventory."""


class TestLettingGo:
    @staticmethod
    def pruner(cluster: FakeCluster, application: str = WEB) -> Pruner:
        return Pruner(cluster, application=application, check=nothing_newer)

    async def delete(self, cluster: FakeCluster, application: str = WEB, **more: Any) -> None:
        pruner = self.pruner(cluster, application)
        await pruner.delete_all([entry(**more)], report=lambda _: None)

    async def test_an_owner_hands_over_with_its_fields(self) -> None:
        cluster = FakeCluster()
        manifest = config_map(a="1")
        manifest["metadata"] |= {
            "annotations": {SHARED_BY: f"{WEB},{OTHER}"},
            "managedFields": [
                {"manager": f"lateen:{WEB}", "operation": "Apply", "fieldsV1": {"f:data": {}}}
            ],
        }
        cluster.put(manifest)
        await self.delete(cluster)
        metadata = now(cluster)["metadata"]
        assert metadata["labels"] == labels(OTHER)
        assert metadata["annotations"] == {SHARED_BY: OTHER}
        assert [each["manager"] for each in metadata["managedFields"]] == [f"lateen:{OTHER}"]

    async def test_a_sharer_takes_its_name_away_only(self) -> None:
        cluster = FakeCluster()
        put(cluster, OTHER, OTHER, WEB, a="1")
        await self.delete(cluster)
        assert sharers(cluster) == OTHER
        assert now(cluster)["metadata"]["labels"] == labels(OTHER)

    async def test_two_that_leave_at_once_lose_no_name_and_no_object(self) -> None:
        cluster = FakeCluster()
        put(cluster, WEB, WEB, OTHER, THIRD)
        cluster.before_write.append(lambda: put(cluster, WEB, WEB, THIRD))
        await self.delete(cluster)
        assert sharers(cluster) == THIRD
        assert now(cluster)["metadata"]["labels"] == labels(THIRD)

    async def test_the_last_one_deletes(self) -> None:
        cluster = FakeCluster()
        put(cluster, WEB, WEB)
        await self.delete(cluster)
        assert REF.key not in cluster.objects

    async def test_anothers_object_is_left_alone(self) -> None:
        cluster = FakeCluster()
        before = put(cluster, OTHER, OTHER)
        await self.delete(cluster)
        assert now(cluster) == before

    @pytest.mark.parametrize(
        ("said", "sent"), [("", "Background"), ("orphan", "Orphan"), ("cascading", "Foreground")]
    )
    async def test_dependents_are_treated_as_the_policy_says(self, said: str, sent: str) -> None:
        cluster = FakeCluster()
        put(cluster, WEB)
        await self.delete(cluster, propagation=said)
        assert cluster.propagations == [sent]

    async def test_what_depends_on_others_is_deleted_first(self) -> None:
        """Also against the order of kinds, by which ConfigMaps go last."""
        cluster = FakeCluster()
        kinds = {"first": ("ConfigMap", 1), "second": ("Service", 0), "third": ("ConfigMap", 0)}
        entries = [entry(name=name, kind=kind, wave=wave) for name, (kind, wave) in kinds.items()]
        for each in entries:
            manifest = config_map()
            manifest["kind"] = each.kind
            manifest["metadata"]["name"] = each.name
            cluster.put(manifest)
        await self.pruner(cluster).delete_all(entries[::-1], report=lambda _: None)
        deleted = [each.rpartition("/")[2] for each in cluster.requests if "delete" in each]
        assert deleted == ["first", "second", "third"]


def rooms_of(hub: FakeCluster) -> Rooms:
    return Rooms(
        hub=hub,
        clusters=ClusterRegistry(hub, "vela-system"),
        types=builtin(),
        settings=DeliverySettings(),
    )


class TestDeletingTheApplication:
    async def delete(
        self, hub: FakeCluster, recorded: InventoryEntry, **how: Any
    ) -> tuple[int, str]:
        rooms = rooms_of(hub)
        await rooms.inventories.claim(
            "shop", "web", cluster="local", delivery=1, entries=[recorded]
        )
        request = PruneCluster(application=WEB, delivery=1, cluster="local", everything=True, **how)
        result = await prune_cluster(rooms, request, report=lambda _: None)
        assert await Inventories(hub, Audits(hub)).list("shop", "web") == []
        return result.objects, result.message

    async def test_what_is_never_deleted_is_forgotten_and_said(self) -> None:
        hub = FakeCluster()
        before = put(hub, WEB)
        found = await self.delete(hub, entry(collect="never"))
        assert found == (0, "1 kept by its garbage-collect policy")
        assert now(hub) == before

    async def test_what_is_never_deleted_but_shared_is_handed_over(self) -> None:
        hub = FakeCluster()
        put(hub, WEB, WEB, OTHER)
        await self.delete(hub, entry(collect="never", shared=True))
        assert now(hub)["metadata"]["labels"] == labels(OTHER)

    async def test_orphaning_hands_shared_objects_over(self) -> None:
        hub = FakeCluster()
        put(hub, WEB, WEB, OTHER)
        assert await self.delete(hub, entry(shared=True), orphan=True) == (1, "")
        assert now(hub)["metadata"]["labels"] == labels(OTHER)

    async def test_orphaning_does_not_need_the_cluster(self) -> None:
        hub = FakeCluster()
        rooms = rooms_of(hub)
        await rooms.inventories.claim(
            "shop", "web", cluster="gone", delivery=1, entries=[entry(shared=True)]
        )
        request = PruneCluster(
            application=WEB, delivery=1, cluster="gone", everything=True, orphan=True
        )
        result = await prune_cluster(rooms, request, report=lambda _: None)
        assert "1 shared objects were not handed over" in result.message
        assert await Inventories(hub, Audits(hub)).list("shop", "web") == []


def application(*policies: Json) -> Resolved:
    thing = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "thing"}}
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}}
    content = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "components": [
                {"name": "web", "type": "k8s-objects", "properties": {"objects": [thing, other]}}
            ],
            "policies": [
                {"name": "here", "type": "topology", "properties": {"clusters": ["local"]}},
                *policies,
            ],
        },
    }
    return Resolved(Snapshot(application=content), builtin())


def rule(kind: str, **strategy: Any) -> Json:
    selector = {"selector": {"resourceNames": ["thing"]}}
    return {"name": kind, "type": kind, "properties": {"rules": [{**selector, **strategy}]}}


async def test_what_is_recorded_is_what_pruning_has_to_know() -> None:
    """And what is only looked at is not recorded, or no longer."""
    revision = RevisionRef(name="web-v1", number=1, digest="d")
    request = DeliverPlacement(
        application=WEB,
        revision=revision,
        delivery=1,
        step="deploy-here",
        placement=PlannedPlacement(cluster="local", namespace="shop", digest="x", objects=2),
        deadline=0,
    )
    place = Placement(cluster="local", namespace="shop")
    resolved = application(
        rule("garbage-collect", strategy="onAppDelete", propagation="orphan"),
        rule("shared-resource"),
    )
    manifests = resolved.manifests(resolved.deploy_steps[0], place, revision="web-v1")
    record = record_of(request, resolved, manifests)
    assert record.released == set()
    (thing,) = [each for each in record.entries if each.name == "thing"]
    assert (thing.collect, thing.propagation, thing.shared) == ("onAppDelete", "orphan", True)
    assert (thing.component, thing.component_type) == ("web", "k8s-objects")

    record = record_of(request, application(rule("read-only")), manifests)
    assert record.released == {REF.key}
    hub = FakeCluster()
    inventories = Inventories(hub, Audits(hub))
    await inventories.claim("shop", "web", cluster="local", delivery=1, entries=[entry()])
    claimed = await inventories.claim(
        "shop",
        "web",
        cluster="local",
        delivery=1,
        entries=record.entries,
        released=record.released,
    )
    assert [each.name for each in claimed.entries] == ["other"]


@pytest.mark.parametrize(
    ("limit", "used", "left"),
    [
        (0, [], ["web-v4"]),
        (1, [], ["web-v3", "web-v4"]),
        (1, ["web-v1"], ["web-v1", "web-v3", "web-v4"]),
        (9, [], ["web-v1", "web-v2", "web-v3", "web-v4"]),
        (None, [], ["web-v1", "web-v2", "web-v3", "web-v4"]),
    ],
)
async def test_a_limit_bounds_the_revisions_besides_those_in_use(
    limit: int | None, used: list[str], left: list[str]
) -> None:
    hub = FakeCluster()
    revisions = Revisions(hub)
    for number in range(1, 5):
        ref = RevisionRef(name=f"web-v{number}", number=number, digest=str(number))
        await revisions.create("shop", "web", ref=ref, snapshot=Snapshot(application={}))
    await revisions.drop_old("shop", "web", latest=4, used=used, limit=limit)
    assert sorted(name for _, kind, _, name in hub.objects if kind == "Revision") == left

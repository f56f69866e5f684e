"""Opening a rollback: which revision is meant, what is written, what is refused before anything is."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from lateen.activities.closing import close_delivery
from lateen.activities.continuing import open_continuation
from lateen.activities.drifting import check_drift
from lateen.activities.inspecting import inspect
from lateen.activities.opening import open_delivery, vet_submission
from lateen.activities.rooms import DeliverySettings, Rooms
from lateen.contracts.drift import CheckDrift
from lateen.contracts.messages import (
    CloseDelivery,
    Continuation,
    Inspect,
    OpenDelivery,
    OpenedDelivery,
)
from lateen.hub.clusters import ClusterRegistry
from lateen.hub.revisions import KEPT
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication
from lateen.model.labels import PUBLISH_VERSION
from lateen.model.placement import Placement
from lateen.model.records import Audit, Phase, PlacementDigest
from lateen.rendering.components.worker import Worker
from lateen.rendering.definitions import Origin
from lateen.rendering.registry import Registry, builtin
from support.applications import application, deploy
from unit.hub.fakes import FakeCluster

ID = "default/web"
APPLICATION = ("core.oam.dev", "Application", "default", "web")


class Canary(Worker):
    """A component of a plug-in."""

    type = "canary"

    def __init__(self, version: str) -> None:
        self.origin = Origin("acme", version)


def with_canary(version: str) -> Registry:
    return builtin().copy().register(Canary(version))


class Bench:
    """A hub that is its own target; deliveries are opened and closed by the real activities."""

    def __init__(self, *, types: Registry | None = None) -> None:
        self.hub = FakeCluster()
        self.runs = 0
        self.use(types or builtin())

    def use(self, types: Registry) -> None:
        """Let a worker with other types go on."""
        self.rooms = Rooms(
            hub=self.hub,
            clusters=ClusterRegistry(self.hub, "vela-system"),
            types=types,
            settings=DeliverySettings(drift="repair"),
        )

    async def open(self, app: Json | None = None, *, run: str = "", **more: Any) -> OpenedDelivery:
        self.runs += 1
        request = OpenDelivery(application=ID, content=app or {}, **more)
        return await open_delivery(self.rooms, request, run_id=run or f"run-{self.runs}")

    async def close(self, opened: OpenedDelivery, phase: Phase = "delivered") -> None:
        """Put everything where a delivery leaves it, and record that."""
        resolved = await self.rooms.resolve("default", opened.revision)
        clusters = await self.rooms.cluster_infos()
        digests: list[PlacementDigest] = []
        steps: list[Json] = []
        for step in resolved.deploy_steps:
            places: list[Json] = []
            for place in resolved.select(step, clusters).placements:
                for manifest in resolved.manifests(step, place, revision=opened.revision.name):
                    self.hub.put(manifest)
                digests.append(resolved.placement_digest(step, place))
                places.append({**place.to_json(), "phase": "delivered"})
            steps.append({"name": step.name, "type": "deploy", "phase": "x", "placements": places})
        request = CloseDelivery.model_validate(
            {
                "application": ID,
                "delivery": opened.delivery,
                "phase": phase,
                "revision": opened.revision,
                "placements": digests,
                "steps": steps,
            }
        )
        await close_delivery(self.rooms, request)

    async def deliver(self, app: Json, phase: Phase = "delivered") -> OpenedDelivery:
        opened = await self.open(app)
        await self.close(opened, phase)
        return opened

    async def go_back(self, to: str = "", **more: Any) -> OpenedDelivery:
        return await self.open(intent="rollback", rollback_to=to, **more)

    async def go_on(self) -> OpenedDelivery:
        """Continue what was recorded last."""
        self.runs += 1
        wish = Continuation()
        request = OpenDelivery(application=ID, content={}, continuation=wish)
        return await open_continuation(self.rooms, request, wish, run_id=f"run-{self.runs}")

    async def refused(self, to: str = "") -> str:
        """Return why a rollback is refused, which must have written nothing."""
        before, writes = await self.audit(), self.writes()
        with pytest.raises(InvalidApplication) as caught:
            await self.go_back(to)
        assert await self.audit() == before
        assert self.writes() == writes
        return str(caught.value.problems[0])

    def writes(self) -> list[str]:
        verbs = ("create", "apply", "replace", "patch", "delete")
        return [each for each in self.hub.requests if each.startswith(verbs)]

    async def audit(self) -> Audit:
        return await self.rooms.audits.read("default", "web")

    def stored_image(self) -> str:
        spec = self.hub.objects[APPLICATION]["spec"]
        image: str = spec["components"][0]["properties"]["image"]
        return image

    def revisions(self) -> list[str]:
        return sorted(key[3] for key in self.hub.objects if key[1] == "Revision")


def app(image: str = "nginx:1", **more: Any) -> Json:
    return application("web", image=image, **more)


def published(version: str, image: str) -> Json:
    made = app(image)
    made["metadata"]["annotations"] = {PUBLISH_VERSION: version}
    return made


async def delivered(*images: str) -> Bench:
    bench = Bench()
    for image in images:
        await bench.deliver(app(image))
    return bench


async def test_the_kept_revision_is_delivered_under_its_own_name_and_number() -> None:
    bench = await delivered("nginx:1", "nginx:2")
    opened = await bench.go_back("web-v1", actor="mia")
    assert (opened.revision.name, opened.revision.number, opened.delivery) == ("web-v1", 1, 3)
    assert bench.stored_image() == "nginx:1"
    audit = await bench.audit()
    assert (audit.revision, audit.current.number, audit.latest_revision) == ("web-v1", 1, 2)
    assert audit.rollback is not None
    assert (audit.rollback.revision, audit.rollback.actor) == ("web-v1", "mia")
    event = audit.events[-1]
    assert (event.type, event.actor, event.revision) == ("rollback", "mia", "web-v1")
    assert event.message == "from web-v2 to web-v1"
    assert audit.delivery is not None
    assert audit.delivery.intent == "rollback"


async def test_new_content_after_it_gets_a_new_number_and_ends_it() -> None:
    bench = await delivered("nginx:1", "nginx:2")
    await bench.close(await bench.go_back("web-v1"))
    opened = await bench.deliver(app("nginx:3"))
    assert (opened.revision.name, opened.revision.number) == ("web-v3", 3)
    audit = await bench.audit()
    assert (audit.rollback, audit.current.number) == (None, 3)
    again = await bench.open(app("nginx:2"))
    assert again.revision.name == "web-v4", "numbers never restart"


async def test_what_is_delivered_and_still_there_is_unchanged() -> None:
    bench = await delivered("nginx:1", "nginx:2")
    assert (await bench.go_back("web-v2")).unchanged
    await bench.close(await bench.go_back("web-v1"))
    writes = bench.writes()
    again = await bench.go_back("web-v1")
    assert (again.unchanged, again.revision.number) == (True, 1)
    same = await bench.open(app("nginx:1"))
    assert (same.unchanged, same.revision.name, same.revision.number) == (True, "web-v1", 1)
    assert bench.writes() == writes


async def test_the_same_content_again_leaves_it_held() -> None:
    bench = await delivered("nginx:1", "nginx:2")
    await bench.close(await bench.go_back("web-v1", actor="mia"))
    opened = await bench.open(app("nginx:1"), confirm_removal=["gone"], actor="ben")
    assert (opened.revision.name, opened.delivery) == ("web-v1", 4)
    audit = await bench.audit()
    assert audit.rollback is not None
    assert audit.rollback.actor == "mia"


async def test_two_revisions_of_the_same_content_are_not_the_same() -> None:
    bench = await delivered("nginx:1", "nginx:2", "nginx:1")
    opened = await bench.go_back("web-v1")
    assert (opened.unchanged, opened.revision.name) == (False, "web-v1")


async def test_frozen_policies_are_not_read_again() -> None:
    policy: Json = {
        "apiVersion": "core.oam.dev/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": "three", "namespace": "default"},
        "type": "override",
        "properties": {
            "components": [{"name": "web", "traits": [scaler(3)]}],
        },
    }
    bench = Bench()
    bench.hub.put(policy)
    steps = [deploy("ship", "here", "three")]
    await bench.deliver(app(steps=steps))
    changed = copy.deepcopy(policy)
    changed["properties"]["components"][0]["traits"] = [scaler(9)]
    bench.hub.put(changed)
    await bench.deliver(app("nginx:2", steps=steps))
    opened = await bench.go_back("web-v1")
    resolved = await bench.rooms.resolve("default", opened.revision)
    here = Placement(cluster="local", namespace="default")
    (manifest,) = resolved.manifests(resolved.step("ship"), here, revision="web-v1")
    assert manifest["spec"]["replicas"] == 3
    await bench.close(opened)
    del bench.hub.objects["core.oam.dev", "Policy", "default", "three"]
    assert (await bench.go_back("web-v1")).unchanged


def scaler(replicas: int) -> Json:
    return {"type": "scaler", "properties": {"replicas": replicas}}


class TestWhichOneIsMeant:
    async def test_without_a_name_the_one_delivered_before(self) -> None:
        bench = await delivered("nginx:1", "nginx:2", "nginx:3")
        first = await bench.go_back()
        assert first.revision.name == "web-v2"
        await bench.close(first)
        assert (await bench.go_back()).revision.name == "web-v1", "again goes further back"

    async def test_one_that_failed_is_left_for_what_was_delivered(self) -> None:
        bench = await delivered("nginx:1", "nginx:2")
        await bench.deliver(app("nginx:3"), "failed")
        assert (await bench.go_back()).revision.name == "web-v2"

    async def test_one_that_never_succeeded_is_passed_over(self) -> None:
        bench = await delivered("nginx:1")
        await bench.deliver(app("nginx:2"), "failed")
        await bench.deliver(app("nginx:3"))
        assert (await bench.go_back()).revision.name == "web-v1"

    async def test_a_retry_means_the_same(self) -> None:
        """Also when the claim was written and its answer lost."""
        bench = await delivered("nginx:1", "nginx:2", "nginx:3")
        for _ in range(2):
            opened = await bench.go_back(run="lost")
            assert (opened.revision.name, opened.delivery) == ("web-v2", 4)
        bench = await delivered("nginx:1", "nginx:2")
        await bench.deliver(app("nginx:3"), "failed")
        for _ in range(2):
            assert (await bench.go_back(run="lost")).revision.name == "web-v2"

    async def test_asked_again_before_it_arrived_it_is_not_undone(self) -> None:
        bench = await delivered("nginx:1", "nginx:2", "nginx:3")
        for phase in ("superseded", "failed"):
            opened = await bench.go_back()
            assert opened.revision.name == "web-v2"
            await bench.close(opened, phase)

    async def test_asked_again_while_it_is_continued_it_is_not_undone(self) -> None:
        bench = await delivered("nginx:1", "nginx:2")
        await bench.deliver(app("nginx:3"), "failed")
        await bench.go_back()
        assert (await bench.go_on()).revision.name == "web-v2"
        record = (await bench.audit()).delivery
        assert record is not None
        assert record.intent == "rollback"
        assert (await bench.go_back()).revision.name == "web-v2"

    async def test_nothing_to_go_back_to_is_told(self) -> None:
        assert await Bench().refused() == (
            "revision: nothing was delivered yet; deliver an application instead"
        )
        bench = await delivered("nginx:1")
        assert await bench.refused() == (
            "revision: no revision before web-v1 was delivered and is still kept; "
            "deliver an application instead"
        )
        bench = Bench()
        await bench.deliver(app("nginx:1"), "failed")
        await bench.deliver(app("nginx:2"))
        assert (await bench.refused()).endswith("still kept; name one: web-v1")


class TestRefused:
    async def test_a_misspelt_name(self) -> None:
        bench = await delivered("nginx:1", "nginx:2")
        assert await bench.refused("wep-v1") == (
            "revision: is no revision of application web (got 'wep-v1'); did you mean 'web-v1'? "
            "kept are: web-v1, web-v2"
        )
        assert "known: web-v1, web-v2" in await bench.refused("Web V1")
        assert "known: web-v1, web-v2" in await bench.refused("../x")

    async def test_a_number_that_was_never_reached(self) -> None:
        bench = await delivered("nginx:1")
        assert "was never delivered (got 'web-v7')" in await bench.refused("web-v7")

    async def test_one_that_is_not_kept_any_more(self) -> None:
        bench = await delivered("nginx:1", "nginx:2")
        del bench.hub.objects["lateen.dev", "Revision", "default", "web-v1"]
        assert "revision: is not kept any more (got 'web-v1')" in await bench.refused("web-v1")

    async def test_one_of_another_application(self) -> None:
        bench = await delivered("nginx:1")
        other = copy.deepcopy(bench.hub.objects["lateen.dev", "Revision", "default", "web-v1"])
        other["metadata"] |= {"name": "shop-v1", "labels": {"app.oam.dev/name": "shop"}}
        other["spec"]["application"]["metadata"]["name"] = "shop"
        bench.hub.put(other)
        assert await bench.refused("shop-v1") == (
            "revision: belongs to application default/shop (got 'shop-v1'); name one of its own"
        )

    async def test_one_that_other_plugins_rendered(self) -> None:
        bench = Bench(types=with_canary("1.0"))
        first = app()
        first["spec"]["components"][0]["type"] = "canary"
        await bench.deliver(first)
        await bench.deliver(app("nginx:2"))
        bench.use(with_canary("2.0"))
        said = await bench.refused("web-v1")
        assert said.startswith("revision: web-v1 was rendered by acme 1.0, and here is acme 2.0;")
        bench.use(builtin())
        assert "and here is no plug-in acme" in await bench.refused("web-v1")
        bench.use(with_canary("1.0"))
        assert (await bench.go_back("web-v1")).revision.name == "web-v1"

    async def test_one_that_other_plugins_rendered_is_not_continued_either(self) -> None:
        bench = Bench(types=with_canary("1.0"))
        first = app()
        first["spec"]["components"][0]["type"] = "canary"
        await bench.deliver(first)
        await bench.deliver(app("nginx:2"))
        await bench.close(await bench.go_back("web-v1"), "failed")
        bench.use(with_canary("2.0"))
        before = await bench.audit()
        with pytest.raises(InvalidApplication, match=r"rendered by acme 1.0, and here is acme 2.0"):
            await bench.go_on()
        assert await bench.audit() == before

    async def test_a_cluster_that_left_is_told_before_anything_is_written(self) -> None:
        bench = await delivered("nginx:1", "nginx:2")
        kept = bench.hub.objects["lateen.dev", "Revision", "default", "web-v1"]
        policy = kept["spec"]["application"]["spec"]["policies"][0]
        policy["properties"]["clusters"] = ["gone"]
        bench.use(builtin())
        assert "gone" in await bench.refused("web-v1")

    async def test_vetting_tells_it_without_writing(self) -> None:
        bench = await delivered("nginx:1", "nginx:2")
        writes = bench.writes()
        for revision, valid in (("web-v9", False), ("web-v1", True)):
            request = OpenDelivery(
                application=ID, content={}, intent="rollback", rollback_to=revision
            )
            assert (await vet_submission(bench.rooms, request)).valid is valid
        assert bench.writes() == writes


class TestPublished:
    async def test_an_older_version_may_be_gone_back_to(self) -> None:
        bench = Bench()
        await bench.deliver(published("1", "nginx:1"))
        await bench.deliver(published("2", "nginx:2"))
        with pytest.raises(InvalidApplication, match="rollback web --revision web-v1"):
            await bench.open(published("1", "nginx:1"))
        opened = await bench.go_back("web-v1")
        assert opened.revision.name == "web-v1"
        await bench.close(opened)
        assert (await bench.open(published("1", "nginx:1"))).unchanged
        newer = await bench.open(published("3", "nginx:1"))
        assert newer.revision.name == "web-v3"


class TestKeeping:
    async def test_what_is_gone_back_to_stays_and_is_forgotten_later(self) -> None:
        bench = await delivered(*(f"nginx:{number}" for number in range(1, KEPT + 1)))
        assert len(bench.revisions()) == KEPT
        await bench.close(await bench.go_back("web-v1"))
        await bench.deliver(app("nginx:new"), "failed")
        assert "web-v1" in bench.revisions(), "it is what is delivered"
        for number in range(KEPT + 2, 2 * KEPT + 1):
            await bench.deliver(app(f"nginx:{number}"))
        left = bench.revisions()
        assert "web-v1" not in left
        assert len(left) == KEPT

    async def test_objects_keep_the_revision_that_they_came_from(self) -> None:
        """Pruning asks it where they would be delivered."""
        bench = await delivered(*(f"nginx:{number}" for number in range(1, KEPT + 1)))
        entry = {"apiVersion": "v1", "kind": "Service", "name": "old", "revision": "web-v1"}
        spec = {"application": "web", "namespace": "default", "cluster": "local"}
        bench.hub.put(
            {
                "apiVersion": "lateen.dev/v1alpha1",
                "kind": "Inventory",
                "metadata": {
                    "name": "web.local",
                    "namespace": "default",
                    "labels": {"app.oam.dev/name": "web"},
                },
                "spec": {**spec, "delivery": 1, "entries": [entry]},
            }
        )
        await bench.open(app("nginx:new"))
        assert "web-v1" in bench.revisions()


class TestDrift:
    async def test_is_repaired_by_the_same_rollback_and_stays_whose_it_was(self) -> None:
        bench = await delivered("nginx:1", "nginx:2")
        await bench.close(await bench.go_back("web-v1", actor="mia"))
        live = bench.hub.objects["apps", "Deployment", "default", "web"]
        live["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:evil"
        checked = await check_drift(bench.rooms, CheckDrift(application=ID))
        assert checked.submission == {
            "intent": "rollback",
            "revision": "web-v1",
            "actor": "drift",
        }
        opened = await bench.go_back("web-v1", actor="drift")
        assert not opened.unchanged
        audit = await bench.audit()
        assert audit.rollback is not None
        assert (audit.rollback.actor, audit.revision) == ("mia", "web-v1")

    async def test_an_edit_in_the_hub_is_not_undone(self) -> None:
        bench = await delivered("nginx:1", "nginx:2")
        await bench.close(await bench.go_back("web-v1"))
        live = bench.hub.objects["apps", "Deployment", "default", "web"]
        live["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:evil"
        bench.hub.put(app("nginx:edited"))
        checked = await check_drift(bench.rooms, CheckDrift(application=ID))
        assert (checked.submission, checked.report.repair) == (None, "withheld")


async def test_revisions_are_listed_with_what_became_of_them() -> None:
    bench = Bench()
    opened = await bench.open(published("one", "nginx:1"), actor="ann")
    await bench.close(opened)
    await bench.deliver(app("nginx:2"), "failed")
    await bench.deliver(app("nginx:3"))
    await bench.close(await bench.go_back("web-v1", actor="mia"))
    await bench.go_back("web-v3")
    found = await inspect(bench.rooms, Inspect(namespace="default", name="web", revisions=True))
    rows = [
        (row["name"], row["actor"], row["current"], row["delivered"], row["succeeded"])
        for row in found["revisions"]
    ]
    assert rows == [
        ("web-v3", "", True, False, True),
        ("web-v2", "", False, False, False),
        ("web-v1", "ann", False, True, True),
    ]
    assert found["revisions"][2]["publishVersion"] == "one"
    assert (found["known"], found["before"]) == (True, "web-v3")
    assert "nginx" not in str(found)


async def test_audits_of_an_older_lateen_have_no_number_of_their_own() -> None:
    audit = Audit(revision="web-v4", latest_revision=4, revision_digest="d")
    assert (audit.current.name, audit.current.number) == ("web-v4", 4)

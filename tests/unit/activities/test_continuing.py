"""Opening a delivery that continues another, on a hub in memory: what is done, asked and recorded."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from lateen.activities import closing, continuing
from lateen.activities.continuing import open_continuation, vet_continuation
from lateen.activities.edges import Overtaken
from lateen.activities.opening import digest_now, open_delivery
from lateen.activities.rooms import DeliverySettings, Rooms
from lateen.contracts.messages import Continuation, OpenDelivery, OpenedDelivery
from lateen.hub.clusters import ClusterRegistry
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication
from lateen.model.parsing import parse_application
from lateen.model.records import Audit, AuditEvent
from lateen.rendering.registry import builtin
from support.applications import application, deploy
from unit.hub.fakes import FakeCluster

ID = "default/web"
DEPLOYMENT = ("apps", "Deployment", "default", "web")
STORED = ("core.oam.dev", "Application", "default", "web")
APP = application(
    "web",
    topologies={"t": ["local"]},
    steps=[deploy("one", "t"), deploy("two", "t", auto=False)],
)
DELIVERED = {"cluster": "local", "namespace": "default", "phase": "delivered"}


class Bench:
    """A hub, which is its own target ``local``, and where a delivery was opened."""

    def __init__(self) -> None:
        self.hub = FakeCluster()
        self.rooms = Rooms(
            hub=self.hub,
            clusters=ClusterRegistry(self.hub, "vela-system"),
            types=builtin(),
            settings=DeliverySettings(),
        )
        self.digests: dict[str, str] = {}

    async def opened(self) -> Bench:
        request = OpenDelivery(application=ID, content=APP, actor="mia")
        opened = await open_delivery(self.rooms, request, run_id="run-1")
        assert opened.first_plan is not None
        self.digests = {p.cluster: p.digest for p in opened.first_plan.placements}
        return self

    async def ended(self, phase: str, *steps: Json, **more: Any) -> Bench:
        """Record an end of the delivery; an empty phase leaves it as a terminated run does."""
        end = {"phase": phase, "endedAt": "2026-01-01T00:00:00Z"} if phase else {}
        return await self.changed({"steps": list(steps), **end, **more}, phase=phase)

    async def changed(self, record: Json, *, phase: str = "") -> Bench:
        def change(audit: Audit) -> Audit:
            data = audit.to_json()
            data["delivery"] |= record
            return Audit.model_validate({**data, "phase": phase or audit.phase})

        await self.rooms.audits.change("default", "web", change)
        return self

    def step(self, name: str, phase: str, *, approved_for: str = "") -> Json:
        placed = [{**DELIVERED, "digest": self.digests["local"]}] if phase != "failed" else []
        decision = {"approved": True, "actor": "mia", "plan": approved_for}
        told = {"name": name, "type": "deploy", "phase": phase, "placements": placed}
        return {**told, "decision": decision} if approved_for else told

    async def event(self, type: str, step: str, **more: Any) -> None:  # noqa: A002
        event = AuditEvent.model_validate(
            {"at": "t", "type": type, "step": step, "delivery": 1, **more}
        )
        await self.rooms.audits.change(
            "default", "web", lambda a: a.model_copy(update={"events": [*a.events, event]})
        )

    async def deployed(self, *, healthy: bool = True) -> None:
        """Put into the cluster what the revision wants there."""
        parsed = parse_application(APP)
        _, resolved = await self.rooms.freeze(parsed)
        step = resolved.step("one")
        clusters = await self.rooms.cluster_infos()
        for placement in resolved.select(step, clusters).placements:
            for manifest in resolved.manifests(step, placement, revision="web-v1"):
                replicas = manifest["spec"].get("replicas", 1)
                counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
                status = {**dict.fromkeys(counts, replicas), "observedGeneration": 1}
                live = {**manifest, "status": status if healthy else {}}
                live["metadata"] = {**manifest["metadata"], "generation": 1}
                self.hub.put(live)

    async def go_on(self, run_id: str = "run-2", **wish: Any) -> OpenedDelivery:
        wanted = Continuation(**wish)
        request = OpenDelivery(application=ID, content={}, actor="ben", continuation=wanted)
        return await open_continuation(self.rooms, request, wanted, run_id=run_id)

    async def audit(self) -> Audit:
        return await self.rooms.audits.read("default", "web")


def done(opened: OpenedDelivery) -> dict[str, tuple[str, int]]:
    """Return of each leaf its phase, and how many of its placements are done."""
    return {step.name: (step.phase, len(step.placements)) for step in opened.done}


@pytest.fixture
async def bench() -> Bench:
    return await Bench().opened()


class TestWhatIsDone:
    async def test_is_what_the_record_says(self, bench: Bench) -> None:
        await bench.ended("failed", bench.step("one", "succeeded"), bench.step("two", "failed"))
        opened = await bench.go_on()
        assert done(opened) == {"one": ("succeeded", 1)}
        assert opened.done[0].message == "in delivery 1"
        assert opened.first_plan is None, "that step does not run"
        assert (opened.delivery, opened.revision.name) == (2, "web-v1")
        assert [step.name for step in opened.steps] == ["one", "two"]

    async def test_keeps_the_approval_of_a_step_that_failed(self, bench: Bench) -> None:
        failed = bench.step("two", "failed", approved_for="p")
        await bench.ended("failed", bench.step("one", "succeeded"), failed)
        opened = await bench.go_on()
        assert done(opened) == {"one": ("succeeded", 1), "two": ("pending", 0)}
        decision = opened.done[1].decision
        assert decision is not None
        assert decision.plan == "p"

    async def test_with_other_content_is_not_done(self, bench: Bench) -> None:
        old = bench.step("one", "succeeded")
        old["placements"][0]["digest"] = "other"
        await bench.ended("failed", old, bench.step("two", "failed"))
        opened = await bench.go_on()
        assert done(opened) == {}
        assert opened.first_plan is not None

    async def test_of_a_run_without_an_end_is_asked_of_the_cluster(self, bench: Bench) -> None:
        await bench.ended("")
        assert done(await bench.go_on()) == {}
        await bench.changed({"runId": "run-1", "steps": []})
        await bench.deployed(healthy=False)
        assert done(await bench.go_on("run-3")) == {}
        await bench.changed({"runId": "run-1", "steps": []})
        await bench.deployed()
        opened = await bench.go_on("run-4")
        assert done(opened) == {"one": ("succeeded", 1), "two": ("pending", 1)}
        await bench.changed({"runId": "run-1", "steps": [], "number": 1})
        await bench.event("approved", "two", actor="mia", plan="p")
        await bench.changed({"number": 1})
        opened = await bench.go_on("run-5")
        assert done(opened) == {"one": ("succeeded", 1), "two": ("succeeded", 1)}

    async def test_is_done_again_when_restarted_unless_it_is_live(self, bench: Bench) -> None:
        await bench.ended(
            "delivered", bench.step("one", "succeeded"), bench.step("two", "succeeded")
        )
        assert done(await bench.go_on(restart=True)) == {}
        await bench.deployed()
        await bench.changed({"runId": "run-1", "phase": "delivered", "number": 2})
        opened = await bench.go_on("run-3", restart=True)
        assert done(opened) == {"one": ("pending", 1), "two": ("pending", 1)}
        assert {p.message for s in opened.done for p in s.placements} == {"is there already"}
        steps = [bench.step("one", "succeeded"), bench.step("two", "succeeded", approved_for="p")]
        await bench.changed({"runId": "run-1", "steps": steps, "phase": "delivered"})
        opened = await bench.go_on("run-4", restart=True, step="two")
        assert done(opened) == {"one": ("succeeded", 1), "two": ("pending", 1)}
        assert opened.done[1].decision is None, "it asks again"


class TestTheRecord:
    async def test_says_what_is_continued_and_by_whom(self, bench: Bench) -> None:
        await bench.ended("failed", bench.step("one", "succeeded"), bench.step("two", "failed"))
        await bench.go_on()
        audit = await bench.audit()
        assert audit.delivery is not None
        assert (audit.delivery.number, audit.delivery.continues) == (2, 1)
        assert [step["name"] for step in audit.delivery.steps] == ["one"]
        event = audit.events[-1]
        assert (event.type, event.actor, event.message) == (
            "submitted",
            "ben",
            "resumes delivery 1",
        )

    async def test_is_the_same_after_a_retry(self, bench: Bench) -> None:
        await bench.ended("failed", bench.step("one", "succeeded"), bench.step("two", "failed"))
        first = await bench.go_on()
        before = await bench.audit()
        assert await bench.go_on() == first
        assert await bench.audit() == before
        await bench.changed({"endedAt": "2026-01-01T00:00:00Z", "phase": "failed"})
        with pytest.raises(Overtaken):
            await bench.go_on()

    async def test_has_room_for_any_number_of_placements(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (closing, continuing):
            monkeypatch.setattr(module, "MOST_PLACEMENTS", 1)
        await bench.deployed()
        steps = [bench.step("one", "succeeded"), bench.step("two", "pending")]
        await bench.ended("failed", *steps)
        first = await bench.go_on()
        record = (await bench.audit()).delivery
        assert done(first) == {"one": ("succeeded", 1), "two": ("pending", 1)}
        assert record is not None
        assert [step["placements"] for step in record.steps] == [[], []]
        assert done(await bench.go_on()) == done(first), "the clusters tell a retry"

    async def test_outlives_a_second_run_that_was_terminated(self, bench: Bench) -> None:
        await bench.ended("failed", bench.step("one", "succeeded"), bench.step("two", "failed"))
        await bench.go_on()
        opened = await bench.go_on("run-3")
        assert done(opened) == {"one": ("succeeded", 1)}
        assert opened.done[0].placements[0].message == "in delivery 1"
        assert opened.delivery == 3


class TestTheStoredApplication:
    async def test_stays_as_somebody_edited_it(self, bench: Bench) -> None:
        await bench.ended("failed", bench.step("one", "succeeded"), bench.step("two", "failed"))
        edited = copy.deepcopy(bench.hub.objects[STORED])
        edited["spec"]["components"][0]["properties"]["image"] = "nginx:edited"
        bench.hub.put(edited)
        opened = await bench.go_on()
        image = bench.hub.objects[STORED]["spec"]["components"][0]["properties"]["image"]
        assert image == "nginx:edited"
        assert opened.revision.digest == await digest_now(bench.rooms, parse_application(APP))

    async def test_is_stored_again_when_it_is_gone(self, bench: Bench) -> None:
        await bench.ended("failed", bench.step("one", "succeeded"), bench.step("two", "failed"))
        del bench.hub.objects[STORED]
        await bench.go_on()
        assert STORED in bench.hub.objects


class TestRefusals:
    async def test_of_a_revision_that_is_gone(self, bench: Bench) -> None:
        await bench.ended("failed", revision="web-v0")
        with pytest.raises(InvalidApplication, match="is not in the hub any more"):
            await bench.go_on()

    async def test_of_an_unknown_step_write_nothing(self, bench: Bench) -> None:
        await bench.ended("failed")
        before = await bench.audit()
        with pytest.raises(InvalidApplication, match="did you mean 'two'"):
            await bench.go_on(restart=True, step="tow")
        assert await bench.audit() == before

    @pytest.mark.parametrize(
        ("wish", "said"),
        [
            ({}, "resume: delivery 1 succeeded"),
            ({"restart": True, "step": "tow"}, "resume.step"),
            ({"restart": True, "delivery": 9}, "resume.delivery"),
            ({"restart": True}, ""),
        ],
    )
    async def test_are_found_by_vetting(self, bench: Bench, wish: Json, said: str) -> None:
        await bench.ended("delivered", bench.step("one", "succeeded"))
        wanted = Continuation(**wish)
        request = OpenDelivery(application=ID, content={}, continuation=wanted)
        vetted = await vet_continuation(bench.rooms, request, wanted)
        assert vetted.valid is not bool(said)
        assert said in vetted.message

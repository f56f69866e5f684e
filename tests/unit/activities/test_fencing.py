"""Late and repeated attempts: what two workers know of one hub, and what a frozen one finds when it wakes."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.activities.claiming import claimed_number
from lateen.activities.closing import close_delivery, open_deletion, record_events
from lateen.activities.edges import Overtaken
from lateen.activities.pruning import prune_cluster
from lateen.activities.rooms import DeliverySettings, Rooms
from lateen.contracts.messages import CloseDelivery, OpenDeletion, PruneCluster, RecordEvents
from lateen.hub.audits import Audits, SupersededDelivery
from lateen.hub.clusters import ClusterRegistry
from lateen.hub.inventories import Inventories
from lateen.model.base import Json
from lateen.model.labels import APP_NAME, APP_NAMESPACE
from lateen.model.objects import ObjectRef
from lateen.model.records import Audit, AuditEvent, DeliveryRecord, InventoryEntry
from lateen.rendering.registry import builtin
from unit.hub.fakes import FakeCluster

ENTRY = InventoryEntry(
    api_version="v1", kind="ConfigMap", namespace="shop", name="web", placement_namespace="shop"
)
APPLICATION: Json = {
    "apiVersion": "core.oam.dev/v1beta1",
    "kind": "Application",
    "metadata": {"namespace": "shop", "name": "web"},
    "spec": {"components": []},
}
WHERE: dict[str, Any] = {"cluster": "local"}


def rooms_of(hub: FakeCluster) -> Rooms:
    return Rooms(
        hub=hub,
        clusters=ClusterRegistry(hub, "vela-system"),
        types=builtin(),
        settings=DeliverySettings(),
    )


def config_map(hub: FakeCluster) -> Json:
    return hub.put(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "namespace": "shop",
                "name": "web",
                "labels": {APP_NAME: "web", APP_NAMESPACE: "shop"},
            },
        }
    )


class TestWhatAWorkerRemembers:
    async def test_a_claim_that_changes_nothing_is_not_believed_without_a_look(self) -> None:
        """The second worker's newer delivery took it: repeating the same claim must not pass."""
        hub = FakeCluster()
        one, two = (Inventories(hub, Audits(hub)) for _ in range(2))
        await one.claim("shop", "web", delivery=1, entries=[ENTRY], **WHERE)
        await two.claim("shop", "web", delivery=2, entries=[ENTRY], **WHERE)
        with pytest.raises(SupersededDelivery):
            await one.claim("shop", "web", delivery=1, entries=[ENTRY], **WHERE)

    async def test_a_higher_number_that_is_gone_from_the_hub_refuses_nobody(self) -> None:
        """After a purge the numbers begin again."""
        hub = FakeCluster()
        one, two = (Inventories(hub, Audits(hub)) for _ in range(2))
        await one.claim("shop", "web", delivery=7, entries=[ENTRY], **WHERE)
        await two.claim("shop", "web", delivery=7, **WHERE)
        await two.forget("shop", "web", delivery=7, keys={ENTRY.ref.key}, **WHERE)
        claimed = await one.claim("shop", "web", delivery=1, entries=[ENTRY], **WHERE)
        assert claimed.delivery == 1

    async def test_a_late_creation_leaves_what_a_newer_delivery_took_over(self) -> None:
        hub = FakeCluster()
        audits = Audits(hub)
        late, newer = Inventories(hub, audits), Inventories(hub, Audits(hub))
        await audits.change("shop", "web", lambda _: Audit(latest_delivery=2))
        read = audits.read

        async def taken_before_it_is_read(namespace: str, name: str) -> Audit:
            await newer.claim("shop", "web", delivery=2, entries=[ENTRY], **WHERE)
            return await read(namespace, name)

        audits.read = taken_before_it_is_read  # type: ignore[method-assign]
        with pytest.raises(SupersededDelivery):
            await late.claim("shop", "web", delivery=1, entries=[], **WHERE)
        assert [i.delivery for i in await newer.list("shop", "web")] == [2]


async def test_a_late_prune_leaves_what_a_newer_delivery_wrote() -> None:
    """It was terminated while it deleted, and the application was submitted again at once."""
    hub = FakeCluster()
    rooms = rooms_of(hub)
    config_map(hub)
    await rooms.inventories.claim("shop", "web", delivery=1, entries=[ENTRY], **WHERE)
    newer = Inventories(hub, Audits(hub))
    get = hub.get

    async def taken_before_it_is_read(ref: ObjectRef) -> Json | None:
        if ref.kind == "ConfigMap":
            await newer.claim("shop", "web", delivery=2, entries=[ENTRY], **WHERE)
            config_map(hub)
        return await get(ref)

    hub.get = taken_before_it_is_read  # type: ignore[method-assign]
    request = PruneCluster(application="shop/web", delivery=1, cluster="local", everything=True)
    with pytest.raises(SupersededDelivery):
        await prune_cluster(rooms, request, report=lambda _: None)
    assert ENTRY.ref.key in hub.objects


async def test_pruning_again_after_it_was_done_finds_nothing_and_leaves_nothing() -> None:
    hub = FakeCluster()
    rooms = rooms_of(hub)
    config_map(hub)
    await rooms.inventories.claim("shop", "web", delivery=1, entries=[ENTRY], **WHERE)
    request = PruneCluster(application="shop/web", delivery=1, cluster="local", everything=True)
    counts = [
        (await prune_cluster(rooms, request, report=lambda _: None)).objects for _ in range(2)
    ]
    assert counts == [1, 0]
    assert hub.objects == {}


async def test_what_depends_on_others_is_gone_before_they_are_deleted() -> None:
    hub = FakeCluster()
    rooms = rooms_of(hub)
    entries: list[InventoryEntry] = []
    for wave, name in enumerate(("db", "api", "web")):
        labels = {APP_NAME: "web", APP_NAMESPACE: "shop"}
        metadata = {"namespace": "shop", "name": name, "labels": labels}
        hub.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        entries.append(ENTRY.model_copy(update={"name": name, "wave": wave}))
    await rooms.inventories.claim("shop", "web", delivery=1, entries=entries, **WHERE)
    hub.requests.clear()
    request = PruneCluster(application="shop/web", delivery=1, cluster="local", everything=True)
    assert (await prune_cluster(rooms, request, report=lambda _: None)).objects == 3
    touched = [request for request in hub.requests if "ConfigMap" in request]
    for name in ("web", "api", "db"):
        look, delete, gone = touched[:3]
        assert (look, gone) == (f"get ConfigMap shop/{name}",) * 2
        assert delete == f"delete ConfigMap shop/{name}"
        touched = touched[3:]
    assert touched == []


class TestDeleting:
    async def test_a_repeated_opening_keeps_its_number_and_says_it_once(self) -> None:
        hub = FakeCluster()
        hub.put(APPLICATION)
        request = OpenDeletion(application="shop/web")
        plans = [await open_deletion(rooms_of(hub), request, run_id="r") for _ in range(2)]
        assert [plan.delivery for plan in plans] == [1, 1]
        audit = await Audits(hub).read("shop", "web")
        assert [event.type for event in audit.events] == ["deleting"]

    async def test_a_repeated_close_says_its_end_once(self) -> None:
        hub = FakeCluster()
        hub.put(APPLICATION)
        plan = await open_deletion(rooms_of(hub), OpenDeletion(application="shop/web"), run_id="r")
        close = CloseDelivery(application="shop/web", delivery=plan.delivery, phase="deleted")
        for _ in range(2):
            assert (await close_delivery(rooms_of(hub), close)).closed
        audit = await Audits(hub).read("shop", "web")
        assert [event.type for event in audit.events] == ["deleting", "deleted"]
        assert not any(kind == "Application" for _, kind, _, _ in hub.objects)

    async def test_a_late_close_leaves_the_application_that_was_submitted_since(self) -> None:
        hub = FakeCluster()
        hub.put(APPLICATION)
        rooms = rooms_of(hub)
        await open_deletion(rooms, OpenDeletion(application="shop/web"), run_id="r")
        current = DeliveryRecord(number=2, run_id="next")
        await Audits(hub).change(
            "shop",
            "web",
            lambda a: a.model_copy(update={"latest_delivery": 2, "delivery": current}),
        )
        close = CloseDelivery(application="shop/web", delivery=1, phase="deleted")
        await close_delivery(rooms, close)
        assert any(kind == "Application" for _, kind, _, _ in hub.objects)

    async def test_a_late_record_does_not_reopen_what_has_ended(self) -> None:
        hub = FakeCluster()
        rooms = rooms_of(hub)
        ended = DeliveryRecord(number=1, run_id="r", phase="delivered", ended_at="t")
        await rooms.audits.change(
            "shop", "web", lambda _: Audit(phase="delivered", latest_delivery=1, delivery=ended)
        )
        events = [AuditEvent(at="t", type="waiting", step="gate")]
        request = RecordEvents(application="shop/web", delivery=1, phase="waiting", events=events)
        await record_events(rooms, request)
        audit = await rooms.audits.read("shop", "web")
        assert (audit.phase, len(audit.events)) == ("delivered", 1)


class TestTheNumberOfADelivery:
    def test_is_the_next_one_and_stays_for_a_retry(self) -> None:
        assert claimed_number(Audit(latest_delivery=4), run_id="r", seen=4) == 5
        mine = DeliveryRecord(number=5, run_id="r")
        assert claimed_number(Audit(latest_delivery=5, delivery=mine), run_id="r", seen=4) == 5

    @pytest.mark.parametrize(
        "delivery",
        [
            DeliveryRecord(number=5, run_id="next"),
            DeliveryRecord(number=5, run_id="r", ended_at="t"),
        ],
        ids=["another run claimed", "it has ended"],
    )
    def test_is_refused_to_an_attempt_that_wakes_too_late(self, delivery: DeliveryRecord) -> None:
        audit = Audit(latest_delivery=5, delivery=delivery)
        with pytest.raises(Overtaken):
            claimed_number(audit, run_id="r", seen=4)

"""What the audit keeps of deliveries that are over: counted from the inventories, filed once, bounded."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.hub.audits import Audits
from lateen.hub.histories import KEPT_DELIVERIES, changes_of, ended, overtaken
from lateen.hub.inventories import Inventories
from lateen.model.json_values import canonical_json
from lateen.model.records import (
    Audit,
    ClusterChanges,
    DeliveryRecord,
    Effect,
    Inventory,
    InventoryEntry,
    ObjectCounts,
)
from unit.hub.fakes import FakeCluster


def entry(name: str, effect: Effect = "", *, delivery: int = 2) -> InventoryEntry:
    return InventoryEntry(
        api_version="v1", kind="ConfigMap", name=name, delivery=delivery, effect=effect
    )


def inventory(cluster: str, *entries: InventoryEntry) -> Inventory:
    return Inventory(application="web", namespace="shop", cluster=cluster, entries=list(entries))


def record(number: int, **more: Any) -> DeliveryRecord:
    given = {"phase": "delivered", "ended_at": f"2026-01-01T00:00:{number % 60:02}Z", **more}
    return DeliveryRecord(number=number, run_id=f"run-{number}", revision=f"web-v{number}", **given)


class TestCounting:
    def test_what_the_inventories_say_of_this_delivery(self) -> None:
        there = inventory(
            "a",
            entry("x", "created"),
            entry("y", "changed"),
            entry("z"),
            entry("w", "created"),
            entry("not written yet", "pending"),
        )
        old = inventory("b", entry("x", "created", delivery=1))
        assert changes_of(2, [there, old]) == [
            ClusterChanges(cluster="a", created=2, changed=1, unchanged=1)
        ]

    def test_with_what_was_removed_kept_or_went_wrong(self) -> None:
        removed = [
            ClusterChanges(cluster="b", deleted=3, kept=1),
            ClusterChanges(cluster="c", state="failed"),
        ]
        found = changes_of(
            2,
            [inventory("a", entry("x"))],
            removed=removed,
            kept={"b": 2, "d": 0},
            states={"a": "failed", "e": "pending"},
        )
        assert found == [
            ClusterChanges(cluster="a", unchanged=1, state="failed"),
            ClusterChanges(cluster="b", deleted=3, kept=3),
            ClusterChanges(cluster="c", state="failed"),
            ClusterChanges(cluster="e", state="pending"),
        ]

    @pytest.mark.parametrize(
        ("before", "after", "kept"),
        [
            ("created", "", "created"),
            ("created", "changed", "created"),
            ("changed", "", "changed"),
            ("", "changed", "changed"),
            ("pending", "", ""),
            ("created", "pending", "created"),
            ("", "pending", ""),
        ],
    )
    async def test_a_second_attempt_keeps_what_the_first_was_about_to_do(
        self, before: Effect, after: Effect, kept: Effect
    ) -> None:
        """A worker was killed after it wrote: the next one finds the object as it should be."""
        hub = FakeCluster()
        for effect in (before, after):
            inventories = Inventories(hub, Audits(hub))
            claimed = await inventories.claim(
                "shop", "web", cluster="a", delivery=2, entries=[entry("x", effect)]
            )
        assert [each.effect for each in claimed.entries] == [kept]

    async def test_the_next_delivery_counts_anew(self) -> None:
        hub = FakeCluster()
        inventories = Inventories(hub, Audits(hub))
        where: dict[str, Any] = {"cluster": "a"}
        first, second = entry("x", "created", delivery=1), entry("x", delivery=2)
        await inventories.claim("shop", "web", delivery=1, entries=[first], **where)
        claimed = await inventories.claim("shop", "web", delivery=2, entries=[second], **where)
        assert [each.effect for each in claimed.entries] == [""]


class TestFiling:
    def test_a_delivery_that_ended(self) -> None:
        changes = [ClusterChanges(cluster="b", created=1), ClusterChanges(cluster="a", created=2)]
        (past,) = ended([], record(1, actor="mia", message="x" * 900), changes)
        assert (past.number, past.revision, past.actor, past.reached) == (1, "web-v1", "mia", 2)
        assert past.total == ObjectCounts(created=3)
        assert [each.cluster for each in past.changes] == ["a", "b"]
        assert len(past.message) == 500

    def test_an_end_that_is_recorded_twice_is_filed_once(self) -> None:
        once = ended([], record(1), [])
        assert ended(once, record(1), []) == once

    def test_one_that_never_recorded_its_end_is_filed_when_the_next_begins(self) -> None:
        open_ = DeliveryRecord(number=3, run_id="r", phase="waiting", started_at="t")
        did = [ClusterChanges(cluster="a", created=1)]
        (past,) = overtaken(Audit(delivery=open_), run_id="next", changes=did)
        assert (past.number, past.phase, past.ended_at) == (3, "waiting", "")
        assert past.changes == did
        assert overtaken(Audit(delivery=open_), run_id="r", changes=did) == []
        assert overtaken(Audit(delivery=open_, past=[past]), run_id="next") == [past]
        late = record(3, phase="superseded")
        assert [each.phase for each in ended([past], late, [])] == ["superseded"]

    async def test_the_end_of_a_delivery_is_filed_with_it(self) -> None:
        audits = Audits(FakeCluster())
        current = DeliveryRecord(number=1, run_id="r")
        await audits.change("shop", "web", lambda _: Audit(latest_delivery=1, delivery=current))
        audit = await audits.end(
            "shop",
            "web",
            delivery=1,
            ended=lambda each: each.model_copy(update={"phase": "failed", "ended_at": "t"}),
            events=[],
            changes=[ClusterChanges(cluster="a", created=1)],
        )
        assert [(past.phase, past.total.created) for past in audit.past] == [("failed", 1)]
        assert (await audits.read("shop", "web")).past == audit.past


class TestBounds:
    def test_the_oldest_deliveries_are_dropped(self) -> None:
        past = ended([], record(1), [])
        for number in range(2, KEPT_DELIVERIES + 4):
            past = ended(past, record(number), [ClusterChanges(cluster="a", created=1)])
        assert [each.number for each in past] == list(range(4, KEPT_DELIVERIES + 4))
        assert all(each.changes for each in past), "small ones are kept whole"

    def test_fifty_deliveries_to_five_hundred_clusters_fit(self) -> None:
        """Old ones lose their clusters first, and keep the sums."""
        changes = [
            ClusterChanges(cluster=f"cluster-somewhere-{i}", created=10, unchanged=10)
            for i in range(500)
        ]
        past = ended([], record(0), changes)
        for number in range(1, KEPT_DELIVERIES):
            past = ended(past, record(number, message="m" * 500, actor="a" * 100), changes)
        assert len(past) == KEPT_DELIVERIES
        assert len(canonical_json([each.to_json() for each in past])) < 200_000
        assert len(past[-1].changes) == 500
        assert past[0].changes == []
        assert {(each.reached, each.total.created) for each in past} == {(500, 5000)}

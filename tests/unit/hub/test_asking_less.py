"""What the hub is not asked: shared listings, remembered records, one request for an empty inventory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lateen.hub.audits import Audits, SupersededDelivery
from lateen.hub.inventories import Inventories
from lateen.hub.pooling import NextFlight
from lateen.model.records import Audit, Inventory, InventoryEntry
from unit.hub.fakes import FakeCluster

ENTRY = InventoryEntry(
    api_version="v1", kind="Service", namespace="ns", name="web", placement_namespace="ns"
)
WHERE: dict[str, Any] = {"cluster": "far"}


class Listing:
    """An attempt that says how many began, and ends when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.go_on = asyncio.Event()

    async def __call__(self) -> int:
        self.begun += 1
        mine = self.begun
        await self.go_on.wait()
        if mine == 3:
            raise RuntimeError("the third fails")
        return mine


async def test_callers_share_an_attempt_that_began_after_they_asked() -> None:
    """Who comes while one runs is not given its answer: it may be older than the question."""
    listing, flights = Listing(), NextFlight[int]()
    first = asyncio.create_task(flights.run(listing))
    await asyncio.sleep(0.01)
    later = [asyncio.create_task(flights.run(listing)) for _ in range(5)]
    await asyncio.sleep(0.01)
    assert listing.begun == 1
    listing.go_on.set()
    assert await first == 1
    assert await asyncio.gather(*later) == [2] * 5


async def test_an_error_is_shared_and_not_remembered() -> None:
    """The next caller tries again; one that was cancelled takes nothing from the others."""
    listing, flights = Listing(), NextFlight[int]()
    listing.begun = 2
    callers = [asyncio.create_task(flights.run(listing)) for _ in range(3)]
    await asyncio.sleep(0.01)
    callers[0].cancel()
    listing.go_on.set()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert [str(outcome) for outcome in outcomes[1:]] == ["the third fails"] * 2
    assert await flights.run(listing) == 4


async def test_what_was_not_there_is_created_without_a_second_look() -> None:
    """One read and one write; also when somebody else created it meanwhile nothing is lost."""
    hub = FakeCluster()
    audits = Audits(hub)
    await audits.read("ns", "app")
    await audits.change("ns", "app", lambda audit: audit.model_copy(update={"latest_delivery": 1}))
    assert len(hub.requests) == 2
    other = Audits(hub)
    await audits.read("ns", "late")
    await other.read("ns", "late")
    await other.change("ns", "late", lambda _: Audit(latest_delivery=5))
    changed = await audits.change(
        "ns", "late", lambda a: a.model_copy(update={"latest_delivery": a.latest_delivery + 1})
    )
    assert changed.latest_delivery == 6


async def test_an_inventory_is_emptied_by_one_conditional_delete() -> None:
    """It is gone; the objects that an older delivery recorded don't come back."""
    hub = FakeCluster()
    inventories = Inventories(hub, Audits(hub))
    await inventories.claim("ns", "app", delivery=1, entries=[ENTRY], **WHERE)
    before = len(hub.requests)
    await inventories.forget("ns", "app", delivery=1, keys={ENTRY.ref.key}, **WHERE)
    assert len(hub.requests) == before + 1
    assert await inventories.list("ns", "app") == []


async def test_an_inventory_that_a_newer_delivery_took_is_not_deleted() -> None:
    """The condition fails, and the fence says why."""
    hub = FakeCluster()
    audits = Audits(hub)
    mine, newer = Inventories(hub, audits), Inventories(hub, audits)
    await mine.claim("ns", "app", delivery=1, entries=[ENTRY], **WHERE)
    await newer.claim("ns", "app", delivery=2, entries=[ENTRY], **WHERE)
    with pytest.raises(SupersededDelivery):
        await mine.forget("ns", "app", delivery=1, keys={ENTRY.ref.key}, **WHERE)
    left: list[Inventory] = list(await mine.list("ns", "app"))
    assert [inventory.delivery for inventory in left] == [2]

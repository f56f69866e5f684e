"""Deleting: from every cluster at once, for as long as a cluster is owed it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lateen.contracts import errors
from support.activities import failing
from support.temporal import Bench, failure_of, result_of

DELETE = {"intent": "delete", "actor": "mia"}


def owing(bench: Bench) -> None:
    """Let cluster ``b`` be out of reach for long."""
    unreachable = failing(errors.CLUSTER_UNREACHABLE, "no answer", retryable=True)
    bench.fakes.failures["prune b"] = [unreachable for _ in range(100)]


async def deleting(bench: Bench, **more: Any) -> Any:
    bench.fakes.owned = ["a", "b", "c"]
    return await bench.start({**DELETE, **more})


def told(bench: Bench) -> dict[str, tuple[int, int, str]]:
    """Return what the close said of each cluster: deleted, kept, and what else."""
    removed = bench.fakes.called("close_delivery")[-1].removed
    return {each.cluster: (each.deleted, each.kept, each.state) for each in removed}


async def test_a_closed_application_is_deleted_from_every_cluster(bench: Bench) -> None:
    result = await result_of(await deleting(bench))
    assert (result["phase"], result["known"]) == ("deleted", True)
    assert result["clusters"] == dict.fromkeys(("a", "b", "c"), "deleted 2 objects")
    requests = bench.fakes.called("prune_cluster")
    assert sorted(r.cluster for r in requests) == ["a", "b", "c"]
    assert all(r.everything and not r.orphan and r.delivery == 1 for r in requests)
    assert bench.fakes.called("open_deletion")[0].actor == "mia"
    assert bench.fakes.closed_as() == ["deleted"]
    assert told(bench) == dict.fromkeys("abc", (2, 0, ""))


@pytest.mark.parametrize("name", ["", "/", "Not A Name", "a/b", "x" * 57])
async def test_what_no_application_is_called_is_refused(bench: Bench, name: str) -> None:
    run = await bench.start(DELETE, id=f"{bench.id.partition('/')[0]}/{name}")
    failure = await failure_of(run, seconds=5)
    assert failure.type == errors.INVALID_APPLICATION
    assert "workflow id" in failure.message
    assert bench.fakes.calls == []


async def test_an_unknown_application_has_nothing_to_delete(bench: Bench) -> None:
    bench.fakes.known = False
    result = await result_of(await bench.start(DELETE))
    assert result["known"] is False
    assert bench.fakes.names() == ["open_deletion"]


async def test_orphaning_forgets_without_deleting(bench: Bench) -> None:
    result = await result_of(await deleting(bench, orphan=True))
    assert set(result["clusters"].values()) == {"orphaned 2 objects"}
    assert all(r.orphan for r in bench.fakes.called("prune_cluster"))
    assert told(bench) == dict.fromkeys("abc", (0, 2, "orphaned"))


async def test_a_running_delivery_is_superseded(bench: Bench) -> None:
    bench.fakes.hold("a/default")
    bench.fakes.owned = ["a"]
    run = await bench.start(bench.app(topologies={"t": ["a"]}))
    await bench.fakes.begun("a/default")
    answer = await bench.handle.execute_update("submit", DELETE)
    assert answer["state"] == "superseding"
    assert await bench.until_closed(run.result_run_id) == "CONTINUED_AS_NEW"
    result = await result_of(bench.handle)
    assert (result["phase"], result["intent"]) == ("deleted", "delete")
    assert bench.fakes.closed_as() == ["superseded", "deleted"]


async def test_a_cluster_that_fails_for_a_while_is_tried_until_it_works(bench: Bench) -> None:
    unreachable = failing(errors.CLUSTER_UNREACHABLE, retryable=True)
    bench.fakes.failures["prune b"] = [unreachable]
    run = await deleting(bench)
    state = await bench.until(
        lambda s: [s["clusters"].get(c) for c in "ac"] == ["deleted 2 objects"] * 2
    )
    assert state["clusters"]["b"] == "deleting"
    assert (await result_of(run))["phase"] == "deleted"
    assert [r.cluster for r in bench.fakes.called("prune_cluster")].count("b") == 2


async def test_a_cluster_that_refuses_fails_the_run_and_stays_recorded(bench: Bench) -> None:
    bench.fakes.failures["prune b"] = [failing(errors.REFUSED, "forbidden")]
    failure = await failure_of(await deleting(bench))
    assert failure.type == errors.DELIVERY_FAILED
    assert failure.message == "not deleted everywhere: b"
    assert failure.details[0]["clusters"]["b"] == "failed: forbidden"
    assert bench.fakes.closed_as() == ["failed"]
    assert told(bench) == {"a": (2, 0, ""), "b": (0, 0, "failed"), "c": (2, 0, "")}


async def test_a_cluster_is_given_up_while_it_is_owed(bench: Bench) -> None:
    owing(bench)
    run = await deleting(bench)
    await bench.until(lambda s: s["clusters"].get("a") == "deleted 2 objects")
    answer = await bench.handle.execute_update("submit", {**DELETE, "abandon": ["b"]})
    assert answer["state"] == "joined"
    result = await result_of(run)
    assert result["clusters"]["b"] == "abandoned"
    assert [(r.cluster, r.orphan) for r in bench.fakes.called("prune_cluster")][-1] == ("b", True)
    assert [(e.type, e.message) for e in bench.fakes.events] == [("abandoned", "b")]
    assert told(bench)["b"] == (0, 0, "abandoned")


async def test_delivering_again_supersedes_a_deletion_that_is_owed(bench: Bench) -> None:
    owing(bench)
    run = await deleting(bench)
    await bench.until(lambda s: s["clusters"].get("a") == "deleted 2 objects")
    answer = await bench.handle.execute_update("submit", bench.app())
    assert answer["state"] == "superseding"
    assert await bench.until_closed(run.result_run_id) == "CONTINUED_AS_NEW"
    assert (await result_of(bench.handle))["phase"] == "delivered"
    assert bench.fakes.closed_as() == ["superseded", "delivered"]


async def test_deleting_twice_joins(bench: Bench) -> None:
    bench.fakes.hold("prune a")
    run = await deleting(bench)
    await bench.fakes.begun("prune a")
    answer = await bench.handle.execute_update("submit", {"intent": "delete"})
    assert answer["state"] == "joined"
    bench.fakes.release("prune a")
    await result_of(run)
    assert len(bench.fakes.called("open_deletion")) == 1


async def test_cancelling_waits_for_a_running_prune_and_is_recorded(bench: Bench) -> None:
    bench.fakes.hold("prune a", stubborn=True)
    run = await deleting(bench)
    await bench.fakes.begun("prune a")
    await run.cancel()
    await asyncio.sleep(0.2)
    assert bench.fakes.closed_as() == []
    bench.fakes.release("prune a")
    assert await bench.until_closed(run.result_run_id) == "CANCELED"
    assert bench.fakes.closed_as() == ["cancelled"]

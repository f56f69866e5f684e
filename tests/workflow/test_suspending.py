"""Suspending a run: nothing new begins, what has begun ends, and time limits stand still."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from lateen.contracts import errors
from support.activities import failing
from support.applications import deploy, suspend
from support.temporal import Bench, failure_of, placements_of, result_of, steps_of

MIA = {"actor": "mia", "reason": "looks odd"}
BEN = {"actor": "ben", "reason": "fine again"}


def events(bench: Bench) -> list[tuple[str, str, str]]:
    """Return type, actor and reason of what was recorded of suspensions."""
    found = [e for e in bench.fakes.events if e.type in {"suspended", "resumed"}]
    return [(event.type, event.actor, event.reason) for event in found]


async def refusal(update: Any) -> str:
    """Return what an update that must be refused is refused with."""
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await update
    assert isinstance(refused.value.cause, ApplicationError)
    return refused.value.cause.message


class TestSuspend:
    async def test_lets_an_apply_end_and_begins_no_further_placement_or_step(
        self, bench: Bench
    ) -> None:
        bench.fakes.hold("a/default", stubborn=True)
        steps = [deploy("d", "t", parallelism=1), deploy("later", "t")]
        run = await bench.start(bench.app(topologies={"t": ["a", "b"]}, steps=steps))
        await bench.fakes.begun("a/default")
        answer = await bench.handle.execute_update("suspend", MIA)
        assert answer == {"accepted": True, "message": "suspended by mia: looks odd"}
        bench.fakes.release("a/default")
        state = await bench.until(lambda s: placements_of(s, "d")["a/default"] == "delivered")
        assert state["suspended"]["actor"] == "mia"
        assert state["suspended"]["since"]
        await asyncio.sleep(0.3)
        assert bench.fakes.delivered() == ["d:a/default"]
        assert bench.fakes.ended == [("a/default", "delivered")], "the apply was not interrupted"
        await bench.handle.execute_update("resume", BEN)
        result = await result_of(run)
        assert result["phase"] == "delivered"
        assert "suspended" not in result
        assert len(bench.fakes.delivered()) == 4
        assert events(bench) == [
            ("suspended", "mia", "looks odd"),
            ("resumed", "ben", "fine again"),
        ]

    async def test_before_the_first_step_holds_it(self, bench: Bench) -> None:
        bench.fakes.hold("open_delivery")
        run = await bench.start(bench.app())
        await bench.fakes.begun("open_delivery")
        await bench.handle.signal("suspend", MIA)
        bench.fakes.release("open_delivery")
        state = await bench.until(lambda s: s["steps"] and s.get("suspended"))
        assert steps_of(state) == {"deploy-here": "pending"}
        assert bench.fakes.delivered() == []
        await bench.handle.signal("resume")
        await result_of(run)
        assert [e[:2] for e in events(bench)] == [
            ("suspended", "mia"),
            ("resumed", "unattributed"),
        ]

    async def test_twice_changes_nothing(self, bench: Bench) -> None:
        run = await bench.start(bench.app(steps=[suspend("gate")]))
        await bench.until_waiting("gate")
        await bench.handle.execute_update("suspend", MIA)
        again = await bench.handle.execute_update("suspend", BEN)
        assert again == {"accepted": True, "message": "suspended by mia: looks odd already"}
        await bench.handle.execute_update("resume")
        assert await refusal(bench.handle.execute_update("resume")) == "the run is not suspended"
        await bench.handle.signal("resume")
        await bench.handle.signal("approve")
        result = await result_of(run)
        assert result["warnings"] == ["not resumed: the run is not suspended"]
        assert len(events(bench)) == 2

    async def test_an_approval_given_meanwhile_counts_after_it(self, bench: Bench) -> None:
        steps = [deploy("gate", "t", auto=False)]
        run = await bench.start(bench.app(topologies={"t": ["a"]}, steps=steps))
        await bench.until_waiting("gate")
        await bench.handle.execute_update("suspend", MIA)
        await bench.handle.execute_update("approve", {"actor": "zoe"})
        await asyncio.sleep(0.3)
        assert bench.fakes.delivered() == []
        await bench.handle.execute_update("resume", BEN)
        result = await result_of(run)
        assert result["steps"][0]["decision"]["actor"] == "zoe"
        assert bench.fakes.delivered() == ["gate:a/default"]

    async def test_a_rejection_given_meanwhile_ends_the_run(self, bench: Bench) -> None:
        run = await bench.start(bench.app(steps=[suspend("gate")]))
        await bench.until_waiting("gate")
        await bench.handle.execute_update("suspend", MIA)
        await bench.handle.execute_update("reject", {"actor": "zoe"})
        assert (await failure_of(run)).type == errors.REJECTED

    async def test_stops_the_time_of_steps(self, bench: Bench) -> None:
        steps = [deploy("gate", "t", auto=False, timeout="1s")]
        run = await bench.start(bench.app(topologies={"t": ["a"]}, steps=steps))
        await bench.until_waiting("gate")
        await bench.handle.execute_update("suspend", MIA)
        await asyncio.sleep(1.3)
        await bench.until_waiting("gate")
        await bench.handle.execute_update("resume", BEN)
        await bench.handle.execute_update("approve", {"actor": "zoe"})
        assert (await result_of(run))["phase"] == "delivered"

    async def test_leaves_a_step_the_rest_of_its_time(self, bench: Bench) -> None:
        steps = [deploy("gate", "t", auto=False, timeout="1s")]
        run = await bench.start(bench.app(topologies={"t": ["a"]}, steps=steps))
        await bench.until_waiting("gate")
        await bench.handle.execute_update("suspend", MIA)
        await bench.handle.execute_update("resume", BEN)
        assert "timed out" in (await failure_of(run)).message

    async def test_is_shown_while_a_delivery_that_failed_has_to_prune(self, bench: Bench) -> None:
        bench.fakes.prune_after_failure = ["b"]
        bench.fakes.failures["a/default"] = [failing(errors.UNHEALTHY, "down")]
        bench.fakes.hold("close_delivery")
        run = await bench.start(bench.app(topologies={"t": ["a"]}))
        await bench.fakes.begun("close_delivery")
        await bench.handle.execute_update("suspend", MIA)
        bench.fakes.release("close_delivery")
        state = await bench.until(lambda s: s.get("suspended"))
        assert state["suspended"]["actor"] == "mia"
        assert bench.fakes.called("prune_cluster") == []
        await bench.handle.execute_update("resume", BEN)
        failure = await failure_of(run)
        assert "suspended" not in failure.details[0]
        assert len(bench.fakes.called("prune_cluster")) == 1
        assert len(events(bench)) == 2

    async def test_begins_no_pruning(self, bench: Bench) -> None:
        bench.fakes.prune = ["b"]
        bench.fakes.hold("a/default")
        run = await bench.start(bench.app(topologies={"t": ["a"]}))
        await bench.fakes.begun("a/default")
        await bench.handle.execute_update("suspend", MIA)
        bench.fakes.release("a/default")
        await bench.until(lambda s: steps_of(s) == {"deploy-t": "succeeded"})
        await asyncio.sleep(0.2)
        assert bench.fakes.called("prune_cluster") == []
        assert bench.fakes.called("close_delivery") == []
        await bench.handle.execute_update("resume", BEN)
        assert (await result_of(run))["clusters"] == {"b": "pruned 2 objects"}

    async def test_a_failure_ends_the_run_all_the_same(self, bench: Bench) -> None:
        bench.fakes.hold("a/default")
        bench.fakes.failures["a/default"] = [failing(errors.UNHEALTHY)]
        steps = [deploy("d", "t"), deploy("later", "t")]
        run = await bench.start(bench.app(topologies={"t": ["a"]}, steps=steps))
        await bench.fakes.begun("a/default")
        await bench.handle.execute_update("suspend", MIA)
        bench.fakes.release("a/default")
        assert (await failure_of(run)).type == errors.DELIVERY_FAILED

    async def test_new_content_supersedes_and_is_not_suspended(self, bench: Bench) -> None:
        run = await bench.start(bench.app(steps=[suspend("gate")]))
        await bench.until_waiting("gate")
        await bench.handle.execute_update("suspend", MIA)
        answer = await bench.handle.execute_update("submit", bench.app(image="nginx:2"))
        assert answer["state"] == "superseding"
        result = await result_of(run)
        assert result["phase"] == "delivered"
        assert "superseded" in bench.fakes.closed_as()

    async def test_a_deletion_supersedes_it(self, bench: Bench) -> None:
        bench.fakes.owned = ["a"]
        run = await bench.start(bench.app(steps=[suspend("gate")]))
        await bench.until_waiting("gate")
        await bench.handle.execute_update("suspend", MIA)
        await bench.handle.execute_update("submit", {"intent": "delete"})
        assert (await result_of(run))["phase"] == "deleted"

    async def test_can_be_cancelled(self, bench: Bench) -> None:
        bench.fakes.hold("open_delivery")
        run = await bench.start(bench.app())
        await bench.handle.signal("suspend", MIA)
        bench.fakes.release("open_delivery")
        await bench.until(lambda s: s["steps"] and s.get("suspended"))
        await run.cancel()
        assert await bench.until_closed(run.result_run_id) == "CANCELED"
        state = await bench.state()
        assert state["phase"] == "cancelled"
        assert "suspended" not in state

    async def test_is_refused_for_a_deletion(self, bench: Bench) -> None:
        bench.fakes.owned = ["a"]
        bench.fakes.hold("prune a")
        run = await bench.start({"intent": "delete"})
        await bench.fakes.begun("prune a")
        said = await refusal(bench.handle.execute_update("suspend", MIA))
        assert said.startswith("a deletion can't be suspended")
        await bench.handle.signal("suspend", MIA)
        bench.fakes.release("prune a")
        result = await result_of(run)
        assert result["warnings"] == [f"not suspended: {said}"]

    @pytest.mark.parametrize(
        ("payload", "said"),
        [
            ([1], "expected nothing, or a JSON object with actor and reason"),
            ({"actor": 1}, "'actor' is a string"),
            ({"acter": "mia"}, "unknown key 'acter'; did you mean 'actor'?"),
        ],
    )
    async def test_refuses_what_it_can_not_read(
        self, bench: Bench, payload: Any, said: str
    ) -> None:
        run = await bench.start(bench.app(steps=[suspend("gate")]))
        await bench.until_waiting("gate")
        assert await refusal(bench.handle.execute_update("suspend", payload)) == said
        await bench.handle.signal("suspend", payload)
        await bench.handle.signal("suspend", args=[MIA, "more"])
        await bench.handle.signal("approve")
        result = await result_of(run)
        assert len(result["warnings"]) == 2


async def test_a_suspension_survives_its_worker(idle: Bench) -> None:
    async with idle.worker():
        run = await idle.start(
            idle.app(topologies={"t": ["a"]}, steps=[suspend("gate"), deploy("d", "t")])
        )
        await idle.until_waiting("gate")
        await idle.handle.execute_update("suspend", MIA)
        await idle.handle.execute_update("approve", {"actor": "zoe"})
    async with idle.worker(max_cached_workflows=0):
        await asyncio.sleep(0.5)
        assert (await idle.state())["suspended"]["reason"] == "looks odd"
        assert idle.fakes.delivered() == []
        await idle.handle.execute_update("resume", BEN)
        assert (await result_of(run))["phase"] == "delivered"


async def test_shards_begin_no_further_placement(bench: Bench) -> None:
    names = [f"m{number:03}" for number in range(205)]
    bench.fakes.clusters += names
    bench.fakes.hold("m001/default", stubborn=True)
    steps = [deploy("d", "t", parallelism=2)]
    run = await bench.start(bench.app(topologies={"t": names}, steps=steps))
    await bench.fakes.begun("m001/default")
    await bench.handle.execute_update("suspend", MIA)
    await asyncio.sleep(0.5)
    begun = len(bench.fakes.delivered())
    assert begun < 200
    bench.fakes.release("m001/default")
    await asyncio.sleep(0.5)
    assert len(bench.fakes.delivered()) <= begun + 1, "one may have been on its way"
    await bench.handle.execute_update("resume", BEN)
    result = await result_of(run, seconds=60)
    assert set(placements_of(result, "d").values()) == {"delivered"}
    assert len(bench.fakes.delivered()) == 205

"""Many placements: shards, the bound across them, and how fast histories grow."""

from __future__ import annotations

from collections import Counter

import pytest

from lateen.contracts import errors
from support.activities import failing
from support.applications import deploy
from support.temporal import Bench, event_types, failure_of, placements_of, result_of


def members(bench: Bench, count: int) -> list[str]:
    """Let there be that many clusters."""
    names = [f"m{number:03}" for number in range(count)]
    bench.fakes.clusters += names
    return names


class TestShards:
    async def test_run_one_after_another_under_one_bound(self, bench: Bench) -> None:
        names = members(bench, 230)
        bench.fakes.failures["m010/default"] = [failing(errors.REFUSED, "not ours")]
        bench.fakes.failures["m220/default"] = [failing(errors.REFUSED, "not ours")]
        steps = [deploy("d", "t", parallelism=40)]
        run = await bench.start(bench.app(topologies={"t": names}, steps=steps))
        failure = await failure_of(run, seconds=40)
        assert failure.message == "step 'd': m010/default: not ours (and 1 more)"
        phases = placements_of(failure.details[0], "d")
        assert Counter(phases.values()) == {"delivered": 228, "failed": 2}
        assert bench.fakes.most_in_flight["d"] <= 40
        events = Counter(await event_types(run))
        assert events["CHILD_WORKFLOW_EXECUTION_COMPLETED"] == 2
        order = [int(name.split(":m")[1][:3]) for name in bench.fakes.delivered()]
        assert max(order[:200]) == 199, "the second shard starts when the first is done"

    async def test_that_end_early_are_reported_and_stop_no_other(self, bench: Bench) -> None:
        names = members(bench, 205)
        bench.fakes.hold("m000/default")
        run = await bench.start(bench.app(topologies={"t": names}))
        await bench.fakes.begun("m000/default")
        shard = bench.client.get_workflow_handle(f"{bench.id}/deploy-t/1")
        await shard.terminate("from the UI")
        bench.fakes.release("m000/default")
        failure = await failure_of(run, seconds=30)
        phases = placements_of(failure.details[0], "deploy-t")
        assert Counter(phases.values()) == {"failed": 200, "delivered": 5}
        assert "its shard ended early" in failure.message

    async def test_are_cancelled_with_the_run_and_no_next_one_begins(self, bench: Bench) -> None:
        names = members(bench, 205)
        bench.fakes.hold("m000/default", stubborn=True)
        run = await bench.start(bench.app(topologies={"t": names}))
        await bench.fakes.begun("m000/default")
        await run.cancel()
        bench.fakes.release("m000/default")
        assert await bench.until_closed(run.result_run_id) == "CANCELED"
        assert not [n for n in bench.fakes.delivered() if n >= "deploy-t:m200"]
        assert bench.fakes.closed_as() == ["cancelled"]

    async def test_left_over_from_a_terminated_run_are_waited_for(self, bench: Bench) -> None:
        names = members(bench, 205)
        bench.fakes.hold("m000/default", stubborn=True)
        run = await bench.start(bench.app(topologies={"t": names}))
        await bench.fakes.begun("m000/default")
        await run.terminate("from the UI")
        second = await bench.start(bench.app(topologies={"t": names}))
        await bench.until(lambda s: s["steps"] and s["steps"][0]["phase"] == "delivering")
        bench.fakes.release("m000/default")
        result = await result_of(second, seconds=30)
        assert set(placements_of(result, "deploy-t").values()) == {"delivered"}


@pytest.mark.parametrize("pause", [0.0, 0.4], ids=["together", "apart"])
async def test_histories_grow_by_a_few_events_a_placement(bench: Bench, pause: float) -> None:
    """A placement is three events; each time the run must start another one costs three more at most.

    Placements that end together share a workflow task; those that end alone need one each, as the
    next one in line starts at once.
    """
    events: dict[int, int] = {}
    for count in (5, 50):
        names = members(bench, count) if count == 50 else ["a", "b", "c", "local", "local2"]
        bench.fakes.clusters.append("local2")
        if pause:
            bench.fakes.random_pause(pause)
        steps = [deploy("d", "t", parallelism=10)]
        run = await bench.start(bench.app(topologies={"t": names}, steps=steps, image=f"n:{count}"))
        await result_of(run)
        events[count] = len(await event_types(run))
    slope = (events[50] - events[5]) / 45
    print(f"{events} events, {slope:.1f} a placement")  # noqa: T201 - shown with -s
    assert slope <= (6.0 if pause else 5.0)

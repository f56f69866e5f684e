"""What a delivery does: its activities in order, its steps, its result, its failures."""

from __future__ import annotations

import asyncio
import time

from lateen.contracts import errors
from lateen.contracts.messages import DeliverPlacement, RunOptions
from support.activities import failing
from support.applications import deploy, group, suspend
from support.temporal import Bench, event_types, failure_of, placements_of, result_of, steps_of

AB = {"one": ["a"], "two": ["b"], "three": ["c"]}


async def test_an_application_without_a_workflow_is_opened_delivered_and_closed(
    bench: Bench,
) -> None:
    result = await bench.deliver(topologies={"t": ["a"]})
    assert bench.fakes.names() == ["open_delivery", "deliver_placement", "close_delivery"]
    assert result["phase"] == "delivered"
    assert steps_of(result) == {"deploy-t": "succeeded"}
    assert placements_of(result, "deploy-t") == {"a/default": "delivered"}
    assert (result["revision"], result["delivery"]) == ("v1", 1)
    closing = bench.fakes.called("close_delivery")[0]
    assert [p.cluster for p in closing.placements] == ["a"]
    assert [s.phase for s in closing.steps] == ["succeeded"]


async def test_topologies_without_a_workflow_are_delivered_in_order(bench: Bench) -> None:
    bench.fakes.random_pause(0.1)
    await bench.deliver(topologies=AB)
    assert bench.fakes.delivered() == [
        "deploy-one:a/default",
        "deploy-two:b/default",
        "deploy-three:c/default",
    ]


async def test_the_first_plan_comes_with_the_opening_and_later_ones_are_asked_for(
    bench: Bench,
) -> None:
    await bench.deliver(topologies={"one": ["a"], "two": ["b"]})
    assert [r.step for r in bench.fakes.called("plan_step")] == ["deploy-two"]


async def test_an_unchanged_application_ends_without_a_write(bench: Bench) -> None:
    bench.fakes.unchanged = True
    result = await bench.deliver()
    assert result["phase"] == "unchanged"
    assert bench.fakes.names() == ["open_delivery"]


def told(bench: Bench) -> list[tuple[str, int, str]]:
    """Return what the last close said was deleted."""
    removed = bench.fakes.called("close_delivery")[-1].removed
    return [(each.cluster, each.deleted, each.state) for each in removed]


async def test_what_no_step_places_is_pruned_once_after_the_last_step(bench: Bench) -> None:
    bench.fakes.prune = ["b", "c"]
    result = await bench.deliver(topologies={"t": ["a"]})
    assert bench.fakes.names()[2:] == [
        "close_delivery",
        "prune_cluster",
        "prune_cluster",
        "close_delivery",
    ]
    assert result["clusters"] == {"b": "pruned 2 objects", "c": "pruned 2 objects"}
    assert [r.pruned for r in bench.fakes.called("close_delivery")] == [False, True]
    assert sorted(told(bench)) == [("b", 2, ""), ("c", 2, "")]
    request = bench.fakes.called("prune_cluster")[0]
    assert not request.everything
    assert request.placements == []


async def test_a_failed_delivery_prunes_if_it_is_told_to_and_stays_failed(bench: Bench) -> None:
    bench.fakes.failures["b/default"] = [failing(errors.UNHEALTHY, "0 of 1 ready")]
    bench.fakes.prune_after_failure = ["a", "c"]
    unreachable = failing(errors.REFUSED, "no way")
    bench.fakes.failures["prune c"] = [unreachable]
    error = await failure_of(await bench.start(bench.app(topologies={"t": ["a", "b"]})))
    assert error.type == errors.DELIVERY_FAILED
    assert "0 of 1 ready" in error.message
    assert error.message.endswith("; not pruned: c: no way")
    assert [(r.phase, r.pruned) for r in bench.fakes.called("close_delivery")] == [
        ("failed", False),
        ("failed", True),
    ]
    asked = {r.cluster: r for r in bench.fakes.called("prune_cluster")}
    assert [p.cluster for p in asked["a"].placements] == ["a"]
    assert all(r.partly and not r.everything for r in asked.values())


async def test_a_pruned_cluster_is_told_of_its_own_placements_only(bench: Bench) -> None:
    """With all of them in each, a change of a few hundred clusters is more than a history takes."""
    bench.fakes.prune = ["a", "b", "c"]
    await bench.deliver(topologies={"t": ["a", "b"]})
    asked = {r.cluster: r.placements for r in bench.fakes.called("prune_cluster")}
    assert {name: [p.cluster for p in found] for name, found in asked.items()} == {
        "a": ["a"],
        "b": ["b"],
        "c": [],
    }


async def test_a_cluster_that_cannot_be_pruned_fails_the_run_but_not_the_others(
    bench: Bench,
) -> None:
    bench.fakes.prune = ["b", "c"]
    bench.fakes.failures["prune b"] = [failing(errors.REFUSED, "a finalizer holds it")]
    failure = await failure_of(await bench.start(bench.app()))
    assert failure.type == errors.DELIVERY_FAILED
    assert failure.message == "delivered, but not pruned: b: a finalizer holds it"
    assert failure.details[0]["clusters"]["c"] == "pruned 2 objects"
    assert sorted(told(bench)) == [("b", 0, "failed"), ("c", 2, "")]


class TestPlacements:
    async def test_never_more_are_in_flight_than_the_step_allows(self, bench: Bench) -> None:
        names = [f"m{n}" for n in range(20)]
        bench.fakes.clusters += names
        bench.fakes.random_pause(0.1)
        steps = [deploy("d", "t", parallelism=4)]
        result = await bench.deliver(topologies={"t": names}, steps=steps)
        assert bench.fakes.most_in_flight == {"d": 4}
        assert set(placements_of(result, "d").values()) == {"delivered"}
        assert sorted(bench.fakes.delivered()) == sorted(f"d:{n}/default" for n in names)

    async def test_one_that_fails_stops_no_other_and_fails_the_run(self, bench: Bench) -> None:
        bench.fakes.failures["b/default"] = [failing(errors.REFUSED, "it is not ours")]
        steps = [deploy("d", "t"), deploy("later", "t")]
        run = await bench.start(bench.app(topologies={"t": ["a", "b", "c"]}, steps=steps))
        failure = await failure_of(run)
        assert failure.type == errors.DELIVERY_FAILED
        assert failure.message == "step 'd': b/default: it is not ours"
        details = failure.details[0]
        assert steps_of(details) == {"d": "failed", "later": "skipped"}
        assert placements_of(details, "d") == {
            "a/default": "delivered",
            "b/default": "failed",
            "c/default": "delivered",
        }
        assert bench.fakes.closed_as() == ["failed"]
        assert "prune_cluster" not in bench.fakes.names()

    async def test_all_failures_are_counted(self, bench: Bench) -> None:
        for name in ("a/default", "b/default"):
            bench.fakes.failures[name] = [failing(errors.UNHEALTHY, "0 of 1 ready")]
        failure = await failure_of(await bench.start(bench.app(topologies={"t": ["a", "b"]})))
        assert failure.message == "step 'deploy-t': a/default: 0 of 1 ready (and 1 more)"

    async def test_a_failure_that_may_pass_is_tried_again(self, bench: Bench) -> None:
        unreachable = failing(errors.CLUSTER_UNREACHABLE, retryable=True)
        bench.fakes.failures["a/default"] = [unreachable]
        await bench.deliver(topologies={"t": ["a"]})
        attempts = [c.attempt for c in bench.fakes.calls if c.name == "deliver_placement"]
        assert attempts == [1, 2]
        first, second = bench.fakes.called("deliver_placement")
        assert first.deadline == second.deadline

    async def test_each_has_its_own_deadline_from_its_start(self, bench: Bench) -> None:
        bench.fakes.options = RunOptions(deadline_seconds=120)
        bench.fakes.pause = lambda: 0.3
        before = time.time()
        steps = [deploy("d", "t", parallelism=1)]
        await bench.deliver(topologies={"t": ["a", "b"]}, steps=steps)
        requests: list[DeliverPlacement] = bench.fakes.called("deliver_placement")
        first, second = (r.deadline for r in requests)
        assert 120 <= first - before < 125
        assert second - first >= 0.3
        assert {r.delivery for r in requests} == {1}
        assert {r.hub_uid for r in requests} == {"hub-0"}

    async def test_a_changed_plan_is_planned_again_and_said(self, bench: Bench) -> None:
        bench.fakes.failures["b/default"] = [failing(errors.PLAN_CHANGED)]
        result = await bench.deliver(topologies={"t": ["a", "b"]})
        assert bench.fakes.delivered()[2:] == ["deploy-t:b/default"], "a is delivered already"
        assert [r.step for r in bench.fakes.called("plan_step")] == ["deploy-t"]
        assert "planned again" in result["warnings"][0]

    async def test_a_changed_plan_reaches_every_placement_whose_content_changed(
        self, bench: Bench
    ) -> None:
        bench.fakes.failures["b/default"] = [failing(errors.PLAN_CHANGED)]
        bench.fakes.plan_salt["deploy-t"] = ["", "new"]
        await bench.deliver(topologies={"t": ["a", "b"]})
        assert sorted(bench.fakes.delivered()[2:]) == [
            "deploy-t:a/default",
            "deploy-t:b/default",
        ]

    async def test_a_plan_that_never_settles_fails_the_step_with_a_reason(
        self, bench: Bench
    ) -> None:
        bench.fakes.failures["a/default"] = [failing(errors.PLAN_CHANGED) for _ in range(30)]
        failure = await failure_of(await bench.start(bench.app(topologies={"t": ["a"]})))
        assert failure.type == errors.DELIVERY_FAILED
        assert "changed" in failure.message
        assert len(bench.fakes.delivered()) == 10


class TestSteps:
    async def test_those_after_a_failed_one_are_skipped_unless_they_always_run(
        self, bench: Bench
    ) -> None:
        bench.fakes.failures["a/default"] = [failing(errors.REFUSED)]
        steps = [
            deploy("first", "one"),
            deploy("second", "two"),
            deploy("cleanup", "three", **{"if": "always"}),
        ]
        failure = await failure_of(await bench.start(bench.app(topologies=AB, steps=steps)))
        assert steps_of(failure.details[0]) == {
            "first": "failed",
            "second": "skipped",
            "cleanup": "succeeded",
        }
        assert bench.fakes.delivered() == ["first:a/default", "cleanup:c/default"]

    async def test_a_dag_runs_what_does_not_depend_on_each_other_at_once(
        self, bench: Bench
    ) -> None:
        bench.fakes.hold("a/default", "b/default")
        steps = [
            deploy("last", "three", dependsOn=["left", "right"]),
            deploy("left", "one"),
            deploy("right", "two"),
        ]
        run = await bench.start(bench.app(topologies=AB, steps=steps, mode={"steps": "DAG"}))
        await bench.fakes.begun("a/default")
        await bench.fakes.begun("b/default")
        bench.fakes.release("a/default")
        await bench.until(lambda s: steps_of(s)["left"] == "succeeded")
        assert steps_of(await bench.state())["last"] == "pending"
        bench.fakes.release("b/default")
        await result_of(run)
        assert bench.fakes.delivered()[-1] == "last:c/default"

    async def test_a_dag_skips_all_that_depends_on_a_failure_however_far(
        self, bench: Bench
    ) -> None:
        bench.fakes.failures["a/default"] = [failing(errors.REFUSED)]
        steps = [
            deploy("first", "one"),
            deploy("next", "two", dependsOn=["first"]),
            deploy("far", "three", dependsOn=["next"]),
            deploy("apart", "two"),
            deploy("cleanup", "three", dependsOn=["next"], **{"if": "always"}),
        ]
        run = await bench.start(bench.app(topologies=AB, steps=steps, mode={"steps": "DAG"}))
        failure = await failure_of(run)
        assert steps_of(failure.details[0]) == {
            "first": "failed",
            "next": "skipped",
            "far": "skipped",
            "apart": "succeeded",
            "cleanup": "succeeded",
        }

    async def test_the_steps_of_a_group_run_in_parallel(self, bench: Bench) -> None:
        bench.fakes.hold("a/default", "b/default")
        steps = [group("both", deploy("x", "one"), deploy("y", "two")), deploy("after", "three")]
        run = await bench.start(bench.app(topologies=AB, steps=steps))
        await bench.fakes.begun("a/default")
        await bench.fakes.begun("b/default")
        bench.fakes.release("a/default", "b/default")
        result = await result_of(run)
        assert set(steps_of(result)) == {"both", "x", "y", "after"}
        assert set(steps_of(result).values()) == {"succeeded"}

    async def test_a_group_fails_with_its_step(self, bench: Bench) -> None:
        bench.fakes.failures["a/default"] = [failing(errors.REFUSED, "no")]
        steps = [group("both", deploy("x", "one"), deploy("y", "two")), deploy("after", "three")]
        failure = await failure_of(await bench.start(bench.app(topologies=AB, steps=steps)))
        assert failure.message == "step 'x': a/default: no"
        assert steps_of(failure.details[0]) == {
            "both": "failed",
            "x": "failed",
            "y": "succeeded",
            "after": "skipped",
        }

    async def test_a_deploy_step_without_a_topology_deploys_nothing_and_says_so(
        self, bench: Bench
    ) -> None:
        app = bench.app(topologies={"t": ["a"]}, steps=[deploy("d", "more")])
        override = {"components": [{"name": "web", "properties": {"image": "nginx:2"}}]}
        app["spec"]["policies"].append({"name": "more", "type": "override", "properties": override})
        result = await result_of(await bench.start(app))
        assert result["steps"][0]["message"] == "no placements: nothing was deployed"
        assert bench.fakes.delivered() == []

    async def test_a_plan_that_fails_fails_its_step(self, bench: Bench) -> None:
        bench.fakes.failures["plan_step"] = [failing(errors.INVALID_APPLICATION, "no clusters")]
        run = await bench.start(bench.app(topologies={"one": ["a"], "two": ["b"]}))
        failure = await failure_of(run)
        assert failure.type == errors.DELIVERY_FAILED
        assert failure.message == "step 'deploy-two': no clusters"


class TestTimeouts:
    async def test_of_a_step_cancels_its_placements_and_fails_it(self, bench: Bench) -> None:
        bench.fakes.hold("a/default")
        steps = [deploy("d", "t", timeout="1s"), deploy("later", "t")]
        run = await bench.start(bench.app(topologies={"t": ["a", "b"]}, steps=steps))
        failure = await failure_of(run)
        assert failure.message == "step 'd': timed out after 0:00:01"
        assert placements_of(failure.details[0], "d") == {
            "a/default": "failed",
            "b/default": "delivered",
        }
        assert bench.fakes.ended[-1] == ("a/default", "cancelled")
        assert steps_of(failure.details[0])["later"] == "skipped"

    async def test_of_a_step_bounds_its_approval_too(self, bench: Bench) -> None:
        steps = [deploy("d", "t", auto=False, timeout="1s")]
        run = await bench.start(bench.app(topologies={"t": ["a"]}, steps=steps))
        failure = await failure_of(run)
        assert failure.message == "step 'd': timed out after 0:00:01"
        assert failure.details[0]["phase"] == "failed"
        assert bench.fakes.delivered() == []
        state = await bench.state()
        assert state["waiting"] == []

    async def test_of_a_group_cancels_what_is_in_it(self, bench: Bench) -> None:
        bench.fakes.hold("a/default")
        steps = [group("g", deploy("x", "one"), suspend("y"), timeout="1s")]
        run = await bench.start(bench.app(topologies=AB, steps=steps))
        failure = await failure_of(run)
        assert failure.message == "step 'g': timed out after 0:00:01"
        found = steps_of(failure.details[0])
        assert found == {"g": "failed", "x": "cancelled", "y": "cancelled"}
        assert placements_of(failure.details[0], "x") == {"a/default": "cancelled"}


class TestSuspending:
    async def test_for_a_time_goes_on_by_itself(self, bench: Bench) -> None:
        steps = [suspend("pause", duration="1s"), deploy("d", "t")]
        result = await bench.deliver(topologies={"t": ["a"]}, steps=steps)
        assert steps_of(result) == {"pause": "succeeded", "d": "succeeded"}
        assert result["steps"][0]["message"] == "the time is over"

    async def test_for_a_time_can_be_cut_short(self, bench: Bench) -> None:
        steps = [suspend("pause", duration="1h"), deploy("d", "t")]
        run = await bench.start(bench.app(topologies={"t": ["a"]}, steps=steps))
        await bench.until_waiting("pause")
        await bench.handle.signal("approve", {"actor": "mia"})
        result = await result_of(run)
        assert result["steps"][0]["message"] == "approved by mia"
        assert "TIMER_CANCELED" in await event_types(run)

    async def test_without_a_time_waits_for_a_decision(self, bench: Bench) -> None:
        steps = [suspend("pause"), deploy("d", "t")]
        run = await bench.start(bench.app(topologies={"t": ["a"]}, steps=steps))
        state = await bench.until_waiting("pause")
        assert state["phase"] == "waiting"
        assert state["waiting"][0]["revision"] == "v1"
        await asyncio.sleep(0.1)
        assert bench.fakes.delivered() == []
        await bench.handle.signal("approve")
        assert steps_of(await result_of(run)) == {"pause": "succeeded", "d": "succeeded"}
        assert [e.type for e in bench.fakes.events] == ["waiting", "approved"]


class TestOpening:
    async def test_that_is_refused_fails_the_run_with_the_same_type(self, bench: Bench) -> None:
        bench.fakes.failures["open_delivery"] = [failing(errors.REFUSED, "KubeVela owns it")]
        failure = await failure_of(await bench.start(bench.app()))
        assert (failure.type, failure.message) == (errors.REFUSED, "KubeVela owns it")
        assert bench.fakes.names() == ["open_delivery"]

    async def test_closing_that_fails_fails_the_run_with_the_same_type(self, bench: Bench) -> None:
        bench.fakes.failures["close_delivery"] = [failing(errors.SUPERSEDED, "delivery 2 is open")]
        failure = await failure_of(await bench.start(bench.app()))
        assert (failure.type, failure.message) == (errors.SUPERSEDED, "delivery 2 is open")


async def test_a_confirmed_removal_is_part_of_what_is_approved(bench: Bench) -> None:
    bench.fakes.first_plan = False
    content = bench.app(topologies={"t": ["a"]})
    run = await bench.start({"application": content, "confirmRemoval": ["c"]})
    await result_of(run)
    assert bench.fakes.called("plan_step")[0].confirm_removal == ["c"]

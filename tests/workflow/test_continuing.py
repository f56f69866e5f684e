"""Runs that continue a recorded delivery: what was done stays done, and what that means on an open run."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError

from lateen.contracts import errors
from lateen.contracts.messages import Decision, PlacementOutcome, StepOutcome
from lateen.model.base import Json
from support.activities import failing
from support.applications import deploy, group, suspend
from support.temporal import Bench, failure_of, placements_of, result_of, steps_of

RESUME: Json = {"resume": {}}
RESTART: Json = {"resume": {"restart": True, "id": "1"}}
TOPOLOGIES = {"t": ["a"], "u": ["b", "c"]}
STEPS = [deploy("one", "t"), deploy("two", "u"), suspend("gate"), deploy("three", "t")]


async def failed(bench: Bench, *, steps: list[Json] | None = None) -> Json:
    """Deliver with cluster c down; return the run's result."""
    bench.fakes.failures["c/default"] = [failing(errors.UNHEALTHY, "down")]
    run = await bench.start(bench.app(topologies=TOPOLOGIES, steps=steps or STEPS))
    result: Json = (await failure_of(run)).details[0]
    bench.fakes.calls.clear()
    return result


def done_of(result: Json, *steps: str, **decisions: Decision) -> list[StepOutcome]:
    """Return what a worker would find done: the steps named, and of others what was delivered."""
    found: list[StepOutcome] = []
    for told in result["steps"]:
        outcome = StepOutcome.model_validate(told)
        delivered = [p for p in outcome.placements if p.phase == "delivered"]
        phase = "succeeded" if outcome.name in steps else "pending"
        if delivered or phase == "succeeded" or outcome.name in decisions:
            update = {
                "phase": phase,
                "placements": delivered,
                "message": "in delivery 1",
                "decision": decisions.get(outcome.name),
            }
            found.append(outcome.model_copy(update=update))
    return found


async def submit(bench: Bench, envelope: Json) -> Json:
    """Send as lateen's own client does: update with start, the envelope as the start's argument too."""
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        "Application",
        envelope,
        id=bench.id,
        task_queue=bench.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    answer: Json = await bench.client.execute_update_with_start_workflow(
        "submit", envelope, start_workflow_operation=start
    )
    return answer


async def refused(bench: Bench, envelope: Json) -> ApplicationError:
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await submit(bench, envelope)
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause


class TestOnAClosedRun:
    async def test_only_what_was_not_done_is_delivered(self, bench: Bench) -> None:
        bench.fakes.done = done_of(await failed(bench), "one")
        answer = await submit(bench, RESUME)
        assert answer["state"] == "started"
        state = await bench.until_waiting("gate")
        assert steps_of(state)["one"] == "succeeded"
        assert bench.fakes.delivered() == ["two:c/default"]
        await bench.handle.signal("approve")
        result = await result_of(bench.handle)
        assert bench.fakes.delivered() == ["two:c/default", "three:a/default"]
        assert placements_of(result, "two") == {"b/default": "delivered", "c/default": "delivered"}
        assert result["steps"][0]["message"] == "in delivery 1"
        (opening,) = bench.fakes.called("open_delivery")
        assert opening.content == {}
        assert not opening.continuation.restart

    async def test_what_was_done_counts_for_pruning_and_for_the_record(self, bench: Bench) -> None:
        bench.fakes.done = done_of(await failed(bench), "one", "gate")
        bench.fakes.prune = ["b"]
        await submit(bench, RESUME)
        await result_of(bench.handle)
        closing = bench.fakes.called("close_delivery")[-1]
        assert {(p.step, p.cluster) for p in closing.placements} == {
            ("one", "a"),
            ("two", "b"),
            ("two", "c"),
            ("three", "a"),
        }
        (pruning,) = bench.fakes.called("prune_cluster")
        assert [(p.step, p.cluster) for p in pruning.placements] == [("two", "b")]

    async def test_with_nothing_left_to_do_it_is_closed_as_delivered(self, bench: Bench) -> None:
        result = await bench.deliver(topologies={"t": ["a"]})
        bench.fakes.calls.clear()
        bench.fakes.done = done_of(result, "deploy-t")
        await submit(bench, RESUME)
        assert (await result_of(bench.handle))["phase"] == "delivered"
        assert bench.fakes.names() == ["open_delivery", "close_delivery"]

    async def test_plain_starts_and_signals_do_it_too(self, bench: Bench) -> None:
        bench.fakes.done = done_of(await failed(bench), "one", "gate")
        await bench.start(None, {"resume": {"delivery": 1}, "actor": "mia"})
        await result_of(bench.handle)
        assert bench.fakes.delivered() == ["two:c/default", "three:a/default"]
        (opening,) = bench.fakes.called("open_delivery")
        assert (opening.actor, opening.continuation.delivery) == ("mia", 1)
        bench.fakes.calls.clear()
        await bench.start(start_signal="submit", start_signal_args=[RESTART])
        await result_of(bench.handle)
        assert bench.fakes.called("open_delivery")[0].continuation.restart

    async def test_a_step_inside_a_group_stays_done(self, bench: Bench) -> None:
        steps = [group("g", deploy("one", "t"), deploy("two", "u")), deploy("three", "t")]
        bench.fakes.done = done_of(await failed(bench, steps=steps), "one")
        await submit(bench, RESUME)
        result = await result_of(bench.handle)
        assert bench.fakes.delivered() == ["two:c/default", "three:a/default"]
        assert steps_of(result)["g"] == "succeeded"

    async def test_a_dag_goes_on_behind_what_is_done(self, bench: Bench) -> None:
        steps = [deploy("two", "u", dependsOn=["one"]), deploy("one", "t")]
        bench.fakes.failures["c/default"] = [failing(errors.UNHEALTHY, "down")]
        app = bench.app(topologies=TOPOLOGIES, steps=steps, mode={"steps": "DAG"})
        result = (await failure_of(await bench.start(app))).details[0]
        bench.fakes.calls.clear()
        bench.fakes.done = done_of(result, "one")
        await submit(bench, RESUME)
        await result_of(bench.handle)
        assert bench.fakes.delivered() == ["two:c/default"]

    async def test_what_the_worker_refuses_fails_the_run(self, bench: Bench) -> None:
        message = "resume: nothing was ever delivered"
        bench.fakes.failures["open_delivery"] = [failing(errors.INVALID_APPLICATION, message)]
        await submit(bench, RESUME)
        failure = await failure_of(bench.handle)
        assert (failure.type, failure.message) == (errors.INVALID_APPLICATION, message)


class TestApprovals:
    GATE = [deploy("gate", "u", auto=False)]

    async def approved_then_failed(self, bench: Bench) -> tuple[Json, Decision]:
        bench.fakes.failures["c/default"] = [failing(errors.UNHEALTHY, "down")]
        run = await bench.start(bench.app(topologies=TOPOLOGIES, steps=self.GATE))
        await bench.until_waiting("gate")
        await bench.handle.signal("approve", {"actor": "mia"})
        result: Json = (await failure_of(run)).details[0]
        assert [e.plan for e in bench.fakes.events if e.type == "approved"] != [""]
        bench.fakes.calls.clear()
        return result, Decision.model_validate(result["steps"][0]["decision"])

    async def test_of_the_very_same_plan_count_on(self, bench: Bench) -> None:
        result, decision = await self.approved_then_failed(bench)
        bench.fakes.done = done_of(result, gate=decision)
        await submit(bench, RESUME)
        again = await result_of(bench.handle)
        assert bench.fakes.delivered() == ["gate:c/default"]
        assert again["steps"][0]["decision"]["actor"] == "mia"

    async def test_of_another_plan_are_asked_for_again(self, bench: Bench) -> None:
        result, decision = await self.approved_then_failed(bench)
        old = decision.model_copy(update={"plan": "another"})
        bench.fakes.done = done_of(result, gate=old)
        await submit(bench, RESUME)
        state = await bench.until_waiting("gate")
        assert "decision" not in state["steps"][0]
        await bench.handle.signal("approve", {"actor": "ben"})
        again = await result_of(bench.handle)
        assert bench.fakes.delivered() == ["gate:c/default"]
        assert again["steps"][0]["decision"]["actor"] == "ben"

    async def test_count_once(self, bench: Bench) -> None:
        result, decision = await self.approved_then_failed(bench)
        bench.fakes.done = done_of(result, gate=decision)
        bench.fakes.failures["c/default"] = [failing(errors.PLAN_CHANGED)]
        await submit(bench, RESUME)
        await bench.until_waiting("gate")
        await bench.handle.signal("reject")
        await failure_of(bench.handle)


class TestOnAnOpenRun:
    async def test_resuming_what_is_being_delivered_joins_it(self, bench: Bench) -> None:
        await bench.start(bench.app(steps=[suspend("gate")]))
        state = await bench.until_waiting("gate")
        answer = await submit(bench, RESUME)
        assert (answer["state"], answer["digest"]) == ("joined", state["digest"])
        await bench.handle.signal("approve")
        await result_of(bench.handle)

    async def test_restarting_supersedes_it_once(self, bench: Bench) -> None:
        await bench.start(bench.app(steps=[suspend("gate")]))
        await bench.until_waiting("gate")
        assert (await submit(bench, RESTART))["state"] == "superseding"
        await bench.until(lambda s: s["previous"] and s["waiting"])
        assert (await submit(bench, RESTART))["state"] == "joined", "the same wish, sent again"
        other = {"resume": {"restart": True, "id": "2"}}
        assert (await submit(bench, other))["state"] == "superseding"
        await bench.until(lambda s: len(s["previous"]) == 2 and s["waiting"])
        await bench.handle.signal("approve")
        assert (await result_of(bench.handle))["phase"] == "delivered"

    async def test_what_can_not_be_restarted_stops_nothing(self, bench: Bench) -> None:
        await bench.start(bench.app(steps=[suspend("gate")]))
        await bench.until_waiting("gate")
        bench.fakes.unfit = "resume.step: the workflow has no such step"
        failure = await refused(bench, {"resume": {"step": "gatr"}})
        assert failure.message == bench.fakes.unfit
        (vetting,) = bench.fakes.called("vet_submission")
        assert vetting.continuation.restart, "a step means a restart"
        await bench.handle.signal("approve")
        assert (await result_of(bench.handle))["phase"] == "delivered"

    async def test_a_deletion_is_not_superseded(self, bench: Bench) -> None:
        bench.fakes.owned = ["a"]
        bench.fakes.hold("prune a")
        run = await bench.start({"intent": "delete"})
        await bench.fakes.begun("prune a")
        for envelope in (RESUME, RESTART):
            failure = await refused(bench, envelope)
            assert failure.message.startswith("it is being deleted")
            await bench.handle.signal("submit", envelope)
        bench.fakes.release("prune a")
        result = await result_of(run)
        assert result["phase"] == "deleted"
        assert len(result["warnings"]) == 2

    async def test_a_deletion_that_comes_next_is_not_superseded(self, bench: Bench) -> None:
        bench.fakes.hold("a/default", stubborn=True)
        await bench.start(bench.app(topologies={"t": ["a"]}))
        await bench.fakes.begun("a/default")
        await bench.handle.execute_update("submit", {"intent": "delete"})
        for envelope in (RESUME, RESTART):
            failure = await refused(bench, envelope)
            assert failure.message.startswith("it is being deleted")
            await bench.handle.signal("submit", envelope)
        bench.fakes.release("a/default")
        assert (await result_of(bench.handle))["phase"] == "deleted"

    async def test_content_that_is_not_recorded_yet_is_not_lost(self, bench: Bench) -> None:
        bench.fakes.hold("open_delivery")
        await bench.start(bench.app())
        await bench.fakes.begun("open_delivery")
        failure = await refused(bench, RESTART)
        assert "has not begun" in failure.message
        assert (await submit(bench, RESUME))["state"] == "joined"
        bench.fakes.release("open_delivery")
        assert (await result_of(bench.handle))["phase"] == "delivered"

    async def test_new_content_supersedes_a_resumed_run(self, bench: Bench) -> None:
        bench.fakes.done = done_of(await failed(bench), "one")
        await submit(bench, RESUME)
        await bench.until_waiting("gate")
        answer = await bench.handle.execute_update("submit", bench.app(image="nginx:2"))
        assert answer["state"] == "superseding"
        assert (await result_of(bench.handle))["phase"] == "delivered"


@pytest.mark.parametrize(
    ("resume", "said"),
    [
        ([], "resume: expected an object"),
        ({"stpe": "a"}, "resume.stpe: unknown key; did you mean 'step'?"),
        ({"delivery": "1"}, "resume.delivery: expected a number (got '1')"),
        ({"delivery": True}, "resume.delivery: expected a number"),
        ({"restart": "yes"}, "resume.restart: expected true or false (got 'yes')"),
        ({"step": 1}, "resume.step: expected a string (got 1)"),
    ],
)
async def test_a_wish_that_can_not_be_read_is_refused(bench: Bench, resume: Any, said: str) -> None:
    run = await bench.start({"resume": resume})
    failure = await failure_of(run)
    assert failure.type == errors.INVALID_APPLICATION
    assert said in failure.message


async def test_an_application_and_a_wish_to_resume_are_one_too_many(bench: Bench) -> None:
    run = await bench.start({"application": bench.app(), "resume": {}})
    assert "not both" in (await failure_of(run)).message


async def test_a_placement_that_is_done_with_other_content_is_delivered(bench: Bench) -> None:
    result = await failed(bench)
    old = PlacementOutcome(cluster="b", namespace="default", phase="delivered", digest="old")
    bench.fakes.done = [
        *done_of(result, "one", "gate")[:1],
        StepOutcome(name="two", type="deploy", phase="pending", placements=[old]),
    ]
    await submit(bench, RESUME)
    await bench.until_waiting("gate")
    assert sorted(bench.fakes.delivered()) == ["two:b/default", "two:c/default"]
    await bench.handle.signal("approve")
    await result_of(bench.handle)

"""Approvals: who may decide when, what a decision does, and what never does harm."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from lateen.contracts import errors
from lateen.contracts.messages import PruneTarget, RunOptions
from support.activities import failing
from support.applications import deploy, suspend
from support.temporal import Bench, event_types, failure_of, placements_of, result_of, steps_of

TASK_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
GATED = [deploy("gate", "t", auto=False)]


async def gated(bench: Bench, **more: Any) -> Any:
    """Start a delivery that waits for one approval."""
    app = bench.app(topologies={"t": ["a"]}, **{"steps": GATED, **more})
    run = await bench.start(app)
    await bench.until_waiting(app["spec"]["workflow"]["steps"][0]["name"])
    return run


async def void_events(bench: Bench) -> list[str]:
    return [e.message for e in bench.fakes.events if e.type == "void"]


class TestBySignal:
    @pytest.mark.parametrize(
        ("arguments", "actor", "reason"),
        [
            ([], "unattributed", ""),
            ([None], "unattributed", ""),
            ([{}], "unattributed", ""),
            (["looks good"], "unattributed", "looks good"),
            ([{"actor": "mia", "reason": "tested"}], "mia", "tested"),
            ([{"step": "gate", "actor": "mia"}], "mia", ""),
        ],
    )
    async def test_counts_for_the_step_that_waits(
        self, bench: Bench, arguments: list[Any], actor: str, reason: str
    ) -> None:
        run = await gated(bench)
        await bench.handle.signal("approve", args=arguments)
        result = await result_of(run)
        decision = result["steps"][0]["decision"]
        assert (decision["approved"], decision["actor"]) == (True, actor)
        assert decision["reason"] == reason
        approved = next(e for e in bench.fakes.events if e.type == "approved")
        assert (approved.actor, approved.reason, approved.step) == (actor, reason, "gate")

    async def test_names_plan_and_revision_that_were_shown(self, bench: Bench) -> None:
        run = await gated(bench)
        waiting = (await bench.state())["waiting"][0]
        decision = {"plan": waiting["plan"], "revision": waiting["revision"], "actor": "mia"}
        assert waiting["plan"]
        await bench.handle.signal("approve", decision)
        result = await result_of(run)
        assert result["steps"][0]["decision"]["plan"] == waiting["plan"]

    async def test_rejecting_ends_the_run_and_says_who_and_why(self, bench: Bench) -> None:
        steps = [*GATED, deploy("later", "t")]
        run = await gated(bench, steps=steps)
        await bench.handle.signal("reject", {"actor": "mia", "reason": "not on a Friday"})
        failure = await failure_of(run)
        assert failure.type == errors.REJECTED
        assert failure.message == "step 'gate': rejected by mia: not on a Friday"
        details = failure.details[0]
        assert steps_of(details) == {"gate": "rejected", "later": "skipped"}
        assert details["phase"] == "rejected"
        assert details["steps"][0]["decision"]["actor"] == "mia"
        assert bench.fakes.delivered() == []
        assert bench.fakes.closed_as() == ["rejected"]


class TestWithoutEffect:
    async def test_early(self, bench: Bench) -> None:
        bench.fakes.hold("open_delivery")
        await bench.start(bench.app(topologies={"t": ["a"]}, steps=GATED))
        await bench.fakes.begun("open_delivery")
        await bench.handle.signal("approve", {"actor": "hasty"})
        bench.fakes.release("open_delivery")
        await bench.until_waiting("gate")
        await asyncio.sleep(0.1)
        assert bench.fakes.delivered() == []
        await bench.handle.signal("approve", {"actor": "mia"})
        result = await result_of(bench.handle)
        assert result["steps"][0]["decision"]["actor"] == "mia"
        assert await void_events(bench) == [
            "approved, without effect: nothing waits for a decision"
        ]

    async def test_twice(self, bench: Bench) -> None:
        run = await gated(bench, steps=[*GATED, suspend("next")])
        for actor in ("mia", "ben"):
            await bench.handle.signal("approve", {"step": "gate", "actor": actor})
        state = await bench.until_waiting("next")
        assert state["steps"][0]["decision"]["actor"] == "mia"
        await bench.handle.signal("approve")
        await result_of(run)
        assert len(await void_events(bench)) == 1

    async def test_late(self, bench: Bench) -> None:
        bench.fakes.hold("a/default")
        run = await gated(bench)
        await bench.handle.signal("approve", {"actor": "mia"})
        await bench.fakes.begun("a/default")
        await bench.handle.signal("reject", {"actor": "ben"})
        bench.fakes.release("a/default")
        result = await result_of(run)
        assert result["phase"] == "delivered"
        assert await void_events(bench) == [
            "rejected, without effect: nothing waits for a decision"
        ]

    @pytest.mark.parametrize(
        ("decision", "why"),
        [
            ({"step": "other"}, "step 'other' does not wait; waiting: 'gate'"),
            ({"plan": "0000"}, "the decision is for another plan than the one that waits"),
            ({"revision": "v0"}, "the decision is for revision 'v0', not 'v1'"),
            ({"step": 7}, "'step' of a decision is a string"),
            ({"actor": ["mia"]}, "'actor' of a decision is a string"),
            (7, "a decision is a JSON object with step, actor, reason"),
            ([], "a decision is a JSON object with step, actor, reason"),
            ([[[1]]], "a decision is a JSON object with step, actor, reason"),
            (True, "a decision is a JSON object with step, actor, reason"),
            (1e300, "a decision is a JSON object with step, actor, reason"),
        ],
    )
    async def test_for_something_else_or_unreadable(
        self, bench: Bench, decision: Any, why: str
    ) -> None:
        run = await gated(bench)
        await bench.handle.signal("approve", decision)
        await bench.handle.signal("reject", decision)
        assert (await bench.state())["waiting"], "still"
        await bench.handle.signal("approve")
        await result_of(run)
        found = await void_events(bench)
        assert len(found) == 2
        assert all(why in event for event in found)

    async def test_unnamed_while_several_steps_wait(self, bench: Bench) -> None:
        steps = [suspend("left"), suspend("right")]
        app = bench.app(steps=steps, mode={"steps": "DAG"})
        run = await bench.start(app)
        await bench.until_waiting("left", "right")
        await bench.handle.signal("approve")
        await bench.handle.signal("approve", {"step": "right"})
        state = await bench.until_waiting("left")
        assert steps_of(state) == {"left": "waiting", "right": "succeeded"}
        await bench.handle.signal("approve")
        await result_of(run)
        assert await void_events(bench) == [
            "approved, without effect: several steps wait ('left', 'right'); name one"
        ]

    async def test_unattributed_where_a_name_is_required(self, bench: Bench) -> None:
        bench.fakes.options = RunOptions(require_attributed_approvals=True)
        run = await gated(bench)
        await bench.handle.signal("approve")
        await bench.handle.signal("approve", "sure")
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await bench.handle.execute_update("approve", {"reason": "sure"})
        assert "send an actor" in str(refused.value.cause)
        await bench.handle.signal("approve", {"actor": "mia"})
        result = await result_of(run)
        assert result["steps"][0]["decision"]["actor"] == "mia"
        assert len(await void_events(bench)) == 2


class TestByUpdate:
    async def test_answers_which_step_it_was(self, bench: Bench) -> None:
        run = await gated(bench)
        answer = await bench.handle.execute_update("approve", {"actor": "mia"})
        assert answer == {
            "accepted": True,
            "step": "gate",
            "actor": "mia",
            "message": "approved step 'gate'",
        }
        assert (await result_of(run))["phase"] == "delivered"

    async def test_rejecting_answers_too(self, bench: Bench) -> None:
        run = await gated(bench)
        answer = await bench.handle.execute_update("reject", {"actor": "mia"})
        assert answer["message"] == "rejected step 'gate'"
        assert (await failure_of(run)).type == errors.REJECTED

    @pytest.mark.parametrize("verb", ["approve", "reject"])
    async def test_is_refused_when_nothing_waits_and_leaves_no_event(
        self, bench: Bench, verb: str
    ) -> None:
        bench.fakes.hold("a/default")
        run = await bench.start(bench.app(topologies={"t": ["a"]}))
        await bench.fakes.begun("a/default")
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await bench.handle.execute_update(verb, {"actor": "mia"})
        cause = refused.value.cause
        assert isinstance(cause, ApplicationError)
        assert (cause.type, cause.message) == (
            errors.NOT_WAITING,
            "nothing waits for a decision",
        )
        bench.fakes.release("a/default")
        await result_of(run)
        assert "WORKFLOW_EXECUTION_UPDATE_ACCEPTED" not in await event_types(run)

    @pytest.mark.parametrize("decision", [7, [], {"step": "other"}, {"plan": "0"}, {"step": {}}])
    async def test_is_refused_for_something_else(self, bench: Bench, decision: Any) -> None:
        await gated(bench)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await bench.handle.execute_update("approve", decision)
        assert isinstance(refused.value.cause, ApplicationError)
        assert refused.value.cause.type == errors.NOT_WAITING
        assert (await bench.state())["waiting"]
        await bench.handle.signal("approve")


def deep(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = {"down": value}
    return value


HOSTILE = [
    pytest.param("x" * 1_000_000, id="1 MB string"),
    pytest.param({"actor": "x" * 1_000_000, "reason": "y" * 500_000}, id="1 MB name"),
    pytest.param(deep(90), id="deep"),
    pytest.param({"step": deep(90)}, id="deep step"),
    pytest.param({"actor": "a\x00b\nc|d", "reason": "| --- |\n<script>"}, id="markup"),
    pytest.param({"actor": "\U0001f600", "reason": "\u202e"}, id="unicode"),
    pytest.param({str(n): n for n in range(5000)}, id="many keys"),
    pytest.param([None] * 5000, id="long list"),
    pytest.param(10**18, id="large number"),
]


@pytest.mark.parametrize("payload", HOSTILE)
async def test_hostile_decisions_never_wedge_a_run(bench: Bench, payload: Any) -> None:
    run = await gated(bench, steps=[*GATED, suspend("last")])
    await bench.handle.signal("approve", payload)
    await bench.handle.signal("approve")
    state = await bench.until(lambda s: s["waiting"] and s["waiting"][0]["step"] == "last")
    decision = state["steps"][0]["decision"]
    assert len(decision["actor"]) + len(decision["reason"]) <= 2048
    await bench.handle.signal("approve")
    assert (await result_of(run))["phase"] == "delivered"
    assert "WORKFLOW_TASK_FAILED" not in await event_types(run)


async def test_undecodable_decisions_are_dropped(bench: Bench) -> None:
    from temporalio.api.common.v1 import Payload
    from temporalio.common import RawValue

    run = await gated(bench)
    raw = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b'{"actor": "\\ud800"}'))
    await bench.handle.signal("approve", raw)
    other = RawValue(Payload(metadata={"encoding": b"binary/unknown"}, data=b"\x00"))
    await bench.handle.signal("approve", other)
    state = await bench.state()
    if state["waiting"]:
        await bench.handle.signal("approve")
    assert (await result_of(run))["phase"] == "delivered"


async def test_a_decision_of_several_arguments_changes_nothing_and_wedges_nothing(
    bench: Bench,
) -> None:
    run = await gated(bench)
    await bench.handle.signal("approve", args=["alice", "looks good"])
    await bench.handle.signal("reject", args=[None, None, None])
    with pytest.raises(WorkflowUpdateFailedError):
        await bench.handle.execute_update("approve", args=[{}, {}])
    assert (await bench.state())["waiting"]
    await bench.handle.signal("approve")
    assert (await result_of(run))["phase"] == "delivered"
    assert "WORKFLOW_TASK_FAILED" not in await event_types(run)


async def test_more_void_decisions_than_anybody_reads_are_not_all_kept(bench: Bench) -> None:
    run = await gated(bench)
    for _ in range(130):
        await bench.handle.signal("approve", {"step": "other"})
    await bench.handle.signal("approve")
    await result_of(run)
    assert len(await void_events(bench)) == 100


class TestBoundToTheRun:
    async def test_the_question_names_the_run(self, bench: Bench) -> None:
        run = await gated(bench)
        waiting = (await bench.state())["waiting"][0]
        assert waiting["run"] == run.result_run_id
        await bench.handle.signal("approve", {"run": waiting["run"], "actor": "mia"})
        assert (await result_of(run))["steps"][0]["decision"]["actor"] == "mia"

    async def test_a_decision_for_an_earlier_run_is_void_and_says_so(self, bench: Bench) -> None:
        """The same plan of the same content: whoever looked at the first question has not seen this one."""
        first = await gated(bench)
        await bench.handle.signal("reject", {"run": first.result_run_id, "reason": "not today"})
        await failure_of(first)
        second = await gated(bench)
        late = {"run": first.result_run_id, "actor": "mia"}
        said = f"the decision is for run {first.result_run_id}, not {second.result_run_id}"
        await bench.handle.signal("approve", late)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await bench.handle.execute_update("approve", late)
        assert isinstance(refused.value.cause, ApplicationError)
        assert refused.value.cause.type == errors.NOT_WAITING
        assert said in refused.value.cause.message
        assert (await bench.state())["waiting"]
        assert bench.fakes.delivered() == []
        await bench.handle.signal("approve", {"run": second.result_run_id, "actor": "ben"})
        await result_of(second)
        (event,) = await void_events(bench)
        assert said in event

    async def test_a_decision_for_what_was_superseded_is_void(self, bench: Bench) -> None:
        first = await gated(bench)
        steps = [deploy("gate", "t", auto=False)]
        newer = bench.app(topologies={"t": ["a"]}, steps=steps, image="nginx:2")
        await bench.handle.execute_update("submit", newer)
        state = await bench.until(
            lambda s: s["waiting"] and s["waiting"][0]["run"] != first.result_run_id
        )
        await bench.handle.signal("approve", {"run": first.result_run_id})
        await bench.handle.signal("approve", {"run": state["waiting"][0]["run"], "actor": "mia"})
        result = await result_of(bench.handle)
        assert result["steps"][0]["decision"]["actor"] == "mia"
        assert len(await void_events(bench)) == 1

    async def test_a_reset_keeps_what_was_decided_for_the_run(self, bench: Bench) -> None:
        """The run that a reset makes replays the decision: it must take it as the first one did."""
        run = await gated(bench, steps=[*GATED, suspend("next")])
        await bench.handle.signal("approve", {"run": run.result_run_id, "actor": "mia"})
        await bench.until_waiting("next")
        history = await bench.handle.fetch_history()
        completed = [e.event_id for e in history.events if e.event_type == TASK_COMPLETED]
        await bench.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=bench.client.namespace,
                workflow_execution=WorkflowExecution(
                    workflow_id=bench.id, run_id=run.result_run_id
                ),
                workflow_task_finish_event_id=completed[-1],
                request_id="reset",
                reason="to see",
            )
        )
        state = await bench.until(lambda s: s["runId"] != run.result_run_id and s["waiting"])
        assert state["steps"][0]["decision"]["actor"] == "mia"
        assert state["waiting"][0]["run"] == run.result_run_id
        await bench.handle.signal("approve", {"run": run.result_run_id})
        assert (await result_of(bench.handle))["phase"] == "delivered"
        failed = (await event_types(bench.handle)).count("WORKFLOW_TASK_FAILED")
        assert failed == 1, "the one that the reset itself writes"


class TestBoundToThePlan:
    async def test_a_plan_that_changed_while_delivering_asks_again(self, bench: Bench) -> None:
        bench.fakes.plan_salt["gate"] = ["", "new"]
        bench.fakes.failures["a/default"] = [failing(errors.PLAN_CHANGED)]
        run = await gated(bench)
        first = (await bench.state())["waiting"][0]["plan"]
        await bench.handle.signal("approve", {"actor": "mia", "plan": first})
        state = await bench.until(
            lambda s: s["waiting"] and s["waiting"][0]["plan"] not in {"", first}
        )
        assert state["warnings"] == ["step 'gate': planned again (changed: a/default)"]
        await bench.handle.signal("approve", {"actor": "mia", "plan": first})
        await asyncio.sleep(0.1)
        assert len(bench.fakes.delivered()) == 1, "the old approval is void"
        second = (await bench.state())["waiting"][0]["plan"]
        await bench.handle.signal("approve", {"actor": "ben", "plan": second})
        result = await result_of(run)
        assert result["steps"][0]["decision"]["plan"] == second
        assert placements_of(result, "gate") == {"a/default": "delivered"}
        assert [e.type for e in bench.fakes.events] == [
            "waiting",
            "approved",
            "waiting",
            "void",
            "approved",
        ]

    async def test_what_would_be_deleted_is_shown_with_the_question(self, bench: Bench) -> None:
        bench.fakes.would_prune = [PruneTarget(cluster="b", objects=["Deployment default/web"])]
        await gated(bench)
        waiting = (await bench.state())["waiting"][0]
        assert waiting["prune"] == [{"cluster": "b", "objects": ["Deployment default/web"]}]
        await bench.handle.signal("reject")

    async def test_the_plan_is_asked_for_with_what_would_be_deleted(self, bench: Bench) -> None:
        steps = [suspend("wait"), *GATED, deploy("auto", "t")]
        run = await gated(bench, steps=steps)
        await bench.handle.signal("approve")
        await bench.until_waiting("gate")
        await bench.handle.signal("approve")
        await result_of(run)
        assert [(r.step, r.with_prune) for r in bench.fakes.called("plan_step")] == [
            ("gate", True),
            ("auto", False),
        ]

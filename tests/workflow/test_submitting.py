"""Submitting: starting, joining, superseding, queueing, and what can't be delivered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError

from lateen.contracts import errors
from lateen.contracts.identifiers import APPLICATION
from support.activities import failing
from support.applications import deploy, suspend
from support.temporal import Bench, event_types, failure_of, result_of, steps_of


async def submit(bench: Bench, payload: Any, *, argument: Any = None) -> Any:
    """Update-with-start, as clients submit."""
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        APPLICATION,
        args=[] if argument is None else [argument],
        id=bench.id,
        task_queue=bench.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    async with asyncio.timeout(10):
        return await bench.client.execute_update_with_start_workflow(
            "submit", payload, start_workflow_operation=start
        )


async def delivering(bench: Bench, *, image: str = "nginx:1", stubborn: bool = False) -> Any:
    """Start a delivery and hold it while it applies to cluster ``a``."""
    bench.fakes.hold("a/default", stubborn=stubborn)
    run = await bench.start(bench.app(topologies={"t": ["a"]}, image=image))
    await bench.fakes.begun("a/default")
    return run


def images(bench: Bench) -> list[str]:
    """Return the image of every application that was opened, in order."""
    return [
        request.content["spec"]["components"][0]["properties"]["image"]
        for request in bench.fakes.called("open_delivery")
    ]


class TestStarting:
    async def test_by_update_answers_at_once(self, bench: Bench) -> None:
        bench.fakes.hold("open_delivery")
        answer = await submit(bench, bench.app())
        assert answer["state"] == "started"
        assert answer["runId"] == (await bench.handle.describe()).run_id
        bench.fakes.release("open_delivery")
        assert (await result_of(bench.handle))["phase"] == "delivered"

    async def test_by_update_with_the_same_content_as_argument_starts_once(
        self, bench: Bench
    ) -> None:
        app = bench.app()
        answer = await submit(bench, app, argument=app)
        assert answer["state"] == "started"
        await result_of(bench.handle)
        assert len(bench.fakes.called("open_delivery")) == 1

    async def test_says_who(self, bench: Bench) -> None:
        await submit(bench, {"application": bench.app(), "actor": "mia"})
        await result_of(bench.handle)
        assert bench.fakes.called("open_delivery")[0].actor == "mia"

    async def test_by_signal_while_no_worker_runs_waits_for_one(self, idle: Bench) -> None:
        payload = {"application": idle.app(), "actor": "mia"}
        run = await idle.client.start_workflow(
            APPLICATION,
            id=idle.id,
            task_queue=idle.task_queue,
            start_signal="submit",
            start_signal_args=[payload],
        )
        await asyncio.sleep(0.2)
        async with idle.worker():
            assert (await result_of(run))["phase"] == "delivered"
        assert idle.fakes.called("open_delivery")[0].actor == "mia"

    async def test_with_plain_data_by_any_client(self, bench: Bench, plain_client: Client) -> None:
        run = await bench.start(bench.app(), client=plain_client)
        result = await result_of(run)
        assert (result["phase"], result["application"]) == ("delivered", bench.id)

    async def test_with_an_envelope(self, bench: Bench, plain_client: Client) -> None:
        run = await bench.start({"application": bench.app(), "actor": "ci"}, client=plain_client)
        await result_of(run)
        assert bench.fakes.called("open_delivery")[0].actor == "ci"

    async def test_again_after_the_end_is_a_new_run(self, bench: Bench) -> None:
        first = await bench.start(bench.app())
        await result_of(first)
        answer = await submit(bench, bench.app())
        await result_of(bench.handle)
        assert answer["state"] == "started"
        assert answer["runId"] != first.result_run_id


def deep(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {"spec": value}
    return value


def without(data: Any, *keys: str) -> Any:
    return {key: value for key, value in data.items() if key not in keys}


INVALID: list[Any] = [
    pytest.param([], "", "nothing to deliver", id="nothing"),
    pytest.param([None], "", "nothing to deliver", id="null"),
    pytest.param([[]], "", "expected an Application", id="list"),
    pytest.param(["web"], "", "expected an Application", id="string"),
    pytest.param([7], "", "expected an Application", id="number"),
    pytest.param([{}], "", "nothing to deliver", id="empty"),
    pytest.param([{"kind": "Deployment"}], "kind", "", id="wrong kind"),
    pytest.param([{"aplication": {}}], "aplication", "unknown key", id="unknown key"),
    pytest.param([{"intent": "explode"}], "intent", "expected", id="unknown intent"),
    pytest.param([{"intent": []}], "intent", "expected", id="list as intent"),
    pytest.param([{"intent": {"a": 1}}], "intent", "expected", id="object as intent"),
    pytest.param([{"intent": "delete", "abandon": "a"}], "abandon", "list", id="abandon"),
    pytest.param([{"intent": "delete", "actor": 7}], "actor", "string", id="actor"),
    pytest.param([{"intent": "delete", "orphan": "yes"}], "orphan", "true or false", id="orphan"),
    pytest.param([deep(90)], "", "", id="deep"),
    pytest.param([deep(150)], "", "", id="deeper"),
    pytest.param([{"spec": "x" * 1_200_000}], "", "", id="too large"),
    pytest.param([{"kind": 10**18, "spec": 1e300}], "", "", id="numbers"),
    pytest.param([{"\u0000": 1, "spec": {"": None}}], "", "", id="odd keys"),
    pytest.param([None, 7], "", "nothing to deliver", id="bad carry"),
    pytest.param([None, {"intent": 7}], "intent", "expected", id="bad carried intent"),
    pytest.param([None, {"intent": "deliver"}], "application", "nothing", id="empty carried"),
    pytest.param([{}, None, {}], "", "expected an Application", id="three arguments"),
]


class TestInvalid:
    @pytest.mark.parametrize(("arguments", "path", "message"), INVALID)
    async def test_starts_fail_at_once_with_path_and_reason(
        self, bench: Bench, plain_client: Client, arguments: list[Any], path: str, message: str
    ) -> None:
        run = await bench.start(*arguments, client=plain_client)
        failure = await failure_of(run, seconds=5)
        assert failure.type == errors.INVALID_APPLICATION
        problems = failure.details[0]["problems"]
        assert problems
        if path:
            assert path in [problem["path"] for problem in problems]
        assert message in failure.message
        assert bench.fakes.calls == []

    async def test_another_applications_id_is_refused(self, bench: Bench) -> None:
        app = bench.app()
        app["metadata"]["name"] = "other"
        failure = await failure_of(await bench.start(app), seconds=5)
        assert failure.type == errors.INVALID_APPLICATION
        problem = failure.details[0]["problems"][0]
        assert problem["path"] == "metadata"
        assert "start it with the id 'default/other'" in problem["hint"]
        assert "'default/other'" in failure.message

    async def test_a_missing_name_is_told_by_its_path(self, bench: Bench) -> None:
        app = bench.app()
        del app["metadata"]["name"]
        failure = await failure_of(await bench.start(app), seconds=5)
        assert "metadata.name" in failure.details[0]["problems"][0]["path"]

    async def test_an_update_on_nothing_is_refused(self, bench: Bench) -> None:
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await submit(bench, {"kind": "Deployment"})
        assert isinstance(refused.value.cause, ApplicationError)
        assert refused.value.cause.type == errors.INVALID_APPLICATION
        assert (await failure_of(bench.handle)).type == errors.INVALID_APPLICATION

    async def test_a_signal_with_start_fails_the_run_with_the_reason(self, bench: Bench) -> None:
        run = await bench.client.start_workflow(
            APPLICATION,
            id=bench.id,
            task_queue=bench.task_queue,
            start_signal="submit",
            start_signal_args=[{"kind": "Deployment"}],
        )
        failure = await failure_of(run, seconds=5)
        assert "Deployment" in failure.message

    @pytest.mark.parametrize(
        "payload",
        [None, 7, [], "x" * 1_000_000, {"kind": "Deployment"}, {"intent": []}, deep(150)],
        ids=["null", "number", "list", "1 MB", "wrong kind", "intent", "deep"],
    )
    async def test_an_open_run_refuses_the_update_ignores_the_signal_and_goes_on(
        self, bench: Bench, payload: Any
    ) -> None:
        run = await delivering(bench)
        with pytest.raises(WorkflowUpdateFailedError):
            async with asyncio.timeout(5):
                await bench.handle.execute_update("submit", payload)
        await bench.handle.signal("submit", payload)
        state = await bench.state()
        assert state["phase"] == "delivering"
        assert any("ignored" in warning for warning in state["warnings"])
        assert len(str(state["warnings"])) < 5000
        bench.fakes.release("a/default")
        assert (await result_of(run))["phase"] == "delivered"
        assert "WORKFLOW_TASK_FAILED" not in await event_types(run)


class TestOnAnOpenRun:
    async def test_the_same_content_joins(self, bench: Bench) -> None:
        run = await delivering(bench)
        answer = await submit(bench, bench.app(topologies={"t": ["a"]}))
        assert answer["state"] == "joined"
        assert answer["runId"] == run.result_run_id
        bench.fakes.release("a/default")
        await result_of(run)
        assert len(images(bench)) == 1

    async def test_new_content_cancels_a_health_wait_at_once(self, bench: Bench) -> None:
        run = await delivering(bench)
        answer = await submit(bench, bench.app(image="nginx:2"))
        assert answer["state"] == "superseding"
        assert await bench.until_closed(run.result_run_id) == "CONTINUED_AS_NEW"
        result = await result_of(bench.handle)
        assert result["phase"] == "delivered"
        assert bench.fakes.ended[0] == ("a/default", "cancelled")
        assert images(bench) == ["nginx:1", "nginx:2"]
        assert bench.fakes.closed_as() == ["superseded", "delivered"]

    async def test_new_content_waits_for_a_running_apply(self, bench: Bench) -> None:
        await delivering(bench, stubborn=True)
        await submit(bench, bench.app(image="nginx:2"))
        await asyncio.sleep(0.3)
        assert len(images(bench)) == 1, "the apply has not ended"
        bench.fakes.release("a/default")
        result = await result_of(bench.handle)
        assert result["revision"] == "v2"
        assert bench.fakes.most_in_flight == {"deploy-t": 1, "deploy-here": 1}

    async def test_a_superseded_step_says_what_became_of_its_placements(self, bench: Bench) -> None:
        await delivering(bench)
        await submit(bench, bench.app(image="nginx:2"))
        await result_of(bench.handle)
        step = bench.fakes.called("close_delivery")[0].steps[0]
        assert step.phase == "cancelled"
        assert [p.phase for p in step.placements] == ["cancelled"]

    async def test_the_next_run_knows_the_hub_and_the_runs_before(self, bench: Bench) -> None:
        run = await delivering(bench)
        await submit(bench, {"application": bench.app(image="nginx:2"), "actor": "mia"})
        await result_of(bench.handle)
        state = await bench.state()
        (previous,) = state["previous"]
        assert previous["runId"] == run.result_run_id
        assert (previous["phase"], previous["revision"]) == ("superseded", "v1")
        first, second = bench.fakes.called("open_delivery")
        assert (first.hub_uid, second.hub_uid) == ("", "hub-0")
        assert second.actor == "mia"

    async def test_new_content_drops_old_decisions(self, bench: Bench) -> None:
        gate = [deploy("gate", "t", auto=False)]
        await bench.start(bench.app(topologies={"t": ["a"]}, steps=gate))
        await bench.until_waiting("gate")
        app = bench.app(topologies={"t": ["a"]}, steps=gate, image="nginx:2")
        await bench.handle.signal("submit", app)
        await bench.handle.signal("approve", {"actor": "mia", "revision": "v1"})
        state = await bench.until(lambda s: s["revision"] == "v2" and s["waiting"])
        assert state["waiting"][0]["revision"] == "v2"
        await asyncio.sleep(0.1)
        assert bench.fakes.delivered() == []
        await bench.handle.signal("approve", {"actor": "ben"})
        await result_of(bench.handle)
        assert images(bench) == ["nginx:1", "nginx:2"]

    async def test_other_content_that_stands_for_the_same_revision_joins(
        self, bench: Bench
    ) -> None:
        """An edit under a publish version that was published already is not delivered."""
        await delivering(bench)
        bench.fakes.stands_for = bench.app(topologies={"t": ["a"]})
        app = bench.app(topologies={"t": ["a"]}, image="nginx:2")
        assert (await submit(bench, app))["state"] == "joined"
        assert (await submit(bench, {"application": app, "queue": True}))["state"] == "joined"
        confirmed = {"application": app, "confirmRemoval": ["b"]}
        assert (await submit(bench, confirmed))["state"] == "superseding"
        bench.fakes.release("a/default")
        await result_of(bench.handle)

    async def test_what_can_not_be_delivered_stops_no_good_delivery(self, bench: Bench) -> None:
        """Only hub and clusters know: a cluster of that name, a type, what is referred to."""
        await delivering(bench)
        bench.fakes.unfit = "spec.policies[0]: no such cluster"
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await submit(bench, bench.app(topologies={"t": ["a"]}, image="nginx:2"))
        assert isinstance(caught.value.cause, ApplicationError)
        assert caught.value.cause.type == errors.INVALID_APPLICATION
        assert "no such cluster" in str(caught.value.cause)
        await bench.handle.signal("submit", bench.app(topologies={"t": ["a"]}, image="nginx:3"))
        state = await bench.until(lambda s: bool(s["warnings"]))
        assert "no such cluster" in state["warnings"][0]
        bench.fakes.release("a/default")
        await result_of(bench.handle)
        assert images(bench) == ["nginx:1"]

    async def test_content_that_nobody_can_vet_supersedes_all_the_same(self, bench: Bench) -> None:
        """An older worker may not know how, or the hub not answer: the next run will find out."""
        await delivering(bench)
        bench.fakes.failures["vet_submission"] = [failing("Refused")]
        answer = await submit(bench, bench.app(topologies={"t": ["a"]}, image="nginx:2"))
        assert answer["state"] == "superseding"
        bench.fakes.release("a/default")
        await result_of(bench.handle)
        assert images(bench) == ["nginx:1", "nginx:2"]

    async def test_what_was_sent_last_is_taken_last(self, bench: Bench) -> None:
        await delivering(bench)
        bench.fakes.hold("vet_submission")
        for image in ("nginx:2", "nginx:3"):
            app = bench.app(topologies={"t": ["a"]}, image=image)
            await bench.handle.signal("submit", app)
        await bench.fakes.begun("vet_submission")
        bench.fakes.release("vet_submission")
        bench.fakes.release("a/default")
        await result_of(bench.handle)
        assert images(bench)[-1] == "nginx:3"

    async def test_a_deletion_that_came_after_content_is_not_lost(self, bench: Bench) -> None:
        """Content takes a while to be vetted; a deletion is taken at once."""
        await delivering(bench)
        bench.fakes.hold("vet_submission")
        app = bench.app(topologies={"t": ["a"]}, image="nginx:2")
        asked = asyncio.create_task(bench.handle.execute_update("submit", app))
        await bench.fakes.begun("vet_submission")
        answer = await submit(bench, {"intent": "delete"})
        assert answer["state"] == "superseding"
        bench.fakes.release("vet_submission")
        bench.fakes.release("a/default")
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await asked
        assert "a deletion was submitted after it" in str(caught.value.cause)
        assert (await result_of(bench.handle))["phase"] == "deleted"
        assert images(bench) == ["nginx:1"]

    async def test_a_cancellation_while_vetting_is_told(self, bench: Bench) -> None:
        await delivering(bench)
        bench.fakes.hold("vet_submission")
        app = bench.app(topologies={"t": ["a"]}, image="nginx:2")
        asked = asyncio.create_task(bench.handle.execute_update("submit", app))
        await bench.fakes.begun("vet_submission")
        await bench.handle.cancel()
        await bench.until(lambda s: s["phase"] == "cancelled")
        bench.fakes.release("vet_submission")
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await asked
        assert "cancelled meanwhile" in str(caught.value.cause)

    async def test_content_that_comes_while_opening_supersedes_and_closes_what_was_claimed(
        self, bench: Bench
    ) -> None:
        bench.fakes.hold("open_delivery", stubborn=True)
        await bench.start(bench.app())
        await bench.fakes.begun("open_delivery")
        await bench.handle.signal("submit", bench.app(image="nginx:2"))
        await asyncio.sleep(0.3)
        assert len(images(bench)) == 1, "never two openings at once"
        bench.fakes.release("open_delivery")
        assert (await result_of(bench.handle))["phase"] == "delivered"
        assert images(bench) == ["nginx:1", "nginx:2"]

    async def test_there_and_back_delivers_the_last(self, bench: Bench) -> None:
        await delivering(bench, stubborn=True)
        answers = [
            await submit(bench, bench.app(topologies={"t": ["a"]}, image=image))
            for image in ("nginx:2", "nginx:1", "nginx:1")
        ]
        assert [a["state"] for a in answers] == ["superseding", "superseding", "joined"]
        bench.fakes.release("a/default")
        assert (await result_of(bench.handle))["phase"] == "delivered"
        assert images(bench) == ["nginx:1", "nginx:1"]

    async def test_an_update_while_runs_change_gets_an_answer(self, bench: Bench) -> None:
        await delivering(bench)
        bench.fakes.release("a/default")
        answers = await asyncio.gather(
            *(submit(bench, bench.app(image=f"nginx:{n}")) for n in range(8))
        )
        assert {a["state"] for a in answers} <= {"started", "joined", "superseding"}
        result = await result_of(bench.handle)
        assert result["phase"] == "delivered"


class TestQueueing:
    async def test_waits_for_what_runs_and_keeps_the_order(self, bench: Bench) -> None:
        await delivering(bench)
        for image in ("nginx:2", "nginx:3"):
            app = bench.app(image=image)
            answer = await submit(bench, {"application": app, "queue": True})
            assert answer["state"] == "queued"
        again = {"application": bench.app(image="nginx:3"), "queue": True}
        assert (await submit(bench, again))["state"] == "joined"
        assert (await bench.state())["queued"] == 2
        bench.fakes.release("a/default")
        await result_of(bench.handle)
        assert images(bench) == ["nginx:1", "nginx:2", "nginx:3"]
        assert bench.fakes.closed_as() == ["delivered"] * 3
        assert [p["phase"] for p in (await bench.state())["previous"]] == ["delivered"] * 2

    async def test_superseding_clears_what_waits(self, bench: Bench) -> None:
        await delivering(bench)
        await submit(bench, {"application": bench.app(image="nginx:2"), "queue": True})
        await submit(bench, bench.app(image="nginx:3"))
        await result_of(bench.handle)
        assert images(bench) == ["nginx:1", "nginx:3"]

    async def test_after_a_rejection_what_waits_is_delivered(self, bench: Bench) -> None:
        await bench.start(bench.app(steps=[suspend("gate")]))
        await bench.until_waiting("gate")
        await submit(bench, {"application": bench.app(image="nginx:2"), "queue": True})
        await bench.handle.signal("reject", {"actor": "mia"})
        result = await result_of(bench.handle)
        assert steps_of(result) == {"deploy-here": "succeeded"}
        previous = (await bench.state())["previous"]
        assert previous[0]["phase"] == "rejected"

    async def test_behind_a_superseding_one_joins_its_like(self, bench: Bench) -> None:
        await delivering(bench, stubborn=True)
        await submit(bench, bench.app(image="nginx:2"))
        queued = {"application": bench.app(image="nginx:3"), "queue": True}
        states = [(await submit(bench, queued))["state"] for _ in range(2)]
        assert states == ["queued", "joined"]
        bench.fakes.release("a/default")
        await result_of(bench.handle)
        assert images(bench) == ["nginx:1", "nginx:2", "nginx:3"]

    async def test_no_more_wait_than_the_next_run_can_carry(self, bench: Bench) -> None:
        await delivering(bench)
        states: list[str] = []
        for number in range(6):
            app = bench.app(image=f"nginx:{number + 2}")
            app["metadata"]["annotations"] = {"note": "x" * 200_000}
            payload = {"application": app, "queue": True}
            try:
                states.append((await submit(bench, payload))["state"])
            except WorkflowUpdateFailedError as error:
                states.append(getattr(error.cause, "type", ""))
        assert states[:2] == ["queued", "queued"]
        assert states[-1] == errors.REFUSED
        bench.fakes.release("a/default")
        await result_of(bench.handle)
        status = (await bench.handle.describe()).status
        assert status == WorkflowExecutionStatus.COMPLETED

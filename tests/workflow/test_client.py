"""The public client against a real Temporal: every way that a submission can end, as its waiter sees it."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client

from lateen.cli import codes
from lateen.cli.main import cli
from lateen.client import (
    DeliveryFailed,
    InvalidApplication,
    InvalidManifest,
    Lateen,
    NotFinished,
    NotFound,
    NotWaiting,
    NoWorker,
    Outcome,
    Progress,
    Rejected,
    Superseded,
    TemporalUnavailable,
)
from lateen.client.documents import write_yaml
from lateen.contracts import errors
from support.activities import failing
from support.applications import NAMESPACE, deploy, suspend
from support.temporal import Bench


@pytest.fixture
def lateen(bench: Bench) -> Lateen:
    """The client, for the test's own task queue."""
    return Lateen(bench.client, task_queue=bench.task_queue)


def gated(bench: Bench, **more: Any) -> dict[str, Any]:
    """Build an application whose one step waits for approval."""
    steps = [deploy("ship", "t", auto=False)]
    return bench.app(topologies={"t": ["a"]}, steps=steps, **more)


async def waiting(bench: Bench) -> None:
    await bench.until_waiting("ship")


class TestApplying:
    @pytest.mark.parametrize("form", ["plain", "yaml", "model"])
    async def test_takes_what_users_have(self, bench: Bench, lateen: Lateen, form: str) -> None:
        from lateen.model.parsing import parse_application

        plain = bench.app()
        application: Any = {
            "plain": plain,
            "yaml": write_yaml([plain]),
            "model": parse_application(plain),
        }[form]
        submitted = await lateen.apply(application, actor="mia")
        outcome = await lateen.wait(submitted)
        assert (submitted.application, submitted.state) == (bench.id, "started")
        assert (outcome.phase, outcome.ok, outcome.run_id) == (
            "delivered",
            True,
            submitted.run_id,
        )
        assert outcome.raise_unless_ok() is outcome
        assert [p.cluster for step in outcome.steps for p in step.placements] == ["local"]
        assert bench.fakes.called("open_delivery")[0].actor == "mia"

    async def test_the_same_again_joins(self, bench: Bench, lateen: Lateen) -> None:
        bench.fakes.hold("local/default")
        first = await lateen.apply(bench.app())
        second = await lateen.apply(bench.app())
        assert (first.state, second.state) == ("started", "joined")
        bench.fakes.release("local/default")
        outcomes = await asyncio.gather(lateen.wait(first), lateen.wait(second))
        assert [outcome.phase for outcome in outcomes] == ["delivered", "delivered"]
        assert outcomes[0].run_id == outcomes[1].run_id

    async def test_says_when_nothing_had_to_be_done(self, bench: Bench, lateen: Lateen) -> None:
        bench.fakes.unchanged = True
        outcome = await lateen.wait(await lateen.apply(bench.app()))
        assert (outcome.phase, outcome.ok) == ("unchanged", True)

    async def test_an_invalid_one_names_the_path(self, bench: Bench, lateen: Lateen) -> None:
        """The shape is checked here; what only the server's types know, there."""
        broken = bench.app()
        broken["spec"]["components"][0]["type"] = 7
        with pytest.raises(InvalidApplication, match=r"spec\.components\[0\]\.type"):
            await lateen.apply(broken)
        unknown = bench.app()
        unknown["spec"]["components"][0]["properties"]["imgae"] = "x"
        with pytest.raises(InvalidApplication, match="imgae"):
            await lateen.apply(unknown)

    async def test_a_stream_of_several_is_refused(self, bench: Bench, lateen: Lateen) -> None:
        text = write_yaml([bench.app(), bench.app()])
        with pytest.raises(InvalidManifest, match="expected one Application"):
            await lateen.apply(text)

    async def test_a_run_that_ends_while_it_is_asked_is_no_error(
        self, bench: Bench, lateen: Lateen
    ) -> None:
        """Content comes faster than runs end: every submission is answered, the last one wins."""
        submitted = [await lateen.apply(bench.app(image=f"nginx:{n}")) for n in range(12)]
        outcomes = await asyncio.gather(*(lateen.wait(each) for each in submitted))
        assert outcomes[-1].phase == "delivered"
        assert {outcome.phase for outcome in outcomes} <= {"delivered", "superseded"}

    async def test_without_a_worker_nothing_is_submitted(self, idle: Bench) -> None:
        lateen = Lateen(idle.client, task_queue=idle.task_queue)
        began = time.monotonic()
        with pytest.raises(NoWorker, match=f"--task-queue {idle.task_queue}") as caught:
            await lateen.apply(idle.app())
        assert time.monotonic() - began < 2
        assert not caught.value.submitted
        with pytest.raises(NotFound):
            await lateen.progress(NAMESPACE, idle.name)


class TestWaiting:
    async def test_a_failed_step(self, bench: Bench, lateen: Lateen) -> None:
        bench.fakes.failures["a/default"] = [failing(errors.REFUSED, "no room")]
        app = bench.app(topologies={"t": ["a", "b"]})
        outcome = await lateen.wait(await lateen.apply(app))
        phases = {p.cluster: (p.phase, p.message) for p in outcome.steps[0].placements}
        assert outcome.phase == "failed"
        assert phases == {"a": ("failed", "no room"), "b": ("delivered", "")}
        with pytest.raises(DeliveryFailed, match="no room") as caught:
            outcome.raise_unless_ok()
        assert caught.value.outcome is outcome

    async def test_what_could_not_even_begin(self, bench: Bench, lateen: Lateen) -> None:
        bench.fakes.failures["open_delivery"] = [failing(errors.INVALID_APPLICATION, "no policy")]
        outcome = await lateen.wait(await lateen.apply(bench.app()))
        assert (outcome.phase, outcome.message) == ("failed", "no policy")

    async def test_superseded_content(self, bench: Bench, lateen: Lateen) -> None:
        """The waiter of the old content ends; that of the new one follows to the next run."""
        old = await lateen.apply(gated(bench, image="nginx:1"))
        watching = asyncio.create_task(lateen.wait(old))
        await waiting(bench)
        new = await lateen.apply(bench.app(image="nginx:2"))
        outcome = await lateen.wait(new)
        assert new.state == "superseding"
        assert (outcome.phase, outcome.run_id != old.run_id) == ("delivered", True)
        with pytest.raises(Superseded):
            (await watching).raise_unless_ok()

    async def test_content_that_is_superseded_before_it_began(
        self, bench: Bench, lateen: Lateen
    ) -> None:
        bench.fakes.hold("a/default", stubborn=True)
        await lateen.apply(bench.app(topologies={"t": ["a"]}, image="nginx:1"))
        await bench.fakes.begun("a/default")
        second = await lateen.apply(bench.app(image="nginx:2"))
        third = await lateen.apply(bench.app(image="nginx:3"))
        waits = [asyncio.create_task(lateen.wait(each)) for each in (second, third)]
        bench.fakes.release("a/default")
        assert [(await each).phase for each in waits] == ["superseded", "delivered"]

    async def test_back_to_the_first_content(self, bench: Bench, lateen: Lateen) -> None:
        """A -> B -> A: the second A is a submission of its own, and is delivered."""
        await lateen.apply(gated(bench, image="nginx:a"))
        await waiting(bench)
        between = await lateen.apply(gated(bench, image="nginx:b"))
        again = await lateen.apply(gated(bench, image="nginx:a"))
        waits = [asyncio.create_task(lateen.wait(each)) for each in (between, again)]
        await bench.until(lambda s: s["digest"] == again.digest and s["previous"] and s["waiting"])
        await lateen.approve(NAMESPACE, bench.name)
        assert [(await each).phase for each in waits] == ["superseded", "delivered"]

    async def test_queued_content_waits_for_its_turn(self, bench: Bench, lateen: Lateen) -> None:
        """What is queued behind a run ends it by continuing: both waiters hear how theirs ended."""
        bench.fakes.hold("a/default")
        bench.fakes.failures["a/default"] = [failing(errors.REFUSED, "no room")]
        first = await lateen.apply(bench.app(topologies={"t": ["a"]}, image="nginx:1"))
        await bench.fakes.begun("a/default")
        second = await lateen.apply(bench.app(image="nginx:2"), queue=True)
        third = await lateen.apply(bench.app(image="nginx:3"), queue=True)
        waits = [asyncio.create_task(lateen.wait(each)) for each in (first, second, third)]
        bench.fakes.release("a/default")
        outcomes = [await each for each in waits]
        assert (second.state, third.state) == ("queued", "queued")
        assert [outcome.phase for outcome in outcomes] == ["failed", "delivered", "delivered"]
        assert "no room" in outcomes[0].message
        assert len({outcome.run_id for outcome in outcomes}) == 3

    async def test_a_queue_that_is_superseded(self, bench: Bench, lateen: Lateen) -> None:
        await lateen.apply(gated(bench))
        await waiting(bench)
        queued = await lateen.apply(bench.app(image="nginx:2"), queue=True)
        watching = asyncio.create_task(lateen.wait(queued))
        newest = await lateen.apply(bench.app(image="nginx:3"))
        assert (await lateen.wait(newest)).phase == "delivered"
        assert (await watching).phase == "superseded"

    async def test_an_approval_ends_it_early_if_asked_to(
        self, bench: Bench, lateen: Lateen
    ) -> None:
        submitted = await lateen.apply(gated(bench))
        outcome = await lateen.wait(submitted, stop_at_approval=True)
        assert (outcome.phase, [w.step for w in outcome.waiting]) == ("waiting", ["ship"])
        assert outcome.raise_unless_ok() is outcome
        with pytest.raises(NotFinished, match=r"not finished after 0\.3s") as caught:
            await lateen.wait(submitted, timeout=0.3, on_progress=lambda _: None)
        assert caught.value.progress is not None
        assert caught.value.progress.phase == "waiting"

    async def test_an_approval_beside_work_that_goes_on_does_not(
        self, bench: Bench, lateen: Lateen
    ) -> None:
        """A run that waits with one step and delivers with another is not waiting yet."""
        steps = [suspend("look"), deploy("ship", "t")]
        bench.fakes.hold("a/default")
        app = bench.app(topologies={"t": ["a"]}, steps=steps, mode={"steps": "DAG"})
        submitted = await lateen.apply(app)
        watching = asyncio.create_task(lateen.wait(submitted, stop_at_approval=True))
        await bench.fakes.begun("a/default")
        await bench.until_waiting("look")
        await asyncio.sleep(0.6)
        assert not watching.done()
        bench.fakes.release("a/default")
        assert (await watching).phase == "waiting"

    @pytest.mark.parametrize("how", ["cancelled", "terminated"])
    async def test_a_run_that_is_stopped_from_outside(
        self, bench: Bench, lateen: Lateen, how: str
    ) -> None:
        submitted = await lateen.apply(gated(bench))
        watching = asyncio.create_task(lateen.wait(submitted))
        await waiting(bench)
        if how == "cancelled":
            await bench.handle.cancel()
        else:
            await bench.handle.terminate("by hand")
        outcome = await watching
        assert (outcome.phase, outcome.ok) == (how, False)
        assert "from outside" in outcome.message

    async def test_a_reset_run_is_followed(
        self, bench: Bench, lateen: Lateen, client: Client
    ) -> None:
        """A reset ends one run as terminated and starts another with the same content."""
        submitted = await lateen.apply(gated(bench))
        watching = asyncio.create_task(lateen.wait(submitted))
        await waiting(bench)
        await client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=bench.id, run_id=submitted.run_id),
                reason="again",
                workflow_task_finish_event_id=4,
                request_id="reset-1",
            )
        )
        await bench.until(lambda s: s["runId"] != submitted.run_id and s["waiting"])
        await lateen.approve(NAMESPACE, bench.name)
        assert (await watching).phase == "delivered"

    async def test_progress_tells_every_placement_and_its_retries(
        self, bench: Bench, lateen: Lateen
    ) -> None:
        seen: list[Progress] = []
        gone = failing(errors.CLUSTER_UNREACHABLE, "cluster b: gone", retryable=True)
        bench.fakes.failures["b/default"] = [gone]
        app = bench.app(topologies={"t": ["a", "b"]})
        await lateen.wait(await lateen.apply(app), on_progress=seen.append)
        retries = [(r.subject, r.attempt, r.message) for each in seen for r in each.retries]
        assert retries[0] == ("b/default", 1, "cluster b: gone")
        assert {p.phase for p in seen[-1].steps[0].placements} == {"delivered"}

    async def test_by_name(self, bench: Bench, lateen: Lateen) -> None:
        """Whoever did not submit can wait too."""
        await lateen.apply(gated(bench))
        await waiting(bench)
        watching = asyncio.create_task(lateen.wait(bench.id))
        await asyncio.sleep(0.1)
        await lateen.approve(NAMESPACE, bench.name)
        assert (await watching).phase == "delivered"
        with pytest.raises(NotFound):
            await lateen.wait(f"{NAMESPACE}/no-such-application")


class TestDeciding:
    async def test_approving_says_what_it_did(self, bench: Bench, lateen: Lateen) -> None:
        submitted = await lateen.apply(gated(bench))
        await waiting(bench)
        decided = await lateen.approve(NAMESPACE, bench.name, actor="mia", reason="fine")
        outcome = await lateen.wait(submitted)
        decision = outcome.steps[0].decision
        assert (decided.step, decided.actor) == ("ship", "mia")
        assert decision is not None
        assert (decision.approved, decision.actor, decision.reason) == (True, "mia", "fine")

    async def test_rejecting_ends_the_delivery(self, bench: Bench, lateen: Lateen) -> None:
        submitted = await lateen.apply(gated(bench))
        await waiting(bench)
        await lateen.reject(NAMESPACE, bench.name, step="ship", actor="mia", reason="too soon")
        outcome = await lateen.wait(submitted)
        assert outcome.phase == "rejected"
        with pytest.raises(Rejected, match="too soon"):
            outcome.raise_unless_ok()

    async def test_a_decision_for_nothing_changes_nothing(
        self, bench: Bench, lateen: Lateen
    ) -> None:
        with pytest.raises(NotWaiting, match="no delivery is open"):
            await lateen.approve(NAMESPACE, bench.name)
        await lateen.apply(gated(bench))
        await waiting(bench)
        with pytest.raises(NotWaiting, match="'other' does not wait; waiting: 'ship'"):
            await lateen.approve(NAMESPACE, bench.name, step="other")
        with pytest.raises(NotWaiting, match="another plan"):
            await lateen.approve(NAMESPACE, bench.name, plan="0000")
        with pytest.raises(NotWaiting, match="revision"):
            await lateen.reject(NAMESPACE, bench.name, revision="else-v9")
        assert (await lateen.progress(NAMESPACE, bench.name)).phase == "waiting"

    async def test_a_decision_bound_to_the_plan_that_waits(
        self, bench: Bench, lateen: Lateen
    ) -> None:
        submitted = await lateen.apply(gated(bench))
        await waiting(bench)
        asked = (await lateen.progress(NAMESPACE, bench.name)).waiting[0]
        await lateen.approve(NAMESPACE, bench.name, plan=asked.plan, revision=asked.revision)
        assert (await lateen.wait(submitted)).phase == "delivered"

    async def test_a_worker_that_died_is_told(
        self, idle: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lateen.client.lateen._DECISION_PATIENCE", timedelta(seconds=1))
        lateen = Lateen(idle.client, task_queue=idle.task_queue)
        async with idle.worker():
            await lateen.apply(gated(idle))
            await waiting(idle)
        with pytest.raises(NoWorker, match="look at the status before you decide again"):
            await lateen.approve(NAMESPACE, idle.name)

    async def test_by_signal_it_waits_for_a_worker(self, idle: Bench) -> None:
        lateen = Lateen(idle.client, task_queue=idle.task_queue)
        async with idle.worker():
            submitted = await lateen.apply(gated(idle))
            await waiting(idle)
        decided = await lateen.approve(NAMESPACE, idle.name, actor="mia", by_signal=True)
        assert (decided.step, decided.actor) == ("", "mia")
        async with idle.worker():
            assert (await lateen.wait(submitted)).phase == "delivered"


class TestDeleting:
    async def test_everywhere(self, bench: Bench, lateen: Lateen) -> None:
        bench.fakes.owned = ["a", "b"]
        submitted = await lateen.delete(NAMESPACE, bench.name, actor="mia")
        outcome = await lateen.wait(submitted)
        assert (outcome.phase, outcome.ok, set(outcome.clusters)) == ("deleted", True, {"a", "b"})
        assert bench.fakes.called("open_deletion")[0].actor == "mia"

    async def test_what_is_not_there(self, bench: Bench, lateen: Lateen) -> None:
        bench.fakes.known = False
        outcome = await lateen.wait(await lateen.delete(NAMESPACE, bench.name))
        assert (outcome.phase, outcome.known) == ("deleted", False)

    async def test_a_cluster_that_is_owed_and_then_abandoned(
        self, bench: Bench, lateen: Lateen
    ) -> None:
        bench.fakes.owned = ["a", "b"]
        gone = failing(errors.CLUSTER_UNREACHABLE, "cluster b: gone", retryable=True)
        bench.fakes.failures["prune b"] = [gone] * 20
        submitted = await lateen.delete(NAMESPACE, bench.name)
        with pytest.raises(NotFinished) as caught:
            await lateen.wait(submitted, timeout=1.5, on_progress=lambda _: None)
        progress = caught.value.progress
        assert progress is not None
        assert (progress.phase, progress.clusters["b"]) == ("deleting", "deleting")
        assert [(r.subject, r.message) for r in progress.retries] == [("b", "cluster b: gone")]
        again = await lateen.delete(NAMESPACE, bench.name, abandon=["b"])
        outcome = await lateen.wait(again)
        assert (again.state, outcome.clusters["b"]) == ("joined", "abandoned")

    async def test_that_is_superseded_by_a_delivery(self, bench: Bench, lateen: Lateen) -> None:
        bench.fakes.owned = ["a"]
        bench.fakes.hold("prune a")
        deleting = await lateen.delete(NAMESPACE, bench.name)
        watching = asyncio.create_task(lateen.wait(deleting))
        await bench.fakes.begun("prune a")
        outcome: Outcome = await lateen.wait(await lateen.apply(bench.app()))
        assert (outcome.phase, (await watching).phase) == ("delivered", "superseded")

    async def test_that_nobody_takes_up_yet_is_not_finished(
        self, idle: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The command's exit code says that it was submitted."""
        monkeypatch.setattr("lateen.client.submitting._PATIENCE", timedelta(seconds=1))
        lateen = Lateen(idle.client, task_queue=idle.task_queue)
        async with idle.worker():
            await lateen.wait(await lateen.apply(idle.app()))
        words = ["delete", idle.name, "-n", NAMESPACE, "-y", "--task-queue", idle.task_queue]
        address = {"TEMPORAL_ADDRESS": idle.client.service_client.config.target_host}
        done = await asyncio.to_thread(CliRunner().invoke, cli, words, env=address)
        assert (done.exit_code, "it was submitted" in done.stdout) == (codes.TIMED_OUT, True)


class TestStatus:
    async def test_without_a_worker_what_temporal_knows(self, idle: Bench) -> None:
        lateen = Lateen(idle.client, task_queue=idle.task_queue)
        async with idle.worker():
            await lateen.wait(await lateen.apply(idle.app()))
        nobody = Lateen(idle.client, task_queue=f"{idle.task_queue}-nobody")
        began = time.monotonic()
        status = await nobody.status(NAMESPACE, idle.name)
        assert time.monotonic() - began < 2
        assert (status.phase, status.run and status.run.status) == ("delivered", "completed")
        assert [step.phase for step in status.steps] == ["succeeded"]
        assert "no worker polls" in status.note

    async def test_a_worker_that_died_is_noticed_in_two_seconds(self, idle: Bench) -> None:
        """It counts as polling for another minute; but nobody takes up the question."""
        lateen = Lateen(idle.client, task_queue=idle.task_queue)
        async with idle.worker():
            submitted = await lateen.apply(gated(idle))
            await waiting(idle)
        began = time.monotonic()
        status = await lateen.status(NAMESPACE, idle.name)
        assert time.monotonic() - began < 2.5
        assert (status.run and status.run.run_id) == submitted.run_id
        assert (status.run and status.run.status) == "running"
        assert status.note

    async def test_an_unknown_temporal_namespace_is_told(self, idle: Bench) -> None:
        target = idle.client.service_client.config.target_host
        client = await Client.connect(target, namespace="nirvana")
        lateen = Lateen(client, task_queue=idle.task_queue)
        said = r"nirvana is not found; check TEMPORAL_NAMESPACE"
        with pytest.raises(TemporalUnavailable, match=said):
            await lateen.list()
        with pytest.raises(TemporalUnavailable, match=said):
            await lateen.status(NAMESPACE, idle.name)
        with pytest.raises(TemporalUnavailable, match=said):
            await lateen.progress(NAMESPACE, idle.name)

    async def test_an_unknown_one(self, bench: Bench, lateen: Lateen) -> None:
        with pytest.raises(NotFound, match="no application 'nothing' in namespace"):
            await lateen.status(NAMESPACE, "nothing")


class TestHistory:
    async def test_what_the_hub_keeps_with_temporals_word_on_what_is_open(
        self, bench: Bench, lateen: Lateen
    ) -> None:
        """Without a recorded end the run is asked: it goes on, or it was terminated."""
        run = await bench.start(gated(bench))
        await waiting(bench)
        record = {"number": 1, "runId": run.result_run_id, "phase": "waiting", "actor": "mia"}
        event = {"at": "2026-01-02T03:04:05Z", "type": "submitted", "delivery": 1, "actor": "mia"}
        audit = {"latestDelivery": 1, "delivery": record, "events": [event]}
        bench.fakes.inspected = {"known": True, "stored": True, "audit": audit}
        (open_,) = (await lateen.history(NAMESPACE, bench.name)).deliveries
        assert (open_.phase, open_.end, open_.actor) == ("waiting", "open", "mia")
        assert [each.type for each in open_.events] == ["submitted"]
        asked = bench.fakes.called("inspect")[-1]
        assert (asked.name, asked.live) == (bench.name, False)
        await bench.handle.terminate()
        (ended,) = (await lateen.history(NAMESPACE, bench.name)).deliveries
        assert (ended.phase, ended.end) == ("terminated", "unrecorded")
        record["runId"] = str(uuid.uuid4())
        (lost,) = (await lateen.history(NAMESPACE, bench.name)).deliveries
        assert (lost.phase, lost.end) == ("waiting", "unrecorded"), "Temporal has forgotten the run"

    async def test_of_what_never_was(self, bench: Bench, lateen: Lateen) -> None:
        bench.fakes.inspected = {"known": False}
        with pytest.raises(NotFound, match="nothing is recorded of an application 'nothing'"):
            await lateen.history(NAMESPACE, "nothing")

    async def test_without_a_worker_nobody_can_read_the_hub(self, idle: Bench) -> None:
        with pytest.raises(NoWorker, match="no worker polls"):
            await Lateen(idle.client, task_queue=idle.task_queue).history(NAMESPACE, idle.name)

"""Going back to a revision, as the application's workflow and its clients see it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from click.testing import CliRunner, Result
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError

from lateen.cli import codes
from lateen.cli.main import cli
from lateen.client import InvalidApplication, Lateen, NotFound, NoWorker
from lateen.contracts import errors
from lateen.contracts.identifiers import APPLICATION
from support.activities import failing
from support.applications import deploy
from support.temporal import Bench, failure_of, result_of

BACK = {"intent": "rollback", "revision": "web-v1", "actor": "mia"}


@pytest.fixture
def lateen(bench: Bench) -> Lateen:
    """The client, for the test's own task queue."""
    return Lateen(bench.client, task_queue=bench.task_queue)


def keep(bench: Bench, **more: Any) -> None:
    """Let the hub keep two revisions."""
    bench.fakes.kept = {
        "web-v0": bench.app(image="nginx:0"),
        "web-v1": bench.app(topologies={"t": ["a"]}, image="nginx:1", **more),
    }


async def submit(bench: Bench, payload: Any) -> Any:
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        APPLICATION,
        payload,
        id=bench.id,
        task_queue=bench.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    async with asyncio.timeout(10):
        return await bench.client.execute_update_with_start_workflow(
            "submit", payload, start_workflow_operation=start
        )


async def delivering(bench: Bench) -> Any:
    """Start a delivery and hold it while it applies."""
    bench.fakes.hold("a/default")
    run = await bench.start(bench.app(topologies={"t": ["a"]}, image="nginx:2"))
    await bench.fakes.begun("a/default")
    return run


def opened(bench: Bench) -> list[str]:
    """Return what was opened: the image of content, the revision of a rollback."""
    return [
        r.rollback_to or r.content["spec"]["components"][0]["properties"]["image"]
        for r in bench.fakes.called("open_delivery")
    ]


class TestOnAClosedApplication:
    async def test_a_plain_start_by_any_client(self, bench: Bench, plain_client: Client) -> None:
        keep(bench)
        result = await result_of(await bench.start(BACK, client=plain_client))
        assert (result["phase"], result["intent"]) == ("delivered", "rollback")
        assert (result["revision"], result["message"]) == ("web-v1", "rolled back to web-v1")
        (request,) = bench.fakes.called("open_delivery")
        assert (request.intent, request.rollback_to, request.actor) == ("rollback", "web-v1", "mia")
        assert request.content == {}
        closing = bench.fakes.called("close_delivery")[-1]
        assert (closing.message, closing.actor) == ("rolled back to web-v1", "mia")

    async def test_as_the_second_argument_of_a_start(self, bench: Bench) -> None:
        keep(bench)
        assert (await result_of(await bench.start(None, BACK)))["revision"] == "web-v1"

    async def test_without_a_revision_the_worker_decides(self, bench: Bench) -> None:
        await bench.start({"intent": "rollback"})
        await bench.fakes.begun("open_delivery")
        (request,) = bench.fakes.called("open_delivery")[:1]
        assert (request.intent, request.rollback_to) == ("rollback", "")
        await bench.handle.terminate()

    async def test_by_signal_while_no_worker_runs(self, idle: Bench) -> None:
        keep(idle)
        run = await idle.client.start_workflow(
            APPLICATION,
            id=idle.id,
            task_queue=idle.task_queue,
            start_signal="submit",
            start_signal_args=[BACK],
        )
        async with idle.worker():
            assert (await result_of(run))["revision"] == "web-v1"

    async def test_approvals_are_asked_anew(self, bench: Bench) -> None:
        keep(bench, steps=[deploy("gate", "t", auto=False)])
        run = await bench.start(BACK)
        state = await bench.until_waiting("gate")
        assert state["waiting"][0]["revision"] == "web-v1"
        await bench.handle.signal("approve", {"actor": "ben"})
        assert (await result_of(run))["phase"] == "delivered"

    async def test_what_fails_is_not_said_to_be_rolled_back(self, bench: Bench) -> None:
        keep(bench)
        bench.fakes.failures["a/default"] = [failing(errors.UNHEALTHY, "0 of 1 ready")]
        failure = await failure_of(await bench.start(BACK))
        assert "0 of 1 ready" in failure.message
        assert "rolled back" not in failure.message

    async def test_a_revision_that_is_not_kept_fails_the_run(self, bench: Bench) -> None:
        unknown = failing(errors.INVALID_APPLICATION, "revision: is not kept any more")
        bench.fakes.failures["open_delivery"] = [unknown]
        failure = await failure_of(await bench.start(BACK))
        assert (failure.type, failure.message) == (
            errors.INVALID_APPLICATION,
            "revision: is not kept any more",
        )


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({**BACK, "revision": 7}, "revision"),
        ({**BACK, "revision": "x" * 300}, "revision"),
        ({**BACK, "application": {}}, "application"),
        ({"intent": "roll-back"}, "intent"),
    ],
)
async def test_invalid_ones_are_refused_with_their_path(
    bench: Bench, payload: Any, path: str
) -> None:
    failure = await failure_of(await bench.start(payload), seconds=5)
    assert failure.type == errors.INVALID_APPLICATION
    assert failure.details[0]["problems"][0]["path"] == path


async def test_an_application_is_no_revision(bench: Bench) -> None:
    payload = {"application": bench.app(), "revision": "web-v1"}
    failure = await failure_of(await bench.start(payload), seconds=5)
    assert "the intent 'rollback'" in failure.message


class TestOnAnOpenRun:
    async def test_it_supersedes_content_and_is_what_the_next_run_delivers(
        self, bench: Bench
    ) -> None:
        keep(bench)
        run = await delivering(bench)
        answer = await submit(bench, BACK)
        assert answer["state"] == "superseding"
        bench.fakes.release("a/default")
        assert await bench.until_closed(run.result_run_id) == "CONTINUED_AS_NEW"
        result = await result_of(bench.handle)
        assert (result["revision"], result["intent"]) == ("web-v1", "rollback")
        assert opened(bench) == ["nginx:2", "web-v1"]
        assert bench.fakes.called("open_delivery")[1].actor == "mia"

    async def test_by_signal_too(self, bench: Bench) -> None:
        keep(bench)
        await delivering(bench)
        await bench.handle.signal("submit", BACK)
        bench.fakes.release("a/default")
        await bench.until(lambda s: s["revision"] == "web-v1" and s["phase"] == "delivered")

    async def test_the_same_joins_another_revision_supersedes(self, bench: Bench) -> None:
        keep(bench)
        bench.fakes.hold("a/default")
        run = await bench.start(BACK)
        await bench.fakes.begun("a/default")
        same = await submit(bench, {**BACK, "actor": "ben"})
        assert (same["state"], same["runId"]) == ("joined", run.result_run_id)
        other = await submit(bench, {**BACK, "revision": "web-v0"})
        assert other["state"] == "superseding"
        bench.fakes.release("a/default")
        await bench.until(lambda s: s["revision"] == "web-v0" and s["phase"] == "delivered")
        assert opened(bench) == ["web-v1", "web-v0"]

    async def test_content_supersedes_it(self, bench: Bench) -> None:
        keep(bench)
        bench.fakes.hold("a/default")
        await bench.start(BACK)
        await bench.fakes.begun("a/default")
        answer = await submit(bench, bench.app(image="nginx:3"))
        assert answer["state"] == "superseding"
        bench.fakes.release("a/default")
        await result_of(bench.handle)
        assert opened(bench) == ["web-v1", "nginx:3"]

    async def test_it_may_wait(self, bench: Bench) -> None:
        keep(bench)
        await delivering(bench)
        answer = await submit(bench, {**BACK, "queue": True})
        assert answer["state"] == "queued"
        bench.fakes.release("a/default")
        await bench.until(lambda s: s["revision"] == "web-v1" and s["phase"] == "delivered")
        assert bench.fakes.closed_as() == ["delivered", "delivered"]

    async def test_one_that_can_not_be_delivered_stops_nothing(self, bench: Bench) -> None:
        run = await delivering(bench)
        bench.fakes.unfit = "revision: is not kept any more"
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await submit(bench, BACK)
        assert isinstance(caught.value.cause, ApplicationError)
        assert "not kept any more" in str(caught.value.cause)
        await bench.handle.signal("submit", {**BACK, "revision": "web-v0"})
        state = await bench.until(lambda s: bool(s["warnings"]))
        assert "not kept any more" in state["warnings"][0]
        requests = bench.fakes.called("vet_submission")
        assert [r.rollback_to for r in requests] == ["web-v1", "web-v0"]
        assert {r.intent for r in requests} == {"rollback"}
        bench.fakes.release("a/default")
        assert (await result_of(run))["phase"] == "delivered"
        assert opened(bench) == ["nginx:2"]


class TestClient:
    async def test_to_a_revision(self, bench: Bench, lateen: Lateen) -> None:
        keep(bench)
        submitted = await lateen.rollback("default", bench.name, revision="web-v1", actor="mia")
        outcome = await lateen.wait(submitted)
        assert (outcome.phase, outcome.revision) == ("delivered", "web-v1")
        assert outcome.message == "rolled back to web-v1"

    async def test_without_a_revision_it_names_the_one_before(
        self, bench: Bench, lateen: Lateen
    ) -> None:
        """So that a reset of the run means the same again."""
        keep(bench)
        outcome = await lateen.wait(await lateen.rollback("default", bench.name))
        assert outcome.revision == "web-v1"
        assert bench.fakes.called("open_delivery")[0].rollback_to == "web-v1"

    async def test_is_followed_behind_what_runs(self, bench: Bench, lateen: Lateen) -> None:
        keep(bench)
        await delivering(bench)
        submitted = await lateen.rollback("default", bench.name, revision="web-v1")
        assert submitted.state == "superseding"
        bench.fakes.release("a/default")
        outcome = await lateen.wait(submitted)
        assert (outcome.phase, outcome.revision) == ("delivered", "web-v1")

    async def test_an_unknown_one_is_refused_where_something_runs(
        self, bench: Bench, lateen: Lateen
    ) -> None:
        await delivering(bench)
        bench.fakes.unfit = "revision: is not kept any more"
        with pytest.raises(InvalidApplication, match="not kept any more"):
            await lateen.rollback("default", bench.name, revision="web-v9")
        bench.fakes.release("a/default")

    async def test_an_application_that_nobody_knows(self, bench: Bench, lateen: Lateen) -> None:
        with pytest.raises(NotFound, match="was ever delivered"):
            await lateen.rollback("default", bench.name)
        with pytest.raises(NotFound):
            await lateen.revisions("default", bench.name)

    async def test_lists_revisions(self, bench: Bench, lateen: Lateen) -> None:
        keep(bench)
        found = await lateen.revisions("default", bench.name)
        assert (found.application, found.before) == (bench.id, "web-v1")
        assert [row.name for row in found.revisions] == ["web-v0", "web-v1"]

    async def test_without_a_worker(self, idle: Bench) -> None:
        lateen = Lateen(idle.client, task_queue=idle.task_queue)
        with pytest.raises(NoWorker):
            await lateen.rollback("default", idle.name)


class TestCommands:
    """The commands, in this process, against the test's own worker."""

    async def run(self, bench: Bench, *arguments: str) -> Result:
        address = bench.client.service_client.config.target_host
        runner = CliRunner(env={"TEMPORAL_ADDRESS": address})
        queue = ("--task-queue", bench.task_queue)
        return await asyncio.to_thread(runner.invoke, cli, [*arguments, *queue])

    async def test_rollback(self, bench: Bench) -> None:
        keep(bench)
        done = await self.run(bench, "workflow", "rollback", bench.name)
        assert done.exit_code == codes.DELIVERED, done.output
        assert done.stdout == f"{bench.id}: rolled back to web-v1 in 1 placement\n"

    async def test_rollback_has_the_codes_of_up(self, bench: Bench) -> None:
        keep(bench, steps=[deploy("gate", "t", auto=False)])
        done = await self.run(bench, "workflow", "rollback", bench.name, "--to", "web-v1")
        assert done.exit_code == codes.WAITING
        bench.fakes.unchanged = True
        await bench.handle.terminate()
        done = await self.run(bench, "workflow", "rollback", bench.name)
        assert done.exit_code == codes.UNCHANGED

    async def test_up_with_a_revision(self, bench: Bench) -> None:
        keep(bench)
        done = await self.run(bench, "up", bench.name, "--revision", "web-v0", "--actor", "mia")
        assert done.exit_code == codes.DELIVERED, done.output
        (request,) = bench.fakes.called("open_delivery")
        assert (request.rollback_to, request.actor) == ("web-v0", "mia")

    @pytest.mark.parametrize("other", [["-f", "-"], ["web", "--create-namespace"]])
    async def test_up_with_a_revision_and_what_contradicts_it(
        self, bench: Bench, other: list[str]
    ) -> None:
        done = await self.run(bench, "up", "--revision", "web-v0", *other)
        assert done.exit_code == 2
        assert "leave out" in done.stderr

    async def test_a_list(self, bench: Bench) -> None:
        keep(bench)
        done = await self.run(bench, "revision", "list", bench.name, "--limit", "1")
        lines = done.stdout.splitlines()
        assert lines[0].split()[:2] == ["REVISION", "NUMBER"]
        assert [line.split()[0] for line in lines[1:]] == ["web-v0"]

"""Steering through the Python API, and the stories that runs tell: against fake activities."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.client import Lateen, NotFound, NotWaiting, Refused, StoryEvent
from lateen.client.errors import NoWorker
from lateen.contracts import errors
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication
from support.activities import failing
from support.applications import NAMESPACE, deploy, suspend
from support.temporal import Bench, failure_of, result_of

GATE = [deploy("gate", "t", auto=False)]


@pytest.fixture
def lateen(idle: Bench) -> Lateen:
    return Lateen(idle.client, task_queue=idle.task_queue)


def recorded(phase: str, **more: Any) -> Json:
    """Return what an inspection tells of the last delivery."""
    record = {"number": 3, "runId": "gone", "phase": phase, "revision": "web-v1", **more}
    return {"audit": {"delivery": record}, "workflow": ["deploy-here", "gate"]}


async def told(lateen: Lateen, bench: Bench, **more: Any) -> list[StoryEvent]:
    return [event async for event in lateen.story(NAMESPACE, bench.name, **more)]


def lines(events: list[StoryEvent]) -> list[tuple[str, str, str]]:
    return [(event.step, event.subject, event.type) for event in events]


class TestSuspend:
    async def test_and_resume_by_name(self, bench: Bench, lateen: Lateen) -> None:
        run = await bench.start(bench.app(steps=[suspend("gate")]))
        await bench.until_waiting("gate")
        said = await lateen.suspend(NAMESPACE, bench.name, actor="mia", reason="odd")
        assert said.message == "suspended by mia: odd"
        progress = await lateen.progress(NAMESPACE, bench.name)
        assert progress.suspended is not None
        assert progress.suspended.actor == "mia"
        status = await lateen.status(NAMESPACE, bench.name)
        assert status.phase == "suspended"
        resumed = await lateen.resume(NAMESPACE, bench.name, actor="ben")
        assert resumed.steered is not None
        assert resumed.steered.message == "resumed by ben"
        resumed = await lateen.resume(NAMESPACE, bench.name, actor="ben", reason="fine")
        assert resumed.decided is not None
        assert resumed.decided.step == "gate"
        result = await result_of(run)
        assert result["steps"][0]["decision"]["reason"] == "fine"

    async def test_a_step_can_be_approved_while_suspended(
        self, bench: Bench, lateen: Lateen
    ) -> None:
        run = await bench.start(bench.app(steps=[suspend("gate")]))
        await bench.until_waiting("gate")
        await lateen.suspend(NAMESPACE, bench.name)
        resumed = await lateen.resume(NAMESPACE, bench.name, step="gate")
        assert resumed.decided is not None
        await lateen.resume(NAMESPACE, bench.name)
        await result_of(run)

    async def test_by_signal_needs_no_worker(self, idle: Bench, lateen: Lateen) -> None:
        run = await idle.start(idle.app(steps=[suspend("gate")]))
        said = await lateen.suspend(NAMESPACE, idle.name, by_signal=True)
        assert said.message.startswith("sent: suspend")
        with pytest.raises(NoWorker):
            await lateen.suspend(NAMESPACE, idle.name)
        with pytest.raises(NoWorker):
            await lateen.resume(NAMESPACE, idle.name)
        await run.terminate()

    async def test_of_nothing(self, bench: Bench, lateen: Lateen) -> None:
        for by_signal in (True, False):
            with pytest.raises(NotWaiting, match="no delivery is open"):
                await lateen.suspend(NAMESPACE, bench.name, by_signal=by_signal)

    async def test_of_a_deletion_is_refused(self, bench: Bench, lateen: Lateen) -> None:
        bench.fakes.owned = ["a"]
        bench.fakes.hold("prune a")
        run = await bench.start({"intent": "delete"})
        await bench.fakes.begun("prune a")
        with pytest.raises(Refused, match="a deletion can't be suspended"):
            await lateen.suspend(NAMESPACE, bench.name)
        with pytest.raises(NotWaiting, match="is being deleted"):
            await lateen.resume(NAMESPACE, bench.name)
        bench.fakes.release("prune a")
        await result_of(run)


class TestResume:
    async def test_binds_the_approval_to_what_is_shown(self, bench: Bench, lateen: Lateen) -> None:
        run = await bench.start(bench.app(topologies={"t": ["a"]}, steps=GATE))
        await bench.until_waiting("gate")
        with pytest.raises(NotWaiting, match="another plan"):
            await lateen.resume(NAMESPACE, bench.name, plan="old")
        await lateen.resume(NAMESPACE, bench.name)
        await result_of(run)

    async def test_of_several_that_wait_asks_for_a_name(self, bench: Bench, lateen: Lateen) -> None:
        steps = [suspend("one"), suspend("two")]
        run = await bench.start(bench.app(steps=steps, mode={"steps": "DAG"}))
        await bench.until_waiting("one", "two")
        with pytest.raises(NotWaiting, match="several steps wait"):
            await lateen.resume(NAMESPACE, bench.name)
        with pytest.raises(NotWaiting, match="does not wait"):
            await lateen.resume(NAMESPACE, bench.name, step="three")
        for step in ("one", "two"):
            await lateen.resume(NAMESPACE, bench.name, step=step)
        await result_of(run)

    async def test_of_a_run_that_needs_no_word(self, bench: Bench, lateen: Lateen) -> None:
        bench.fakes.hold("local/default")
        run = await bench.start(bench.app())
        await bench.fakes.begun("local/default")
        with pytest.raises(NotWaiting, match="is not suspended and waits for nobody"):
            await lateen.resume(NAMESPACE, bench.name)
        bench.fakes.release("local/default")
        await result_of(run)

    @pytest.mark.parametrize("phase", ["failed", "rejected", "cancelled", "superseded", "waiting"])
    async def test_starts_a_run_for_what_ended(
        self, bench: Bench, lateen: Lateen, phase: str
    ) -> None:
        bench.fakes.failures["local/default"] = [failing(errors.UNHEALTHY)]
        await failure_of(await bench.start(bench.app()))
        bench.fakes.inspected = recorded(phase)
        resumed = await lateen.resume(NAMESPACE, bench.name, actor="ben")
        assert resumed.submitted is not None
        assert resumed.submitted.state == "started"
        assert (await lateen.wait(resumed.submitted, timeout=10)).ok
        wish = bench.fakes.called("open_delivery")[-1].continuation
        assert (wish.delivery, wish.restart) == (3, False)

    @pytest.mark.parametrize(
        ("inspected", "error", "said"),
        [
            ({"known": False}, NotFound, "nothing is recorded"),
            (recorded("delivered"), Refused, "delivery 3 succeeded"),
            (recorded("deleted", intent="delete"), Refused, "it is deleted; submit it again"),
        ],
    )
    async def test_says_why_nothing_can_be_continued(
        self, bench: Bench, lateen: Lateen, inspected: Json, error: type[Exception], said: str
    ) -> None:
        bench.fakes.inspected = inspected
        with pytest.raises(error, match=said):
            await lateen.resume(NAMESPACE, bench.name)
        assert "open_delivery" not in bench.fakes.names(), "no run was started"

    async def test_of_a_run_that_never_began_a_delivery(self, bench: Bench, lateen: Lateen) -> None:
        invalid = failing(errors.INVALID_APPLICATION, "no such cluster")
        bench.fakes.failures["open_delivery"] = [invalid]
        await failure_of(await bench.start(bench.app()))
        bench.fakes.inspected = recorded("delivered")
        with pytest.raises(Refused, match=r"failed \(no such cluster\) before it delivered"):
            await lateen.resume(NAMESPACE, bench.name)


class TestRestart:
    async def test_of_a_closed_run(self, bench: Bench, lateen: Lateen) -> None:
        await bench.deliver()
        bench.fakes.inspected = recorded("delivered")
        with pytest.raises(InvalidApplication, match="did you mean 'gate'"):
            await lateen.restart(NAMESPACE, bench.name, step="gats")
        submitted = await lateen.restart(NAMESPACE, bench.name, step="gate")
        assert (await lateen.wait(submitted, timeout=10)).ok
        assert bench.fakes.called("open_delivery")[-1].continuation.step == "gate"

    async def test_of_an_open_run_supersedes_it(self, bench: Bench, lateen: Lateen) -> None:
        await bench.start(bench.app(steps=[suspend("gate")]))
        await bench.until_waiting("gate")
        bench.fakes.inspected = recorded("waiting")
        first = await lateen.restart(NAMESPACE, bench.name)
        assert first.state == "superseding"
        await bench.until(lambda s: s["previous"] and s["waiting"])
        second = await lateen.restart(NAMESPACE, bench.name)
        assert second.state == "superseding", "a second wish is not the first"
        assert (await lateen.wait(first, timeout=10)).phase == "superseded"
        await bench.until(lambda s: len(s["previous"]) == 2 and s["waiting"])
        await lateen.resume(NAMESPACE, bench.name)
        assert (await lateen.wait(second, timeout=10)).phase == "delivered"


class TestTerminate:
    async def test_cancels_and_records_who_and_why(self, bench: Bench, lateen: Lateen) -> None:
        await bench.start(bench.app(steps=[suspend("gate")]))
        await bench.until_waiting("gate")
        ending = await lateen.terminate(NAMESPACE, bench.name, actor="zoe", reason="wrong day")
        assert (await lateen.wait(ending, timeout=10)).phase == "cancelled"
        (closing,) = bench.fakes.called("close_delivery")
        assert (closing.phase, closing.actor, closing.reason) == ("cancelled", "zoe", "wrong day")
        assert closing.message == "cancelled by zoe: wrong day"
        with pytest.raises(NotWaiting, match="no delivery is open"):
            await lateen.terminate(NAMESPACE, bench.name)

    async def test_a_deletion_too(self, bench: Bench, lateen: Lateen) -> None:
        bench.fakes.owned = ["a"]
        bench.fakes.hold("prune a")
        await bench.start({"intent": "delete"})
        await bench.fakes.begun("prune a")
        ending = await lateen.terminate(NAMESPACE, bench.name, actor="zoe")
        assert (await lateen.wait(ending, timeout=10)).phase == "cancelled"
        (closing,) = bench.fakes.called("close_delivery")
        assert (closing.actor, closing.message) == ("zoe", "cancelled by zoe")

    async def test_by_force_needs_no_worker(self, idle: Bench, lateen: Lateen) -> None:
        await idle.start(idle.app())
        ending = await lateen.terminate(NAMESPACE, idle.name, force=True, reason="stuck")
        outcome = await lateen.wait(ending, timeout=10)
        assert (outcome.phase, outcome.message) == (
            "terminated",
            "terminated from outside: by unattributed: stuck",
        )

    @pytest.mark.parametrize("reason", ["because", '{"actor": 1}', '["a"]', ""])
    async def test_any_reason_of_a_cancellation_is_kept(self, bench: Bench, reason: str) -> None:
        run = await bench.start(bench.app(steps=[suspend("gate")]))
        await bench.until_waiting("gate")
        await run.cancel(reason=reason)
        assert await bench.until_closed(run.result_run_id) == "CANCELED"
        (closing,) = bench.fakes.called("close_delivery")
        assert (closing.actor, closing.reason) == ("", reason)


class TestStories:
    async def test_tell_placements_decisions_retries_and_ends(
        self, bench: Bench, lateen: Lateen
    ) -> None:
        retryable = failing(errors.CLUSTER_UNREACHABLE, "no route", retryable=True)
        bench.fakes.failures["a/default"] = [retryable]
        bench.fakes.failures["b/default"] = [failing(errors.UNHEALTHY, "0 of 1 ready")]
        steps = [*GATE, deploy("two", "u"), deploy("three", "t")]
        app = bench.app(topologies={"t": ["a"], "u": ["b"]}, steps=steps)
        run = await bench.start({"application": app, "actor": "mia"})
        await bench.until_waiting("gate")
        await bench.handle.signal("approve", {"actor": "ben", "reason": "fine"})
        await failure_of(run)
        events = await told(lateen, bench)
        assert lines(events) == [
            ("", "", "started"),
            ("", "", "opened"),
            ("gate", "", "waiting"),
            ("gate", "", "approved"),
            ("gate", "a/default", "delivering"),
            ("gate", "a/default", "retried"),
            ("gate", "a/default", "delivered"),
            ("two", "b/default", "delivering"),
            ("two", "b/default", "failed"),
            ("two", "", "failed"),
            ("three", "", "skipped"),
            ("", "", "failed"),
        ]
        said = {(e.step, e.type): e for e in events}
        assert said["", "started"].actor == "mia"
        approved = said["gate", "approved"]
        assert (approved.actor, approved.message) == ("ben", "fine")
        retried = said["gate", "retried"]
        assert (retried.attempt, retried.message) == (2, "no route")
        assert next(e.message for e in events if e.type == "failed") == "0 of 1 ready"
        assert all(e.at for e in events)

    async def test_follow_a_run_to_its_end_and_on_to_the_next(
        self, bench: Bench, lateen: Lateen
    ) -> None:
        await bench.start(bench.app(steps=[suspend("gate")]))
        await bench.until_waiting("gate")
        seen: list[StoryEvent] = []
        async for event in lateen.story(NAMESPACE, bench.name, follow=True):
            seen.append(event)
            if event.type == "waiting":
                await bench.handle.signal("submit", bench.app(image="nginx:2"))
        types = [event.type for event in seen]
        assert types.count("started") == 2
        assert "superseded" in types
        assert types[-1] == "delivered"

    async def test_tell_what_is_tried_again_now(self, bench: Bench, lateen: Lateen) -> None:
        unreachable = failing(errors.CLUSTER_UNREACHABLE, "no route", retryable=True)
        bench.fakes.failures["local/default"] = [unreachable for _ in range(20)]
        run = await bench.start(bench.app())
        await bench.fakes.begun("local/default")
        bench.fakes.forget_begun("local/default")
        await bench.fakes.begun("local/default")
        last = (await told(lateen, bench))[-1]
        assert (last.type, last.subject, last.message) == ("retrying", "local/default", "no route")
        async for event in lateen.story(NAMESPACE, bench.name, follow=True):
            if event.type == "retrying":
                break
        await run.terminate(reason="enough")
        last = (await told(lateen, bench))[-1]
        assert (last.type, last.message) == ("terminated", "enough")

    async def test_of_an_invalid_application_say_what_is_wrong(
        self, bench: Bench, lateen: Lateen
    ) -> None:
        await failure_of(await bench.start({"kind": "Deployment"}))
        assert [e.type for e in await told(lateen, bench)] == ["started", "failed"]

    async def test_of_shards_name_what_failed(self, bench: Bench, lateen: Lateen) -> None:
        names = [f"m{number:03}" for number in range(203)]
        bench.fakes.clusters += names
        bench.fakes.failures["m201/default"] = [failing(errors.REFUSED, "not ours")]
        steps = [deploy("d", "t", parallelism=50)]
        await failure_of(
            await bench.start(bench.app(topologies={"t": names}, steps=steps)), seconds=40
        )
        events = [e for e in await told(lateen, bench) if e.step == "d"]
        assert [(e.subject, e.type, e.message) for e in events][:5] == [
            ("", "delivering", "a shard of 200 placements"),
            ("", "delivered", "200 of 200 placements"),
            ("", "delivering", "a shard of 3 placements"),
            ("m201/default", "failed", "not ours"),
            ("", "delivered", "2 of 3 placements"),
        ]

    async def test_of_nobody_are_not_found(self, bench: Bench, lateen: Lateen) -> None:
        with pytest.raises(NotFound, match="no run of application"):
            await told(lateen, bench)
        with pytest.raises(NotFound, match="no run of application"):
            await lateen.runs(NAMESPACE, bench.name)

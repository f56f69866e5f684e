"""Cancel, terminate and reset, as people do from Temporal's UI, and workers that die."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from support.applications import deploy, suspend
from support.temporal import Bench, history_of, placements_of, result_of


async def cancelled(run: Any) -> None:
    """Wait until a run ended as cancelled."""
    with pytest.raises(WorkflowFailureError) as ended:
        await result_of(run)
    assert isinstance(ended.value.cause, CancelledError)


class TestCancel:
    async def test_stops_placements_waits_for_them_and_is_recorded(self, bench: Bench) -> None:
        bench.fakes.hold("a/default", "b/default")
        steps = [deploy("d", "t", parallelism=2), deploy("later", "t")]
        run = await bench.start(bench.app(topologies={"t": ["a", "b", "c"]}, steps=steps))
        await bench.fakes.begun("a/default")
        await bench.fakes.begun("b/default")
        await run.cancel()
        await cancelled(run)
        assert sorted(bench.fakes.ended) == [("a/default", "cancelled"), ("b/default", "cancelled")]
        assert bench.fakes.names()[-1] == "close_delivery"
        (closing,) = bench.fakes.called("close_delivery")
        assert closing.phase == "cancelled"
        assert [s.phase for s in closing.steps] == ["cancelled", "pending"]
        assert [p.phase for p in closing.steps[0].placements] == ["cancelled"] * 3

    async def test_waits_for_an_apply_that_runs_and_keeps_what_is_delivered(
        self, bench: Bench
    ) -> None:
        bench.fakes.hold("b/default", stubborn=True)
        steps = [deploy("d", "t", parallelism=1)]
        run = await bench.start(bench.app(topologies={"t": ["a", "b", "c"]}, steps=steps))
        await bench.fakes.begun("b/default")
        await run.cancel()
        await asyncio.sleep(0.3)
        assert "close_delivery" not in bench.fakes.names()
        bench.fakes.release("b/default")
        await cancelled(run)
        (closing,) = bench.fakes.called("close_delivery")
        assert [p.cluster for p in closing.placements] == ["a"]
        assert bench.fakes.delivered() == ["d:a/default", "d:b/default"]

    async def test_while_waiting_for_approval(self, bench: Bench) -> None:
        run = await bench.start(bench.app(steps=[suspend("gate")]))
        await bench.until_waiting("gate")
        await run.cancel()
        await cancelled(run)
        assert bench.fakes.closed_as() == ["cancelled"]
        assert (await bench.state())["waiting"] == []

    async def test_while_opening_closes_what_was_claimed(self, bench: Bench) -> None:
        bench.fakes.hold("open_delivery", stubborn=True)
        run = await bench.start(bench.app())
        await bench.fakes.begun("open_delivery")
        await run.cancel()
        await asyncio.sleep(0.2)
        bench.fakes.release("open_delivery")
        await cancelled(run)
        assert "deliver_placement" not in bench.fakes.names()

    async def test_while_being_superseded_ends_the_run(self, bench: Bench) -> None:
        bench.fakes.hold("a/default", stubborn=True)
        run = await bench.start(bench.app(topologies={"t": ["a"]}))
        await bench.fakes.begun("a/default")
        await bench.handle.signal("submit", bench.app(image="nginx:2"))
        await asyncio.sleep(0.1)
        await run.cancel()
        await asyncio.sleep(0.1)
        bench.fakes.release("a/default")
        await cancelled(bench.handle)
        assert len(bench.fakes.called("close_delivery")) == 1
        assert len(bench.fakes.called("open_delivery")) == 1

    async def test_while_pruning_is_recorded(self, bench: Bench) -> None:
        bench.fakes.prune = ["b"]
        bench.fakes.hold("prune b")
        run = await bench.start(bench.app(topologies={"t": ["a"]}))
        await bench.fakes.begun("prune b")
        await run.cancel()
        await cancelled(run)
        assert [r.phase for r in bench.fakes.called("close_delivery")] == [
            "delivered",
            "cancelled",
        ]


async def test_after_a_terminate_a_new_start_delivers(bench: Bench) -> None:
    bench.fakes.hold("a/default")
    run = await bench.start(bench.app(topologies={"t": ["a"]}))
    await bench.fakes.begun("a/default")
    await run.terminate("from the UI")
    bench.fakes.release("a/default")
    result = await bench.deliver(topologies={"t": ["a"]})
    assert (result["phase"], result["delivery"]) == ("delivered", 2)


async def test_a_reset_to_before_the_approval_asks_again(bench: Bench) -> None:
    gate = [deploy("gate", "t", auto=False)]
    run = await bench.start(bench.app(topologies={"t": ["a"]}, steps=gate))
    await bench.until_waiting("gate")
    await bench.handle.signal("approve", {"actor": "mia"})
    await result_of(run)
    history = await history_of(run)
    task = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    first = next(e.event_id for e in history.events if e.event_type == task)
    request = ResetWorkflowExecutionRequest(
        namespace=bench.client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=bench.id, run_id=run.result_run_id),
        workflow_task_finish_event_id=first,
        request_id="reset",
        reason="try again",
    )
    answer = await bench.client.workflow_service.reset_workflow_execution(request)
    state = await bench.until_waiting("gate")
    assert state["runId"] == answer.run_id
    assert len(bench.fakes.delivered()) == 1, "the approval of before does not count"
    await bench.handle.signal("approve", {"actor": "ben"})
    result = await result_of(bench.handle)
    assert result["steps"][0]["decision"]["actor"] == "ben"
    assert [e.type for e in bench.fakes.events if e.type == "void"] == ["void"]


async def test_a_killed_worker_is_replaced_and_the_run_finishes_once(idle: Bench) -> None:
    target = idle.client.service_client.config.target_host
    doomed = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "support.doomed_worker",
        target,
        idle.task_queue,
        cwd=Path(__file__).parents[1],
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert doomed.stdout is not None
        run = await idle.start(idle.app(topologies={"t": ["a", "b"]}))
        async with asyncio.timeout(20):
            assert (await doomed.stdout.readline()).strip() == b"holding a/default"
        doomed.send_signal(signal.SIGKILL)
        await doomed.wait()
    finally:
        if doomed.returncode is None:
            doomed.kill()
            await doomed.wait()
    idle.fakes.adopt(idle.app(topologies={"t": ["a", "b"]}))
    async with idle.worker():
        result = await result_of(run, seconds=30)
    assert placements_of(result, "deploy-t") == {
        "a/default": "delivered",
        "b/default": "delivered",
    }
    attempts = {
        c.request.placement.name: c.attempt
        for c in idle.fakes.calls
        if c.name == "deliver_placement"
    }
    assert attempts["a/default"] == 2
    assert idle.fakes.closed_as() == ["delivered"]
    assert "open_delivery" not in idle.fakes.names(), "it was opened by the first worker"

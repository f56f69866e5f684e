"""The main scenarios, each replayed at once; with ``LATEEN_RECORD_HISTORIES=1`` they are recorded.

``tests/replay`` replays the recorded files with the code of today.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from lateen.contracts import errors
from lateen.contracts.messages import RunOptions, StepOutcome
from support import histories
from support.activities import failing
from support.applications import deploy, group, suspend
from support.temporal import WORKFLOWS, Bench, failure_of

Scenario = Callable[[Bench], Awaitable[Any]]
GATE = [deploy("gate", "t", auto=False, timeout="1h"), deploy("rest", "u")]
TOPOLOGIES = {"t": ["a"], "u": ["b", "c"]}


async def delivered(bench: Bench) -> Any:
    bench.fakes.options = RunOptions(search_attributes=True)
    bench.fakes.random_pause(0.05)
    bench.fakes.prune = ["c"]
    return await bench.start(bench.app(topologies=TOPOLOGIES))


async def unchanged(bench: Bench) -> Any:
    bench.fakes.unchanged = True
    return await bench.start(bench.app())


async def approval(bench: Bench) -> Any:
    bench.fakes.plan_salt["gate"] = ["", "new"]
    bench.fakes.failures["a/default"] = [failing(errors.PLAN_CHANGED)]
    run = await bench.start(bench.app(topologies=TOPOLOGIES, steps=GATE))
    await bench.until_waiting("gate")
    await bench.handle.signal("approve", {"step": "other"})
    await bench.handle.execute_update("approve", {"actor": "mia"})
    await bench.until(lambda s: s["warnings"] and s["waiting"])
    await bench.handle.signal("approve", {"actor": "ben", "reason": "fine"})
    return run


async def approval_of_a_run(bench: Bench) -> Any:
    """Decisions that name the run: one for another run is void, then one for this."""
    steps = [*GATE, suspend("last")]
    run = await bench.start(bench.app(topologies=TOPOLOGIES, steps=steps))
    await bench.until_waiting("gate")
    await bench.handle.signal("approve", {"run": "another", "actor": "ben"})
    mine = {"run": run.result_run_id, "actor": "mia"}
    await bench.handle.execute_update("approve", mine)
    await bench.until_waiting("last")
    await bench.handle.signal("approve", mine)
    return run


async def rejected(bench: Bench) -> Any:
    run = await bench.start(bench.app(topologies=TOPOLOGIES, steps=GATE))
    await bench.until_waiting("gate")
    await bench.handle.signal("reject", {"actor": "mia", "reason": "no"})
    return run


async def suspended(bench: Bench) -> Any:
    """Suspended in the middle of a step and while an approval waits: limits stop and go on."""
    bench.fakes.options = RunOptions(search_attributes=True)
    bench.fakes.hold("b/default", stubborn=True)
    steps = [deploy("apply", "u", parallelism=1, timeout="1h"), *GATE]
    run = await bench.start(bench.app(topologies=TOPOLOGIES, steps=steps))
    await bench.fakes.begun("b/default")
    await bench.handle.signal("suspend", {"actor": "mia", "reason": "odd"})
    bench.fakes.release("b/default")
    await bench.until(lambda s: s["steps"][0]["placements"][0]["phase"] == "delivered")
    await bench.handle.execute_update("resume", {"actor": "ben"})
    await bench.until_waiting("gate")
    await bench.handle.execute_update("suspend", {"actor": "mia"})
    await bench.handle.signal("approve", {"actor": "ben", "reason": "fine"})
    await bench.handle.execute_update("resume", {"actor": "mia"})
    return run


async def superseded(bench: Bench) -> Any:
    bench.fakes.hold("b/default")
    run = await bench.start(bench.app(topologies=TOPOLOGIES))
    await bench.fakes.begun("b/default")
    await bench.handle.execute_update("submit", bench.app(image="nginx:2"))
    return run


async def superseded_after_vetting(bench: Bench) -> Any:
    """What can't be delivered is refused, by signal and update; then good content takes over."""
    bench.fakes.hold("b/default")
    run = await bench.start(bench.app(topologies=TOPOLOGIES))
    await bench.fakes.begun("b/default")
    bench.fakes.unfit = "spec.policies[0]: no such cluster"
    await bench.handle.signal("submit", bench.app(image="nginx:2"))
    await bench.until(lambda s: bool(s["warnings"]))
    bench.fakes.unfit = ""
    await bench.handle.execute_update("submit", bench.app(image="nginx:3"))
    return run


async def rolled_back(bench: Bench) -> Any:
    bench.fakes.kept = {"web-v1": bench.app(topologies=TOPOLOGIES)}
    bench.fakes.options = RunOptions(search_attributes=True)
    bench.fakes.prune = ["c"]
    return await bench.start({"intent": "rollback", "revision": "web-v1", "actor": "mia"})


async def superseded_by_a_rollback(bench: Bench) -> Any:
    """An unknown revision stops nothing; then a kept one takes over."""
    bench.fakes.kept = {"web-v1": bench.app(topologies=TOPOLOGIES)}
    bench.fakes.hold("b/default")
    run = await bench.start(bench.app(topologies=TOPOLOGIES, image="nginx:2"))
    await bench.fakes.begun("b/default")
    bench.fakes.unfit = "revision: is not kept any more"
    await bench.handle.signal("submit", {"intent": "rollback", "revision": "web-v0"})
    await bench.until(lambda s: bool(s["warnings"]))
    bench.fakes.unfit = ""
    await bench.handle.signal("submit", {"intent": "rollback", "revision": "web-v1"})
    return run


async def deletion(bench: Bench) -> Any:
    bench.fakes.owned = ["a", "b"]
    unreachable = failing(errors.CLUSTER_UNREACHABLE, retryable=True)
    bench.fakes.failures["prune b"] = [unreachable for _ in range(9)]
    run = await bench.start({"intent": "delete", "actor": "mia"})
    await bench.until(lambda s: s["clusters"].get("a") == "deleted 2 objects")
    await bench.handle.execute_update("submit", {"intent": "delete", "abandon": ["b"]})
    return run


async def cancelled(bench: Bench) -> Any:
    bench.fakes.hold("a/default", "plan_step")
    steps = [
        deploy("apply", "t", timeout="1h"),
        deploy("plan", "u"),
        suspend("wait", duration="1h"),
        group("group", suspend("inner", timeout="1h"), deploy("more", "u")),
    ]
    app = bench.app(topologies=TOPOLOGIES, steps=steps, mode={"steps": "DAG"})
    bench.fakes.first_plan = True
    run = await bench.start(app)
    await bench.fakes.begun("a/default")
    await bench.fakes.begun("plan_step")
    await run.cancel()
    return run


async def failed(bench: Bench) -> Any:
    bench.fakes.failures["b/default"] = [failing(errors.UNHEALTHY, "0 of 1 ready")]
    steps = [deploy("d", "u"), deploy("later", "t"), deploy("cleanup", "t", **{"if": "always"})]
    return await bench.start(bench.app(topologies=TOPOLOGIES, steps=steps))


async def resumed(bench: Bench) -> Any:
    """The rest of a delivery that failed; what was approved for the very same plan stays approved."""
    bench.fakes.failures["c/default"] = [failing(errors.UNHEALTHY, "0 of 1 ready")]
    steps = [deploy("apply", "t"), deploy("gate", "u", auto=False), suspend("wait")]
    run = await bench.start(bench.app(topologies=TOPOLOGIES, steps=steps))
    await bench.until_waiting("gate")
    await bench.handle.signal("approve", {"actor": "mia"})
    failure = await failure_of(run)
    outcomes = [StepOutcome.model_validate(step) for step in failure.details[0]["steps"]]
    kept = [[p for p in each.placements if p.phase == "delivered"] for each in outcomes]
    bench.fakes.done = [
        outcomes[0].model_copy(update={"message": "in delivery 1"}),
        outcomes[1].model_copy(update={"phase": "pending", "placements": kept[1]}),
    ]
    run = await bench.start({"resume": {"delivery": 1}, "actor": "mia"})
    await bench.until_waiting("wait")
    await bench.handle.signal("approve", {"actor": "ben"})
    return run


async def failed_but_pruned(bench: Bench) -> Any:
    bench.fakes.options = RunOptions(search_attributes=True)
    bench.fakes.failures["b/default"] = [failing(errors.UNHEALTHY, "0 of 1 ready")]
    bench.fakes.prune_after_failure = ["a", "b"]
    return await bench.start(bench.app(topologies=TOPOLOGIES))


async def invalid(bench: Bench) -> Any:
    return await bench.start({"kind": "Deployment"})


async def sharded(bench: Bench) -> Any:
    names = [f"m{number:03}" for number in range(202)]
    bench.fakes.clusters += names
    steps = [deploy("d", "t", parallelism=50)]
    return await bench.start(bench.app(topologies={"t": names}, steps=steps))


SCENARIOS: list[tuple[Scenario, str]] = [
    (delivered, "COMPLETED"),
    (unchanged, "COMPLETED"),
    (approval, "COMPLETED"),
    (suspended, "COMPLETED"),
    (approval_of_a_run, "COMPLETED"),
    (rejected, "FAILED"),
    (superseded, "CONTINUED_AS_NEW"),
    (superseded_after_vetting, "CONTINUED_AS_NEW"),
    (rolled_back, "COMPLETED"),
    (superseded_by_a_rollback, "CONTINUED_AS_NEW"),
    (deletion, "COMPLETED"),
    (cancelled, "CANCELED"),
    (failed, "FAILED"),
    (resumed, "COMPLETED"),
    (failed_but_pruned, "FAILED"),
    (invalid, "FAILED"),
    (sharded, "COMPLETED"),
]


@pytest.mark.parametrize(("scenario", "status"), SCENARIOS, ids=[s.__name__ for s, _ in SCENARIOS])
async def test_a_scenario_replays(bench: Bench, scenario: Scenario, status: str) -> None:
    bench.name = f"{scenario.__name__.replace('_', '-')}-{bench.name}"
    run = await scenario(bench)
    assert await bench.until_closed(run.result_run_id) == status
    own = bench.client.get_workflow_handle(bench.id, run_id=run.result_run_id)
    history = await own.fetch_history()
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter)
    await replayer.replay_workflow(history)
    if histories.recording():
        histories.write(history, name=scenario.__name__)

"""The workflow that looks for drift: shards, bounds, and how it asks for a repair without being in the way."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from lateen.contracts import errors
from lateen.contracts.drift import DriftChecked, DriftReport, DriftSummary
from lateen.contracts.identifiers import DRIFT
from lateen.delivery.drifting import MOST_SUBMISSIONS, SHARD_SIZE
from lateen.model.base import Json
from lateen.model.drift import DriftedObject, DriftRecord
from support import histories
from support.activities import HUB_UID, failing
from support.applications import NAMESPACE, application, deploy
from support.temporal import WORKFLOWS, Bench, failure_of, result_of

DRIFTED = DriftRecord(
    delivery=3,
    since="2026-01-01T00:00:00+00:00",
    total=1,
    objects=[DriftedObject(cluster="a", kind="Deployment", name="web", fields=["spec.replicas"])],
)


def drifted(application_id: str, submission: Json | None = None) -> DriftChecked:
    report = DriftReport(
        application=application_id,
        state="drifted",
        repair="asked" if submission else "",
        drift=DRIFTED,
    )
    return DriftChecked(hub_uid=HUB_UID, report=report, submission=submission)


async def look(bench: Bench, **request: Any) -> WorkflowHandle[Any, Any]:
    return await bench.client.start_workflow(
        DRIFT, request, id=f"drift:{bench.name}", task_queue=bench.task_queue
    )


async def summary(bench: Bench, **request: Any) -> DriftSummary:
    return DriftSummary.model_validate(await result_of(await look(bench, **request)))


async def test_shards_follow_each_other_and_never_look_at_too_many_at_once(bench: Bench) -> None:
    bench.fakes.stored = [f"{NAMESPACE}/x{number:03}" for number in range(SHARD_SIZE + 30)]
    bench.fakes.random_pause(0.02)
    bench.fakes.checked = {each: drifted(each) for each in bench.fakes.stored[98:102]}
    found = await summary(bench, actor="mia")
    assert found.counts == {"clean": SHARD_SIZE + 26, "drifted": 4}
    assert [each.application for each in found.reports] == bench.fakes.stored[98:102]
    assert 1 < bench.fakes.most_in_flight["check_drift"] <= 5
    asked = bench.fakes.called("list_delivered")
    assert [each.after for each in asked] == ["", bench.fakes.stored[SHARD_SIZE - 1]]
    checks = bench.fakes.called("check_drift")
    assert {each.application for each in checks} == set(bench.fakes.stored)
    assert {(each.hub_uid, each.named, each.actor) for each in checks} == {(HUB_UID, False, "mia")}


async def test_one_that_is_named_is_looked_at_alone(bench: Bench) -> None:
    found = await summary(bench, namespace=NAMESPACE, name="web", repair=True)
    assert found.counts == {"clean": 1}
    assert found.reports == []
    (check,) = bench.fakes.called("check_drift")
    assert (check.application, check.named, check.repair) == (f"{NAMESPACE}/web", True, True)
    assert bench.fakes.called("list_delivered") == []


async def test_a_repair_is_a_delivery_by_the_applications_own_workflow(bench: Bench) -> None:
    """It goes on although the look has ended, and it keeps to the hub that was looked at."""
    bench.fakes.stored = [bench.id]
    envelope = {"application": bench.app(), "actor": "drift"}
    bench.fakes.checked = {bench.id: drifted(bench.id, envelope)}
    bench.fakes.hold("open_delivery")
    (report,) = (await summary(bench)).reports
    assert (report.state, report.repair) == ("drifted", "asked")
    bench.fakes.release("open_delivery")
    assert (await result_of(bench.handle))["phase"] == "delivered"
    opened = bench.fakes.called("open_delivery")[-1]
    assert (opened.actor, opened.hub_uid) == ("drift", HUB_UID)


async def test_nothing_is_asked_of_an_application_that_runs(bench: Bench) -> None:
    """One that waits for an approval goes on waiting, and is not superseded."""
    run = await bench.start(
        bench.app(topologies={"t": ["a"]}, steps=[deploy("d", "t", auto=False)])
    )
    await bench.until_waiting("d")
    bench.fakes.stored = [bench.id]
    bench.fakes.checked = {bench.id: drifted(bench.id, {"application": bench.app()})}
    (report,) = (await summary(bench)).reports
    assert (report.state, report.repair) == ("busy", "")
    await bench.until_waiting("d")
    await bench.handle.signal("approve", {"actor": "mia"})
    assert (await result_of(run))["phase"] == "delivered"
    assert len(bench.fakes.called("open_delivery")) == 1


async def test_a_check_that_fails_hides_no_other(bench: Bench) -> None:
    first, second = f"{NAMESPACE}/a", f"{NAMESPACE}/b"
    bench.fakes.stored = [first, second]
    bench.fakes.failures[first] = [failing(errors.REFUSED, "its revision is gone")]
    bench.fakes.checked = {second: drifted(second)}
    found = await summary(bench)
    assert found.counts == {"drifted": 1, "unchecked": 1}
    assert [(each.state, each.message) for each in found.reports] == [
        ("unchecked", "its revision is gone"),
        ("drifted", ""),
    ]


async def test_one_shard_asks_for_few_repairs(bench: Bench) -> None:
    """A cluster that lost everything is not mended all at once: the checks are told to stop asking."""
    ids = [f"{NAMESPACE}/{bench.name}-{number:02}" for number in range(MOST_SUBMISSIONS + 10)]
    bench.fakes.stored = ids
    for each in ids:
        app = application(each.partition("/")[2])
        bench.fakes.checked[each] = drifted(each, {"application": app})
    await summary(bench)
    allowed = [each for each in bench.fakes.called("check_drift") if each.may_submit]
    assert MOST_SUBMISSIONS <= len(allowed) < MOST_SUBMISSIONS + 5
    for each in ids:
        await result_of(bench.client.get_workflow_handle(each))


@pytest.mark.parametrize("payload", [{"name": "web"}, {"namespace": []}, ["x"]])
async def test_nonsense_is_refused(bench: Bench, payload: Any) -> None:
    handle = await bench.client.start_workflow(
        DRIFT, payload, id=f"drift:{bench.name}", task_queue=bench.task_queue
    )
    assert (await failure_of(handle)).type == errors.REFUSED


async def test_the_scenario_replays(bench: Bench) -> None:
    """Three applications: one is as delivered, one is repaired, one runs already."""
    bench.name = f"drift-{bench.name}"
    clean, repaired, running = (f"{bench.id}-{word}" for word in ("clean", "repaired", "running"))
    bench.fakes.stored = [clean, repaired, running]
    bench.fakes.hold("open_delivery")
    for each in (repaired, running):
        app = application(each.partition("/")[2])
        bench.fakes.checked[each] = drifted(each, {"application": app})
    await bench.client.start_workflow(
        "Application",
        application(running.partition("/")[2]),
        id=running,
        task_queue=bench.task_queue,
    )
    handle = await look(bench, repair=True)
    found = DriftSummary.model_validate(await result_of(handle))
    assert found.counts == {"busy": 1, "clean": 1, "drifted": 1}
    bench.fakes.release("open_delivery")
    for each in (repaired, running):
        await result_of(bench.client.get_workflow_handle(each))
    history = await handle.fetch_history()
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter)
    await replayer.replay_workflow(history)
    if histories.recording():
        histories.write(history, name="drift")

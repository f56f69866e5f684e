"""The Schedule that looks for drift, on a real Temporal server."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from temporalio.client import Client, ScheduleActionStartWorkflow, ScheduleOverlapPolicy
from temporalio.service import RPCError

from lateen.cli.scheduling import schedule_drift
from lateen.contracts.identifiers import drift_schedule


@pytest.fixture
def queue(client: Client, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TEMPORAL_ADDRESS", client.service_client.config.target_host)
    return f"queue-{uuid.uuid4().hex[:8]}"


def test_the_default_queue_has_the_plain_name() -> None:
    assert drift_schedule("lateen") == "lateen-drift"
    assert drift_schedule("other") == "lateen-drift-other"


async def test_it_is_created_once_changed_if_asked_and_removed(client: Client, queue: str) -> None:
    name, done = await schedule_drift(None, task_queue=queue)
    assert (name, done) == (f"lateen-drift-{queue}", "created")
    handle = client.get_schedule_handle(name)
    schedule = (await handle.describe()).schedule
    assert isinstance(schedule.action, ScheduleActionStartWorkflow)
    assert (schedule.action.workflow, schedule.action.task_queue) == ("Drift", queue)
    assert schedule.policy.overlap == ScheduleOverlapPolicy.SKIP
    assert [each.every for each in schedule.spec.intervals] == [timedelta(minutes=10)]
    await handle.pause(note="a freeze")
    # An install that says nothing about it leaves it alone, and none ends a pause.
    assert await schedule_drift(None, task_queue=queue) == (name, "unchanged")
    assert await schedule_drift(timedelta(minutes=10), task_queue=queue) == (name, "unchanged")
    assert await schedule_drift(timedelta(hours=1), task_queue=queue) == (name, "changed")
    described = await handle.describe()
    assert [each.every for each in described.schedule.spec.intervals] == [timedelta(hours=1)]
    assert (described.schedule.state.paused, described.schedule.state.note) == (True, "a freeze")
    assert await schedule_drift(None, task_queue=queue) == (name, "unchanged")
    assert await schedule_drift(timedelta(), task_queue=queue) == (name, "removed")
    with pytest.raises(RPCError):
        await handle.describe()
    assert await schedule_drift(timedelta(), task_queue=queue) == (name, "absent")

"""The audit trail: everything that was done, told by the hub alone, after Temporal has forgotten all of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from support.forgetting import forget
from support.platforms import (
    BEIJING,
    HANGZHOU_1,
    Json,
    Platform,
    application,
    deploy,
    placements,
    state_when,
    unique,
)

GATE = [deploy("gate", auto=False)]


def recorded(platform: Platform, name: str) -> Json:
    """Ask as a program would."""
    done = platform.lateen("history", name, "-n", "examples", "-o", "json")
    assert done.returncode == 0, done.stderr
    history: Json = json.loads(done.stdout)
    return history


def changes(delivery: Json) -> dict[str, dict[str, Any]]:
    """Return what was done where, without what was not."""
    return {
        each["cluster"]: {key: value for key, value in each.items() if value and key != "cluster"}
        for each in delivery["clusters"]
    }


def who(delivery: Json) -> list[tuple[str, str, str]]:
    """Return who did what and why."""
    return [(e["type"], e["actor"], e["reason"]) for e in delivery["events"] if e["actor"]]


async def decide(platform: Platform, wanted: Json, verb: str, *, reason: str) -> None:
    """Submit as alice; decide about the step that waits as bob."""
    name = wanted["metadata"]["name"]
    handle = await platform.start({**wanted}, {"actor": "alice"})
    await state_when(handle, lambda state: bool(state.get("waiting")))
    said = platform.lateen(verb, name, "-n", "examples", "--actor", "bob", "-m", reason)
    assert said.returncode == 0, said.stderr
    if verb == "approve":
        await asyncio.wait_for(handle.result(), 60)
    else:
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(handle.result(), 60)


async def test_everything_is_told_after_temporal_forgot_it(platform: Platform) -> None:
    name = unique("told")
    both, one = [BEIJING, HANGZHOU_1], [BEIJING]
    await decide(
        platform, application(name, clusters=both, steps=GATE), "approve", reason="looks good"
    )
    await decide(
        platform, application(name, image="nginx:2", steps=GATE), "reject", reason="on a Friday?"
    )
    await platform.deliver(application(name, clusters=one, image="nginx:3"), {"actor": "ci"})
    path = f"/apis/apps/v1/namespaces/examples/deployments/{name}"
    changed = {"containers": [{"name": name, "image": "nginx:other"}]}
    platform.api(BEIJING).patch(path, {"spec": {"template": {"spec": changed}}})
    drift = platform.lateen("drift", name, "-n", "examples", "--repair", "--actor", "carol")
    assert drift.returncode == 1, drift.stderr
    client = await platform.client()
    await asyncio.wait_for(client.get_workflow_handle(f"examples/{name}").result(), 60)
    await platform.deliver(name, {"intent": "delete", "actor": "dave"})
    assert await forget(client, name) == 5

    history = recorded(platform, name)
    assert (history["stored"], history["dropped"]) == (False, 0)
    first, second, third, repair, deletion = history["deliveries"]
    assert [d["phase"] for d in history["deliveries"]] == [
        "delivered",
        "rejected",
        "delivered",
        "delivered",
        "deleted",
    ]
    assert all(d["end"] == "recorded" and d["seconds"] > 0 for d in history["deliveries"])
    assert who(first) == [("submitted", "alice", ""), ("approved", "bob", "looks good")]
    assert changes(first) == {BEIJING: {"created": 1}, HANGZHOU_1: {"created": 1}}
    assert who(second) == [("submitted", "alice", ""), ("rejected", "bob", "on a Friday?")]
    assert changes(second) == {BEIJING: {"state": "pending"}}
    assert who(third) == [("submitted", "ci", "")]
    assert changes(third) == {BEIJING: {"changed": 1}, HANGZHOU_1: {"deleted": 1}}
    (drifted,) = [event for event in third["events"] if event["type"] == "drifted"]
    assert f"containers[{name}].image" in drifted["message"]
    assert who(repair) == [("submitted", "carol", "")]
    assert changes(repair) == {BEIJING: {"changed": 1}}
    assert repair["revision"] == third["revision"] == f"{name}-v3"
    assert (deletion["intent"], deletion["actor"]) == ("delete", "dave")
    assert changes(deletion) == {BEIJING: {"deleted": 1}}

    text = platform.lateen("history", name, "-n", "examples").stdout
    assert "step gate approved by bob: looks good" in text
    assert "step gate rejected by bob: on a Friday?" in text
    assert f"{HANGZHOU_1}: 1 deleted" in text


async def test_a_run_that_was_terminated_has_no_end_and_says_so(platform: Platform) -> None:
    name = unique("ended")
    slow = application(name, simulate="slow", delay="8s")
    handle = await platform.start(slow, {"actor": "alice"})
    await state_when(handle, lambda state: "delivering" in placements(state).values())
    (open_,) = recorded(platform, name)["deliveries"]
    assert (open_["end"], open_["endedAt"], open_.get("seconds")) == ("open", "", None)
    await handle.terminate("from the UI")
    (ended,) = recorded(platform, name)["deliveries"]
    assert (ended["end"], ended["phase"], ended["actor"]) == ("unrecorded", "terminated", "alice")
    assert ended["endedAt"]
    await platform.deliver(application(name))
    ended, after = recorded(platform, name)["deliveries"]
    assert (ended["end"], ended["phase"]) == ("unrecorded", "delivering")
    assert changes(ended) == {BEIJING: {"created": 1}}, "as the inventory still knew"
    assert (after["end"], after["phase"]) == ("recorded", "delivered")
    assert changes(after) == {BEIJING: {"changed": 1}}
    await platform.delete(name)


async def test_what_a_failed_delivery_did_is_told_too(platform: Platform) -> None:
    """The worker's deadline is 12 seconds; the object is there, and never healthy."""
    name = unique("failed")
    await platform.failure(application(name, simulate="crash"))
    (failed,) = recorded(platform, name)["deliveries"]
    assert failed["phase"] == "failed"
    assert changes(failed) == {BEIJING: {"created": 1, "state": "failed"}}
    assert "not healthy" in failed["message"]
    await platform.delete(name)


def test_an_application_that_never_was_has_no_history(platform: Platform) -> None:
    done = platform.lateen("history", "never-was", "-n", "examples")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing is recorded of an application 'never-was'" in done.stderr

"""Drift on real clusters: found by path, told, repaired only by a delivery, and only when that is wanted."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.client import Client

from lateen.cli import codes
from support.platforms import (
    BEIJING,
    HANGZHOU_1,
    HANGZHOU_2,
    Platform,
    application,
    deploy,
    state_when,
    unique,
)

Json = dict[str, Any]
REPLICAS = "Deployment examples/{}: spec.replicas"


def scaled(name: str, **more: Any) -> Json:
    """An application whose replica count is its own."""
    app = application(name, **more)
    scaler = {"type": "scaler", "properties": {"replicas": 1}}
    app["spec"]["components"][0]["traits"] = [scaler]
    return app


def path_of(name: str) -> str:
    return f"/apis/apps/v1/namespaces/examples/deployments/{name}"


def scale(platform: Platform, cluster: str, name: str, replicas: int) -> None:
    platform.api(cluster).patch(path_of(name), {"spec": {"replicas": replicas}})


def replicas(platform: Platform, cluster: str, name: str) -> int | None:
    found = platform.deployment(cluster, name)
    return found["spec"]["replicas"] if found else None


def drift(platform: Platform, *arguments: str) -> subprocess.CompletedProcess[str]:
    return platform.lateen("drift", *arguments, "-n", "examples")


def report(platform: Platform, name: str, *arguments: str) -> Json:
    """Return what ``lateen drift -o json`` says of one application; ``{}`` when it says nothing."""
    done = drift(platform, name, *arguments, "-o", "json")
    assert done.stdout, done.stderr
    reports: list[Json] = json.loads(done.stdout)["reports"]
    return reports[0] if reports else {}


async def until(holds: Callable[[], bool], *, within: float = 30) -> None:
    async with asyncio.timeout(within):
        while True:
            if holds():
                return
            await asyncio.sleep(0.2)


def delivered_again(platform: Platform, name: str, number: int) -> Callable[[], bool]:
    def holds() -> bool:
        audit = platform.audit(name)
        return bool(audit["latestDelivery"] == number and audit["phase"] == "delivered")

    return holds


async def test_a_changed_field_is_told_by_its_path_and_repaired_on_demand(
    platform: Platform,
) -> None:
    name = unique("drift")
    await platform.deliver(scaled(name, clusters=[BEIJING, HANGZHOU_1]))
    clean = drift(platform, name)
    assert (clean.returncode, clean.stdout) == (codes.SAME, "1 application: 1 as delivered\n")
    scale(platform, BEIJING, name, 3)
    platform.api(HANGZHOU_1).delete(path_of(name))
    found = drift(platform, name)
    assert found.returncode == codes.DIFFERENT, found.stdout + found.stderr
    assert f"{BEIJING}: {REPLICAS.format(name)}" in found.stdout
    assert f"{HANGZHOU_1}: Deployment examples/{name}: is missing" in found.stdout
    assert f"drift: 2 objects in {BEIJING}, {HANGZHOU_1} since " in found.stdout
    # It is only reported: nothing was written, and nobody was asked to.
    assert replicas(platform, BEIJING, name) == 3
    assert platform.audit(name)["latestDelivery"] == 1
    status = platform.lateen("status", name, "-n", "examples")
    assert f"drift: 2 objects in {BEIJING}, {HANGZHOU_1} since " in status.stdout
    since = platform.audit(name)["drift"]["since"]
    drift(platform, name)
    assert platform.audit(name)["drift"]["since"] == since
    events = [each for each in platform.audit(name)["events"] if each["type"] == "drifted"]
    assert len(events) == 1
    assert f"{BEIJING}: {REPLICAS.format(name)}" in events[0]["message"]

    repairing = drift(platform, name, "--repair", "--actor", "mia")
    assert f"delivery started: `lateen status {name} -n examples` shows it" in repairing.stdout
    await until(delivered_again(platform, name, 2))
    assert replicas(platform, BEIJING, name) == 1
    assert replicas(platform, HANGZHOU_1, name) == 1
    submitted = [each for each in platform.audit(name)["events"] if each["type"] == "submitted"]
    assert [each.get("actor", "") for each in submitted] == ["", "mia"]
    assert "Drift:" not in platform.lateen("status", name, "-n", "examples").stdout
    assert drift(platform, name).returncode == codes.SAME
    await platform.delete(name)


async def test_apply_once_exempts_a_field_or_everything(platform: Platform) -> None:
    """Neither is told, so neither is repaired; another field of the same object still is."""
    name, whole = unique("once"), unique("whole")
    rule = {
        "selector": {"resourceTypes": ["Deployment"]},
        "strategy": {"path": ["spec.replicas"], "affect": "onStateKeep"},
    }
    app = scaled(name)
    once = {"enable": True, "rules": [rule]}
    app["spec"]["policies"].append({"name": "once", "type": "apply-once", "properties": once})
    other = scaled(whole)
    everything = {"name": "once", "type": "apply-once", "properties": {"enable": True}}
    other["spec"]["policies"].append(everything)
    await asyncio.gather(platform.deliver(app), platform.deliver(other))
    scale(platform, BEIJING, name, 4)
    platform.api(BEIJING).delete(path_of(whole))
    assert drift(platform, name, "--repair").returncode == codes.SAME
    assert drift(platform, whole, "--repair").returncode == codes.SAME
    assert replicas(platform, BEIJING, name) == 4
    assert platform.deployment(BEIJING, whole) is None
    container = {"name": name, "image": "nginx:evil"}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    platform.api(BEIJING).patch(path_of(name), patch)
    (drifted,) = report(platform, name)["drift"]["objects"]
    assert drifted["fields"] == [f"spec.template.spec.containers[{name}].image"]
    await platform.delete(name, whole)


async def _histories(client: Client, query: str) -> bytes:
    """Return all events of some runs, with their payloads as they are stored."""
    found = b""
    async for run in client.list_workflows(query):
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        history = await handle.fetch_history()
        found += b"".join(event.SerializeToString() for event in history.events)
    return found


async def test_no_value_reaches_a_history(platform: Platform) -> None:
    name = unique("quiet")
    await platform.deliver(application(name))
    container = {"name": name, "image": "nginx:hunter2-in-a-tag"}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    platform.api(BEIJING).patch(path_of(name), patch)
    assert report(platform, name)["state"] == "drifted"
    told = f"containers[{name}].image".encode()
    client = await platform.client()
    everything = b""
    async with asyncio.timeout(20):  # Temporal lists a run a little after it was there.
        while told not in everything:
            everything = await _histories(client, 'WorkflowType="Drift"')
    assert b"hunter2" not in everything
    assert "hunter2" not in json.dumps(platform.audit(name))
    await platform.delete(name)


async def test_nothing_happens_while_a_delivery_waits(platform: Platform) -> None:
    """An approval that is open is an open delivery: its clusters are half way on purpose."""
    name = unique("gate")
    steps = [deploy("first"), deploy("second", auto=False)]
    await platform.deliver(scaled(name))
    app = scaled(name, steps=steps)
    handle = await platform.start(app)
    await state_when(handle, lambda state: bool(state["waiting"]) if state else False)
    scale(platform, BEIJING, name, 2)
    found = report(platform, name, "--repair")
    assert (found["state"], found.get("repair", "")) == ("busy", "")
    assert replicas(platform, BEIJING, name) == 2
    description = await handle.describe()
    assert description.status is not None
    assert description.status.name == "RUNNING"
    await handle.signal("approve", {"actor": "mia"})
    await asyncio.wait_for(handle.result(), 60)
    await platform.delete(name)


async def test_a_cluster_that_does_not_answer_has_not_drifted(platform: Platform) -> None:
    name = unique("away")
    await platform.deliver(scaled(name, clusters=[BEIJING, HANGZHOU_2]))
    platform.stack.stop_cluster(HANGZHOU_2)
    try:
        away = drift(platform, name)
        scale(platform, BEIJING, name, 2)
        found = report(platform, name, "--repair")
    finally:
        platform.stack.start_cluster(HANGZHOU_2)
    assert away.returncode == codes.TROUBLE
    assert f"not checked: {HANGZHOU_2}" in away.stdout
    assert "drift:" not in away.stdout
    assert "not selected" not in away.stdout
    # A delivery would fail there, and a failed one says no more how clusters should be.
    assert found["repair"] == "withheld"
    assert HANGZHOU_2 in found["message"]
    assert replicas(platform, BEIJING, name) == 2
    await platform.delete(name)


async def test_a_cluster_that_matches_later_is_announced_and_followed_if_asked(
    platform: Platform,
) -> None:
    name, tier = unique("follow"), unique("tier")
    platform.label(BEIJING, tier, "a")
    try:
        app = scaled(name, topology={"clusterLabelSelector": {tier: "a"}})
        await platform.deliver(app)
        platform.label(HANGZHOU_1, tier, "a")
        told = f"{HANGZHOU_1} now matches topology where: `lateen up {name} -n examples` delivers"
        assert told in drift(platform, name, "--repair").stdout
        assert told in platform.lateen("status", name, "-n", "examples").stdout
        assert platform.deployment(HANGZHOU_1, name) is None
        scale(platform, BEIJING, name, 2)
        withheld = report(platform, name, "--repair")
        assert withheld["repair"] == "withheld"
        assert "clusters that match now" in withheld["message"]
        scale(platform, BEIJING, name, 1)
        follow = {"metadata": {"annotations": {"lateen.dev/follow-clusters": "true"}}}
        stored = f"/apis/core.oam.dev/v1beta1/namespaces/examples/applications/{name}"
        platform.api("local").merge(stored, follow)
        assert report(platform, name)["repair"] == "asked"
        await until(delivered_again(platform, name, 2))
        assert replicas(platform, HANGZHOU_1, name) == 1
        platform.label(HANGZHOU_1, tier, None)
        gone = drift(platform, name)
        assert gone.returncode == codes.DIFFERENT
        assert f"{HANGZHOU_1} is not selected any more" in gone.stdout
        assert replicas(platform, HANGZHOU_1, name) == 1
    finally:
        for cluster in (BEIJING, HANGZHOU_1):
            platform.label(cluster, tier, None)
    await platform.delete(name)


async def test_the_schedule_repairs_what_asks_for_it_and_only_tells_the_rest(
    platform: Platform,
) -> None:
    """The operator's setting is to report; one application asks for repair, one not to be looked at."""
    told, mended, spared, pending = (unique(each) for each in ("told", "mend", "off", "pend"))
    apps = {name: scaled(name) for name in (told, mended, spared, pending)}
    for name, mode in ((mended, "repair"), (spared, "off"), (pending, "repair")):
        apps[name]["metadata"]["annotations"] = {"lateen.dev/drift": mode}
    await asyncio.gather(*map(platform.deliver, apps.values()))
    # Somebody edited this one in the hub and has not delivered it: a repair must not undo that.
    stored = f"/apis/core.oam.dev/v1beta1/namespaces/examples/applications/{pending}"
    edited = apps[pending]["spec"]["components"]
    edited[0]["properties"] = {"image": "nginx:1.99"}
    platform.api("local").merge(stored, {"spec": {"components": edited}})
    for name in apps:
        scale(platform, BEIJING, name, 2)
    install = ("install", "--no-hub", "--temporal")
    done = platform.lateen(*install, "--drift-interval", "1h")
    assert "Schedule lateen-drift created" in done.stdout, done.stderr
    client = await platform.client()
    schedule = client.get_schedule_handle("lateen-drift")
    try:
        assert "Schedule lateen-drift unchanged" in platform.lateen(*install).stdout
        await schedule.trigger()
        await until(delivered_again(platform, mended, 2))
        assert replicas(platform, BEIJING, mended) == 1
        await until(lambda: "drift" in platform.audit(told) and "drift" in platform.audit(pending))
        assert platform.audit(told)["drift"]["objects"][0]["fields"] == ["spec.replicas"]
        assert "drift" not in platform.audit(spared)
        assert [replicas(platform, BEIJING, each) for each in (told, spared, pending)] == [2, 2, 2]
        assert "not delivered yet" in report(platform, pending, "--repair")["message"]
        submitted = [e for e in platform.audit(mended)["events"] if e["type"] == "submitted"]
        assert submitted[-1]["actor"] == "drift"
    finally:
        gone = platform.lateen(*install, "--drift-interval", "0")
    assert "Schedule lateen-drift removed" in gone.stdout
    await platform.delete(told, mended, spared, pending)


@pytest.mark.parametrize("arguments", [("no-such-app",), ("x", "-A")])
def test_errors_never_look_like_drift(platform: Platform, arguments: tuple[str, ...]) -> None:
    assert drift(platform, *arguments).returncode == codes.TROUBLE

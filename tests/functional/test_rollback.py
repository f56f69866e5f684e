"""Revisions and going back to them, on real clusters, by the real command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from lateen.cli import codes
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

POLICIES = "/apis/core.oam.dev/v1alpha1/namespaces/examples/policies"
APPLICATIONS = "/apis/core.oam.dev/v1beta1/namespaces/examples/applications"


@pytest.fixture
async def name(platform: Platform) -> AsyncGenerator[str]:
    """The name of a test's application; deleted at the end."""
    chosen = unique("back")
    yield chosen
    await platform.delete(chosen)


def version(name: str, image: str, **more: Any) -> Json:
    return application(name, image=image, clusters=[BEIJING, HANGZHOU_1], **more)


def image_of(platform: Platform, cluster: str, name: str) -> str:
    found = platform.deployment(cluster, name)
    assert found is not None
    image: str = found["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


def revision_of(platform: Platform, cluster: str, name: str) -> str:
    found = platform.deployment(cluster, name)
    assert found is not None
    label: str = found["metadata"]["labels"]["app.oam.dev/appRevision"]
    return label


def stored_image(platform: Platform, name: str) -> str:
    spec = platform.api("local").get(f"{APPLICATIONS}/{name}")["spec"]
    image: str = spec["components"][0]["properties"]["image"]
    return image


def images(platform: Platform, name: str) -> list[tuple[str, str]]:
    return [
        (image_of(platform, cluster, name), revision_of(platform, cluster, name))
        for cluster in (BEIJING, HANGZHOU_1)
    ]


async def repaired(platform: Platform, name: str, delivery: int) -> None:
    async with asyncio.timeout(30):
        while True:
            audit = platform.audit(name)
            if (audit["latestDelivery"], audit["phase"]) == (delivery, "delivered"):
                return
            await asyncio.sleep(0.2)


async def test_back_held_by_drift_repair_until_something_newer(
    platform: Platform, name: str, tmp_path: Path
) -> None:
    policy: Json = {
        "apiVersion": "core.oam.dev/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": name},
        "type": "override",
        "properties": {"components": [{"traits": [scaler(2)]}]},
    }
    platform.api("local").post(POLICIES, policy)
    step = deploy()
    step["properties"]["policies"].append(name)
    first = version(name, "nginx:1", steps=[step])
    await platform.deliver(first)
    # What the first revision used changes, and the second has a component more.
    platform.api("local").merge(
        f"{POLICIES}/{name}", {"properties": {"components": [{"traits": [scaler(1)]}]}}
    )
    second = version(name, "nginx:2", steps=[step])
    extra = {"name": f"{name}-extra", "type": "webservice", "properties": {"image": "nginx"}}
    second["spec"]["components"].append(extra)
    await platform.deliver(second)
    assert platform.deployment(BEIJING, f"{name}-extra") is not None

    back = platform.lateen("workflow", "rollback", name, "-n", "examples", "--actor", "mia")
    assert back.returncode == codes.DELIVERED, back.stdout + back.stderr
    assert back.stdout == f"examples/{name}: rolled back to {name}-v1 in 2 placements\n"
    assert images(platform, name) == [("nginx:1", f"{name}-v1")] * 2
    deployment = platform.deployment(BEIJING, name)
    assert deployment is not None
    assert deployment["spec"]["replicas"] == 2, "the policy as it was"
    assert platform.deployment(BEIJING, f"{name}-extra") is None, "pruned"
    assert stored_image(platform, name) == "nginx:1"
    status = platform.lateen("status", name, "-n", "examples").stdout
    assert f"rolled back to {name}-v1 by mia" in status
    events = platform.audit(name)["events"]
    assert [(e["type"], e["actor"]) for e in events[-2:]] == [
        ("rollback", "mia"),
        ("delivered", "mia"),
    ]
    assert events[-1]["message"] == f"rolled back to {name}-v1"
    again = platform.lateen("up", name, "--revision", f"{name}-v1", "-n", "examples")
    assert again.returncode == codes.UNCHANGED, again.stdout + again.stderr

    path = f"/apis/apps/v1/namespaces/examples/deployments/{name}"
    platform.api(BEIJING).patch(path, {"spec": {"replicas": 5}})
    assert platform.lateen("drift", name, "-n", "examples").returncode == codes.DIFFERENT
    platform.lateen("drift", name, "-n", "examples", "--repair")
    await repaired(platform, name, 4)
    assert images(platform, name) == [("nginx:1", f"{name}-v1")] * 2
    deployment = platform.deployment(BEIJING, name)
    assert deployment is not None
    assert deployment["spec"]["replicas"] == 2
    status = platform.lateen("status", name, "-n", "examples").stdout
    assert f"rolled back to {name}-v1 by mia" in status

    file = tmp_path / "app.json"
    file.write_text(json.dumps(version(name, "nginx:3")))
    newer = platform.lateen("up", "-f", str(file))
    assert newer.returncode == codes.DELIVERED, newer.stdout + newer.stderr
    assert images(platform, name) == [("nginx:3", f"{name}-v3")] * 2
    assert "olled back" not in platform.lateen("status", name, "-n", "examples").stdout
    platform.api("local").delete(f"{POLICIES}/{name}")


def scaler(replicas: int) -> Json:
    return {"type": "scaler", "properties": {"replicas": replicas}}


async def test_a_worker_killed_in_the_middle(platform: Platform, name: str) -> None:
    await platform.deliver(version(name, "nginx:1", simulate="slow", delay="4s"))
    await platform.deliver(version(name, "nginx:2"))
    handle = await platform.start(name, {"intent": "rollback", "actor": "mia"})
    await state_when(handle, lambda state: "delivering" in placements(state).values())
    assert platform.worker is not None
    platform.worker.kill()
    platform.start_worker("--deadline", "60s")
    result = await asyncio.wait_for(handle.result(), 90)
    assert (result["phase"], result["revision"]) == ("delivered", f"{name}-v1")
    assert images(platform, name) == [("nginx:1", f"{name}-v1")] * 2
    audit = platform.audit(name)
    assert (audit["latestDelivery"], audit["latestRevision"]) == (3, 2)
    assert [e["type"] for e in audit["events"]].count("rollback") == 1


async def test_after_temporal_has_forgotten_everything(platform: Platform, name: str) -> None:
    """The hub's record is enough: for the list, for the one before, and for going there."""
    await platform.deliver(version(name, "nginx:1"))
    await platform.deliver(version(name, "nginx:2"))
    await forget(await platform.client(), name)
    listed = platform.lateen("revision", "list", name, "-n", "examples", "-o", "json")
    found = json.loads(listed.stdout)
    assert found["before"] == f"{name}-v1"
    assert [(r["name"], r["delivered"]) for r in found["revisions"]] == [
        (f"{name}-v2", True),
        (f"{name}-v1", False),
    ]
    back = platform.lateen("workflow", "rollback", name, "-n", "examples")
    assert back.returncode == codes.DELIVERED, back.stdout + back.stderr
    assert images(platform, name) == [("nginx:1", f"{name}-v1")] * 2
    await forget(await platform.client(), name)
    forth = platform.lateen("up", name, "--revision", f"{name}-v2", "-n", "examples")
    assert forth.returncode == codes.DELIVERED, forth.stdout + forth.stderr
    assert images(platform, name) == [("nginx:2", f"{name}-v2")] * 2


async def test_an_unknown_revision_is_refused_and_stops_nothing(
    platform: Platform, name: str
) -> None:
    await platform.deliver(version(name, "nginx:1"))
    closed = platform.lateen("workflow", "rollback", name, "--to", "wep-v1", "-n", "examples")
    assert closed.returncode == codes.FAILED
    assert f"no revision of application {name}" in closed.stdout
    assert platform.audit(name)["latestDelivery"] == 1
    handle = await platform.start(version(name, "nginx:2", steps=[deploy("gate", auto=False)]))
    await state_when(handle, lambda state: bool(state.get("waiting")))
    refused = platform.lateen("workflow", "rollback", name, "--to", f"{name}-v7", "-n", "examples")
    assert refused.returncode == codes.ERROR
    assert "revision: was never delivered; did you mean" in refused.stderr
    assert (await handle.query("state"))["waiting"]
    back = platform.lateen("workflow", "rollback", name, "-n", "examples")
    assert back.returncode == codes.DELIVERED, back.stdout + back.stderr
    assert images(platform, name) == [("nginx:1", f"{name}-v1")] * 2


async def test_revisions_are_listed_shown_and_compared(platform: Platform, name: str) -> None:
    env = [{"name": "PASSWORD", "value": "hunter2"}]
    first = version(name, "nginx:1", env=env)
    first["metadata"]["annotations"] = {"app.oam.dev/publishVersion": "one"}
    client = await platform.client()
    run = await client.start_workflow(
        "Application",
        {"application": first, "actor": "ann"},
        id=f"examples/{name}",
        task_queue="lateen",
    )
    await asyncio.wait_for(run.result(), 90)
    second = version(name, "nginx:2", env=[{"name": "PASSWORD", "value": "hunter3"}])
    second["metadata"]["annotations"] = {"app.oam.dev/publishVersion": "two"}
    await platform.deliver(second)
    table = platform.lateen("revision", "list", name, "-n", "examples").stdout.splitlines()
    assert table[0].split()[:4] == ["REVISION", "NUMBER", "PUBLISH-VERSION", "STATE"]
    assert table[1].split()[:5] == [f"{name}-v2", "2", "two", "delivered,", "current"]
    assert table[2].split()[:6] == [f"{name}-v1", "1", "one", "was", "delivered", "ann"]

    shown = platform.lateen("revision", "show", name, "-n", "examples", "-o", "json")
    assert json.loads(shown.stdout)["revision"]["name"] == f"{name}-v2"
    yaml = platform.lateen("revision", "show", f"{name}-v1", "-n", "examples").stdout
    assert "image: nginx:1" in yaml
    assert "hunter" not in yaml + shown.stdout
    missing = platform.lateen("revision", "show", f"{name}-v9", "-n", "examples")
    assert (missing.returncode, missing.stdout) == (codes.ERROR, "")
    assert "lateen revision list" in missing.stderr

    same = platform.lateen("revision", "diff", name, f"{name}-v2", "-n", "examples")
    assert (same.returncode, same.stdout) == (
        codes.SAME,
        f"examples/{name}: {name}-v2 -> {name}-v2: no differences\n",
    )
    compared = platform.lateen(
        "revision", "diff", name, f"{name}-v1", f"{name}-v2", "--rendered", "-n", "examples"
    )
    assert compared.returncode == codes.DIFFERENT, compared.stderr
    head, *lines = compared.stdout.splitlines()
    assert head == f"examples/{name}: {name}-v1 -> {name}-v2: 3 fields"
    where = f"application.components[{name}].properties"
    assert f'      ~ {where}.image: "nginx:1" -> "nginx:2"' in lines
    assert f"      ~ {where}.env[PASSWORD].value: changed (not shown)" in lines
    assert f"examples/{name}: 2 to change" in lines
    assert f"  {BEIJING}/examples (deploy-where): 1 to change" in lines
    assert "hunter" not in compared.stdout
    unknown = platform.lateen("revision", "diff", name, f"{name}-v9", "-n", "examples")
    assert unknown.returncode == codes.TROUBLE
    assert f"kept are: {name}-v1, {name}-v2" in unknown.stderr

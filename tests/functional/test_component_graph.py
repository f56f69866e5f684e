"""Components that wait for each other and hand values on, and versions that are published: on real clusters."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from functional.test_cli import Command
from lateen.cli import codes
from lateen.local.simulating import SIMULATE, SIMULATE_DELAY
from support.platforms import (
    BEIJING,
    HANGZHOU_1,
    HANGZHOU_2,
    Json,
    Platform,
    failure_of,
    state_when,
    unique,
)


@pytest.fixture
async def name(platform: Platform) -> AsyncGenerator[str]:
    """The name of a test's application, which is deleted at the end."""
    chosen = unique("graph")
    yield chosen
    await platform.delete(chosen)


def web(name: str, *, simulate: str = "", delay: str = "", **fields: Any) -> Json:
    properties: Json = {"image": "nginx"}
    if simulate:
        properties |= {
            "labels": {SIMULATE: simulate},
            "annotations": {SIMULATE_DELAY: delay or "2s"},
        }
    return {"name": name, "type": "webservice", "properties": properties, **fields}


def config(name: str, value_from: str = "output.metadata.uid", **data: str) -> Json:
    """Build a component of one ConfigMap; its UID is a value that each cluster has for itself."""
    written = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": data,
    }
    return {
        "name": name,
        "type": "k8s-objects",
        "properties": {"objects": [written]},
        "outputs": [{"name": "value", "valueFrom": value_from}],
    }


def takes(name: str, parameter: str = "env[0].value") -> Json:
    subject = web(name, inputs=[{"from": "value", "parameterKey": parameter}])
    subject["properties"]["env"] = [{"name": "VALUE"}]
    return subject


def application(
    name: str, components: list[Json], policies: list[Json], steps: list[Json] | None = None
) -> Json:
    spec: Json = {"components": components, "policies": policies}
    if steps:
        spec["workflow"] = {"steps": steps}
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "examples"},
        "spec": spec,
    }


def topology(*clusters: str, name: str = "where") -> Json:
    return {"name": name, "type": "topology", "properties": {"clusters": [*clusters]}}


def only(name: str, *components: str) -> Json:
    return {"name": name, "type": "override", "properties": {"selector": [*components]}}


def deploy(name: str, *policies: str) -> Json:
    return {"name": name, "type": "deploy", "properties": {"policies": [*policies]}}


def environment(platform: Platform, cluster: str, name: str) -> Any:
    """Return the value of the first environment variable of a Deployment; None without one."""
    there = platform.deployment(cluster, name)
    return there and there["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"]


def uid_of_config(platform: Platform, cluster: str, name: str) -> str:
    path = f"/api/v1/namespaces/examples/configmaps/{name}"
    uid: str = platform.api(cluster).get(path)["metadata"]["uid"]
    return uid


async def history_of(platform: Platform, name: str) -> str:
    client = await platform.client()
    return (await client.get_workflow_handle(f"examples/{name}").fetch_history()).to_json()


async def test_a_component_is_applied_when_what_it_depends_on_is_healthy(
    platform: Platform, name: str
) -> None:
    """In each placement by itself: the Deployment is younger than the readiness of the other one."""
    components = [
        web(f"{name}-web", dependsOn=[f"{name}-db"]),
        web(f"{name}-db", simulate="slow", delay="2s"),
        web(f"{name}-free"),
    ]
    wanted = application(name, components, [topology(BEIJING, HANGZHOU_1)])
    assert (await platform.deliver(wanted))["phase"] == "delivered"
    for cluster in (BEIJING, HANGZHOU_1):
        db, later, free = (
            platform.deployment(cluster, f"{name}-{part}") for part in ("db", "web", "free")
        )
        assert db
        assert later
        assert free
        ready = next(c for c in db["status"]["conditions"] if c["type"] == "Available")
        assert later["metadata"]["creationTimestamp"] >= ready["lastTransitionTime"]
        assert later["metadata"]["creationTimestamp"] > db["metadata"]["creationTimestamp"]
        assert free["metadata"]["creationTimestamp"] < later["metadata"]["creationTimestamp"]
    assert (await platform.deliver(wanted))["phase"] == "unchanged"


async def test_a_dependency_that_is_never_healthy_blocks_until_the_deadline_and_is_named(
    platform: Platform, name: str
) -> None:
    components = [
        web(f"{name}-web", dependsOn=[f"{name}-db"]),
        web(f"{name}-db", simulate="never-ready"),
    ]
    error = await platform.failure(application(name, components, [topology(BEIJING)]))
    assert error.type == "DeliveryFailed"
    assert (
        f"component {name}-web was not applied: waiting for component {name}-db: Deployment "
        f"examples/{name}-db: Ready:0/1" in error.message
    )
    assert platform.deployment(BEIJING, f"{name}-db") is not None
    assert platform.deployment(BEIJING, f"{name}-web") is None


async def test_inputs_are_read_in_each_cluster_and_stay_out_of_temporal(
    platform: Platform, name: str
) -> None:
    components = [takes(f"{name}-web"), config(f"{name}-map")]
    wanted = application(name, components, [topology(BEIJING, HANGZHOU_1)])
    assert (await platform.deliver(wanted))["phase"] == "delivered"
    history = await history_of(platform, name)
    uids = {uid_of_config(platform, cluster, f"{name}-map") for cluster in (BEIJING, HANGZHOU_1)}
    assert len(uids) == 2
    for cluster in (BEIJING, HANGZHOU_1):
        uid = uid_of_config(platform, cluster, f"{name}-map")
        assert environment(platform, cluster, f"{name}-web") == uid
        assert uid not in history
    assert (await platform.deliver(wanted))["phase"] == "unchanged"

    platform.api(BEIJING).delete(f"/api/v1/namespaces/examples/configmaps/{name}-map")
    assert (await platform.deliver(wanted))["phase"] == "delivered"
    new = uid_of_config(platform, BEIJING, f"{name}-map")
    assert new not in uids
    assert environment(platform, BEIJING, f"{name}-web") == new


async def test_inputs_come_from_the_only_cluster_of_an_earlier_step(
    platform: Platform, name: str
) -> None:
    components = [config(f"{name}-map"), takes(f"{name}-web")]
    policies = [
        topology(BEIJING, name="source"),
        topology(HANGZHOU_1, HANGZHOU_2, name="targets"),
        only("producer", f"{name}-map"),
        only("consumer", f"{name}-web"),
    ]
    steps = [deploy("first", "source", "producer"), deploy("second", "targets", "consumer")]
    wanted = application(name, components, policies, steps)
    assert (await platform.deliver(wanted))["phase"] == "delivered"
    uid = uid_of_config(platform, BEIJING, f"{name}-map")
    for cluster in (HANGZHOU_1, HANGZHOU_2):
        assert environment(platform, cluster, f"{name}-web") == uid
    assert platform.inventories(name) == {
        BEIJING: [f"ConfigMap/{name}-map"],
        HANGZHOU_1: [f"Deployment/{name}-web"],
        HANGZHOU_2: [f"Deployment/{name}-web"],
    }

    swapped = application(unique("swapped"), components, policies, steps[::-1])
    error = await platform.failure(swapped)
    assert error.type == "InvalidApplication"
    assert "does not come before it" in error.message


async def test_a_value_that_never_comes_is_named_with_object_and_path(
    platform: Platform, name: str
) -> None:
    components = [
        takes(f"{name}-web"),
        config(f"{name}-map", 'output.data.host + ":80"', secret="not-to-be-told"),
    ]
    handle = await platform.start(application(name, components, [topology(BEIJING)]))
    error = await failure_of(handle)
    assert (
        f"component {name}-web was not applied: input 'value' has no value: on {BEIJING}/examples, "
        f"output.data.host of ConfigMap examples/{name}-map has no value" in error.message
    )
    assert "not-to-be-told" not in error.message
    assert platform.deployment(BEIJING, f"{name}-web") is None


async def test_a_value_that_fits_nowhere_fails_without_being_told(
    platform: Platform, name: str
) -> None:
    components = [
        takes(f"{name}-web", "port"),
        config(f"{name}-map", "output.data.port", port="not-a-port"),
    ]
    handle = await platform.start(application(name, components, [topology(BEIJING)]))
    error = await failure_of(handle)
    assert "the value that an input supplies for port does not fit there" in error.message
    assert "expected an integer" in error.message
    events = json.loads(await history_of(platform, name))["events"]
    failed = [event for event in events if event["eventType"].endswith("TASK_FAILED")]
    assert failed
    assert "not-a-port" not in json.dumps(failed)


def test_a_version_publishes_what_it_was_first_given(
    platform: Platform, tmp_path: Path, name: str
) -> None:
    """The whole life of a publish version, by the command that people use."""
    lateen = Command(platform, tmp_path)

    def up(version: str, image: str) -> tuple[int, str]:
        component = web(name)
        component["properties"]["image"] = image
        wanted = application(name, [component], [topology(BEIJING)])
        wanted["metadata"]["annotations"] = {"app.oam.dev/publishVersion": version}
        done = lateen("up", "-f", lateen.write(wanted), "--timeout", "60s")
        return done.returncode, done.stdout + done.stderr

    def image() -> Any:
        there = platform.deployment(BEIJING, name)
        return there and there["spec"]["template"]["spec"]["containers"][0]["image"]

    assert up("alpha", "nginx:1")[0] == codes.DELIVERED
    code, said = up("alpha", "nginx:2")
    assert (code, image()) == (codes.UNCHANGED, "nginx:1")
    assert f"app.oam.dev/publishVersion is still 'alpha', the version of {name}-v1" in said
    assert up("beta", "nginx:1")[0] == codes.DELIVERED
    code, said = up("alpha", "nginx:2")
    assert code == codes.FAILED
    assert f"is the version of revision {name}-v1 already" in said
    assert "choose a version that was not used yet" in said
    path = "/apis/lateen.dev/v1alpha1/namespaces/examples/revisions"
    kept = {
        revision["metadata"]["name"]: revision["spec"]["publishVersion"]
        for revision in platform.api("local").get(path)["items"]
        if revision["metadata"]["name"].startswith(f"{name}-v")
    }
    assert kept == {f"{name}-v1": "alpha", f"{name}-v2": "beta"}


async def test_a_version_that_failed_is_tried_again_with_what_it_was_first_given(
    platform: Platform, name: str
) -> None:
    def wanted(simulate: str) -> Json:
        subject = application(name, [web(name, simulate=simulate)], [topology(BEIJING)])
        subject["metadata"]["annotations"] = {"app.oam.dev/publishVersion": "one"}
        return subject

    error = await platform.failure(wanted("never-ready"))
    assert error.type == "DeliveryFailed"
    error = await platform.failure(wanted(""))
    assert error.type == "DeliveryFailed"
    there = platform.deployment(BEIJING, name)
    assert there is not None
    labels = there["spec"]["template"]["metadata"]["labels"]
    assert labels[SIMULATE] == "never-ready"
    assert labels["app.oam.dev/component"] == name
    assert platform.audit(name)["latestRevision"] == 1


async def test_an_edit_under_the_version_that_is_being_delivered_joins(
    platform: Platform, name: str
) -> None:
    def wanted(image: str) -> Json:
        component = web(name, simulate="never-ready")
        component["properties"]["image"] = image
        subject = application(name, [component], [topology(BEIJING)])
        subject["metadata"]["annotations"] = {"app.oam.dev/publishVersion": "one"}
        return subject

    handle = await platform.start(wanted("nginx:1"))
    await state_when(handle, lambda state: bool(state.get("steps")))
    answer = await handle.execute_update("submit", wanted("nginx:2"))
    assert answer["state"] == "joined"
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()

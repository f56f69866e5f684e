"""Deliveries by plain Temporal clients to real clusters: what arrives, what is refused, what stays."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import yaml
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import CancelledError

from support.platforms import (
    BEIJING,
    HANGZHOU_1,
    HANGZHOU_2,
    Platform,
    application,
    deploy,
    failure_of,
    placements,
    state_when,
    unique,
)

Json = dict[str, Any]


async def test_the_same_again_changes_nothing(platform: Platform) -> None:
    """A second run of the same content ends as unchanged: no revision, no write, no audit entry."""
    name = unique("same")
    first = await platform.deliver(application(name, clusters=[BEIJING, HANGZHOU_1]))
    before, audit = platform.deployment(BEIJING, name), platform.audit(name)
    second = await platform.deliver(application(name, clusters=[BEIJING, HANGZHOU_1]))
    assert (first["phase"], second["phase"]) == ("delivered", "unchanged")
    assert first["revision"] == second["revision"] == f"{name}-v1"
    assert platform.deployment(BEIJING, name) == before
    assert platform.audit(name) == audit
    await platform.delete(name)


@pytest.mark.parametrize("damage", ["image", "deleted"])
async def test_the_same_again_repairs_what_was_changed_by_hand(
    platform: Platform, damage: str
) -> None:
    name = unique("drift")
    wanted = application(name, image="nginx:1")
    await platform.deliver(wanted)
    path = f"/apis/apps/v1/namespaces/examples/deployments/{name}"
    if damage == "deleted":
        platform.api(BEIJING).delete(path)
    else:
        container = {"name": name, "image": "nginx:by-hand"}
        patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
        platform.api(BEIJING).patch(path, patch)
    assert (await platform.deliver(wanted))["phase"] == "delivered"
    repaired = platform.deployment(BEIJING, name)
    assert repaired is not None
    assert repaired["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1"
    await platform.delete(name)


async def test_quick_edits_there_and_back_keep_what_the_last_one_wants(platform: Platform) -> None:
    """A -> B -> A, the placement moving each time: KubeVela loses data here (issues 6746, 7278)."""
    name = unique("aba")
    a = application(name, clusters=[BEIJING], image="nginx:1")
    b = application(name, clusters=[HANGZHOU_1], image="nginx:2")
    for wanted in (a, b, a):
        await platform.deliver(wanted)
    there = platform.deployment(BEIJING, name)
    assert there is not None
    assert there["metadata"]["labels"]["app.oam.dev/appRevision"] == f"{name}-v3"
    assert platform.deployment(HANGZHOU_1, name) is None
    assert platform.inventories(name) == {BEIJING: [f"Deployment/{name}"]}
    await platform.delete(name)


async def test_edits_while_a_delivery_runs_end_with_the_last_one(platform: Platform) -> None:
    name = unique("edits")
    client = await platform.client()
    slow = application(name, clusters=[BEIJING, HANGZHOU_1], image="nginx:1", simulate="slow")
    handle = await platform.start(slow)
    await state_when(handle, lambda state: "delivering" in placements(state).values())
    for version in (2, 3, 1, 4):
        edit = application(name, clusters=[HANGZHOU_1], image=f"nginx:{version}")
        await client.get_workflow_handle(f"examples/{name}").signal("submit", edit)
    result = await asyncio.wait_for(client.get_workflow_handle(f"examples/{name}").result(), 60)
    assert result["phase"] == "delivered"
    there = platform.deployment(HANGZHOU_1, name)
    assert there is not None
    assert there["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:4"
    assert platform.deployment(BEIJING, name) is None
    await platform.delete(name)


async def test_a_removed_component_is_pruned_and_a_renamed_one_moves(platform: Platform) -> None:
    name = unique("prune")
    both = application(name, clusters=[BEIJING])
    both["spec"]["components"].append(
        {"name": f"{name}-b", "type": "webservice", "properties": {"image": "redis"}}
    )
    await platform.deliver(both)
    assert platform.deployment(BEIJING, f"{name}-b") is not None
    await platform.deliver(application(name, clusters=[BEIJING]))
    assert platform.deployment(BEIJING, f"{name}-b") is None
    assert platform.deployment(BEIJING, name) is not None
    await platform.delete(name)


@pytest.mark.parametrize(
    ("wanted", "kind", "said"),
    [
        (application("bad", clusters=["cluster-bejing"]), "InvalidApplication", "cluster-beijing"),
        (
            application("bad", topology={"clusterLabelSelector": {"region": "mars"}}),
            "InvalidApplication",
            "fits no cluster",
        ),
        (application("bad", imagee="x"), "InvalidApplication", "did you mean 'image'?"),
        (application("bad", cpu=["1"]), "InvalidApplication", "spec.components[0].properties.cpu"),
        (
            application("bad", topology={"clusters": [BEIJING], "namespace": "nowhere"}),
            "DeliveryFailed",
            "namespace 'nowhere' does not exist there",
        ),
        (
            application("bad", env=[{"name": "=", "value": "x"}]),
            "DeliveryFailed",
            "spec.template.spec.containers[0].env[0].name",
        ),
    ],
    ids=["cluster", "selector", "property", "type", "namespace", "api-server"],
)
async def test_what_cannot_be_delivered_is_refused_with_the_way_out(
    platform: Platform, wanted: Json, kind: str, said: str
) -> None:
    error = await platform.failure(wanted)
    assert error.type == kind
    assert said in error.message
    assert platform.deployment(BEIJING, "bad") is None


async def test_policies_of_another_namespace_do_not_count(platform: Platform) -> None:
    name = unique("foreign-policy")
    path = "/apis/core.oam.dev/v1alpha1/namespaces/examples-alternative/policies"
    policy = {
        "apiVersion": "core.oam.dev/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": name},
        "type": "topology",
        "properties": {"clusters": [BEIJING]},
    }
    platform.api("local").post(path, policy)
    wanted = application(name, steps=[deploy()])
    wanted["spec"]["policies"] = []
    wanted["spec"]["workflow"]["steps"][0]["properties"]["policies"] = [name]
    error = await platform.failure(wanted)
    assert error.type == "InvalidApplication"
    assert "namespace 'examples' of the hub" in error.message
    platform.api("local").delete(f"{path}/{name}")


async def test_a_worker_can_keep_applications_in_their_namespace(platform: Platform) -> None:
    """Refused before anything is applied, also when an override or a topology moves the objects."""
    name = unique("outside")
    queue = unique("strict")
    strict = platform.another_worker(
        "--task-queue", queue, "--allow-cross-namespace-resource", "false"
    )
    try:
        client = await platform.client()
        wanted = application(
            name, topology={"clusters": ["local"], "namespace": "examples-alternative"}
        )
        handle = await client.start_workflow(
            "Application", wanted, id=f"examples/{name}", task_queue=queue
        )
        error = await failure_of(handle)
    finally:
        strict.stop()
    assert error.type == "InvalidApplication"
    assert "is in namespace 'examples-alternative'" in error.message
    assert platform.deployment("local", name, namespace="examples-alternative") is None


async def test_a_refusal_in_a_later_step_is_found_before_anything_is_applied(
    platform: Platform,
) -> None:
    name = unique("later")
    wanted = application(name, steps=[deploy("first"), deploy("second")])
    wanted["spec"]["policies"].append(
        {"name": "nowhere", "type": "topology", "properties": {"clusters": ["gone"]}}
    )
    wanted["spec"]["workflow"]["steps"][1]["properties"]["policies"] = ["nowhere"]
    error = await platform.failure(wanted)
    assert error.type == "InvalidApplication"
    assert platform.deployment(BEIJING, name) is None


async def test_a_missing_namespace_is_created_on_request_only(platform: Platform) -> None:
    name = unique("made")
    wanted = application(name, topology={"clusters": [BEIJING], "namespace": name})
    assert (await platform.failure(wanted)).type == "DeliveryFailed"
    wanted["metadata"]["annotations"] = {"lateen.dev/create-namespace": "true"}
    assert (await platform.deliver(wanted))["phase"] == "delivered"
    assert platform.deployment(BEIJING, name, namespace=name) is not None
    await platform.delete(name)


async def test_an_object_that_is_not_ours_is_left_alone(platform: Platform) -> None:
    name = unique("foreign")
    manifest = {
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"a": name}},
            "template": {
                "metadata": {"labels": {"a": name}},
                "spec": {"containers": [{"name": "x", "image": "theirs"}]},
            },
        },
    }
    path = "/apis/apps/v1/namespaces/examples/deployments"
    platform.api(BEIJING).post(path, {"apiVersion": "apps/v1", "kind": "Deployment", **manifest})
    error = await platform.failure(application(name, clusters=[BEIJING, HANGZHOU_1]))
    assert f"Deployment examples/{name} exists but is not managed" in error.message
    theirs = platform.deployment(BEIJING, name)
    assert theirs is not None
    assert theirs["spec"]["template"]["spec"]["containers"][0]["image"] == "theirs"
    assert platform.deployment(HANGZHOU_1, name) is not None, "one bad cluster stops no other"
    await platform.delete(name)
    assert platform.deployment(BEIJING, name) is not None, "deleting must not take it along"
    platform.api(BEIJING).delete(f"{path}/{name}")


async def test_two_applications_cannot_deliver_one_object(platform: Platform) -> None:
    first, second = unique("one"), unique("two")
    await platform.deliver(application(first))
    thief = application(second)
    thief["spec"]["components"][0]["name"] = first
    error = await platform.failure(thief)
    assert f"is managed by application examples/{first}" in error.message
    await platform.delete(first, second)


async def test_an_override_without_topology_deploys_nothing_and_says_so(platform: Platform) -> None:
    name = unique("nothing")
    wanted = application(name, steps=[deploy()])
    wanted["spec"]["policies"] = [
        {
            "name": "where",
            "type": "override",
            "properties": {"components": [{"name": name, "properties": {"image": "x"}}]},
        }
    ]
    result = await platform.deliver(wanted)
    assert result["phase"] == "delivered"
    assert any("deploys nothing" in warning for warning in result["warnings"])
    assert platform.deployment("local", name) is None
    await platform.delete(name)


async def test_what_a_label_change_dropped_is_kept_until_somebody_confirms(
    platform: Platform,
) -> None:
    name, label = unique("label"), unique("group")
    for cluster in (HANGZHOU_1, HANGZHOU_2):
        platform.label(cluster, label, "yes")
    wanted = application(name, topology={"clusterLabelSelector": {label: "yes"}})
    await platform.deliver(wanted)
    platform.label(HANGZHOU_2, label, None)
    await asyncio.sleep(5.5)  # A worker trusts a cluster's Secret for five seconds.
    result = await platform.deliver(wanted)
    assert [line for line in result["retained"] if HANGZHOU_2 in line and name in line]
    assert platform.deployment(HANGZHOU_2, name) is not None
    confirmed = await platform.deliver(wanted, {"confirmRemoval": [HANGZHOU_2]})
    assert confirmed["phase"] == "delivered"
    assert platform.deployment(HANGZHOU_2, name) is None
    assert platform.deployment(HANGZHOU_1, name) is not None
    platform.label(HANGZHOU_1, label, None)
    await platform.delete(name)


async def test_pods_that_fail_end_the_placement_with_the_reason(platform: Platform) -> None:
    """At the placement's deadline, as the new revision's pods never become ready."""
    reasons = {
        "crash": "CrashLoopBackOff",
        "unpullable": "ImagePullBackOff",
        "never-ready": "running, but not ready",
    }
    names = {how: unique(how) for how in reasons}

    async def one(how: str) -> None:
        name, reason = names[how], reasons[how]
        await platform.deliver(application(name, clusters=[HANGZHOU_1]))
        worse = application(name, clusters=[HANGZHOU_1], image="nginx:new", simulate=how)
        error = await platform.failure(worse)
        assert error.type == "DeliveryFailed"
        assert reason in error.message
        audit = platform.audit(name)
        assert audit["phase"] == "failed"
        assert reason in audit["delivery"]["message"]

    await asyncio.gather(*(one(how) for how in reasons))
    await platform.delete(*names.values())


async def test_approval_by_a_bare_signal_and_who_rejected_why(platform: Platform) -> None:
    approved, rejected = unique("yes"), unique("no")
    steps = [deploy("gate", auto=False)]
    first = await platform.start(application(approved, steps=steps))
    second = await platform.start(application(rejected, steps=steps))
    for handle in (first, second):
        state = await state_when(handle, lambda state: bool(state.get("waiting")))
        assert state["waiting"][0]["step"] == "gate"
    assert platform.deployment(BEIJING, approved) is None, "nothing is applied before the approval"
    await first.signal("approve")
    assert (await first.result())["phase"] == "delivered"
    await second.signal("reject", {"actor": "bob", "reason": "not on a Friday"})
    error = await failure_of(second)
    assert (error.type, error.message) == (
        "Rejected",
        "step 'gate': rejected by bob: not on a Friday",
    )
    assert platform.deployment(BEIJING, rejected) is None
    decisions = {
        event["type"]: (event.get("actor"), event.get("reason", ""))
        for name in (approved, rejected)
        for event in platform.audit(name)["events"]
    }
    assert decisions["approved"] == ("unattributed", "")
    assert decisions["rejected"] == ("bob", "not on a Friday")
    await platform.delete(approved, rejected)


async def test_histories_hold_neither_credentials_nor_manifests(platform: Platform) -> None:
    name = unique("history")
    await platform.deliver(application(name, clusters=[BEIJING, HANGZHOU_1, HANGZHOU_2]))
    client = await platform.client()
    history = await client.get_workflow_handle(f"examples/{name}").fetch_history()
    text = history.to_json()
    kubeconfig = yaml.safe_load(platform.stack.kubeconfig(BEIJING).read_text())
    user = kubeconfig["users"][0]["user"]
    for secret in (user["client-key-data"], user["client-certificate-data"]):
        assert secret[:60] not in text
    payloads = [
        decoded
        for decoded in _payloads(history)
        if "containerPort" in decoded or "matchLabels" in decoded
    ]
    assert payloads == []
    await platform.delete(name)


def _payloads(history: Any) -> list[str]:
    return [
        payload.data.decode(errors="replace")
        for event in history.events
        for field, value in event.ListFields()
        if field.name.endswith("attributes")
        for part in ("input", "result")
        if hasattr(value, part)
        for payload in getattr(value, part).payloads
    ]


async def test_cancel_from_the_ui_keeps_what_is_delivered_and_the_next_run_repairs(
    platform: Platform,
) -> None:
    name = unique("cancel")
    slow = application(name, clusters=[BEIJING], simulate="slow", delay="60s")
    handle = await platform.start(slow)
    await state_when(handle, lambda state: "delivering" in placements(state).values())
    await asyncio.sleep(1)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as ended:
        await handle.result()
    assert isinstance(ended.value.cause, CancelledError)
    assert (await handle.describe()).status == WorkflowExecutionStatus.CANCELED
    assert platform.deployment(BEIJING, name) is not None
    assert platform.audit(name)["phase"] == "cancelled"
    assert (await platform.deliver(application(name, clusters=[BEIJING])))["phase"] == "delivered"
    await platform.delete(name)


async def test_terminate_leaves_nothing_that_the_next_run_does_not_repair(
    platform: Platform,
) -> None:
    name = unique("terminate")
    slow = application(name, clusters=[BEIJING, HANGZHOU_1], simulate="slow", delay="60s")
    handle = await platform.start(slow)
    await state_when(handle, lambda state: "delivering" in placements(state).values())
    await handle.terminate()
    wanted = application(name, clusters=[HANGZHOU_1], image="nginx:after")
    assert (await platform.deliver(wanted))["phase"] == "delivered"
    assert platform.deployment(BEIJING, name) is None
    assert platform.inventories(name) == {HANGZHOU_1: [f"Deployment/{name}"]}
    await platform.delete(name)


async def test_numbers_never_restart(platform: Platform) -> None:
    name = unique("again")
    await platform.deliver(application(name))
    await platform.delete(name)
    assert platform.deployment(BEIJING, name) is None
    result = await platform.deliver(application(name))
    assert (result["revision"], result["delivery"]) == (f"{name}-v2", 3)
    await platform.delete(name)


async def test_orphan_forgets_but_does_not_delete(platform: Platform) -> None:
    name = unique("orphan")
    await platform.deliver(application(name))
    await platform.deliver(name, {"intent": "delete", "orphan": True})
    assert platform.deployment(BEIJING, name) is not None
    assert platform.inventories(name) == {}
    platform.api(BEIJING).delete(f"/apis/apps/v1/namespaces/examples/deployments/{name}")

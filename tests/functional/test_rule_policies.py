"""Rule policies on real clusters: who owns, writes, keeps and deletes what."""

from __future__ import annotations

import asyncio
from typing import Any

from support.platforms import BEIJING, HANGZHOU_1, Platform, deploy, state_when, unique

Json = dict[str, Any]

OWNER = "app.oam.dev/name"
SHARED_BY = "app.oam.dev/shared-by"
CONFIG_MAPS = "/api/v1/namespaces/examples/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/examples/deployments"


def objects(name: str, *manifests: Json, policies: list[Json], **spec: Any) -> Json:
    """Build an application of objects as they are, delivered to one cluster."""
    where = {"name": "where", "type": "topology", "properties": {"clusters": [BEIJING]}}
    components = [
        {"name": m["metadata"]["name"], "type": "k8s-objects", "properties": {"objects": [m]}}
        for m in manifests
    ]
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "examples"},
        "spec": {"components": components, "policies": [where, *policies], **spec},
    }


def config_map(name: str, **data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def rule(kind: str, *names: str, **strategy: Any) -> Json:
    """Build a policy with one rule for objects of these names."""
    selector = {"selector": {"resourceNames": list(names)}}
    return {"name": kind, "type": kind, "properties": {"rules": [{**selector, **strategy}]}}


def found(platform: Platform, name: str, path: str = CONFIG_MAPS) -> Json | None:
    items = platform.api(BEIJING).get(path)["items"]
    return next((item for item in items if item["metadata"]["name"] == name), None)


def there(platform: Platform, name: str, path: str = CONFIG_MAPS) -> Json:
    live = found(platform, name, path)
    assert live is not None, f"{name} is not there"
    return live


async def test_shared_objects_go_from_owner_to_sharer_and_end_with_the_last(
    platform: Platform,
) -> None:
    """The heir also gets the owner's fields: its next apply removes those that it does not want."""
    thing = unique("shared")
    first, second, third = (unique("sharer") for _ in range(3))
    share = [rule("shared-resource", thing)]
    owned = objects(first, config_map(thing, owner="first", extra="x"), policies=share)
    await platform.deliver(owned)
    await asyncio.gather(
        *(
            platform.deliver(objects(name, config_map(thing, owner=name), policies=share))
            for name in (second, third)
        )
    )
    live = there(platform, thing)
    listed = live["metadata"]["annotations"][SHARED_BY].split(",")
    assert listed[0] == f"examples/{first}"
    assert set(listed[1:]) == {f"examples/{second}", f"examples/{third}"}
    assert live["data"] == {"owner": "first", "extra": "x"}

    assert (await platform.deliver(owned))["phase"] == "unchanged", "sharers are no drift"
    owned["spec"]["components"][0]["properties"]["objects"][0]["data"]["owner"] = "first again"
    await platform.deliver(owned)
    live = there(platform, thing)
    assert live["metadata"]["annotations"][SHARED_BY].split(",") == listed, "nobody is forgotten"

    heir = listed[1].partition("/")[2]
    other = third if heir == second else second
    await platform.delete(first)
    live = there(platform, thing)
    assert live["metadata"]["labels"][OWNER] == heir
    assert live["metadata"]["annotations"][SHARED_BY] == f"examples/{heir},examples/{other}"
    wanted = objects(heir, config_map(thing, owner=heir), policies=share)
    await platform.deliver(wanted)
    assert there(platform, thing)["data"] == {"owner": heir}

    await platform.delete(other)
    live = there(platform, thing)
    assert live["metadata"]["annotations"][SHARED_BY] == f"examples/{heir}"
    assert live["data"] == {"owner": heir}
    await platform.delete(heir)
    assert found(platform, thing) is None


async def test_an_object_is_shared_only_if_both_sides_say_so(platform: Platform) -> None:
    thing, owner, guest = unique("private"), unique("owner"), unique("guest")
    await platform.deliver(objects(owner, config_map(thing, a="1"), policies=[]))
    error = await platform.failure(
        objects(guest, config_map(thing, a="2"), policies=[rule("shared-resource", thing)])
    )
    assert f"managed by application examples/{owner}, which does not share it" in error.message
    shared = [rule("shared-resource", thing)]
    await platform.deliver(objects(owner, config_map(thing, a="1"), policies=shared))
    error = await platform.failure(objects(guest, config_map(thing, a="2"), policies=[]))
    assert "unless a shared-resource policy shares it" in error.message
    assert there(platform, thing)["data"] == {"a": "1"}
    await platform.delete(guest, owner)
    assert found(platform, thing) is None


async def test_take_over_adopts_what_is_nobodys_and_deletes_it_in_the_end(
    platform: Platform,
) -> None:
    name, owner, thief = unique("taken"), unique("owner"), unique("thief")
    platform.api(BEIJING).post(CONFIG_MAPS, config_map(name, a="by hand", b="by hand"))
    take = [rule("take-over", name)]
    await platform.deliver(objects(owner, config_map(name, a="ours"), policies=take))
    live = there(platform, name)
    assert live["data"] == {"a": "ours", "b": "by hand"}
    assert live["metadata"]["labels"][OWNER] == owner
    error = await platform.failure(objects(thief, config_map(name, a="theirs"), policies=take))
    assert f"is managed by application examples/{owner}" in error.message
    await platform.delete(thief, owner)
    assert found(platform, name) is None


async def test_read_only_objects_are_looked_at_and_never_touched(platform: Platform) -> None:
    name, thing = unique("reader"), unique("read")
    wanted = objects(name, config_map(thing, a="never"), policies=[rule("read-only", thing)])
    error = await platform.failure(wanted)
    assert f"ConfigMap examples/{thing} is marked as read-only but does not exist" in error.message
    before = platform.api(BEIJING).post(CONFIG_MAPS, config_map(thing, a="theirs"))
    assert (await platform.deliver(wanted))["phase"] == "delivered"
    assert (await platform.deliver(wanted))["phase"] == "unchanged", "its content is no drift"
    assert platform.inventories(name).get(BEIJING, []) == []
    wanted["spec"]["components"] = [
        {"name": name, "type": "k8s-objects", "properties": {"objects": [config_map(name)]}}
    ]
    await platform.deliver(wanted)
    await platform.delete(name)
    assert there(platform, thing)["metadata"] == before["metadata"]
    platform.api(BEIJING).delete(f"{CONFIG_MAPS}/{thing}")


async def test_what_garbage_collect_keeps_is_kept_and_said(platform: Platform) -> None:
    name = unique("gc")
    base, never, late, legacy = (f"{name}-{part}" for part in ("base", "never", "late", "legacy"))

    def wanted(*names: str, **properties: Any) -> Json:
        policy = {"name": "gc", "type": "garbage-collect", "properties": properties}
        return objects(name, *(config_map(each) for each in names), policies=[policy])

    def collect(*pairs: tuple[str, str]) -> Json:
        rules = [
            {"selector": {"componentNames": [each]}, "strategy": strategy}
            for each, strategy in pairs
        ]
        return {"rules": rules}

    await platform.deliver(wanted(base, never, late, legacy))
    kept = collect((never, "never"), (late, "onAppDelete"))
    result = await platform.deliver(wanted(base, keepLegacyResource=True, **kept))
    for each, why in ((never, "never deletes it"), (late, "until the application is deleted")):
        assert [line for line in result["retained"] if each in line and why in line]
    assert all(found(platform, each) for each in (base, never, late, legacy))
    recorded = platform.inventories(name)[BEIJING]
    assert recorded == sorted(f"ConfigMap/{each}" for each in (base, late, legacy))

    await platform.deliver(wanted(base, **kept))
    assert found(platform, legacy) is None, "the policy no longer keeps it"
    assert found(platform, late) is not None
    await platform.delete(name)
    assert [each for each in (base, late) if found(platform, each)] == []
    assert found(platform, never) is not None
    platform.api(BEIJING).delete(f"{CONFIG_MAPS}/{never}")


async def test_the_plan_of_an_approval_lists_what_the_policy_lets_be_deleted(
    platform: Platform,
) -> None:
    name = unique("planned")
    steps = {"steps": [deploy("gate", auto=False)]}
    kept, gone = config_map(f"{name}-kept"), config_map(f"{name}-gone")
    await platform.deliver(objects(name, config_map(name), kept, gone, policies=[]))
    policy = rule("garbage-collect", f"{name}-kept", strategy="onAppDelete")
    handle = await platform.start(
        objects(name, config_map(name), policies=[policy], workflow=steps)
    )
    state = await state_when(handle, lambda state: bool(state.get("waiting")))
    assert state["waiting"][0]["prune"] == [
        {"cluster": BEIJING, "objects": [f"ConfigMap examples/{name}-gone"]}
    ]
    await handle.signal("approve")
    assert (await handle.result())["phase"] == "delivered"
    assert found(platform, f"{name}-gone") is None
    assert found(platform, f"{name}-kept") is not None
    await platform.delete(name)


async def test_orphaned_dependents_outlive_their_owner(platform: Platform) -> None:
    name = unique("orphans")
    policy = rule("garbage-collect", name, propagation="orphan")
    await platform.deliver(objects(name, deployment(name), policies=[policy]))
    await platform.delete(name)
    assert found(platform, name, DEPLOYMENTS) is None
    sets = platform.api(BEIJING).get("/apis/apps/v1/namespaces/examples/replicasets")["items"]
    left = [each["metadata"]["name"] for each in sets if each["metadata"]["name"].startswith(name)]
    assert len(left) == 1
    platform.api(BEIJING).delete(f"/apis/apps/v1/namespaces/examples/replicasets/{left[0]}")


async def test_apply_once_leaves_a_replica_count_that_somebody_set(platform: Platform) -> None:
    name = unique("once")
    strategy = {"path": ["spec.replicas"], "affect": "always"}
    policy = rule("apply-once", name, strategy=strategy)
    policy["properties"]["enable"] = True
    wanted = objects(name, deployment(name, replicas=1), policies=[policy])
    await platform.deliver(wanted)
    platform.api(BEIJING).patch(f"{DEPLOYMENTS}/{name}", {"spec": {"replicas": 3}})
    assert (await platform.deliver(wanted))["phase"] == "unchanged", "that is no drift"
    changed = objects(name, deployment(name, replicas=1, image="nginx:2"), policies=[policy])
    await platform.deliver(changed)
    spec = there(platform, name, DEPLOYMENTS)["spec"]
    assert spec["replicas"] == 3
    assert spec["template"]["spec"]["containers"][0]["image"] == "nginx:2"
    await platform.deliver(objects(name, deployment(name, replicas=1), policies=[]))
    assert there(platform, name, DEPLOYMENTS)["spec"]["replicas"] == 1
    await platform.delete(name)


async def test_a_job_is_recreated_when_its_template_changes(platform: Platform) -> None:
    name = unique("job")
    jobs = "/apis/batch/v1/namespaces/examples/jobs"

    def wanted(image: str, *policies: Json, env: str = "x") -> Json:
        container = {"name": "main", "image": image, "env": [{"name": env, "value": "1"}]}
        pod = {"restartPolicy": "Never", "containers": [container]}
        job = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name},
            "spec": {"template": {"spec": pod}},
        }
        return objects(name, job, policies=list(policies))

    policy = rule("resource-update", name, strategy={"recreateFields": ["spec.template"]})
    await platform.deliver(wanted("busybox:1"))
    error = await platform.failure(wanted("busybox:2"))
    assert "spec.template: field is immutable" in error.message
    before = there(platform, name, jobs)
    error = await platform.failure(wanted("busybox:2", policy, env="="))
    assert "env[0].name" in error.message
    assert there(platform, name, jobs)["metadata"]["uid"] == before["metadata"]["uid"], (
        "what would not be accepted anew is not deleted"
    )
    await platform.deliver(wanted("busybox:2", policy))
    after = there(platform, name, jobs)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["spec"]["template"]["spec"]["containers"][0]["image"] == "busybox:2"
    again = wanted("busybox:2", policy)
    again["metadata"]["labels"] = {"team": "shop"}
    await platform.deliver(again)
    assert there(platform, name, jobs)["metadata"]["uid"] == after["metadata"]["uid"]
    await platform.delete(name)


async def test_replacing_drops_what_others_set(platform: Platform) -> None:
    name = unique("replace")
    policy = rule("resource-update", name, strategy={"op": "replace"})
    await platform.deliver(objects(name, config_map(name, a="1"), policies=[]))
    platform.api(BEIJING).patch(f"{CONFIG_MAPS}/{name}", {"data": {"b": "by hand"}})
    wanted = objects(name, config_map(name, a="2"), policies=[policy])
    await platform.deliver(wanted)
    assert there(platform, name)["data"] == {"a": "2"}
    assert (await platform.deliver(wanted))["phase"] == "unchanged"
    await platform.delete(name)


async def test_continue_on_failure_prunes_where_the_delivery_arrived(platform: Platform) -> None:
    name = unique("onward")
    policies = [
        {"name": "first", "type": "topology", "properties": {"clusters": [BEIJING]}},
        {"name": "second", "type": "topology", "properties": {"clusters": [HANGZHOU_1]}},
        {"name": "gc", "type": "garbage-collect", "properties": {"continueOnFailure": True}},
        {
            "name": "wrong",
            "type": "override",
            "properties": {
                "components": [{"name": name, "properties": {"env": [{"name": "=", "value": "x"}]}}]
            },
        },
    ]

    def wanted(*second: str, names: tuple[str, ...]) -> Json:
        steps = [
            {"name": "one", "type": "deploy", "properties": {"policies": ["first"]}},
            {"name": "two", "type": "deploy", "properties": {"policies": ["second", *second]}},
        ]
        components = [
            {"name": each, "type": "webservice", "properties": {"image": "nginx"}} for each in names
        ]
        used = policies if second else policies[:3]
        whole = objects(name, policies=[])
        whole["spec"] = {"components": components, "policies": used, "workflow": {"steps": steps}}
        return whole

    old = f"{name}-old"
    await platform.deliver(wanted(names=(name, old)))
    error = await platform.failure(wanted("wrong", names=(name,)))
    assert error.type == "DeliveryFailed"
    assert platform.deployment(BEIJING, old) is None
    assert platform.deployment(HANGZHOU_1, old) is not None, (
        "the step that failed keeps what it has"
    )
    assert platform.deployment(HANGZHOU_1, name) is not None
    assert platform.audit(name)["phase"] == "failed"
    await platform.delete(name)


async def test_a_limit_of_revisions_bounds_what_the_hub_keeps(platform: Platform) -> None:
    name = unique("limit")
    policy = {
        "name": "gc",
        "type": "garbage-collect",
        "properties": {"applicationRevisionLimit": 1},
    }
    for number in range(4):
        await platform.deliver(
            objects(name, config_map(name, number=str(number)), policies=[policy])
        )
    path = "/apis/lateen.dev/v1alpha1/namespaces/examples/revisions"
    selector = f"labelSelector={OWNER}={name}"
    kept = platform.api("local").get(f"{path}?{selector}")["items"]
    assert sorted(item["metadata"]["name"] for item in kept) == [f"{name}-v3", f"{name}-v4"]
    await platform.delete(name)


def deployment(name: str, *, replicas: int = 1, image: str = "nginx:1") -> Json:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    }

"""Taking over what KubeVela delivered, by the real command line, on real clusters."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Generator
from typing import Any

import pytest

from lateen.cli import codes
from support.api import eventually
from support.kubevela import FINALIZER, TRACKERS, KubeVela
from support.platforms import BEIJING, HANGZHOU_1, Platform, application, deploy, unique

Json = dict[str, Any]

APPLICATIONS = "/apis/core.oam.dev/v1beta1/namespaces/examples/applications"
DEPLOYMENTS = "/apis/apps/v1/namespaces/examples/deployments"
SECRETS = "/api/v1/namespaces/vela-system/secrets"
MEMBERS = [BEIJING, HANGZHOU_1]


@pytest.fixture
def kubevela(platform: Platform) -> KubeVela:
    controller = KubeVela(platform)
    controller.install()
    return controller


@pytest.fixture
def running_controller(kubevela: KubeVela) -> Generator[None]:
    kubevela.controller(replicas=1)
    try:
        yield
    finally:
        kubevela.controller(replicas=0)


async def adopt(platform: Platform, *arguments: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "lateen.cli", "adopt", "-n", "examples", *arguments],
        env={**os.environ, **platform.stack.environment()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def shop(name: str, *, clusters: list[str] = MEMBERS, **properties: Any) -> Json:
    """A webservice with a Service, two variables and an annotation of its pods."""
    env = [{"name": "KEPT", "value": "a"}, {"name": "DROPPED", "value": "b"}]
    wanted = application(
        name, clusters=clusters, **{"env": env, "annotations": {"note": "b"}, **properties}
    )
    expose = {"type": "expose", "properties": {"port": [80]}}
    note = {"type": "annotations", "properties": {"example.com/note": "b"}}
    wanted["spec"]["components"][0]["traits"] = [expose, note]
    return wanted


def live(platform: Platform, cluster: str, name: str) -> Json:
    found = platform.deployment(cluster, name)
    assert found is not None
    return found


def pods(platform: Platform, cluster: str, name: str) -> dict[str, int]:
    """The ready pods of a component: their uids, and how often their containers restarted."""
    selector = f"labelSelector=app.oam.dev/component={name}"
    items = platform.api(cluster).get(f"/api/v1/namespaces/examples/pods?{selector}")["items"]
    return {
        pod["metadata"]["uid"]: sum(s["restartCount"] for s in pod["status"]["containerStatuses"])
        for pod in items
        if pod["status"].get("phase") == "Running"
    }


def managers(found: Json) -> set[tuple[str, str]]:
    return {
        (entry["manager"], entry["operation"])
        for entry in found["metadata"]["managedFields"]
        if not entry.get("subresource")
    }


def version(found: Json) -> str:
    """What tells whether anybody wrote, except for the cluster's own controllers."""
    entries = [
        entry
        for entry in found["metadata"]["managedFields"]
        if not entry.get("subresource") and entry["manager"] != "kube-controller-manager"
    ]
    return json.dumps([entries, found["spec"], found["metadata"]["labels"]], sort_keys=True)


async def settle(platform: Platform, name: str) -> dict[str, dict[str, int]]:
    for cluster in MEMBERS:
        await asyncio.to_thread(
            eventually, lambda c=cluster: len(pods(platform, c, name)), 1, timeout=60
        )
    return {cluster: pods(platform, cluster, name) for cluster in MEMBERS}


@pytest.mark.parametrize("compression", ["", "gzip", "zstd"])
async def test_pods_do_not_notice_and_lateen_owns_everything(
    platform: Platform, kubevela: KubeVela, compression: str
) -> None:
    """And what the application drops afterwards is gone from the clusters, though KubeVela wrote it."""
    name = unique("shop")
    wanted = shop(name)
    kubevela.deliver(wanted, compression=compression)
    by_hand = {"metadata": {"annotations": {"example.com/by-hand": "x"}}}
    platform.api(BEIJING).patch(f"{DEPLOYMENTS}/{name}?fieldManager=kubectl-edit", by_hand)
    pods_before = await settle(platform, name)
    before = {cluster: live(platform, cluster, name) for cluster in MEMBERS}
    trackers = platform.api("local").get(TRACKERS)["items"]

    shown = await adopt(platform, name, "--dry-run")
    assert (shown.returncode, "take over" in shown.stdout) == (0, True), shown.stderr
    assert {c: version(live(platform, c, name)) for c in MEMBERS} == {
        c: version(found) for c, found in before.items()
    }
    done = await adopt(platform, name)
    assert done.returncode == codes.DELIVERED, done.stderr
    assert f"examples/{name}: adopted 4 objects in 2 clusters; 2 of 2 pods untouched" in done.stdout
    assert f"kubectl delete resourcetrackers.core.oam.dev {name}-v1-examples" in done.stderr

    assert {cluster: pods(platform, cluster, name) for cluster in MEMBERS} == pods_before
    for cluster, old in before.items():
        now = live(platform, cluster, name)
        assert now["metadata"]["uid"] == old["metadata"]["uid"]
        assert now["spec"] == old["spec"]
        expected = {("kube-controller-manager", "Update"), (f"lateen:examples/{name}", "Apply")}
        assert managers(now) - expected <= {("kubectl-edit", "Update")}
        kept = {**now["metadata"]["labels"], **now["metadata"]["annotations"]}
        assert not [key for key in kept if "last-applied" in key or key.startswith("oam.dev/")]
        assert "app.oam.dev/app-revision-hash" not in kept
    annotations = live(platform, BEIJING, name)["metadata"]["annotations"]
    assert annotations["example.com/by-hand"] == "x"
    assert platform.inventories(name) == {
        cluster: [f"Deployment/{name}", f"Service/{name}"] for cluster in MEMBERS
    }
    stored = platform.api("local").get(f"{APPLICATIONS}/{name}")
    assert stored["metadata"].get("finalizers", []) == []
    assert not [key for key in stored["metadata"].get("annotations", {}) if "applied" in key]
    assert platform.api("local").get(TRACKERS)["items"] == trackers

    again = await adopt(platform, name)
    assert (again.returncode, f"examples/{name}: adopted already" in again.stdout) == (0, True)

    leaner = shop(name, env=[{"name": "KEPT", "value": "a"}], annotations={})
    leaner["spec"]["components"][0]["traits"].pop()
    assert (await platform.deliver(leaner))["phase"] == "delivered"
    for cluster in MEMBERS:
        now = live(platform, cluster, name)
        container = now["spec"]["template"]["spec"]["containers"][0]
        assert container["env"] == [{"name": "KEPT", "value": "a"}]
        template = now["spec"]["template"]["metadata"]
        assert not {"note", "example.com/note"} & template.get("annotations", {}).keys()
        assert "example.com/note" not in now["metadata"]["annotations"]
    await platform.delete(name)
    remaining = platform.api("local").get(APPLICATIONS)["items"]
    assert name not in [each["metadata"]["name"] for each in remaining]


async def test_a_running_controller_is_refused_unless_the_application_is_paused(
    platform: Platform, kubevela: KubeVela, running_controller: None
) -> None:
    name = unique("active")
    kubevela.deliver(shop(name))
    refused = await adopt(platform, name)
    assert refused.returncode == codes.ERROR
    assert "scale deployment kubevela-vela-core to 0" in refused.stderr
    assert managers(live(platform, BEIJING, name)) >= {("kubevela", "Update")}
    pause = {"metadata": {"labels": {"controller.core.oam.dev/pause": "true"}}}
    platform.api("local").merge(f"{APPLICATIONS}/{name}", pause)
    done = await adopt(platform, name)
    assert done.returncode == codes.DELIVERED, done.stderr
    assert (
        "controller.core.oam.dev/pause" not in live(platform, BEIJING, name)["metadata"]["labels"]
    )
    await platform.delete(name)


async def test_what_would_restart_pods_is_refused_by_field_and_done_when_allowed(
    platform: Platform, kubevela: KubeVela
) -> None:
    name = unique("restart")
    objects = kubevela.deliver(shop(name))
    manifest = next(m for c, m in objects if c == BEIJING and m["kind"] == "Deployment")
    container = {"name": name, "image": "nginx:secret-tag"}
    extra = {"spec": {"template": {"spec": {"containers": [container], "priority": None}}}}
    kubevela.patch(BEIJING, manifest, extra)
    before = {cluster: version(live(platform, cluster, name)) for cluster in MEMBERS}
    refused = await adopt(platform, name)
    assert refused.returncode == codes.ERROR
    path = f"Deployment examples/{name}: spec.template.spec.containers[{name}].image"
    assert f"cluster {BEIJING}: {path}" in refused.stderr
    assert f"cluster {HANGZHOU_1}: Deployment" not in refused.stderr
    assert "secret-tag" not in refused.stderr + refused.stdout
    assert {c: version(live(platform, c, name)) for c in MEMBERS} == before
    done = await adopt(platform, name, "--allow-restarts")
    assert done.returncode == codes.DELIVERED, done.stderr
    found = live(platform, BEIJING, name)["spec"]["template"]["spec"]["containers"][0]
    assert found["image"] == "nginx"
    await platform.delete(name)


async def test_a_field_that_only_kubevela_wants_is_told_though_no_apply_would_show_it(
    platform: Platform, kubevela: KubeVela
) -> None:
    """It goes with its owner: an apply's dry run alone would leave it where it is."""
    name = unique("only")
    objects = kubevela.deliver(shop(name))
    manifest = next(m for c, m in objects if c == BEIJING and m["kind"] == "Deployment")
    kubevela.patch(BEIJING, manifest, {"spec": {"template": {"spec": {"hostNetwork": True}}}})
    refused = await adopt(platform, name)
    assert refused.returncode == codes.ERROR
    assert "spec.template.spec.hostNetwork (removed)" in refused.stderr
    done = await adopt(platform, name, "--allow-restarts")
    assert done.returncode == codes.DELIVERED, done.stderr
    assert "hostNetwork" not in live(platform, BEIJING, name)["spec"]["template"]["spec"]
    await platform.delete(name)


async def test_an_object_of_somebody_else_stops_everything(
    platform: Platform, kubevela: KubeVela
) -> None:
    name = unique("foreign")
    objects = kubevela.deliver(shop(name))
    service = next(m for c, m in objects if c == HANGZHOU_1 and m["kind"] == "Service")
    kubevela.patch(HANGZHOU_1, service, {"metadata": {"labels": {"app.oam.dev/name": "other"}}})
    before = {cluster: version(live(platform, cluster, name)) for cluster in MEMBERS}
    refused = await adopt(platform, name)
    assert refused.returncode == codes.ERROR
    assert f"Service examples/{name} is managed by application examples/other" in refused.stderr
    assert {c: version(live(platform, c, name)) for c in MEMBERS} == before


async def test_a_cluster_that_does_not_answer_is_named_before_anything_is_written(
    platform: Platform, kubevela: KubeVela
) -> None:
    name, silent = unique("silent"), unique("gone")
    hub = platform.api("local")
    secret = next(item for item in hub.get(SECRETS)["items"] if item["metadata"]["name"] == BEIJING)
    endpoint = base64.b64encode(b"https://127.0.0.1:1").decode()
    kept = {"labels": secret["metadata"]["labels"], "name": silent, "namespace": "vela-system"}
    hub.post(
        SECRETS, {**secret, "metadata": kept, "data": {**secret["data"], "endpoint": endpoint}}
    )
    try:
        wanted = shop(name, clusters=[BEIJING])
        kubevela.deliver(wanted)
        spread = {"policies": shop(name, clusters=[BEIJING, silent])["spec"]["policies"]}
        hub.merge(f"{APPLICATIONS}/{name}", {"spec": spread})
        before = version(live(platform, BEIJING, name))
        refused = await adopt(platform, name)
        assert refused.returncode == codes.ERROR
        assert f"  {silent}: " in refused.stderr
        assert f"  {BEIJING}: " not in refused.stderr
        assert version(live(platform, BEIJING, name)) == before
    finally:
        hub.delete(f"{SECRETS}/{silent}")


async def test_what_the_application_no_longer_has_is_listed_and_left_alone(
    platform: Platform, kubevela: KubeVela
) -> None:
    name = unique("legacy")
    old = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "examples", "name": f"{name}-old"}
    metadata = {"name": f"{name}-old", "namespace": "examples"}
    path = "/api/v1/namespaces/examples/configmaps"
    platform.api(BEIJING).post(
        path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    )
    gone = {**old, "name": f"{name}-gone"}
    extra = [{**each, "cluster": BEIJING} for each in (old, gone)]
    kubevela.deliver(shop(name), extra=extra)
    done = await adopt(platform, name)
    assert done.returncode == codes.DELIVERED, done.stderr
    assert f"  cluster {BEIJING}: ConfigMap examples/{name}-old\n" in done.stderr
    assert f"{name}-gone" not in done.stderr
    await platform.delete(name)
    names = [each["metadata"]["name"] for each in platform.api(BEIJING).get(path)["items"]]
    assert f"{name}-old" in names


async def test_an_application_that_waits_for_an_approval_says_so_and_is_adopted_then(
    platform: Platform, kubevela: KubeVela
) -> None:
    name = unique("waits")
    wanted = shop(name)
    wanted["spec"]["workflow"] = {"steps": [deploy(auto=False)]}
    kubevela.deliver(wanted)
    waiting = await adopt(platform, name)
    assert waiting.returncode == codes.WAITING, waiting.stderr
    assert f"lateen approve {name} -n examples" in waiting.stderr
    handle = (await platform.client()).get_workflow_handle(f"examples/{name}")
    await handle.signal("approve")
    assert (await asyncio.wait_for(handle.result(), 90))["phase"] == "delivered"
    again = await adopt(platform, name)
    assert (again.returncode, f"examples/{name}: adopted already" in again.stdout) == (0, True)
    await platform.delete(name)


async def test_an_application_that_the_hub_does_not_store_is_named(platform: Platform) -> None:
    missing = await adopt(platform, "never-was")
    assert missing.returncode == codes.ERROR
    assert "the hub stores no application 'never-was'" in missing.stderr


def test_the_finalizer_is_the_recorded_one() -> None:
    from lateen.model.kubevela import TRACKER_FINALIZER

    assert FINALIZER == TRACKER_FINALIZER

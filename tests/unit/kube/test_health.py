"""When an object counts as healthy, kind by kind."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.kube.health import evaluate

SECRET = "hunter2-very-secret"


def condition(kind: str, state: str, reason: str = "", **more: Any) -> dict[str, Any]:
    return {"type": kind, "status": state, "reason": reason, "message": SECRET, **more}


def live(
    kind: str,
    status: dict[str, Any] | None = None,
    *,
    api_version: str = "apps/v1",
    spec: dict[str, Any] | None = None,
    **metadata: Any,
) -> dict[str, Any]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "x", "generation": 2} | metadata,
        "spec": spec or {},
        "status": status or {},
    }


def rolled(ready: int, updated: int, replicas: int, observed: int = 2) -> dict[str, Any]:
    return {
        "observedGeneration": observed,
        "readyReplicas": ready,
        "updatedReplicas": updated,
        "replicas": replicas,
    }


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
@pytest.mark.parametrize(
    ("wanted", "status", "state", "message"),
    [
        (3, rolled(3, 3, 3), "healthy", "Ready:3/3"),
        (3, rolled(1, 3, 3), "progressing", "Ready:1/3"),
        (3, rolled(3, 1, 3), "progressing", "Ready:3/3 updated:1/3"),
        (3, rolled(3, 3, 4), "progressing", "Ready:3/3 surplus:1"),
        (
            3,
            rolled(3, 3, 3, observed=1),
            "progressing",
            "its controller has not seen the change yet",
        ),
        (3, {}, "progressing", "its controller has not seen it yet"),
        (0, {"observedGeneration": 2}, "healthy", "Ready:0/0"),
        (0, rolled(3, 3, 3), "progressing", "Ready:3/0 surplus:3"),
        (0, {}, "progressing", "its controller has not seen it yet"),
        (None, rolled(1, 1, 1), "healthy", "Ready:1/1"),
    ],
)
def test_replicas_must_be_new_ready_and_the_only_ones(
    kind: str, wanted: int | None, status: dict[str, Any], state: str, message: str
) -> None:
    spec = {} if wanted is None else {"replicas": wanted}
    health = evaluate(live(kind, status, spec=spec))
    assert (health.state, health.message) == (state, message)


def test_a_deployment_that_ran_out_of_time_has_failed() -> None:
    late = condition("Progressing", "False", "ProgressDeadlineExceeded")
    health = evaluate(live("Deployment", rolled(0, 1, 1) | {"conditions": [late]}))
    assert (health.state, health.message) == ("failed", "Ready:0/1 ProgressDeadlineExceeded")


def test_a_failure_of_an_older_generation_is_not_one_of_this() -> None:
    late = condition("Progressing", "False", "ProgressDeadlineExceeded")
    old = rolled(0, 1, 1, observed=1) | {"conditions": [late]}
    assert evaluate(live("Deployment", old)).state == "progressing"


@pytest.mark.parametrize(
    ("strategy", "updated", "state"),
    [
        ({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}, 1, "healthy"),
        ({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}, 0, "progressing"),
        ({"type": "OnDelete"}, 0, "healthy"),
    ],
)
def test_a_stateful_set_may_keep_old_pods_on_purpose(
    strategy: dict[str, Any], updated: int, state: str
) -> None:
    spec = {"replicas": 3, "updateStrategy": strategy}
    assert evaluate(live("StatefulSet", rolled(3, updated, 3), spec=spec)).state == state


@pytest.mark.parametrize(
    ("numbers", "state", "message"),
    [
        ((2, 2, 2, 2), "healthy", "Ready:2/2"),
        ((2, 1, 2, 2), "progressing", "Ready:1/2"),
        ((2, 2, 1, 2), "progressing", "Ready:2/2"),
        ((0, 0, 0, 0), "healthy", "Ready:0/0"),
    ],
)
def test_daemon_sets(numbers: tuple[int, ...], state: str, message: str) -> None:
    names = (
        "desiredNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "currentNumberScheduled",
    )
    status = dict(zip(names, numbers, strict=True)) | {"observedGeneration": 2}
    health = evaluate(live("DaemonSet", status))
    assert (health.state, health.message) == (state, message)
    assert evaluate(live("DaemonSet")).state == "progressing"


@pytest.mark.parametrize(
    ("status", "state", "message"),
    [
        ({}, "progressing", "Active/Failed/Succeeded:0/0/0"),
        ({"active": 1, "failed": 2}, "progressing", "Active/Failed/Succeeded:1/2/0"),
        (
            {"succeeded": 1, "conditions": [condition("Complete", "True")]},
            "healthy",
            "Active/Failed/Succeeded:0/0/1",
        ),
        (
            {"failed": 1, "conditions": [condition("Failed", "True", "BackoffLimitExceeded")]},
            "failed",
            "Active/Failed/Succeeded:0/1/0 BackoffLimitExceeded",
        ),
    ],
)
def test_a_job_that_failed_is_failed_at_once(
    status: dict[str, Any], state: str, message: str
) -> None:
    health = evaluate(live("Job", status, api_version="batch/v1"))
    assert (health.state, health.message) == (state, message)


@pytest.mark.parametrize(
    ("kind", "ingress", "state", "message"),
    [
        ("ClusterIP", [], "healthy", ""),
        ("LoadBalancer", [], "progressing", "no address from the load balancer yet"),
        ("LoadBalancer", [{"ip": "10.0.0.9"}], "healthy", "ExternalIP: 10.0.0.9"),
        ("LoadBalancer", [{"hostname": "lb.aws"}], "healthy", "ExternalIP: lb.aws"),
        (
            "LoadBalancer",
            [{"ip": "\x1b[31m"}],
            "progressing",
            "no address from the load balancer yet",
        ),
    ],
)
def test_a_load_balancer_needs_an_address_or_a_host_name(
    kind: str, ingress: list[dict[str, str]], state: str, message: str
) -> None:
    status = {"loadBalancer": {"ingress": ingress}}
    health = evaluate(live("Service", status, api_version="v1", spec={"type": kind}))
    assert (health.state, health.message) == (state, message)


@pytest.mark.parametrize(
    ("status", "state", "message"),
    [
        ({}, "progressing", "Pending"),
        ({"phase": "Running"}, "progressing", "Running"),
        ({"phase": "Running", "conditions": [condition("Ready", "True")]}, "healthy", "Ready"),
        ({"phase": "Succeeded"}, "healthy", "Succeeded"),
        ({"phase": "Failed", "reason": "Evicted"}, "failed", "Evicted"),
    ],
)
def test_pods(status: dict[str, Any], state: str, message: str) -> None:
    health = evaluate(live("Pod", status, api_version="v1"))
    assert (health.state, health.message) == (state, message)


@pytest.mark.parametrize(
    ("api_version", "kind", "status", "state"),
    [
        ("v1", "PersistentVolumeClaim", {"phase": "Bound"}, "healthy"),
        ("v1", "PersistentVolumeClaim", {"phase": "Pending"}, "progressing"),
        ("v1", "PersistentVolumeClaim", {"phase": "Lost"}, "failed"),
        ("v1", "ConfigMap", {}, "healthy"),
        ("v1", "Namespace", {"phase": "Active"}, "healthy"),
        ("v1", "Namespace", {"phase": "Terminating"}, "progressing"),
        ("batch/v1", "CronJob", {}, "healthy"),
        ("networking.k8s.io/v1", "Ingress", {}, "healthy"),
        ("autoscaling/v2", "HorizontalPodAutoscaler", {}, "healthy"),
        (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            {"conditions": [condition("AbleToScale", "False", "FailedGetScale")]},
            "progressing",
        ),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", {}, "progressing"),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            {"conditions": [condition("NamesAccepted", "True"), condition("Established", "True")]},
            "healthy",
        ),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            {"conditions": [condition("NamesAccepted", "False", "ListKindConflict")]},
            "failed",
        ),
    ],
)
def test_other_kinds_of_kubernetes(
    api_version: str, kind: str, status: dict[str, Any], state: str
) -> None:
    assert evaluate(live(kind, status, api_version=api_version)).state == state


@pytest.mark.parametrize(
    ("status", "state", "message"),
    [
        ({}, "healthy", ""),
        ({"conditions": [condition("Ready", "True")]}, "healthy", "Ready"),
        (
            {"conditions": [condition("Ready", "False", "NoDisk")]},
            "progressing",
            "not Ready: NoDisk",
        ),
        ({"conditions": [condition("Ready", "Unknown")]}, "progressing", "not Ready"),
        ({"conditions": [condition("Available", "False")]}, "progressing", "not Available"),
        ({"conditions": [condition("Stalled", "True", "BadSpec")]}, "failed", "BadSpec"),
        (
            {"conditions": [condition("Reconciling", "True"), condition("Ready", "True")]},
            "progressing",
            "Reconciling",
        ),
        (
            {"conditions": [condition("Ready", "True", observedGeneration=1)]},
            "progressing",
            "its conditions are of an older change",
        ),
        (
            {"observedGeneration": 1, "conditions": [condition("Ready", "True")]},
            "progressing",
            "its controller has not seen the change yet",
        ),
        ({"conditions": [condition("Odd", "False")]}, "healthy", ""),
    ],
)
def test_kinds_we_do_not_know_are_judged_by_their_conditions(
    status: dict[str, Any], state: str, message: str
) -> None:
    health = evaluate(live("Widget", status, api_version="example.com/v1"))
    assert (health.state, health.message) == (state, message)


def test_a_check_can_be_switched_off_but_a_deletion_is_seen() -> None:
    off = {"app.oam.dev/disable-health-check": ""}
    assert evaluate(live("Deployment", annotations=off)).state == "healthy"
    going = evaluate(live("ConfigMap", api_version="v1", deletionTimestamp="2026-01-01T00:00:00Z"))
    assert (going.state, going.message) == ("progressing", "is being deleted")


@pytest.mark.parametrize(
    "status", [None, [], "x", {"conditions": "x"}, {"conditions": [1, None, {}]}]
)
@pytest.mark.parametrize(
    "kind", ["Deployment", "StatefulSet", "DaemonSet", "Job", "Pod", "Service", "Widget"]
)
def test_nonsense_from_a_cluster_is_judged_too(kind: str, status: Any) -> None:
    for api_version in ("v1", "apps/v1", "batch/v1"):
        broken = live(kind, api_version=api_version) | {"status": status, "spec": status}
        health = evaluate(broken)
        assert health.state in {"healthy", "progressing"}
        assert SECRET not in health.message

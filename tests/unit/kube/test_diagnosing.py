"""Why something is unhealthy, in words that hold no secrets."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.kube.diagnosing import explain
from unit.kube.apiserver import FakeApiServer, status

SECRET = "hunter2-very-secret"
PODS = "/api/v1/namespaces/shop/pods"
EVENTS = "/api/v1/namespaces/shop/events"
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "uid": "u", "generation": 1},
    "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}},
    "status": {
        "observedGeneration": 1,
        "updatedReplicas": 1,
        "replicas": 1,
        "conditions": [
            {"type": "Available", "status": "False", "reason": "Minimum", "message": SECRET}
        ],
    },
}


def pod(name: str = "web-1", *, created: str = "1", **pod_status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": name, "creationTimestamp": created},
        "status": pod_status,
    }


def waiting(reason: str, message: str = SECRET, **more: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"containerStatuses": [{"name": "x", "image": "nope:1", "state": state, **more}]}


async def explained(server: FakeApiServer, *pods: dict[str, Any], live: Any = DEPLOYMENT) -> str:
    server.on("GET", PODS, {"items": list(pods)})
    server.replies.setdefault(("GET", EVENTS), [{"items": []}])
    async with server.cluster() as cluster:
        text = await explain(cluster, live)
    assert SECRET not in text
    assert len(server.requests) <= 3
    return text


@pytest.mark.parametrize(
    ("pod_status", "said"),
    [
        (waiting("ImagePullBackOff"), "waiting: ImagePullBackOff (image nope:1)"),
        (
            waiting(
                "CrashLoopBackOff",
                lastState={"terminated": {"reason": "OOMKilled", "exitCode": 137}},
            ),
            "waiting: CrashLoopBackOff (OOMKilled, exit code 137)",
        ),
        (
            waiting("CreateContainerConfigError", 'secret "db" not found'),
            "waiting: CreateContainerConfigError (secret db not found)",
        ),
        (
            waiting("CreateContainerConfigError", "couldn't find key pw in Secret shop/db"),
            "waiting: CreateContainerConfigError (key pw not in Secret shop/db)",
        ),
        ({"phase": "Failed", "reason": "Evicted"}, "failed: Evicted"),
        (
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": f"0/2 nodes are available: 2 Insufficient cpu. {SECRET}",
                    }
                ]
            },
            "not scheduled: Unschedulable (Insufficient cpu)",
        ),
        (
            {"containerStatuses": [{"ready": False, "state": {"running": {}}}]},
            "running, but not ready",
        ),
        (
            {"initContainerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]},
            "ended: Error (exit code 3)",
        ),
    ],
)
async def test_a_pods_trouble_is_told(
    server: FakeApiServer, pod_status: dict[str, Any], said: str
) -> None:
    text = await explained(server, pod(**pod_status))
    assert text == (f"Deployment shop/web: Ready:0/1; Available=False (Minimum); pod web-1 {said}")


async def test_pods_of_the_workload_are_asked_for_newest_told_first(server: FakeApiServer) -> None:
    pods = [pod(f"web-{i}", created=str(i), **waiting("ErrImagePull")) for i in range(5)]
    text = await explained(server, *pods)
    assert server.requests[0].query["labelSelector"] == "app=web"
    assert text.index("pod web-4") < text.index("pod web-3") < text.index("pod web-2")
    assert "and 2 more pods" in text
    assert "web-1" not in text


async def test_warnings_are_told_by_reason_with_what_is_missing(server: FakeApiServer) -> None:
    items = [
        {"reason": "FailedMount", "lastTimestamp": "2", "message": 'configmap "conf" not found'},
        {"reason": "FailedMount", "lastTimestamp": "1", "message": SECRET},
        {"reason": "Back off!", "lastTimestamp": "3", "message": SECRET},
        {"reason": "FailedCreate", "lastTimestamp": "0", "message": SECRET},
    ]
    server.on("GET", EVENTS, {"items": items})
    text = await explained(server)
    assert text.endswith(
        "events of Deployment web: FailedMount (configmap conf not found), FailedCreate"
    )
    assert server.requests[1].query["fieldSelector"] == "type=Warning,involvedObject.uid=u"


async def test_a_cluster_that_does_not_answer_still_gives_what_is_known(
    server: FakeApiServer,
) -> None:
    server.on("GET", PODS, status(403, "Forbidden", SECRET))
    async with server.cluster() as cluster:
        text = await explain(cluster, DEPLOYMENT)
    assert text == (
        "Deployment shop/web: Ready:0/1; Available=False (Minimum); "
        "more could not be read (Forbidden)"
    )


async def test_a_kind_without_pods_is_explained_by_conditions_and_events(
    server: FakeApiServer,
) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop"},
        "status": {"phase": "Pending"},
    }
    server.on("GET", EVENTS, {"items": [{"reason": "ProvisioningFailed", "message": SECRET}]})
    text = await explained(server, live=claim)
    assert text == (
        "PersistentVolumeClaim shop/data: Pending; "
        "events of PersistentVolumeClaim data: ProvisioningFailed"
    )
    assert [seen.path for seen in server.requests] == [EVENTS]

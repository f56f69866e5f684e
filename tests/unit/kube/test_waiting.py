"""Waiting for health survives a bad connection, and never waits for what can't come."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from lateen.kube.errors import Forbidden, Unhealthy, Vanished
from lateen.kube.waiting import wait_healthy
from unit.kube.apiserver import FakeApiServer, events, status

PATH = "/apis/apps/v1/namespaces/shop/deployments"


def deployment(ready: int, *, version: str = "1", uid: str = "u", **more: Any) -> dict[str, Any]:
    condition = {"type": "Progressing", "status": "False", "reason": more.get("reason", "")}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "uid": uid,
            "generation": 2,
            "resourceVersion": version,
        },
        "spec": {"replicas": 2},
        "status": {
            "observedGeneration": more.get("observed", 2),
            "replicas": 2,
            "updatedReplicas": 2,
            "readyReplicas": ready,
            "conditions": [condition],
        },
    }


class Told:
    """What progress was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int, str]] = []

    def __call__(self, ready: int, total: int, message: str) -> None:
        self.calls.append((ready, total, message))


CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "shop"}}


async def test_what_is_healthy_already_costs_no_request(server: FakeApiServer) -> None:
    told = Told()
    async with server.cluster() as cluster:
        await wait_healthy(cluster, [deployment(2), CONFIG], progress=told)
    assert server.requests == []
    assert told.calls == [(2, 2, "")]


async def test_a_change_is_watched_from_the_version_that_was_applied(server: FakeApiServer) -> None:
    told = Told()
    server.on(
        "GET",
        PATH,
        events(
            ("MODIFIED", deployment(1)), ("MODIFIED", deployment(1)), ("MODIFIED", deployment(2))
        ),
    )
    async with server.cluster() as cluster:
        stale = deployment(2, version="41", observed=1)
        await wait_healthy(cluster, [stale, CONFIG], progress=told)
    assert [seen.query["resourceVersion"] for seen in server.requests] == ["41"]
    assert told.calls == [
        (1, 2, "Deployment shop/web: its controller has not seen the change yet"),
        (1, 2, "Deployment shop/web: Ready:1/2"),
        (2, 2, ""),
    ]


@pytest.mark.parametrize(
    "trouble",
    [
        events(drop=True),
        events(("MODIFIED", deployment(1, version="2")), drop=True, hold=0.02),
        events(),
        events(("ERROR", status(410, "Expired")[1])),
        status(410, "Expired"),
        status(429, "TooManyRequests"),
        status(500, "InternalError"),
        web.Response(status=502, text="<html>bad gateway</html>"),
        web.Response(text="not json\n"),
    ],
    ids=["drop", "drop-later", "end", "gone-event", "gone", "429", "500", "502", "garbage"],
)
async def test_a_bad_connection_is_survived(server: FakeApiServer, trouble: Any) -> None:
    """After the trouble the object is read anew, and watched from what that reading showed."""
    server.on("GET", f"{PATH}/web", deployment(1, version="9"))
    server.on("GET", PATH, trouble, events(("MODIFIED", deployment(2))))
    async with server.cluster() as cluster, asyncio.timeout(5):
        await wait_healthy(cluster, [deployment(0)], progress=Told())
    watches = [seen.query["resourceVersion"] for seen in server.requests if seen.path == PATH]
    assert watches == ["1", "9"]


async def test_health_that_came_while_nobody_watched_is_seen(server: FakeApiServer) -> None:
    server.on("GET", f"{PATH}/web", deployment(2, version="9"))
    server.on("GET", PATH, events(drop=True))
    async with server.cluster() as cluster, asyncio.timeout(5):
        await wait_healthy(cluster, [deployment(0)], progress=Told())
    assert len(server.requests) == 2


async def test_a_server_that_expires_every_watch_is_not_asked_without_a_pause(
    server: FakeApiServer,
) -> None:
    server.on("GET", f"{PATH}/web", deployment(1))
    server.on("GET", PATH, status(410, "Expired"))
    async with server.cluster() as cluster:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.6):
                await wait_healthy(cluster, [deployment(0)], progress=Told())
    assert len(server.requests) <= 6


async def test_a_failed_object_ends_the_wait_at_once(server: FakeApiServer) -> None:
    failed = deployment(1, reason="ProgressDeadlineExceeded")
    server.on("GET", PATH, events(("MODIFIED", failed), hold=5))
    async with server.cluster() as cluster, asyncio.timeout(2):
        with pytest.raises(
            Unhealthy, match=r"Deployment shop/web: .*ProgressDeadlineExceeded"
        ) as e:
            await wait_healthy(cluster, [deployment(0)], progress=Told())
    assert e.value.ref.name == "web"
    assert not e.value.retryable


async def test_one_failed_object_does_not_wait_for_the_others(server: FakeApiServer) -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "shop"}}
    failed = job | {"status": {"conditions": [{"type": "Failed", "status": "True"}]}}
    server.on("GET", PATH, events(hold=5))
    server.on("GET", "/apis/batch/v1/namespaces/shop/jobs", events(("MODIFIED", failed), hold=5))
    async with server.cluster() as cluster, asyncio.timeout(2):
        with pytest.raises(Unhealthy, match="Job shop/j"):
            await wait_healthy(cluster, [deployment(0), job], progress=Told())


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (("DELETED", deployment(0)), "was deleted"),
        (("ADDED", deployment(2, uid="other")), "created again by somebody else"),
    ],
)
async def test_an_object_that_vanishes_is_not_waited_for(
    server: FakeApiServer, event: tuple[str, dict[str, Any]], why: str
) -> None:
    server.on("GET", PATH, events(event, hold=5))
    async with server.cluster() as cluster, asyncio.timeout(2):
        with pytest.raises(Vanished, match=why) as caught:
            await wait_healthy(cluster, [deployment(0)], progress=Told())
    assert caught.value.retryable


async def test_an_object_deleted_while_nobody_watched_is_noticed(server: FakeApiServer) -> None:
    server.on("GET", PATH, events(drop=True))
    server.on("GET", f"{PATH}/web", status(404, "NotFound"))
    async with server.cluster() as cluster, asyncio.timeout(5):
        with pytest.raises(Vanished, match="was deleted"):
            await wait_healthy(cluster, [deployment(0)], progress=Told())


async def test_a_refusal_that_stays_is_raised(server: FakeApiServer) -> None:
    server.on("GET", PATH, status(403, "Forbidden"))
    async with server.cluster() as cluster:
        with pytest.raises(Forbidden):
            await wait_healthy(cluster, [deployment(0)], progress=Told())


async def test_cancelling_the_wait_closes_its_watches(server: FakeApiServer) -> None:
    server.on("GET", PATH, events(hold=5))
    async with server.cluster() as cluster:
        wait = asyncio.create_task(wait_healthy(cluster, [deployment(0)], progress=Told()))
        await asyncio.sleep(0.1)
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        assert [task for task in asyncio.all_tasks() if "_Wait" in repr(task)] == []

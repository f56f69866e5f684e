"""Following logs against a server that breaks off, restarts containers and takes pods away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from lateen.kube.errors import Forbidden, KubeError
from lateen.kube.following import LogFollower, Selection, Source
from lateen.kube.logs import LogLine, LogOptions
from unit.kube.apiserver import FakeApiServer, events, status

PODS = "/api/v1/namespaces/examples/pods"


class Heard:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.news: list[str] = []
        self._change = asyncio.Event()

    async def changed(self) -> None:
        """Wait until something was heard."""
        await self._change.wait()
        self._change.clear()

    def began(self, source: Source) -> None:
        self.news.append(f"+ {source.pod} {source.container}")

    def line(self, source: Source, line: LogLine) -> None:
        self.lines.append(line.text)
        self._change.set()

    def ended(self, source: Source) -> None:
        self.news.append(f"- {source.pod} {source.container}")
        self._change.set()

    def failed(self, source: Source | None, error: KubeError) -> None:
        self.news.append(f"! {type(error).__name__}")


def pod(name: str, *, state: str = "running", phase: str = "Running", restarts: int = 0) -> Any:
    return {
        "metadata": {"name": name, "namespace": "examples", "uid": f"uid-{name}"},
        "spec": {"containers": [{"name": "web"}]},
        "status": {
            "phase": phase,
            "containerStatuses": [{"name": "web", "state": {state: {}}, "restartCount": restarts}],
        },
    }


def listing(*pods: Any) -> dict[str, Any]:
    return {"items": list(pods), "metadata": {"resourceVersion": "1"}}


def listing_then(*changes: tuple[str, Any], first: Any, hold: float = 30) -> Any:
    watch = events(*changes, hold=hold)

    async def handle(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            return await watch(request)
        return web.json_response(first)

    return handle


def text(*lines: str) -> web.Response:
    return web.Response(text="".join(f"{line}\n" for line in lines))


ONE, TWO, THREE = (f"1970-01-01T00:00:0{n}Z {word}" for n, word in enumerate(["a", "b", "c"], 1))


async def follow(server: FakeApiServer, heard: Heard, *, finite: bool = True) -> None:
    async with server.cluster() as cluster:
        selection = Selection(cluster, "examples", "a=b", lambda *_: True, finite=finite)
        await asyncio.wait_for(LogFollower(selection, LogOptions(follow=True), heard).run(), 20)


async def test_a_break_loses_no_line_and_repeats_none(server: FakeApiServer) -> None:
    async def breaks(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(f"{ONE}\n{TWO}\n".encode())
        await asyncio.sleep(0.1)
        assert request.transport is not None
        request.transport.abort()
        return response

    done = ("MODIFIED", pod("p", state="terminated", phase="Succeeded"))

    async def rest(request: web.Request) -> web.StreamResponse:
        assert request.query["sinceTime"] == "1970-01-01T00:00:02Z"
        finished.set()
        return text(TWO, THREE)

    finished = asyncio.Event()

    async def watched(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response(listing(pod("p")))
        await finished.wait()
        return await events(done, hold=30)(request)

    server.on("GET", PODS, watched)
    server.on("GET", f"{PODS}/p/log", breaks, rest)
    heard = Heard()
    await follow(server, heard)
    assert heard.lines == ["a", "b", "c"]
    assert heard.news == ["+ p web", "! Unreachable", "- p web"]


async def test_a_finished_job_ends_it(server: FakeApiServer) -> None:
    done = pod("p", state="terminated", phase="Succeeded")
    server.on("GET", PODS, listing_then(first=listing(done)))
    server.on("GET", f"{PODS}/p/log", text(ONE))
    heard = Heard()
    await follow(server, heard)
    assert (heard.lines, heard.news) == (["a"], ["+ p web", "- p web"])
    assert "follow" not in server.asked()[-1].query


async def test_a_pod_that_comes_joins_in_and_one_that_goes_is_told(server: FakeApiServer) -> None:
    changes = (("ADDED", pod("q")), ("DELETED", pod("p")))
    server.on("GET", PODS, listing_then(*changes, first=listing(pod("p"))))
    server.on("GET", f"{PODS}/p/log", text(ONE))
    server.on("GET", f"{PODS}/q/log", text(TWO))
    heard = Heard()
    following = asyncio.create_task(follow(server, heard, finite=False))
    async with asyncio.timeout(10):
        while not {"+ q web", "- p web"} <= set(heard.news) or heard.lines.count("b") < 1:
            await heard.changed()
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert heard.lines.count("b") == 1


async def test_what_nobody_may_read_is_told_once(server: FakeApiServer) -> None:
    done = pod("p", state="terminated", phase="Failed")
    server.on("GET", PODS, listing_then(first=listing(done)))
    server.on("GET", f"{PODS}/p/log", status(403, "Forbidden"))
    heard = Heard()
    await follow(server, heard)
    assert heard.news == ["+ p web", "! Forbidden", "- p web"]


async def test_pods_that_nobody_may_list_are_an_error(server: FakeApiServer) -> None:
    server.on("GET", PODS, status(403, "Forbidden"))
    with pytest.raises(Forbidden):
        await follow(server, Heard())

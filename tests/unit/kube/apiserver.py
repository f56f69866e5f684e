"""An API server written by hand: it answers what a test scripts, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

from lateen.kube.access import Credentials
from lateen.kube.cluster import Cluster
from lateen.kube.connection import Connection

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Reply = dict[str, Any] | tuple[int, dict[str, Any]] | web.Response | Handler


@dataclass(frozen=True)
class Seen:
    """A request as the server got it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class FakeApiServer:
    """Replies of one method and path are used up in turn; the last one stays."""

    requests: list[Seen] = field(default_factory=list)
    replies: dict[tuple[str, str], list[Reply]] = field(default_factory=dict)
    url: str = ""
    _server: TestServer | None = None

    async def start(self) -> None:
        app = web.Application(client_max_size=64 * 1024**2)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._server = TestServer(app, host="127.0.0.1")
        await self._server.start_server()
        self.url = str(self._server.make_url("")).rstrip("/")

    async def stop(self) -> None:
        assert self._server is not None
        await self._server.close()

    def on(self, method: str, path: str, *replies: Reply) -> None:
        self.replies[method, path] = list(replies)

    def cluster(self, *, token: str | None = None, timeout: float = 30) -> Cluster:
        return Cluster(Connection("east", Credentials(self.url, token=token), timeout=timeout))

    def asked(self, method: str = "") -> list[Seen]:
        return [seen for seen in self.requests if not method or seen.method == method]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append(
            Seen(
                request.method,
                request.path,
                dict(request.query),
                dict(request.headers),
                orjson.loads(body) if body else None,
            )
        )
        replies = self.replies.get((request.method, request.path))
        if not replies:
            return web.Response(status=404, text="404 page not found")
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if isinstance(reply, web.Response):
            return web.Response(body=reply.body, status=reply.status, headers=reply.headers.copy())
        if callable(reply):
            return await reply(request)
        status, answer = reply if isinstance(reply, tuple) else (200, reply)
        return web.Response(
            body=orjson.dumps(answer), status=status, content_type="application/json"
        )


def status(
    code: int, reason: str = "", message: str = "", **details: Any
) -> tuple[int, dict[str, Any]]:
    """A ``Status`` as API servers answer failures."""
    answer: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
    }
    return code, answer | {"reason": reason, "message": message, "details": details}


def events(*items: tuple[str, dict[str, Any]], drop: bool = False, hold: float = 0) -> Handler:
    """A watch that sends events, holds the line for some seconds, and ends or breaks off."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for kind, live in items:
            await response.write(orjson.dumps({"type": kind, "object": live}) + b"\n")
        await asyncio.sleep(hold)
        if drop:
            assert request.transport is not None
            request.transport.abort()
        return response

    return handle

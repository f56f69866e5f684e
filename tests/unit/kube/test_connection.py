"""What reaches the wire, what comes back, and what a broken or hostile server can't do."""

from __future__ import annotations

import asyncio
import gc
import gzip
import socket
from dataclasses import replace

import pytest
from aiohttp import web

from lateen.kube import transport
from lateen.kube.access import Credentials
from lateen.kube.connection import Connection
from lateen.kube.errors import (
    Forbidden,
    InvalidCredentials,
    NotFound,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)
from unit.kube.apiserver import FakeApiServer, events, status

SECRET = "hunter2-very-secret"


async def test_a_request_carries_the_token_and_nothing_of_the_environment(
    server: FakeApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server.on("GET", "/version", {"gitVersion": "v1.36.3"})
    async with server.cluster(token=SECRET) as cluster:
        assert await cluster.connection.version() == {"gitVersion": "v1.36.3"}
        assert SECRET not in repr(cluster.connection)
    assert server.requests[0].headers["Authorization"] == f"Bearer {SECRET}"


async def test_the_uid_is_asked_for_once(server: FakeApiServer) -> None:
    server.on("GET", "/api/v1/namespaces/kube-system", {"metadata": {"uid": "u-1"}})
    async with server.cluster() as cluster:
        assert [await cluster.connection.uid() for _ in range(3)] == ["u-1"] * 3
    assert len(server.requests) == 1


async def test_a_cluster_without_a_uid_is_an_error(server: FakeApiServer) -> None:
    server.on("GET", "/api/v1/namespaces/kube-system", {"metadata": None})
    async with server.cluster() as cluster:
        with pytest.raises(ServerError, match="kube-system has no UID"):
            await cluster.connection.uid()


@pytest.mark.parametrize("readiness", [status(500), status(403, "Forbidden")])
async def test_a_server_that_starts_is_not_believed(
    server: FakeApiServer, readiness: tuple[int, dict[str, object]]
) -> None:
    """Until it has read the roles it refuses everything: that is worth trying again later."""
    server.on("GET", "/version", status(403, "Forbidden"))
    server.on("GET", "/readyz", readiness)
    async with server.cluster() as cluster:
        with pytest.raises(Forbidden) as caught:
            await cluster.connection.version()
    assert caught.value.retryable


async def test_a_right_that_came_meanwhile_is_used(server: FakeApiServer) -> None:
    """The server has become ready between the refusal and the question."""
    server.on("GET", "/version", status(403, "Forbidden"), {"gitVersion": "v1.36.3"})
    server.on("GET", "/readyz", web.Response(text="ok"))
    async with server.cluster() as cluster:
        assert await cluster.connection.version() == {"gitVersion": "v1.36.3"}


@pytest.mark.parametrize("readiness", [web.Response(text="ok"), status(404)])
async def test_a_ready_server_refuses_for_good(
    server: FakeApiServer, readiness: web.Response | tuple[int, dict[str, object]]
) -> None:
    """Also one behind something that doesn't tell whether it is ready."""
    server.on("GET", "/version", status(403, "Forbidden"))
    server.on("GET", "/readyz", readiness)
    async with server.cluster() as cluster:
        with pytest.raises(Forbidden) as caught:
            await cluster.connection.version()
    assert not caught.value.retryable
    assert [seen.path for seen in server.requests] == ["/version", "/readyz", "/version"]


@pytest.mark.parametrize(("text", "healthy"), [("ok", True), (SECRET, False)])
async def test_healthz_is_ok_or_an_error(server: FakeApiServer, text: str, healthy: bool) -> None:
    server.on("GET", "/healthz", web.Response(text=text))
    async with server.cluster() as cluster:
        if healthy:
            assert await cluster.connection.healthz() == "ok"
        else:
            with pytest.raises(ServerError) as caught:
                await cluster.connection.healthz()
            assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "answer", [f"<html>{SECRET}</html>", f'"{SECRET}"', f'["{SECRET}"]', "", f'{{"a": "{SECRET}']
)
async def test_an_answer_that_is_no_json_object_is_a_server_error_without_its_text(
    server: FakeApiServer, answer: str
) -> None:
    server.on("GET", "/version", web.Response(text=answer))
    async with server.cluster() as cluster:
        with pytest.raises(ServerError) as caught:
            await cluster.connection.version()
    assert caught.value.retryable
    assert caught.value.__cause__ is None
    assert SECRET not in f"{caught.value}{caught.value!r}"


async def test_a_redirect_is_never_followed(server: FakeApiServer) -> None:
    """A member that points elsewhere must not be able to make us send its token there."""
    server.on("GET", "/version", web.Response(status=302, headers={"Location": "/elsewhere"}))
    async with server.cluster(token=SECRET) as cluster:
        with pytest.raises(ServerError, match="redirect"):
            await cluster.connection.version()
    assert [seen.path for seen in server.requests] == ["/version"]


@pytest.mark.parametrize("compressed", [False, True])
async def test_an_answer_has_a_largest_size(
    server: FakeApiServer, monkeypatch: pytest.MonkeyPatch, compressed: bool
) -> None:
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 1024 * 1024)
    body = b'{"a": "' + b"x" * 2 * 1024 * 1024 + b'"}'
    headers = {"Content-Encoding": "gzip"} if compressed else {}
    shown = gzip.compress(body) if compressed else body
    server.on("GET", "/version", web.Response(body=shown, headers=headers))
    server.on("GET", "/watch", web.Response(body=shown, headers=headers))
    async with server.cluster() as cluster:
        with pytest.raises(ServerError, match="larger than 1 MiB"):
            await cluster.connection.version()
        with pytest.raises(ServerError, match="larger than 1 MiB"):
            async for _ in cluster.connection.stream("/watch"):
                pass


async def test_a_slow_answer_is_unreachable_after_the_timeout(server: FakeApiServer) -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    server.on("GET", "/version", never)
    async with server.cluster(timeout=0.1) as cluster:
        with pytest.raises(
            Unreachable, match=r"cluster east: get /version: no answer within 0\.1 s"
        ):
            await cluster.connection.version()


async def test_nobody_listening_is_unreachable_and_says_why() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with Connection("east", Credentials(f"https://127.0.0.1:{port}")) as connection:
        with pytest.raises(Unreachable, match="no connection"):
            await connection.version()


async def test_a_host_that_does_not_exist_is_unreachable() -> None:
    async with Connection("east", Credentials("https://no-such-host.invalid")) as connection:
        with pytest.raises(Unreachable, match="can't be resolved"):
            await connection.version()


async def test_plain_http_where_tls_was_expected_is_unreachable(server: FakeApiServer) -> None:
    endpoint = server.url.replace("http:", "https:")
    async with Connection("east", Credentials(endpoint, token=SECRET)) as connection:
        with pytest.raises(Unreachable) as caught:
            await connection.version()
    assert SECRET not in f"{caught.value}{caught.value.__cause__!r}"


async def test_a_connection_that_breaks_is_unreachable(server: FakeApiServer) -> None:
    async def drop(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server.on("PATCH", "/x", drop)
    async with server.cluster() as cluster:
        with pytest.raises(Unreachable, match=r"broke|no connection"):
            await cluster.connection.request("PATCH", "/x", body={})


async def test_retry_after_comes_from_the_header(server: FakeApiServer) -> None:
    server.on("GET", "/version", web.Response(status=429, headers={"Retry-After": "7"}))
    async with server.cluster() as cluster:
        with pytest.raises(TooManyRequests) as caught:
            await cluster.connection.version()
    assert caught.value.retry_after == 7.0
    assert caught.value.retryable


async def test_a_proxy_is_used_only_when_the_credentials_name_it(server: FakeApiServer) -> None:
    server.on("GET", "/version", {"gitVersion": "through the proxy"})
    credentials = Credentials("http://api.example.invalid", proxy_url=server.url)
    async with Connection("east", credentials) as connection:
        assert (await connection.version())["gitVersion"] == "through the proxy"


async def test_a_stream_joins_lines_that_arrive_in_pieces(server: FakeApiServer) -> None:
    async def pieces(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (b'{"a"', b': 1}\n{"a": 2}\n\n{"', b'a": 3', b"}\n"):
            await response.write(piece)
            await asyncio.sleep(0.01)
        return response

    server.on("GET", "/watch", pieces)
    async with server.cluster() as cluster:
        seen = [item["a"] async for item in cluster.connection.stream("/watch")]
    assert seen == [1, 2, 3]


async def test_a_stream_of_an_error_raises_it(server: FakeApiServer) -> None:
    server.on("GET", "/watch", status(404, "NotFound"))
    async with server.cluster() as cluster:
        with pytest.raises(NotFound):
            async for _ in cluster.connection.stream("/watch"):
                pass


async def test_cancelling_a_request_and_a_watch_leaves_nothing_behind(
    server: FakeApiServer,
) -> None:
    """Warnings are errors here: an unclosed session or a lost task would fail this test."""

    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    async def follow(connection: Connection) -> None:
        async for _ in connection.stream("/watch"):
            pass

    server.on("GET", "/version", never)
    server.on("GET", "/watch", events(("ADDED", {}), hold=5))
    async with server.cluster() as cluster:
        tasks = [
            asyncio.create_task(cluster.connection.version()),
            asyncio.create_task(follow(cluster.connection)),
        ]
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError] * 2
    gc.collect()


class Rotating:
    """Credentials whose token changes only when the server refused the last one."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    async def renew(self, credentials: Credentials, *, refused: bool) -> Credentials:
        if refused and len(self.tokens) > 1:
            self.tokens.pop(0)
        return replace(credentials, token=self.tokens[0], renewal=None)


async def test_refused_credentials_are_renewed_once(server: FakeApiServer) -> None:
    async def only_new(request: web.Request) -> web.StreamResponse:
        good = request.headers["Authorization"] == "Bearer new"
        return web.json_response({"gitVersion": "v1"}, status=200 if good else 401)

    server.on("GET", "/version", only_new)
    credentials = Credentials(server.url, renewal=Rotating("old", "new"))
    async with Connection("east", credentials) as connection:
        assert await connection.version() == {"gitVersion": "v1"}
    assert len(server.requests) == 2


async def test_credentials_that_stay_refused_are_not_tried_again(server: FakeApiServer) -> None:
    server.on("GET", "/version", status(401, "Unauthorized"))
    credentials = Credentials(server.url, renewal=Rotating("old"))
    async with Connection("east", credentials) as connection:
        with pytest.raises(Unauthorized, match="credentials not accepted"):
            await connection.version()
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "bad", [{"ca": SECRET.encode()}, {"certificate": b"x", "key": SECRET.encode()}]
)
async def test_unreadable_tls_material_is_named_but_not_shown(bad: dict[str, bytes]) -> None:
    credentials = Credentials("https://127.0.0.1:1", **bad)  # type: ignore[arg-type] # by name
    async with Connection("east", credentials) as connection:
        with pytest.raises(InvalidCredentials, match="cluster east: ") as caught:
            await connection.version()
    assert SECRET not in str(caught.value)

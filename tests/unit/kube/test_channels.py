"""Remote commands: which message goes on which channel, and what the last one means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from lateen.kube.access import Credentials
from lateen.kube.channels import CommandNotRun, Output, read_exit_code, run_command
from lateen.kube.cluster import Cluster
from lateen.kube.connection import Connection
from lateen.kube.errors import Forbidden, Invalid, Target, Unauthorized, Unreachable
from lateen.model.objects import ObjectRef
from unit.kube.apiserver import FakeApiServer, status

SECRET = "hunter2-very-secret"
POD = ObjectRef(api_version="v1", kind="Pod", namespace="examples", name="web-1")
PATH = "/api/v1/namespaces/examples/pods/web-1/exec"
TARGET = Target("east", "run a command in", PATH, POD)


def ended(code: int) -> dict[str, Any]:
    if code == 0:
        return {"status": "Success"}
    cause = {"reason": "ExitCode", "message": str(code)}
    return {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": [cause]}}


class Container:
    """A server that echoes standard input until its end, and notes what it was told."""

    def __init__(self, *, protocol: str = "v5.channel.k8s.io", code: int = 0) -> None:
        self.protocol = protocol
        self.code = code
        self.sizes: list[Any] = []
        self.query: list[tuple[str, str]] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.query = list(request.query.items())
        socket = web.WebSocketResponse(protocols=(self.protocol,))
        await socket.prepare(request)
        await socket.send_bytes(b"\x01")
        async for message in socket:
            channel, payload = message.data[0], message.data[1:]
            if channel == 0:
                await socket.send_bytes(b"\x01" + payload)
                await socket.send_bytes(b"\x02" + payload.upper())
            elif channel == 4:
                self.sizes.append(json.loads(payload))
            elif (channel, payload) == (255, b"\x00"):
                break
        await socket.send_bytes(b"\x03" + json.dumps(ended(self.code)).encode())
        await socket.close()
        return socket


async def test_a_command_gets_its_input_and_ends_with_its_code(server: FakeApiServer) -> None:
    container = Container(code=7)
    server.on("GET", PATH, container)
    async with (
        server.cluster(token=SECRET) as cluster,
        run_command(
            cluster, POD, container="web", command=["sh", "-c", "a b"], stdin=True, tty=False
        ) as remote,
    ):
        await remote.resize(80, 24)
        await remote.write(b"hi")
        await remote.end_input()
        found = [output async for output in remote.output()]
        assert found == [Output("stdout", b"hi"), Output("stderr", b"HI")]
        assert remote.exit_code() == 7
        await remote.write(b"too late")
    assert container.sizes == [{"Width": 80, "Height": 24}]
    assert container.query == [
        ("command", "sh"),
        ("command", "-c"),
        ("command", "a b"),
        ("container", "web"),
        ("stdout", "true"),
        ("stderr", "true"),
        ("stdin", "true"),
    ]
    headers = server.requests[0].headers
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert headers["Sec-WebSocket-Protocol"] == "v5.channel.k8s.io,v4.channel.k8s.io"


async def test_a_terminal_has_one_stream_of_output(server: FakeApiServer) -> None:
    container = Container()
    server.on("GET", PATH, container)
    async with (
        server.cluster() as cluster,
        run_command(cluster, POD, container="web", command=["sh"], stdin=True, tty=True) as remote,
    ):
        await remote.end_input()
        assert [output async for output in remote.output()] == []
    assert dict(container.query).get("tty") == "true"
    assert "stderr" not in dict(container.query)


async def test_an_old_server_is_known_to_understand_no_end_of_input(server: FakeApiServer) -> None:
    server.on("GET", PATH, Container(protocol="v4.channel.k8s.io"))
    async with (
        server.cluster() as cluster,
        run_command(cluster, POD, container="web", command=["sh"], stdin=True, tty=False) as remote,
    ):
        assert not remote.can_end_input


async def test_a_connection_that_breaks_is_no_success(server: FakeApiServer) -> None:
    async def breaks(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io",))
        await socket.prepare(request)
        assert request.transport is not None
        request.transport.abort()
        return socket

    server.on("GET", PATH, breaks)
    async with (
        server.cluster() as cluster,
        run_command(
            cluster, POD, container="web", command=["sh"], stdin=False, tty=False
        ) as remote,
    ):
        assert [output async for output in remote.output()] == []
        with pytest.raises(Unreachable, match="broke off before the command ended"):
            remote.exit_code()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(status(403, "Forbidden", SECRET), Forbidden), (status(400, "BadRequest", SECRET), Invalid)],
)
async def test_a_refusal_is_our_error_without_the_servers_words(
    server: FakeApiServer, answer: Any, expected: type[Exception]
) -> None:
    server.on("GET", PATH, answer)
    async with server.cluster(token=SECRET) as cluster:
        with pytest.raises(expected) as caught:
            async with run_command(
                cluster, POD, container="web", command=[SECRET], stdin=False, tty=False
            ):
                pass
    assert SECRET not in f"{caught.value}{caught.value!r}{caught.value.__cause__!r}"


async def test_a_redirect_is_not_followed_with_credentials(server: FakeApiServer) -> None:
    server.on("GET", PATH, web.Response(status=302, headers={"Location": "/elsewhere"}))
    async with server.cluster(token=SECRET) as cluster:
        with pytest.raises(Exception, match="a redirect, which is never followed"):
            async with run_command(
                cluster, POD, container="web", command=["sh"], stdin=False, tty=False
            ):
                pass
    assert [seen.path for seen in server.requests] == [PATH]


class Renewing:
    """Credentials whose token is accepted from the second one on."""

    async def renew(self, credentials: Credentials, *, refused: bool) -> Credentials:
        return Credentials(credentials.endpoint, token="new" if refused else "old", renewal=self)


async def test_refused_credentials_are_renewed_once(server: FakeApiServer) -> None:
    server.on("GET", PATH, status(401, "Unauthorized"), Container())
    credentials = Credentials(server.url, token="old", renewal=Renewing())
    async with (
        Cluster(Connection("east", credentials)) as cluster,
        run_command(cluster, POD, container="web", command=["sh"], stdin=True, tty=False) as remote,
    ):
        await remote.end_input()
        assert [output async for output in remote.output()] == []
    sent = [seen.headers["Authorization"] for seen in server.requests]
    assert sent == ["Bearer old", "Bearer new"]


async def test_credentials_that_stay_refused_are_an_error(server: FakeApiServer) -> None:
    server.on("GET", PATH, status(401, "Unauthorized"))
    async with server.cluster(token=SECRET) as cluster:
        with pytest.raises(Unauthorized):
            async with run_command(
                cluster, POD, container="web", command=["sh"], stdin=False, tty=False
            ):
                pass


async def test_what_the_block_raises_is_not_taken_for_the_servers(server: FakeApiServer) -> None:
    """A closed pipe of ours must not look like a cluster that can't be reached."""
    server.on("GET", PATH, Container())
    async with server.cluster() as cluster:
        with pytest.raises(BrokenPipeError):
            async with run_command(
                cluster, POD, container="web", command=["sh"], stdin=False, tty=False
            ):
                raise BrokenPipeError


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (ended(0), 0),
        (ended(137), 137),
        (ended(256), 1),
        ({"status": "Failure", "message": "cmd wait: sh: exit status 9"}, 9),
    ],
)
def test_the_status_holds_the_exit_code(answer: Any, code: int) -> None:
    assert read_exit_code(json.dumps(answer).encode(), TARGET) == code


@pytest.mark.parametrize(
    ("message", "why", "code"),
    [
        (f'exec: "{SECRET}": executable file not found in $PATH', "no such program", 127),
        (f"{SECRET}: permission denied", "can't be run there", 126),
        (f"container not found ({SECRET})", "does not run", 1),
        (SECRET, "could not be run", 1),
    ],
)
def test_a_command_that_never_began_says_why_in_our_words(
    message: str, why: str, code: int
) -> None:
    answer = json.dumps({"status": "Failure", "message": message}).encode()
    with pytest.raises(CommandNotRun, match=why) as caught:
        read_exit_code(answer, TARGET)
    assert caught.value.code == code
    assert SECRET not in str(caught.value)


def test_garbage_is_no_success() -> None:
    with pytest.raises(CommandNotRun):
        read_exit_code(b"\xff", TARGET)

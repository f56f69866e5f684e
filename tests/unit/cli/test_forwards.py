"""Local ports: what may be written, what is listened on, and bytes both ways."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import click
import pytest

from lateen.cli.forwards import NoSuchPort, PortPair, PortTaken, listen, relay, remote_port
from lateen.hub.locating import Resource, ServicePort
from lateen.kube.pods import read_pod
from lateen.model.objects import ObjectRef

POD = read_pod(
    {
        "metadata": {"name": "web-1"},
        "spec": {"containers": [{"name": "a", "ports": [{"name": "http", "containerPort": 8080}]}]},
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8080:80", PortPair(8080, "80")),
        ("80", PortPair(80, "80")),
        (":80", PortPair(0, "80")),
        ("8080:http", PortPair(8080, "http")),
        (":http-alt", PortPair(0, "http-alt")),
    ],
)
def test_ports_are_read(text: str, expected: PortPair) -> None:
    assert PortPair.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", ":", "80:", "http", "65536", "0", "1:0", "99999:80", "a:80", "1:2:3", "80:-x"]
)
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        PortPair.parse(text)


def resource(kind: str, *ports: ServicePort) -> Resource:
    ref = ObjectRef(api_version="v1", kind=kind, namespace="prod", name="web")
    return Resource("east", ref, "web", "a=b", ports=ports)


@pytest.mark.parametrize(
    ("ports", "wanted", "expected"),
    [
        ([], "80", 80),
        ([], "http", 8080),
        ([ServicePort("api", 80, "http")], "80", 8080),
        ([ServicePort("api", 80, 9090)], "api", 9090),
    ],
)
def test_ports_lead_through_services_and_names(
    ports: list[ServicePort], wanted: str, expected: int
) -> None:
    assert remote_port(resource("Service" if ports else "Pod", *ports), POD, wanted) == expected


@pytest.mark.parametrize(
    ("ports", "wanted", "message"),
    [
        ([ServicePort("api", 80, 80)], "81", "has no port 81; it has 80 \\(api\\)"),
        ([], "grpc", "no port named 'grpc'; it has http"),
    ],
)
def test_a_port_that_is_not_there_is_an_error_with_those_that_are(
    ports: list[ServicePort], wanted: str, message: str
) -> None:
    with pytest.raises(NoSuchPort, match=message):
        remote_port(resource("Service" if ports else "Pod", *ports), POD, wanted)


def test_a_free_port_is_the_same_on_every_address() -> None:
    found = listen(["127.0.0.1", "127.0.0.2"], 0)
    try:
        first, second = (each.getsockname()[1] for each in found)
        assert first == second != 0
        with pytest.raises(PortTaken, match=f"port {first} of 127.0.0.1: another process"):
            listen(["127.0.0.1"], first)
    finally:
        for each in found:
            each.close()


def test_an_address_that_is_not_there_may_be_left_out_only_where_it_is_optional() -> None:
    (only,) = listen(["127.0.0.1", "192.0.2.1"], 0, optional=["192.0.2.1"])
    only.close()
    with pytest.raises(PortTaken, match=r"of 192\.0\.2\.1"):
        listen(["127.0.0.1", "192.0.2.1"], 0)


class Pod:
    """The other end: answers what it got, in upper case, when it saw the end of it."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.ended = asyncio.Event()
        self._answered = False

    async def read(self) -> bytes:
        await self.ended.wait()
        if self._answered:
            return b""
        self._answered = True
        return bytes(self.received).upper()

    async def write(self, payload: bytes) -> None:
        self.received += payload

    async def end(self) -> None:
        self.ended.set()


@asynccontextmanager
async def relayed(pod: Pod) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await relay(pod, reader, writer)
        finally:
            writer.close()
            done.set_result(None)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, family=socket.AF_INET)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer
        await asyncio.wait_for(done, 10)
    finally:
        writer.close()
        server.close()
        await server.wait_closed()


async def test_a_client_that_ends_its_half_still_gets_the_answer() -> None:
    pod = Pod()
    async with relayed(pod) as (reader, writer):
        writer.write(b"hello" * 100_000)
        await writer.drain()
        writer.write_eof()
        assert await reader.read() == b"HELLO" * 100_000


async def test_a_client_that_leaves_ends_the_connection() -> None:
    pod = Pod()
    async with relayed(pod) as (_, writer):
        writer.write(b"hello")
        writer.transport.abort()

"""Port forwarding on the wire: SPDY inside a WebSocket, and the plain channels of old servers."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from lateen.kube import spdy
from lateen.kube.errors import Forbidden
from lateen.kube.tunnels import TunnelFailed, open_tunnel
from unit.kube.apiserver import FakeApiServer, status

PATH = "/api/v1/namespaces/examples/pods/web-1/portforward"
SPDY, CHANNELS = "SPDY/3.1+portforward.k8s.io", "v4.channel.k8s.io"
Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


def speaking(protocol: str, talk: Talk) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=(protocol,))
        await socket.prepare(request)
        await talk(socket)
        await socket.close()
        return socket

    return handle


def test_streams_are_opened_with_their_headers() -> None:
    """The second block continues the compression of the first: only both in order can be read."""
    encoder = spdy.Encoder()
    frames = [
        encoder.open(1, {"streamType": "error", "port": "80"}, last=True),
        encoder.open(3, {"streamType": "data", "port": "80"}),
    ]
    inflate = zlib.decompressobj()
    seen: list[tuple[int, int, dict[str, str]]] = []
    for frame in frames:
        version, kind, rest = struct.unpack_from(">HHI", frame)
        assert (version, kind, rest & 0xFFFFFF) == (0x8003, 1, len(frame) - 8)
        seen.append(
            (
                struct.unpack_from(">I", frame, 8)[0],
                rest >> 24,
                headers(inflate.decompress(frame[18:])),
            )
        )
    assert seen == [
        (1, 1, {"streamtype": "error", "port": "80"}),
        (3, 0, {"streamtype": "data", "port": "80"}),
    ]


def headers(block: bytes) -> dict[str, str]:
    words: list[str] = []
    at = 4
    while at < len(block):
        length = struct.unpack_from(">I", block, at)[0]
        words.append(block[at + 4 : at + 4 + length].decode())
        at += 4 + length
    return dict(zip(words[::2], words[1::2], strict=True))


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_frames_are_read_however_the_bytes_are_cut(size: int) -> None:
    reply = struct.pack(">HHII", 0x8003, 2, 4, 3)
    sent = (
        reply
        + spdy.data(3, b"hello")
        + struct.pack(">HHII", 0x8003, 6, 4, 2)
        + struct.pack(">HHIII", 0x8003, 3, 8, 1, 5)
        + struct.pack(">HHIII", 0x8003, 4, 8, 0, 0)
        + spdy.data(3, b"", last=True)
        + struct.pack(">HHIII", 0x8003, 7, 8, 0, 0)
    )
    decoder = spdy.Decoder()
    found = [
        frame
        for start in range(0, len(sent), size)
        for frame in decoder.feed(sent[start : start + size])
    ]
    assert found == [
        spdy.Data(3, b"hello", last=False),
        spdy.Ping(2),
        spdy.Reset(1),
        spdy.Data(3, b"", last=True),
        spdy.GoAway(),
    ]


async def read_all(server: FakeApiServer, *sent: bytes) -> bytes:
    async with server.cluster() as cluster, open_tunnel(cluster, "examples", "web-1", 80) as tunnel:
        for piece in sent:
            await tunnel.write(piece)
        await tunnel.end()
        found = b""
        while piece := await tunnel.read():
            found += piece
        return found


async def test_each_direction_ends_by_itself(server: FakeApiServer) -> None:
    """The server answers only after it saw the end of what was sent."""

    async def answer_at_the_end(socket: web.WebSocketResponse) -> None:
        decoder, received = spdy.Decoder(), b""
        async for message in socket:
            for frame in decoder.feed(message.data):
                if isinstance(frame, spdy.Data) and frame.stream == 3:
                    received += frame.payload
                    if frame.last:
                        await socket.send_bytes(spdy.data(3, received[::-1]))
                        await socket.send_bytes(spdy.data(3, b"", last=True))
                        return

    server.on("GET", PATH, speaking(SPDY, answer_at_the_end))
    large = bytes(range(256)) * 1024
    assert await read_all(server, large, b"end") == (large + b"end")[::-1]
    assert server.requests[0].query == {"ports": "80"}
    assert server.requests[0].headers["Sec-WebSocket-Protocol"] == f"{SPDY},{CHANNELS}"


async def test_pings_are_answered(server: FakeApiServer) -> None:
    answers: list[bytes] = []
    ping = struct.pack(">HHII", 0x8003, 6, 4, 42)

    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(ping)
        async for message in socket:
            if message.data == ping:
                answers.append(message.data)
                await socket.send_bytes(spdy.data(3, b"", last=True))
                return

    server.on("GET", PATH, speaking(SPDY, talk))
    assert await read_all(server) == b""
    assert answers == [ping]


async def test_a_port_without_a_listener_is_an_error_without_the_servers_words(
    server: FakeApiServer,
) -> None:
    async def refuse(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        complaint = b"error forwarding port 80 to pod hunter2: connect: connection refused"
        await socket.send_bytes(spdy.data(1, complaint))
        await socket.send_bytes(struct.pack(">HHIII", 0x8003, 3, 8, 3, 5))

    server.on("GET", PATH, speaking(SPDY, refuse))
    with pytest.raises(TunnelFailed, match="nothing listens on the port") as caught:
        await read_all(server)
    assert "hunter2" not in str(caught.value)


async def test_a_connection_that_breaks_is_an_error_not_an_end(server: FakeApiServer) -> None:
    async def leave(socket: web.WebSocketResponse) -> None:
        await socket.receive()

    server.on("GET", PATH, speaking(SPDY, leave))
    with pytest.raises(TunnelFailed, match="broke off"):
        await read_all(server)


async def test_old_servers_get_channels(server: FakeApiServer) -> None:
    """Both channels begin with the port, which may come together with data or alone."""

    async def talk(socket: web.WebSocketResponse) -> None:
        port = struct.pack("<H", 80)
        await socket.send_bytes(b"\x00" + port)
        await socket.send_bytes(b"\x01" + port)
        message = await socket.receive()
        await socket.send_bytes(b"\x00" + message.data[1:].upper())

    server.on("GET", PATH, speaking(CHANNELS, talk))
    assert await read_all(server, b"hello") == b"HELLO"


async def test_old_servers_complain_on_the_other_channel(server: FakeApiServer) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"\x01" + struct.pack("<H", 80) + b"connection refused")

    server.on("GET", PATH, speaking(CHANNELS, talk))
    with pytest.raises(TunnelFailed, match="nothing listens"):
        await read_all(server)


async def test_a_refusal_is_an_error(server: FakeApiServer) -> None:
    server.on("GET", PATH, status(403, "Forbidden"))
    with pytest.raises(Forbidden):
        await read_all(server)

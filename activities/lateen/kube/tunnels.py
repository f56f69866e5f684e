"""Connections to a port of a pod, through its cluster's API server.

Servers since Kubernetes 1.31 speak SPDY inside the WebSocket, where each direction ends by itself.
Older ones get the plain channels of before, where we can't tell the other side that we are done
writing; it still ends when the other side does.
"""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import aiohttp

from lateen.kube import spdy
from lateen.kube.errors import KubeError, Target
from lateen.kube.websockets import send
from lateen.model.objects import ObjectRef

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from lateen.kube.cluster import Cluster

_SPDY = "SPDY/3.1+portforward.k8s.io"
_CHANNELS = "v4.channel.k8s.io"
_ERRORS, _DATA = 1, 3
_LONGEST_COMPLAINT = 4096
_REASONS = (
    (re.compile(r"connection refused", re.IGNORECASE), "nothing listens on the port"),
    (re.compile(r"timed out|timeout", re.IGNORECASE), "no answer in time"),
    (re.compile(r"no such host|not found", re.IGNORECASE), "the pod is gone"),
)


class TunnelFailed(KubeError):
    """The pod's side of a forwarded connection could not be made, or broke."""


class Tunnel(Protocol):
    """One connection to a port of a pod."""

    async def read(self) -> bytes:
        """Return what came, nothing at the end; raises ``TunnelFailed`` or ``Unreachable``."""
        ...

    async def write(self, payload: bytes) -> None:
        """Send bytes; returns when there is room for more."""
        ...

    async def end(self) -> None:
        """Say that nothing more will be sent."""
        ...


@asynccontextmanager
async def open_tunnel(
    cluster: Cluster, namespace: str, pod: str, port: int
) -> AsyncGenerator[Tunnel]:
    """Connect to a port of a pod for as long as the block runs.

    Raises ``ApiError`` when the API server refuses. That nothing listens on the port shows only at
    the first ``read``.
    """
    ref = ObjectRef(api_version="v1", kind="Pod", namespace=namespace, name=pod)
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward"
    target = Target(cluster.name, "forward a port of", path, ref)
    async with cluster.connection.websocket(
        target, params=[("ports", str(port))], protocols=(_SPDY, _CHANNELS)
    ) as opened:
        if opened.protocol == _SPDY:
            tunnel = _SpdyTunnel(opened, target, port)
            await tunnel.start()
            yield tunnel
        else:
            yield _ChannelTunnel(opened, target)


class _SpdyTunnel:
    """Two streams: one for the data, and one on which the other side may complain."""

    def __init__(self, opened: aiohttp.ClientWebSocketResponse, target: Target, port: int) -> None:
        self._opened = opened
        self._target = target
        self._port = port
        self._decoder = spdy.Decoder()
        self._pending: list[spdy.Frame] = []
        self._complaint = b""
        self._ended = False

    async def start(self) -> None:
        """Open both streams."""
        encoder = spdy.Encoder()
        about = {"port": str(self._port), "requestid": "0"}
        complaints = encoder.open(_ERRORS, {"streamtype": "error", **about}, last=True)
        data = encoder.open(_DATA, {"streamtype": "data", **about})
        await send(self._opened, self._target, complaints + data)

    async def read(self) -> bytes:
        """Return what came next; the connection's end is believed when no complaint follows it."""
        while not self._ended:
            frame = await self._next()
            match frame:
                case spdy.Data(stream=3, payload=payload, last=last):
                    self._ended = last
                    if payload:
                        return payload
                case spdy.Data(stream=1, payload=payload):
                    self._complaint = (self._complaint + payload)[:_LONGEST_COMPLAINT]
                case spdy.Ping(number):
                    await send(self._opened, self._target, spdy.pong(number))
                case spdy.Data():
                    continue
                case None | spdy.Reset() | spdy.GoAway():
                    self._ended = True
                    raise _failure(self._target, self._complaint)
        if self._complaint:
            raise _failure(self._target, self._complaint)
        return b""

    async def write(self, payload: bytes) -> None:
        """Send data frames, one message each."""
        for start in range(0, len(payload), spdy.LARGEST_DATA):
            piece = payload[start : start + spdy.LARGEST_DATA]
            await send(self._opened, self._target, spdy.data(_DATA, piece))

    async def end(self) -> None:
        """End our direction; the other goes on."""
        await send(self._opened, self._target, spdy.data(_DATA, b"", last=True))

    async def _next(self) -> spdy.Frame | None:
        while not self._pending:
            received = await _receive(self._opened)
            if received is None:
                return None
            self._pending = list(self._decoder.feed(received))
        return self._pending.pop(0)


class _ChannelTunnel:
    """A byte in front of each message names its channel; the first two of each repeat the port."""

    def __init__(self, opened: aiohttp.ClientWebSocketResponse, target: Target) -> None:
        self._opened = opened
        self._target = target
        self._greeted = {0: b"", 1: b""}
        self._complaint = b""

    async def read(self) -> bytes:
        """Return what came next."""
        while (received := await _receive(self._opened)) is not None:
            if not received or received[0] not in self._greeted:
                continue
            channel, payload = received[0], self._without_port(received)
            if channel == 1:
                self._complaint = (self._complaint + payload)[:_LONGEST_COMPLAINT]
            elif payload:
                return payload
        if self._complaint:
            raise _failure(self._target, self._complaint)
        return b""

    async def write(self, payload: bytes) -> None:
        """Send messages of the data channel."""
        for start in range(0, len(payload), spdy.LARGEST_DATA):
            piece = payload[start : start + spdy.LARGEST_DATA]
            await send(self._opened, self._target, b"\x00" + piece)

    async def end(self) -> None:
        """Do nothing: this protocol has no word for it."""

    def _without_port(self, received: bytes) -> bytes:
        channel, payload = received[0], received[1:]
        missing = 2 - len(self._greeted[channel])
        self._greeted[channel] += payload[:missing]
        return payload[missing:] if missing else payload


async def _receive(opened: aiohttp.ClientWebSocketResponse) -> bytes | None:
    """Return the next message, None at the end."""
    message = await opened.receive()
    if message.type is aiohttp.WSMsgType.BINARY:
        return bytes(message.data)
    return b"" if message.type is aiohttp.WSMsgType.TEXT else None


def _failure(target: Target, complaint: bytes) -> TunnelFailed:
    """Say why in our own words; a complaint may quote what a cluster keeps to itself."""
    text = complaint.decode("utf-8", "replace")
    known = (words for pattern, words in _REASONS if pattern.search(text))
    why = next(known, "the connection broke off")
    return TunnelFailed(f"{target}: {why}", cluster=target.cluster)

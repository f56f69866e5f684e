"""The little of SPDY 3.1 that port forwarding needs, as bytes in and frames out.

API servers forward ports over SPDY streams, which is the one way that tells the end of one
direction from the end of both. HTTP has long left SPDY behind, and no library speaks it.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LARGEST_DATA = 32 * 1024
"""Bytes of a data frame that we send; small ones let other frames through between them."""

_VERSION = 3
_CONTROL = 0x8000
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _GO_AWAY = 1, 2, 3, 6, 7
_FIN = 0x01
_HEADER = struct.Struct(">HHI")
_NUMBER = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of a stream; ``last`` when none follow."""

    stream: int
    payload: bytes
    last: bool


@dataclass(frozen=True, slots=True)
class Reset:
    """The other side gave a stream up."""

    stream: int


@dataclass(frozen=True, slots=True)
class Ping:
    """The other side wants its number back."""

    number: int


@dataclass(frozen=True, slots=True)
class GoAway:
    """The other side ends the session."""


Frame = Data | Reset | Ping | GoAway


class Encoder:
    """Makes frames. Headers are compressed in one go over a session, so their order counts."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj()

    def open(self, stream: int, headers: Mapping[str, str], *, last: bool = False) -> bytes:
        """Begin a stream; ``last`` when we will write nothing to it."""
        block = bytearray(_NUMBER.pack(len(headers)))
        for name, value in headers.items():
            for text in (name.lower(), value):
                block += _NUMBER.pack(len(text)) + text.encode("ascii")
        packed = self._deflate.compress(bytes(block)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        ids = struct.pack(">IIH", stream, 0, 0)
        return _control(_SYN_STREAM, ids + packed, flags=_FIN if last else 0)


def data(stream: int, payload: bytes, *, last: bool = False) -> bytes:
    """Return a data frame."""
    flags = _FIN if last else 0
    return struct.pack(">II", stream, flags << 24 | len(payload)) + payload


def pong(number: int) -> bytes:
    """Return the answer to a ping."""
    return _control(_PING, _NUMBER.pack(number))


def _control(kind: int, payload: bytes, *, flags: int = 0) -> bytes:
    return _HEADER.pack(_CONTROL | _VERSION, kind, flags << 24 | len(payload)) + payload


class Decoder:
    """Takes bytes as they come and returns the frames that are complete."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, received: bytes) -> Iterator[Frame]:
        """Yield what the bytes complete; frames that mean nothing to us are left out."""
        self._rest += received
        while len(self._rest) >= _HEADER.size:
            first, second, third = _HEADER.unpack_from(self._rest)
            flags, length = third >> 24, third & 0xFFFFFF
            end = _HEADER.size + length
            if len(self._rest) < end:
                return
            payload = bytes(self._rest[_HEADER.size : end])
            del self._rest[:end]
            if not first & _CONTROL:
                yield Data((first << 16 | second), payload, bool(flags & _FIN))
            else:
                yield from _control_frames(second, flags, payload)


def _control_frames(kind: int, flags: int, payload: bytes) -> Iterator[Frame]:
    """Read a control frame. The headers of answers tell nothing, so nothing unpacks them."""
    number = _NUMBER.unpack_from(payload)[0] if len(payload) >= _NUMBER.size else 0
    if kind == _SYN_REPLY and flags & _FIN:  # an answer that is also the stream's end
        yield Data(number, b"", last=True)
    elif kind == _RST_STREAM:
        yield Reset(number)
    elif kind == _PING:
        yield Ping(number)
    elif kind == _GO_AWAY:
        yield GoAway()

"""The terminal in front of us, for as long as a remote one is on the other side."""

from __future__ import annotations

import asyncio
import os
import select
import stat
import termios
import tty
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager

_PIECE = 32 * 1024


@contextmanager
def raw_mode(descriptor: int) -> Generator[None]:
    """Hand every key on as it is typed, Ctrl-C too; the terminal is put right however this ends."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor, termios.TCSANOW)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


def size_of(descriptor: int) -> tuple[int, int] | None:
    """Return columns and lines, None for what is no terminal or does not know."""
    try:
        size = os.get_terminal_size(descriptor)
    except OSError:
        return None
    return (size.columns, size.lines) if size.columns and size.lines else None


async def read_input(descriptor: int) -> AsyncGenerator[bytes]:
    """Yield what comes in until its end, no faster than it is taken.

    The descriptor is left as blocking as it was: a terminal's is shared with those we started from.
    """
    loop = asyncio.get_running_loop()
    while True:
        try:
            await _ready(loop, descriptor)
        except PermissionError:  # a file, which is always ready and can't be waited for
            piece = await asyncio.to_thread(os.read, descriptor, _PIECE)
        else:
            piece = _read(descriptor)
        if not piece:
            return
        yield piece


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _PIECE)
    except OSError:  # a terminal that was hung up
        return b""


async def _ready(loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
    ready: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(descriptor, tell)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


async def abandoned(descriptor: int) -> None:
    """Return when nobody reads the pipe that a descriptor writes to; of anything else, never.

    Without this a command that has nothing to say would outlive the ``head`` behind it.
    """
    loop = asyncio.get_running_loop()
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        await loop.create_future()
    await _ready(loop, descriptor)  # the writing end of a pipe is only ever ready to fail


def write_all(descriptor: int, payload: bytes) -> None:
    """Write everything, also where somebody made the descriptor non-blocking."""
    view = memoryview(payload)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            select.select([], [descriptor], [])

"""Whether a worker lives and can work, for those who restart it: ``/livez`` and ``/readyz`` over HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

Check = Callable[[], Awaitable[object]]
"""Raises, or takes too long, when something that the worker needs can't be used."""

_READING_SECONDS = 5.0
_CHECK_SECONDS = 3.0
_LONGEST_REQUEST = 8192
_LOG = logging.getLogger("lateen.worker")


@asynccontextmanager
async def health_served(host: str, port: int, checks: Mapping[str, Check]) -> AsyncGenerator[int]:
    """Serve the worker's health for the duration of a block; yields the port.

    ``/livez`` answers as long as the worker's event loop turns. ``/readyz`` makes the checks, and names
    those that fail: not with their reasons, since anybody in the network may ask.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            path = await asyncio.wait_for(_path(reader), _READING_SECONDS)
            status, text = await _answer(path, checks)
            writer.write(_response(status, text))
            await writer.drain()
        except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError):
            pass  # Whoever asks went away, or speaks no HTTP: there is nobody to answer.
        finally:
            writer.close()

    server = await asyncio.start_server(answer, host, port, limit=_LONGEST_REQUEST)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _path(reader: asyncio.StreamReader) -> str:
    """Read a request's head, and return its path; empty unless it is a GET."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise ValueError("too long") from error
    method, path, *_ = [*head.split(b"\r\n", 1)[0].decode("ascii", "replace").split(" "), ""]
    return path.partition("?")[0] if method == "GET" else ""


async def _answer(path: str, checks: Mapping[str, Check]) -> tuple[HTTPStatus, str]:
    if path == "/livez":
        return HTTPStatus.OK, "ok"
    if path != "/readyz":
        return HTTPStatus.NOT_FOUND, "expected /livez or /readyz"
    passed = await asyncio.gather(*(_passes(name, check) for name, check in checks.items()))
    failing = [name for name, fine in zip(checks, passed, strict=True) if not fine]
    if failing:
        return HTTPStatus.SERVICE_UNAVAILABLE, f"not ready: {', '.join(failing)}"
    return HTTPStatus.OK, "ok"


async def _passes(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await check()
    except Exception as error:  # noqa: BLE001 - whatever it is, the worker is not ready
        _LOG.warning("not ready", extra={"check": name, "error": str(error) or repr(error)})
        return False
    return True


def _response(status: HTTPStatus, text: str) -> bytes:
    body = f"{text}\n".encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body

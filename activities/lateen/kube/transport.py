"""What both ways of speaking to an API server share: sockets, bounds, and words for failures."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import aiohttp

from lateen.kube.answers import read_error
from lateen.kube.errors import ApiError, ServerError, Target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes; an object is at most 3 MiB, a page of 500 rarely exceeds 10. More is not a sane server."""

_FAILURES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (aiohttp.ConnectionTimeoutError, "no connection in time"),
    (TimeoutError, "no answer within {bound:g} s"),
    (aiohttp.ClientConnectorDNSError, "the host's name can't be resolved"),
    (
        (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError),
        "the proxy does not connect",
    ),
    (
        (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError),
        "the server broke the connection off",
    ),
    (aiohttp.InvalidURL, "the endpoint is not a valid URL"),
)


async def read_body(target: Target, response: aiohttp.ClientResponse) -> bytes:
    """Read a body, never more than ``LARGEST_ANSWER``, also when it was compressed."""
    body = bytearray()
    chunks: AsyncIterator[bytes] = response.content.iter_any()
    async for chunk in chunks:
        body += chunk
        check_size(target, len(body), status=response.status)
    return bytes(body)


async def refusal(target: Target, response: aiohttp.ClientResponse) -> ApiError:
    """Return the error that an answer which isn't a success stands for."""
    body = await read_body(target, response)
    return read_error(target, status=response.status, headers=response.headers, body=body)


def check_size(target: Target, size: int, *, status: int = 200) -> None:
    """Raise the error about an answer that nobody should read to its end."""
    if size > LARGEST_ANSWER:
        detail = f"the answer is larger than {LARGEST_ANSWER // 1024**2} MiB"
        raise ServerError(target, status=status, detail=detail)


def make_socket(info: Any) -> socket.socket:
    """Make a socket that notices within half a minute that its peer is gone, as a watch must."""
    family, kind, protocol, _, _ = info
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return made


def explain(error: Exception, bound: float) -> str:
    """Say in a few words what the transport suffered: our own words, OpenSSL's or errno's."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = getattr(error.certificate_error, "verify_message", "") or "verification failed"
        return f"the server's certificate is not accepted: {reason}"
    for kinds, text in _FAILURES:
        if isinstance(error, kinds):
            return text.format(bound=bound)
    if isinstance(error, OSError) and error.strerror:
        return f"no connection: {error.strerror}"
    return f"no valid answer ({type(error).__name__})"

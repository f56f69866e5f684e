"""WebSockets to an API server, over which pods are talked to: commands, terminals, ports."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

import aiohttp

from lateen.kube.errors import Unreachable
from lateen.kube.tls import make_ssl_context
from lateen.kube.transport import LARGEST_ANSWER, explain, make_socket, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from lateen.kube.access import Credentials
    from lateen.kube.errors import Target

_CLOSING = 2.0
"""Seconds that the other side gets to agree to a close."""

_PING = 20.0
"""Seconds between pings, so that proxies on the way don't take a silent terminal for a dead one."""


@asynccontextmanager
async def open_websocket(
    credentials: Credentials,
    target: Target,
    *,
    params: Sequence[tuple[str, str]],
    protocols: Sequence[str],
    connect_timeout: float,
) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    """Open a WebSocket on a TCP connection of its own; ``Connection.websocket`` says more.

    What the block raises passes through unchanged.
    """

    async def refuse(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Take a refusal before aiohttp drops its text, or follows a redirect."""
        response = await handler(request)
        if response.status == 101:
            return response
        try:
            raise await refusal(target, response)
        finally:
            response.close()

    headers = {"Authorization": f"Bearer {credentials.token}"} if credentials.token else {}
    async with AsyncExitStack() as stack:
        try:
            session = await stack.enter_async_context(
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(
                        ssl=make_ssl_context(credentials, cluster=target.cluster),
                        socket_factory=make_socket,
                    ),
                    trust_env=False,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    middlewares=(refuse,),
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout),
                )
            )
            opened = await stack.enter_async_context(
                session.ws_connect(
                    f"{credentials.endpoint.rstrip('/')}{target.path}",
                    params=params,
                    protocols=protocols,
                    headers=headers,
                    proxy=credentials.proxy_url,
                    server_hostname=credentials.tls_server_name,
                    timeout=aiohttp.ClientWSTimeout(  # An attrs class, whose fields pyright can't see.
                        ws_close=_CLOSING  # pyright: ignore[reportCallIssue]
                    ),
                    max_msg_size=LARGEST_ANSWER,
                )
            )
        except (aiohttp.ClientError, OSError) as error:
            raise broken(target, error, connect_timeout) from None
        pings = asyncio.create_task(_ping(opened))
        try:
            yield opened
        finally:
            pings.cancel()


async def send(opened: aiohttp.ClientWebSocketResponse, target: Target, message: bytes) -> None:
    """Send a message; returns when there is room for more, or raises ``Unreachable``."""
    try:
        await opened.send_bytes(message)
    except (aiohttp.ClientError, OSError) as error:
        raise broken(target, error, 0) from None


def broken(target: Target, error: Exception, bound: float) -> Unreachable:
    """Return the error about a connection that could not be made, or did not last."""
    return Unreachable(f"{target}: {explain(error, bound)}", cluster=target.cluster)


async def _ping(opened: aiohttp.ClientWebSocketResponse) -> None:
    """Ping without waiting for the answers: one that is busy with our data gives none for long.

    A peer that is gone is noticed by the socket's keepalive.
    """
    with suppress(aiohttp.ClientError, OSError):  # whoever reads or writes finds out as well
        while not opened.closed:
            await asyncio.sleep(_PING)
            await opened.ping()

"""One API server, spoken to with as little as possible between the caller and the wire.

``kubernetes``' own clients cost three to ten times the CPU of a bare session per request, so
requests are made with aiohttp directly: JSON objects in and out, one session a connection, one
event loop.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

import aiohttp
import orjson

from lateen.kube.errors import (
    ApiError,
    Forbidden,
    NotFound,
    ServerError,
    Target,
    Unauthorized,
    Unreachable,
)
from lateen.kube.shapes import as_object, as_text
from lateen.kube.tls import make_ssl_context
from lateen.kube.transport import (
    check_size,
    explain,
    make_socket,
    read_body,
    refusal,
)
from lateen.kube.websockets import open_websocket

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from types import TracebackType

    from lateen.kube.access import Credentials
    from lateen.model.base import Json
    from lateen.model.objects import ObjectRef

JSON = "application/json"
APPLY_PATCH = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"

_ACTIONS = {"GET": "get", "POST": "create", "PUT": "replace", "PATCH": "patch", "DELETE": "delete"}
_IDLE = 15.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: HTTP status and body."""

    status: int
    body: bytes


Guard = Callable[[], None]
"""Raises when a request must not be sent any more."""

Body = bytes | AsyncGenerator[bytes]

Observe = Callable[[str, str, int, float], None]
"""Is told of each request: cluster, HTTP verb, status (0 without an answer), seconds until it began."""


class Connection:
    """A connection to one API server; opens at the first request, closes with ``close()``.

    ``timeout`` bounds a request as a whole and ``connect_timeout`` its connection and TLS
    handshake, both in seconds; ``observe`` is told of each request. Every method raises
    ``Unreachable`` or an ``ApiError``. Nothing is retried here, except once when credentials that
    renew themselves were refused, or a right was missing that the server may not have known yet.
    """

    def __init__(
        self,
        cluster: str,
        credentials: Credentials,
        *,
        timeout: float = 30,
        connect_timeout: float = 5,
        observe: Observe | None = None,
    ) -> None:
        self.cluster = cluster
        self._observe = observe
        self._credentials = credentials
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._session: aiohttp.ClientSession | None = None
        self._session_credentials: Credentials | None = None
        self._uid: str | None = None

    def __repr__(self) -> str:
        return f"Connection({self.cluster!r}, {self._credentials.endpoint!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the session; a later request opens a new one."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def request(
        self,
        verb: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Json | list[Json] | None = None,
        content_type: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - a bound of the exchange, not of the caller
    ) -> Json:
        """Make a request and return the JSON object that the server answered."""
        target = Target(self.cluster, _action(verb, content_type), path)
        answer = await self.send(
            verb, target, params=params, body=body, content_type=content_type, timeout=timeout
        )
        return decode(target, answer)

    async def send(
        self,
        verb: str,
        target: Target,
        *,
        params: Mapping[str, str] | None = None,
        body: Json | list[Json] | None = None,
        content_type: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - a bound of the exchange, not of the caller
        guard: Guard | None = None,
    ) -> Answer:
        """Make a request about ``target``; what ``request`` does, with the status and undecoded.

        ``guard`` is called at the last moment, when the body is about to be sent: if it raises, the server
        gets no complete request and the call is ``Unreachable``.
        """
        data = None if body is None else orjson.dumps(body)
        before = await self._credentials.current()
        for attempt in (1, 2):
            payload = data if data is None or guard is None else _guarded(data, guard)
            try:
                return await self._exchange(verb, target, params, payload, content_type, timeout)
            except Unauthorized:
                if attempt == 2 or await self._credentials.current(refused=True) == before:
                    raise
            except Forbidden as error:
                if attempt == 1:
                    error.retryable = not await self._knows_rights()
                if attempt == 2 or error.retryable:
                    raise
        raise AssertionError("unreachable: the second attempt returns or raises")

    async def _knows_rights(self) -> bool:
        """Tell whether a refusal can be believed: a server that starts refuses until it has read the roles.

        Everybody may ask for ``/readyz``, unless the roles are not known yet. If it is ready by now, the
        refused request is worth sending once more.
        """
        target = Target(self.cluster, "get", "/readyz")
        try:
            await self._exchange("GET", target, None, None, None, None)
        except NotFound:
            return True
        except (Unreachable, ApiError):
            return False
        return True

    async def stream(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - a bound of the exchange, not of the caller
        ref: ObjectRef | None = None,
    ) -> AsyncGenerator[Json]:
        """Yield the JSON objects of an answer that has one a line, such as a watch.

        Ends when the server ends the answer; ``Unreachable`` when it breaks off or takes longer
        than ``timeout`` seconds. Close the iterator (``contextlib.aclosing``) to end it earlier.
        """
        target = Target(self.cluster, "watch", path, ref)
        rest = bytearray()
        searched = 0
        async with aclosing(self.chunks(target, params=params, timeout=timeout)) as chunks:
            async for chunk in chunks:
                rest += chunk
                while (end := rest.find(b"\n", searched)) >= 0:
                    line = bytes(rest[:end])
                    del rest[: end + 1]
                    searched = 0
                    if line.strip():
                        yield decode(target, Answer(200, line))
                searched = len(rest)
                check_size(target, searched)

    async def chunks(
        self,
        target: Target,
        *,
        params: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - a bound of the exchange, not of the caller
    ) -> AsyncGenerator[bytes]:
        """Yield the bytes of an answer as they come; ``timeout`` 0 lets it last for ever."""
        async with self._response("GET", target, params=params, timeout=timeout) as response:
            try:
                await _raise_for_status(target, response)
            except Forbidden as error:
                error.retryable = not await self._knows_rights()
                raise
            async for chunk in response.content.iter_any():
                yield chunk

    @asynccontextmanager
    async def websocket(
        self, target: Target, *, params: Sequence[tuple[str, str]], protocols: Sequence[str]
    ) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
        """Open a WebSocket that speaks one of ``protocols``, the first that the server knows.

        It has a TCP connection of its own: other requests, and credentials that renew themselves
        meanwhile, don't disturb it. Failures while the block runs become ``Unreachable``.
        """
        async with AsyncExitStack() as stack:
            before = await self._credentials.current()
            open_with = partial(
                open_websocket,
                target=target,
                params=params,
                protocols=protocols,
                connect_timeout=self._connect_timeout,
            )
            try:
                opened = await stack.enter_async_context(open_with(before))
            except Unauthorized:
                renewed = await self._credentials.current(refused=True)
                if renewed == before:
                    raise
                opened = await stack.enter_async_context(open_with(renewed))
            yield opened

    async def version(self) -> Json:
        """Return the server's version (``gitVersion`` and so on)."""
        return await self.request("GET", "/version")

    async def uid(self) -> str:
        """Return what tells one cluster from another: the UID of ``kube-system``. Cached."""
        if self._uid is None:
            path = "/api/v1/namespaces/kube-system"
            namespace = await self.request("GET", path)
            uid = as_text(as_object(namespace.get("metadata")).get("uid"))
            if not uid:
                target = Target(self.cluster, "get", path)
                raise ServerError(target, status=200, detail="namespace kube-system has no UID")
            self._uid = uid
        return self._uid

    async def healthz(self) -> str:
        """Return ``ok`` when the server says that it is healthy; raises otherwise."""
        target = Target(self.cluster, "get", "/healthz")
        answer = await self.send("GET", target)
        if answer.body.strip() != b"ok":
            raise ServerError(target, status=answer.status, detail="does not answer 'ok'")
        return "ok"

    async def _exchange(
        self,
        verb: str,
        target: Target,
        params: Mapping[str, str] | None,
        data: Body | None,
        content_type: str | None,
        timeout: float | None,  # noqa: ASYNC109 - a bound of the exchange, not of the caller
    ) -> Answer:
        async with self._response(
            verb, target, params=params, data=data, content_type=content_type, timeout=timeout
        ) as response:
            await _raise_for_status(target, response)
            return Answer(response.status, await read_body(target, response))

    @asynccontextmanager
    async def _response(
        self,
        verb: str,
        target: Target,
        *,
        params: Mapping[str, str] | None = None,
        data: Body | None = None,
        content_type: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - a bound of the exchange, not of the caller
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """Send a request; failures of the transport, also while reading, become ``Unreachable``."""
        session, credentials = await self._open()
        headers = {"Accept": JSON}
        if data is not None:
            headers["Content-Type"] = content_type or JSON
        if credentials.token:
            headers["Authorization"] = f"Bearer {credentials.token}"
        bound = self._timeout if timeout is None else timeout
        began, status = time.monotonic(), 0
        try:
            async with session.request(
                verb,
                f"{credentials.endpoint.rstrip('/')}{target.path}",
                params=params,
                data=data,
                headers=headers,
                allow_redirects=False,
                proxy=credentials.proxy_url,
                server_hostname=credentials.tls_server_name,
                timeout=aiohttp.ClientTimeout(total=bound, sock_connect=self._connect_timeout),
            ) as response:
                status = response.status
                self._tell(verb, status, began)
                yield response
        except (aiohttp.ClientError, OSError) as error:
            # Others than the system's own errors may quote what was sent or received: not chained.
            cause = error if isinstance(error, OSError) else None
            raise Unreachable(f"{target}: {explain(error, bound)}", cluster=self.cluster) from cause

    def _tell(self, verb: str, status: int, began: float) -> None:
        if self._observe is not None:
            self._observe(self.cluster, verb, status, time.monotonic() - began)

    async def _open(self) -> tuple[aiohttp.ClientSession, Credentials]:
        """Return the session, made anew when renewed credentials need another TLS context."""
        credentials = await self._credentials.current()
        known = self._session_credentials
        if self._session is not None and known is not None and not known.same_tls(credentials):
            await self.close()
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(
                ssl=make_ssl_context(credentials, cluster=self.cluster),
                limit=0,  # a watch holds its connection; how much runs at once is bounded above
                keepalive_timeout=_IDLE,
                socket_factory=make_socket,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                trust_env=False,
                auto_decompress=True,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            self._session_credentials = credentials
        return self._session, credentials


async def _guarded(data: bytes, guard: Guard) -> AsyncGenerator[bytes]:
    """Ask the guard after everything that can take time: connecting, TLS, waiting for a turn."""
    guard()
    yield data


def decode(target: Target, answer: Answer) -> Json:
    """Read a JSON object; anything else is a ``ServerError`` that doesn't quote it."""
    try:
        value = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        detail = "the answer is not JSON"
        # Not chained: the parser's error holds the document.
        raise ServerError(target, status=answer.status, detail=detail) from None
    if not isinstance(value, dict):
        raise ServerError(target, status=answer.status, detail="the answer is not a JSON object")
    return as_object(value)


async def _raise_for_status(target: Target, response: aiohttp.ClientResponse) -> None:
    if not 200 <= response.status < 300:
        raise await refusal(target, response)


def _action(verb: str, content_type: str | None) -> str:
    return "apply" if content_type == APPLY_PATCH else _ACTIONS.get(verb, verb.lower())

"""Fetching from allowed URLs: bounded in size and time, no credentials, no redirect to what is not allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from lateen.model.errors import LateenError
from lateen.sources.addresses import Address, Allowed, InvalidAddress, NotAllowed, read_address

_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRIES = 3
_PAUSE = 0.5
_CHUNK = 1 << 16


class FetchFailed(LateenError):
    """Something could not be fetched. The message has the URL without its query."""


class _Again(FetchFailed):
    """Trying again may help."""


@dataclass(frozen=True)
class Answer:
    """What a server said in the end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Fetcher:
    """Fetches what the operator allows."""

    allowed: Allowed = field(default_factory=Allowed)
    seconds: float = _SECONDS

    async def fetch(self, address: Address, *, most: int) -> bytes:
        """Return what is at a URL, at most so many bytes. Raises ``NotAllowed``, ``FetchFailed``."""
        answer = await self.ask(address, most=most)
        if answer.status != 200:
            raise FetchFailed(f"{address} answered {answer.status}")
        return answer.body

    async def ask(
        self,
        address: Address,
        *,
        most: int,
        headers: Mapping[str, str] | None = None,
        trusted: Address | None = None,
    ) -> Answer:
        """Return a server's answer, also one that says no. Raises ``NotAllowed``, ``FetchFailed``.

        What has the origin of ``trusted`` needs no prefix of its own. ``headers`` are sent to the first server
        only, not along with a redirect to another.
        """
        for attempt in range(1, _TRIES + 1):
            try:
                async with asyncio.timeout(self.seconds):
                    return await self._follow(address, most, headers or {}, trusted)
            except _Again:
                if attempt == _TRIES:
                    raise
                await asyncio.sleep(_PAUSE * attempt)
            except TimeoutError:
                raise FetchFailed(f"{address} took longer than {self.seconds:g} s") from None
        raise FetchFailed(f"{address} was never asked")  # Unreachable: the last attempt raises.

    async def _follow(
        self, address: Address, most: int, headers: Mapping[str, str], trusted: Address | None
    ) -> Answer:
        first = address
        timeout = aiohttp.ClientTimeout(total=self.seconds, connect=_CONNECT_SECONDS)
        async with aiohttp.ClientSession(
            timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        ) as session:
            for _ in range(_MOST_REDIRECTS + 1):
                if trusted is None or address.origin != trusted.origin:
                    self.allowed.check(address)
                own = dict(headers) if address.origin == first.origin else dict[str, str]()
                answer = await _get(session, address, most, own)
                if answer.status not in _REDIRECTS:
                    return answer
                address = _target(address, answer)
        raise FetchFailed(f"{first} redirects more than {_MOST_REDIRECTS} times")


def _target(address: Address, answer: Answer) -> Address:
    location = answer.headers.get("Location", "")
    if location.startswith("/") and not location.startswith("//"):
        location = f"{address.origin}{location}"
    try:
        target = read_address(location)
    except InvalidAddress as error:
        raise FetchFailed(f"{address} redirects to what {error}") from None
    if target.scheme == "oci":
        raise FetchFailed(f"{address} redirects to what can't be fetched")
    return target


async def _get(
    session: aiohttp.ClientSession, address: Address, most: int, headers: Mapping[str, str]
) -> Answer:
    sent = {"Accept-Encoding": "identity", "User-Agent": "lateen", **headers}
    try:
        url = URL(address.url, encoded=True)  # What was compared is asked, as it is.
        async with session.get(url, headers=sent, allow_redirects=False) as response:
            if response.status == 429 or response.status >= 500:
                raise _Again(f"{address} answered {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > most:
                    raise FetchFailed(f"{address} has more than {most:,} bytes")
            return Answer(response.status, response.headers, bytes(body))
    except aiohttp.ClientConnectorCertificateError:
        raise FetchFailed(f"the certificate of {address.origin} is not trusted") from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise _Again(f"{address} can't be reached ({why})") from None


__all__ = ["Answer", "FetchFailed", "Fetcher", "NotAllowed"]

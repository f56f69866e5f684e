"""The value that holds how to reach an API server; ``credentials`` makes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from lateen.kube.errors import InvalidCredentials


class Renewal(Protocol):
    """Where credentials come from that don't last: a rotated file, a program."""

    async def renew(self, credentials: Credentials, *, refused: bool) -> Credentials:
        """Return what is valid now; ``refused`` when the server didn't accept the last answer."""
        ...


@dataclass(frozen=True)
class Credentials:
    """How to reach an API server and prove who we are. Its repr shows nothing but ``endpoint``."""

    endpoint: str
    ca: bytes | None = field(default=None, repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    insecure: bool = field(default=False, repr=False)
    proxy_url: str | None = field(default=None, repr=False)
    tls_server_name: str | None = field(default=None, repr=False)
    renewal: Renewal | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what can't be sent, so that nobody finds out in the middle of a request."""
        if self.token is not None and not (self.token.isascii() and self.token.isprintable()):
            raise InvalidCredentials("the token has line breaks or other characters no token has")
        if bool(self.certificate) != bool(self.key):
            raise InvalidCredentials("a client certificate and its key belong together")
        url = split_url(self.endpoint, what="the endpoint")
        if url.username or url.password:
            raise InvalidCredentials("the endpoint must not hold a user or password")
        if self.proxy_url is not None:
            split_url(self.proxy_url, what="proxy-url")

    async def current(self, *, refused: bool = False) -> Credentials:
        """Return the credentials as they are valid now."""
        if self.renewal is None:
            return self
        return await self.renewal.renew(self, refused=refused)

    def same_tls(self, other: Credentials) -> bool:
        """Tell whether a TLS context made for one serves the other as well."""
        return (self.ca, self.certificate, self.key, self.insecure) == (
            other.ca,
            other.certificate,
            other.key,
            other.insecure,
        )


def split_url(url: str, *, what: str) -> SplitResult:
    """Take an http(s) URL apart; the error doesn't quote it, as it may hold a password."""
    try:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass  # said below, without the URL that the original error quotes
    raise InvalidCredentials(f"{what} is not an http(s) URL with a host")

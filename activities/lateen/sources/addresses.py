"""Which URLs may be fetched: those that begin with a prefix that the operator allows.

A URL is read strictly, so that what is compared is what is asked: no credentials, no ``..`` in any spelling, no
characters that parsers disagree about.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lateen.model.errors import LateenError

OPTION = "--allow-url"

_URL = re.compile(
    r"(?P<scheme>https?|oci)://(?P<host>[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[\w.~!$&'()*+,;=:@%/-]*)?(\?(?P<query>[\w.~!$&'()*+,;=:@%/?-]*))?",
    re.IGNORECASE | re.ASCII,
)
_CREDENTIALS = re.compile(r"[a-z]+://[^/?#]*@", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443, "oci": 443}
_LONGEST = 2048


class InvalidAddress(LateenError):
    """A text is no URL that could be fetched; the message says why and does not repeat it."""


class NotAllowed(LateenError):
    """The operator does not allow a URL; ``prefix`` is one that would."""

    def __init__(self, address: Address) -> None:
        super().__init__(f"{address} may not be fetched")
        self.prefix = f"{address.origin}{address.path.rpartition('/')[0]}/"


@dataclass(frozen=True)
class Address:
    """A URL, taken apart."""

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""

    @property
    def origin(self) -> str:
        """Scheme, host and port, as one writes them."""
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"

    @property
    def url(self) -> str:
        """The URL to ask."""
        return f"{self}?{self.query}" if self.query else str(self)

    @property
    def is_local(self) -> bool:
        """Whether it is on this very machine."""
        return self.host in {"localhost", "127.0.0.1", "[::1]"}

    def __str__(self) -> str:
        """Return what may be told of it: a query may hold a token."""
        return f"{self.origin}{self.path}"


def read_address(text: str) -> Address:
    """Read an ``http``, ``https`` or ``oci`` URL. Raises ``InvalidAddress``."""
    if _CREDENTIALS.match(text):
        raise InvalidAddress("must not hold credentials")
    found = _URL.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise InvalidAddress("is no URL that begins with https://, http:// or oci://")
    scheme, path = found["scheme"].lower(), found["path"] or "/"
    port = int(found["port"]) if found["port"] else _PORTS[scheme]
    plain = re.sub("%2e", ".", path, flags=re.IGNORECASE)
    if not 0 < port < 65536 or re.search("%2f|%5c|%00", path, re.IGNORECASE):
        raise InvalidAddress("is no URL that can be fetched safely")
    if {".", ".."} & set(plain.split("/")):
        raise InvalidAddress("must not have . or .. in its path")
    return Address(scheme, found["host"].lower(), port, path, found["query"] or "")


class Allowed:
    """The prefixes of URLs that may be fetched; without any, none may."""

    def __init__(self, prefixes: tuple[str, ...] = ()) -> None:
        """Read prefixes. Raises ``InvalidAddress``, naming the one that is wrong."""
        self._prefixes = tuple(map(_read_prefix, prefixes))

    def covers(self, address: Address) -> bool:
        """Tell whether a URL begins with an allowed prefix, up to a ``/`` of its path."""
        return any(
            prefix.origin == address.origin
            and f"{address.path}/".startswith(f"{prefix.path.rstrip('/')}/")
            for prefix in self._prefixes
        )

    def check(self, address: Address) -> None:
        """Raise ``NotAllowed`` unless a URL may be fetched."""
        if not self.covers(address):
            raise NotAllowed(address)


def _read_prefix(text: str) -> Address:
    try:
        prefix = read_address(text)
    except InvalidAddress as error:
        raise InvalidAddress(f"{text!r} {error}") from None
    if prefix.query:
        raise InvalidAddress(f"{text!r} must end before the query")
    return prefix

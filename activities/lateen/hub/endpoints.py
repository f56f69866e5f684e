"""Which addresses credentials may be sent to."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from lateen.hub.cluster_errors import InvalidRegistration
from lateen.model.errors import shorten


def check_endpoint(url: str) -> str:
    """Return an API server's URL without a trailing slash, or raise ``InvalidRegistration``.

    Only ``https``: credentials must not travel in the clear. Link-local and unspecified addresses
    are refused, since no API server lives there but cloud metadata services do.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidRegistration(
            "the endpoint is not a URL; expected https://HOST[:PORT]"
        ) from None
    if parts.scheme != "https" or not host:
        shown = shorten(f"{parts.scheme}://{host or ''}")
        raise InvalidRegistration(
            f"endpoint {shown} is not an https URL with a host; use https://HOST[:PORT]"
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise InvalidRegistration(
            f"the endpoint on host {host!r} carries a user, query or fragment; use"
            " https://HOST[:PORT]"
        )
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return url.rstrip("/")
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_link_local or address.is_unspecified or address.is_multicast:
        raise InvalidRegistration(
            f"endpoint address {host} is link-local, unspecified or multicast: no API server can be"
            " joined there; use the API server's own address"
        )
    return url.rstrip("/")


def check_proxy(url: str) -> str | None:
    """Return a proxy's URL, None for none, or raise ``InvalidRegistration``."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise InvalidRegistration(
            "proxy-url is not an http(s) URL with a host; correct or remove it"
        )
    return url

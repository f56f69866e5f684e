"""The HTTP side of the codec server: ``/encode`` and ``/decode`` as Temporal's UI and CLI ask for them.

A browser that is on another site must not be able to ask: requests with an ``Origin`` that was not named are
refused, whatever they ask for, and not only kept from reading the answer.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Collection
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format
from temporalio.api.common.v1 import Payloads
from typing_extensions import override

from lateen.client.encryption import Undecodable

if TYPE_CHECKING:
    from collections.abc import Callable

    from temporalio.api.common.v1 import Payload

    from lateen.client.encryption import EncryptionCodec

_LARGEST_BODY = 16 * 1024 * 1024
"""Bytes: some times what one Temporal message may hold."""

_HEADERS = "content-type, authorization, x-namespace"
_LOG = logging.getLogger("lateen.codec")


class _Refused(Exception):
    """The request is answered with a status and one sentence."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        self.status = status
        super().__init__(message)


def make_server(
    address: tuple[str, int], codec: EncryptionCodec, *, origins: Collection[str], token: str = ""
) -> ThreadingHTTPServer:
    """Listen at an address. Without ``origins`` no browser may ask; with a ``token`` all must send it."""
    allowed = frozenset(origin.rstrip("/") for origin in origins)

    class Handler(_Handler):
        """The handler with what this server was told."""

        _conversions = {"/encode": codec.encrypt, "/decode": codec.decrypt}
        _origins = allowed
        _token = token

    return ThreadingHTTPServer(address, Handler)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    server_version = "lateen"
    sys_version = ""
    timeout = 30
    _conversions: dict[str, Callable[[Payload], Payload]]
    _origins: frozenset[str]
    _token: str

    def do_OPTIONS(self) -> None:
        """Answer a browser that asks whether it may ask."""
        try:
            self._check_origin()
        except _Refused as refused:
            self._answer(refused.status, str(refused).encode(), kind="text/plain")
        else:
            self._answer(HTTPStatus.NO_CONTENT, b"")

    def do_POST(self) -> None:
        """Encode or decode."""
        try:
            self._check_origin()
            self._check_token()
            answer = self._convert()
        except _Refused as refused:
            # The body may not have been read: the connection can't be used for another request.
            self.close_connection = True
            self._answer(refused.status, str(refused).encode(), kind="text/plain")
        else:
            self._answer(HTTPStatus.OK, answer)

    def _convert(self) -> bytes:
        convert = self._conversions.get(self.path.partition("?")[0])
        if convert is None:
            raise _Refused(HTTPStatus.NOT_FOUND, "expected /encode or /decode")
        try:
            asked = json_format.Parse(self._body(), Payloads())
            converted = Payloads(payloads=[convert(payload) for payload in asked.payloads])
        except json_format.ParseError:
            raise _Refused(HTTPStatus.BAD_REQUEST, "the body is no Payloads in JSON") from None
        except Undecodable as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, str(error)) from None
        return json_format.MessageToJson(converted, indent=None).encode()

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LARGEST_BODY:
            message = f"expected a Content-Length of at most {_LARGEST_BODY}"
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
        return self.rfile.read(int(length))

    def _check_origin(self) -> None:
        origin = self.headers.get("Origin")
        if origin is not None and origin not in self._origins:
            message = "this origin may not ask; start the server with --origin for it"
            raise _Refused(HTTPStatus.FORBIDDEN, message)

    def _check_token(self) -> None:
        given = self.headers.get("Authorization", "").encode()
        if self._token and not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            raise _Refused(HTTPStatus.UNAUTHORIZED, "expected the token of --token-file")

    def _answer(self, status: HTTPStatus, body: bytes, *, kind: str = "application/json") -> None:
        self.send_response(status)
        origin = self.headers.get("Origin")
        if origin in self._origins:
            self.send_header("Access-Control-Allow-Origin", str(origin))
            self.send_header("Access-Control-Allow-Methods", "POST, OPTIONS")
            self.send_header("Access-Control-Allow-Headers", _HEADERS)
            self.send_header("Vary", "Origin")
        if body:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        _LOG.debug("codec request", extra={"request": format % args})

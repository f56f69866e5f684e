"""TLS contexts from credentials in memory, without leaving a credential on a disk.

OpenSSL's Python binding reads a client certificate and its key only from a file. On Linux that
file is an anonymous one in memory; elsewhere a private temporary file that is gone before this
returns.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lateen.kube.errors import InvalidCredentials

if TYPE_CHECKING:
    from collections.abc import Generator

    from lateen.kube.access import Credentials


def make_ssl_context(credentials: Credentials, *, cluster: str = "") -> ssl.SSLContext | bool:
    """Return the context to connect with.

    Without a CA the system's own are trusted. Raises ``InvalidCredentials`` for a CA, certificate
    or key that can't be read.
    """
    if not credentials.endpoint.lower().startswith("https:"):
        return True
    context = _trusting(credentials.ca, cluster)
    # Python 3.13 refuses CAs that lack extensions which many clusters' own CAs never had.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if credentials.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if credentials.certificate and credentials.key:
        pair = credentials.certificate + b"\n" + credentials.key
        _load_client_certificate(context, pair, cluster)
    return context


def _trusting(ca: bytes | None, cluster: str) -> ssl.SSLContext:
    if ca is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=ca.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError):
        raise InvalidCredentials("the CA is not a PEM certificate", cluster=cluster) from None


def _load_client_certificate(context: ssl.SSLContext, pair: bytes, cluster: str) -> None:
    try:
        with _file_holding(pair) as path:
            # A password is never asked for on a terminal: an encrypted key is an error.
            context.load_cert_chain(path, password=lambda: b"")
    except (ssl.SSLError, ValueError):
        message = "the client certificate and key are not PEM, not a pair, or the key is encrypted"
        raise InvalidCredentials(message, cluster=cluster) from None


@contextmanager
def _file_holding(content: bytes) -> Generator[str]:
    """Give content a path for as long as the block runs."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        descriptor = os.memfd_create("lateen", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile() as file:  # mode 0600
        file.write(content)
        file.flush()
        yield file.name

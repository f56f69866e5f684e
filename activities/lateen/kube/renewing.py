"""Credentials that don't last: tokens in rotated files, and programs that hand them out."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lateen.kube.errors import InvalidCredentials, UnsafeCredentials
from lateen.kube.shapes import as_object, as_text

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from lateen.kube.access import Credentials
    from lateen.model.base import Json

_REREAD = 60.0
"""Seconds that a token file is trusted; the kubelet replaces it long before the token ends."""

_EARLY = 30.0
"""Seconds before its end that an expiring credential is renewed."""


class TokenFile:
    """A token in a file that somebody else rotates, such as a pod's own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._token = ""
        self._read_at = float("-inf")

    async def renew(self, credentials: Credentials, *, refused: bool) -> Credentials:
        """Return the credentials with the file's token; reads it at most once a minute."""
        if refused or time.monotonic() - self._read_at > _REREAD:
            try:
                self._token = self._path.read_text(encoding="ascii").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise InvalidCredentials(f"{self._path}: the token can't be read") from error
            self._read_at = time.monotonic()
        return replace(credentials, token=self._token, renewal=None)


class ExecPlugin:
    """A program that prints credentials (client-go's exec plug-ins), run again when they expire."""

    def __init__(self, config: Json) -> None:
        self.config = config
        self._lock = asyncio.Lock()
        self._status: Json | None = None
        self._ends_at: float | None = None

    async def renew(self, credentials: Credentials, *, refused: bool) -> Credentials:
        """Return the credentials with what the program printed last, or prints now."""
        async with self._lock:
            expired = self._ends_at is not None and time.time() > self._ends_at - _EARLY
            if self._status is None or refused or expired:
                self._status = await self._run()
                self._ends_at = _timestamp(self._status.get("expirationTimestamp"))
            return self._merged(credentials, self._status)

    async def _run(self) -> Json:
        # Imported here because it costs 0.3 s that hardly anybody needs to pay; it has no types.
        provider: Any = import_module("kubernetes.aio.config.exec_provider")
        config: Any = import_module("kubernetes.aio.config.kube_config")
        try:
            answer = await provider.ExecProvider(config.ConfigNode("exec", self.config)).run()
        except (config.ConfigException, OSError, ValueError, KeyError):
            # Not chained: the error quotes what the program printed.
            command = self.config.get("command")
            raise InvalidCredentials(
                f"exec: {command!r} did not run or gave no credentials; run it by hand to see why"
            ) from None
        return as_object(answer)

    @staticmethod
    def _merged(credentials: Credentials, status: Json) -> Credentials:
        token = status.get("token")
        certificate, key = status.get("clientCertificateData"), status.get("clientKeyData")
        if not token and not certificate:
            raise InvalidCredentials("exec: the program printed neither a token nor a certificate")
        return replace(
            credentials,
            token=str(token).strip() if token else credentials.token,
            certificate=str(certificate).encode() if certificate else credentials.certificate,
            key=str(key).encode() if key else credentials.key,
            renewal=None,
        )


def with_exec(credentials: Credentials, config: Any, *, allowed: Collection[str]) -> Credentials:
    """Let a program supply the credentials.

    ``allowed`` holds the commands that the operator permits, spelled as the configuration spells
    them. Others raise ``UnsafeCredentials``.
    """
    plugin = as_object(config)
    command = as_text(plugin.get("command"))
    if not command or not as_text(plugin.get("apiVersion")):
        raise InvalidCredentials("exec: command and apiVersion are required")
    if command not in allowed:
        raise UnsafeCredentials(
            f"exec: {command!r} would run on the worker; use the token of a ServiceAccount or a "
            "client certificate instead, or have the operator allow the command"
        )
    return replace(credentials, renewal=ExecPlugin(plugin))


def _timestamp(value: Any) -> float | None:
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value).timestamp()
    except ValueError:
        raise InvalidCredentials("exec: expirationTimestamp is not an RFC 3339 time") from None

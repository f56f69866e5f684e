"""Reading kubeconfig files: YAML, contexts, and the files that they name."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from lateen.kube.access import Credentials
from lateen.kube.errors import InvalidCredentials, UnsafeCredentials
from lateen.kube.shapes import as_object, as_objects

if TYPE_CHECKING:
    from pathlib import Path

    from lateen.model.base import Json

_LARGEST = 1024 * 1024


@dataclass(frozen=True)
class Context:
    """A context with the cluster and user that it refers to, as they are written."""

    name: str
    cluster_name: str
    user_name: str
    cluster: Json = field(repr=False)
    user: Json = field(repr=False)

    def credentials(self, base: Path | None) -> Credentials:
        """Build credentials from plain data, and from files (relative to ``base``) read now."""
        server = self.cluster.get("server")
        if not isinstance(server, str) or not server:
            raise InvalidCredentials(f"kubeconfig: cluster {self.cluster_name!r} has no server")
        return Credentials(
            endpoint=server,
            ca=_data(self.cluster, "certificate-authority", base),
            certificate=_data(self.user, "client-certificate", base),
            key=_data(self.user, "client-key", base),
            token=_string(self.user, "token"),
            insecure=bool(self.cluster.get("insecure-skip-tls-verify")),
            proxy_url=_string(self.cluster, "proxy-url"),
            tls_server_name=_string(self.cluster, "tls-server-name"),
        )


def read_context(content: str | bytes, name: str | None = None) -> Context:
    """Read a context of a kubeconfig by name, or the current one.

    Raises ``InvalidCredentials`` when it is no kubeconfig or hasn't got that context.
    """
    config = _parse(content)
    name = name or _string(config, "current-context")
    if name is None:
        known = ", ".join(_names(config.get("contexts"))) or "none"
        raise InvalidCredentials(f"kubeconfig: no current-context; name one (it has: {known})")
    context = _named(config, "context", name)
    cluster_name, user_name = str(context.get("cluster")), str(context.get("user"))
    return Context(
        name=name,
        cluster_name=cluster_name,
        user_name=user_name,
        cluster=_named(config, "cluster", cluster_name),
        user=_named(config, "user", user_name),
    )


def _parse(content: str | bytes) -> Json:
    if len(content) > _LARGEST:
        raise InvalidCredentials("kubeconfig: larger than 1 MiB")
    try:
        config = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError):
        # Not chained: the parser's error quotes the file.
        raise InvalidCredentials("kubeconfig: not YAML") from None
    if not isinstance(config, dict):
        raise InvalidCredentials("kubeconfig: expected an object with clusters, users and contexts")
    return as_object(config)


def _named(config: Json, kind: str, name: str) -> Json:
    """Return the ``kind`` member of the entry called ``name`` in the list ``<kind>s``."""
    entries = config.get(f"{kind}s")
    for entry in as_objects(entries):
        if entry.get("name") == name:
            return as_object(entry.get(kind))
    known = ", ".join(_names(entries)) or "none"
    raise InvalidCredentials(f"kubeconfig: no {kind} {name!r} (it has: {known})")


def _names(entries: Any) -> list[str]:
    return [str(entry.get("name")) for entry in as_objects(entries)]


def _string(section: Json, key: str) -> str | None:
    value = section.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise InvalidCredentials(f"kubeconfig: {key} must be a string")
    return value.strip()


def _data(section: Json, key: str, base: Path | None) -> bytes | None:
    """Read ``<key>-data`` (base64) or the file that ``<key>`` names; as in kubectl, data wins."""
    if encoded := _string(section, f"{key}-data"):
        try:
            return base64.b64decode(encoded, validate=True)
        except binascii.Error:
            raise InvalidCredentials(f"kubeconfig: {key}-data is not base64") from None
    name = _string(section, key)
    if name is None:
        return None
    if base is None:
        raise UnsafeCredentials(
            f"kubeconfig: {key} names a file, which is not read from here; embed it as {key}-data "
            "(kubectl config view --flatten)"
        )
    path = base / name
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"kubeconfig: {key}: {path} can't be read: {error.strerror}"
        raise InvalidCredentials(message) from error

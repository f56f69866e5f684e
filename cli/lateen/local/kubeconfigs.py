"""Kubeconfigs that can be handed on: credentials inline, one name for all entries."""

from __future__ import annotations

import base64
import http.client
import os
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_INLINE = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
}


def flatten(source: Path, *, name: str) -> dict[str, Any]:
    """Read a tool's kubeconfig of one cluster: its entries renamed, its files read into it."""
    found: dict[str, Any] = yaml.safe_load(source.read_text())
    cluster = _inlined(found["clusters"][0]["cluster"], base=source.parent)
    user = _inlined(found["users"][0]["user"], base=source.parent)
    return _kubeconfig(
        clusters=[{"name": name, "cluster": cluster}],
        users=[{"name": name, "user": user}],
        contexts=[{"name": name, "context": {"cluster": name, "user": name}}],
        current=name,
    )


def merge(kubeconfigs: Iterable[Mapping[str, Any]], *, current: str) -> dict[str, Any]:
    """Join kubeconfigs into one with a context for each cluster."""
    parts = list(kubeconfigs)
    return _kubeconfig(
        clusters=[entry for part in parts for entry in part["clusters"]],
        users=[entry for part in parts for entry in part["users"]],
        contexts=[entry for part in parts for entry in part["contexts"]],
        current=current,
    )


def write(path: Path, kubeconfig: Mapping[str, Any]) -> None:
    """Write a kubeconfig that only its owner can read, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        yaml.safe_dump(dict(kubeconfig), file, sort_keys=False)
    scratch.replace(path)


def read(path: Path) -> dict[str, Any]:
    """Read a kubeconfig that was written here."""
    kubeconfig: dict[str, Any] = yaml.safe_load(path.read_text())
    return kubeconfig


def is_ready(kubeconfig: Mapping[str, Any]) -> bool:
    """Ask the API server whether it is ready; nobody needs credentials for that."""
    cluster = kubeconfig["clusters"][0]["cluster"]
    server = urlsplit(str(cluster["server"]))
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    connection = http.client.HTTPSConnection(
        server.hostname or "", server.port, timeout=2, context=context
    )
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _inlined(entry: Mapping[str, Any], *, base: Path) -> dict[str, Any]:
    return {
        _INLINE.get(key, key): _encoded(base / value) if key in _INLINE else value
        for key, value in entry.items()
    }


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _kubeconfig(
    *,
    clusters: list[dict[str, Any]],
    users: list[dict[str, Any]],
    contexts: list[dict[str, Any]],
    current: str,
) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": clusters,
        "users": users,
        "contexts": contexts,
        "current-context": current,
    }

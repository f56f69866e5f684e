"""A few lines of Kubernetes client, to look at clusters past our own code."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import yaml

T = TypeVar("T")


class Api:
    """The API server that a flattened kubeconfig names, as its user; answers are JSON or text."""

    def __init__(self, kubeconfig: Path) -> None:
        document = yaml.safe_load(kubeconfig.read_text())
        cluster = document["clusters"][0]["cluster"]
        user = document["users"][0]["user"]
        server = urlsplit(cluster["server"])
        self._host, self._port = server.hostname or "", server.port
        self._tls = ssl.create_default_context(cadata=_decoded(cluster, "certificate-authority"))
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as both:
            both.write(_decoded(user, "client-certificate") + "\n" + _decoded(user, "client-key"))
            both.flush()
            self._tls.load_cert_chain(both.name)

    def get(self, path: str) -> Any:
        """Read an object or a list."""
        return json.loads(self.text(path))

    def text(self, path: str) -> str:
        """Read what isn't JSON, such as a log."""
        return self._request("GET", path)

    def post(self, path: str, document: dict[str, Any]) -> Any:
        """Create an object."""
        return json.loads(self._request("POST", path, body=json.dumps(document)))

    def patch(self, path: str, document: dict[str, Any]) -> Any:
        """Change some fields (strategic merge for built-in kinds)."""
        kind = "application/strategic-merge-patch+json"
        return json.loads(self._request("PATCH", path, body=json.dumps(document), kind=kind))

    def merge(self, path: str, document: dict[str, Any]) -> Any:
        """Change some fields of a custom resource (JSON merge)."""
        kind = "application/merge-patch+json"
        return json.loads(self._request("PATCH", path, body=json.dumps(document), kind=kind))

    def delete(self, path: str) -> None:
        """Delete an object."""
        self._request("DELETE", path)

    def _request(
        self, verb: str, path: str, *, body: str | None = None, kind: str = "application/json"
    ) -> str:
        connection = http.client.HTTPSConnection(
            self._host, self._port, timeout=10, context=self._tls
        )
        try:
            connection.request(verb, path, body, {"Content-Type": kind})
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        assert response.status < 300, f"{verb} {path}: {response.status} {text}"
        return text


def eventually(look: Callable[[], T], expected: T, *, timeout: float = 15) -> None:
    """Look until the expected is there; the last thing that was seen is in the failure."""
    deadline = time.monotonic() + timeout
    while (seen := look()) != expected and time.monotonic() < deadline:
        time.sleep(0.1)
    assert seen == expected


def _decoded(entry: dict[str, str], key: str) -> str:
    return base64.b64decode(entry[f"{key}-data"]).decode()

"""A hub over HTTP that only answers questions: canned objects by path, 404 for everything else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CLUSTERS = "/api/v1/namespaces/vela-system/secrets"
OAM = "/apis/core.oam.dev/v1alpha1"


@contextmanager
def serving(answers: Mapping[str, Any], kubeconfig: Path) -> Iterator[list[str]]:
    """Serve while the block runs, with a kubeconfig for it; yields the requests so far.

    The kinds Policy and Workflow are always there.
    """
    kinds = [
        {"name": "policies", "kind": "Policy", "namespaced": True, "verbs": ["get", "list"]},
        {"name": "workflows", "kind": "Workflow", "namespaced": True, "verbs": ["get", "list"]},
    ]
    known = {OAM: {"kind": "APIResourceList", "resources": kinds}, **answers}
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            seen.append(f"GET {path}")
            missing = {"kind": "Status", "code": 404, "reason": "NotFound"}
            body = json.dumps(known.get(path, missing)).encode()
            self.send_response(200 if path in known else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    kubeconfig.write_text(_kubeconfig(f"http://127.0.0.1:{server.server_port}"))
    try:
        yield seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def items(*objects: dict[str, Any]) -> dict[str, Any]:
    """Return a list as API servers answer it."""
    return {"kind": "List", "metadata": {}, "items": list(objects)}


def cluster_secret(name: str, **labels: str) -> dict[str, Any]:
    """Return the Secret of a joined cluster."""
    kind = {"cluster.core.oam.dev/cluster-credential-type": "X509Certificate"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "vela-system", "labels": {**kind, **labels}},
        "data": {"endpoint": "aHR0cHM6Ly9hLmV4YW1wbGU="},
    }


def _kubeconfig(server: str) -> str:
    return json.dumps(
        {
            "current-context": "hub",
            "clusters": [{"name": "hub", "cluster": {"server": server}}],
            "contexts": [{"name": "hub", "context": {"cluster": "hub", "user": "me"}}],
            "users": [{"name": "me", "user": {"token": "t"}}],
        }
    )

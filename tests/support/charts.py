"""A Helm chart as tests need it, packed; and a web server for it and other files."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]
Reply = tuple[int, Mapping[str, str], bytes]

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: {app: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}}
      annotations:
    spec:
      containers:
        - name: web
          image: {{ .Values.image | quote }}
          env:
            - {name: PEER, value: "{{ .Release.Name }}.{{ .Release.Namespace }}.svc"}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec: {selector: {app: {{ .Release.Name }}}, ports: [{port: 80}]}
"""
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-config}
data:
  kube: {{ .Capabilities.KubeVersion.Version }}
  {{- range $key, $value := .Values.config }}
  {{ $key }}: {{ $value | quote }}
  {{- end }}
"""
TEST_HOOK = """\
apiVersion: v1
kind: Pod
metadata: {name: probe, annotations: {helm.sh/hook: test}}
"""
HOOK = """\
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, annotations: {helm.sh/hook: "pre-install,pre-upgrade"}}
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: key}
data: {password: {{ b64enc .Values.image }}}
"""
RANDOM = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: dice}
data: {thrown: {{ randAlphaNum 12 | quote }}}
"""
CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: wheels.charts.example}
spec:
  group: charts.example
  scope: Namespaced
  names: {kind: Wheel, plural: wheels}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
"""


def chart(version: str = "1.0.0", *, name: str = "shop", **templates: str) -> bytes:
    """Pack a chart of a Deployment, a Service and a ConfigMap, and further templates by name.

    ``schema`` is its ``values.schema.json``, ``crd`` goes to its ``crds``, ``described`` into its Chart.yaml.
    """
    files = {
        "Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: {version}\n{templates.pop('described', '')}",
        "values.yaml": "replicas: 1\nimage: nginx:1.27\nconfig: {}\n",
        "templates/deployment.yaml": DEPLOYMENT,
        "templates/service.yaml": SERVICE,
        "templates/config.yaml": CONFIG,
        "templates/NOTES.txt": "Thank you.\n",
    }
    if schema := templates.pop("schema", ""):
        files["values.schema.json"] = schema
    if crd := templates.pop("crd", ""):
        files["crds/crd.yaml"] = crd
    files |= {f"templates/{key}.yaml": text for key, text in templates.items()}
    return packed({f"{name}/{path}": text for path, text in files.items()})


def packed(files: Mapping[str, str | bytes]) -> bytes:
    """Pack files, always the same way."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            content = text.encode() if isinstance(text, str) else text
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


@dataclass
class Web:
    """What a web server has, by path, and what it was asked.

    That is a body, or ``(status, headers, body)``, or what makes that of the query.
    """

    url: str = ""
    files: dict[str, bytes | str | Reply | Callable[[str], Reply]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """The paths that were asked, in order."""
        return [path for path, _ in self.asked]

    def publish(self, *archives: bytes, at: str = "/charts", digest: bool = True) -> None:
        """Make a Helm repository of charts, whose versions are read from their Chart.yaml."""
        entries: dict[str, list[Json]] = {}
        for archive in archives:
            with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
                first = opened.getmembers()[0]
                text = (opened.extractfile(first) or io.BytesIO()).read().decode()
            told = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
            file = f"{told['name']}-{told['version']}.tgz"
            entry: Json = {**told, "urls": [file]}
            if digest:
                entry["digest"] = hashlib.sha256(archive).hexdigest()
            entries.setdefault(told["name"], []).append(entry)
            self.files[f"{at}/{file}"] = archive
        self.files[f"{at}/index.yaml"] = json.dumps({"apiVersion": "v1", "entries": entries})


@contextmanager
def web_server() -> Iterator[Web]:
    """Serve files on this machine until the end of the block."""
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.asked.append((self.path, dict(self.headers)))
            path, _, query = self.path.partition("?")
            found = web.files.get(path, (404, {}, b"no such file"))
            if callable(found):
                found = found(query)
            status, headers, body = found if isinstance(found, tuple) else (200, {}, found)
            content = body.encode() if isinstance(body, str) else body
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its own name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""Archives of charts: read in memory, bounded, and searched for what would make helm ask the network."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lateen.model.errors import LateenError
from lateen.model.json_values import as_list, as_object
from lateen.texts.yaml_reading import YamlError, read_yaml

LARGEST = 8 << 20
"""Bytes of an archive."""

_LARGEST_CONTENT = 64 << 20
_DEEPEST = 4
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_SCHEMAS = re.compile(r"https?://json-schema\.org/.*")


class UnusableArchive(LateenError):
    """An archive holds no chart that could be rendered."""


@dataclass(frozen=True)
class ChartArchive:
    """A chart as it is packed, with what its ``Chart.yaml`` says."""

    content: bytes
    name: str
    version: str
    digest: str


def read_archive(content: bytes) -> ChartArchive:
    """Look into an archive. Raises ``UnusableArchive``."""
    files = list(_files(content, _Budget(_LARGEST_CONTENT), 0))
    chart = next((text for name, text in files if _is_top(name, "Chart.yaml")), None)
    if chart is None:
        raise UnusableArchive("is no archive of a chart: it has no Chart.yaml")
    described = _described(chart)
    for name, text in files:
        if name.endswith("values.schema.json"):
            _refuse_remote(name, text)
    if described.get("type") == "library":
        raise UnusableArchive("is a library chart, which makes no objects")
    named, numbered = described.get("name"), described.get("version")
    if not isinstance(named, str) or not isinstance(numbered, str):
        raise UnusableArchive("has a Chart.yaml without name and version")
    return ChartArchive(content, named, numbered, hashlib.sha256(content).hexdigest())


@dataclass
class _Budget:
    """How much may still be unpacked."""

    left: int

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise UnusableArchive(f"unpacks to more than {_LARGEST_CONTENT:,} bytes")


def _files(content: bytes, budget: _Budget, depth: int) -> Iterator[tuple[str, bytes]]:
    """Yield the files that matter here, also of charts that are packed inside."""
    if depth > _DEEPEST:
        raise UnusableArchive(f"has charts packed deeper than {_DEEPEST} levels")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            plain = packed.read(budget.left + 1)
        budget.take(len(plain))
        with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
            for member in archive:
                opened = archive.extractfile(member) if member.isfile() else None
                if opened is None:
                    continue
                path = member.name.replace("\\", "/")  # As helm reads it.
                if path.endswith(("Chart.yaml", "values.schema.json")):
                    yield path, opened.read()
                elif "/charts/" in path and path.endswith((".tgz", ".tar.gz")):
                    inner = _files(opened.read(), budget, depth + 1)
                    yield from ((f"{path}/{name}", text) for name, text in inner)
    except (OSError, EOFError, tarfile.TarError, zlib.error):
        raise UnusableArchive("is no archive of a chart (.tgz)") from None


def _is_top(name: str, file: str) -> bool:
    parts = name.removeprefix("./").split("/")
    return len(parts) == 2 and parts[1] == file


def _described(text: bytes) -> dict[str, Any]:
    try:
        documents = read_yaml(text.decode())
    except (YamlError, UnicodeDecodeError):
        raise UnusableArchive("has a Chart.yaml that is no YAML") from None
    return (as_object(documents[0].value) if documents else None) or {}


def _refuse_remote(name: str, text: bytes) -> None:
    """Refuse a schema that refers to what helm would fetch, or read from this machine."""
    try:
        pending: list[Any] = [json.loads(text)]
    except (ValueError, RecursionError):
        raise UnusableArchive(f"has a {name} that is no JSON") from None
    while pending:
        value = pending.pop()
        members = as_object(value)
        if members is None:
            pending += as_list(value) or ()
            continue
        remote = [
            members[key]
            for key in _REFERENCES
            if isinstance(members.get(key), str) and not members[key].startswith("#")
        ]
        schema = members.get("$schema")
        if isinstance(schema, str) and not _SCHEMAS.fullmatch(schema):
            remote.append(schema)
        if remote:
            raise UnusableArchive(
                f"has a {name} that refers to {remote[0]!r}, which is not fetched"
            )
        pending += members.values()

"""Reading what users wrote from YAML or JSON files, and writing objects as YAML.

A stream holds Applications, Policies, Workflows and definitions, several of them with ``---`` between, or as a
``List``. Errors name the source, the document and the line.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from lateen.model.base import Model
from lateen.model.errors import InvalidApplication, InvalidManifest
from lateen.model.json_values import as_list, as_object
from lateen.model.parsing import parse_object
from lateen.texts.yaml_reading import YamlDocument, YamlError, read_yaml
from lateen.texts.yaml_scalars import resolve_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from lateen.model.application import Application, Definition, Policy, Workflow
    from lateen.model.base import Json

Document: TypeAlias = "Application | Definition | Policy | Workflow"

LARGEST = 2 * 1024 * 1024
"""Bytes of one file or stream."""

_SUFFIXES = (".yaml", ".yml", ".json")
LISTS = frozenset(
    {
        "List",
        "ApplicationList",
        "ComponentDefinitionList",
        "PolicyList",
        "TraitDefinitionList",
        "WorkflowList",
    }
)
"""Kinds whose ``items`` are objects."""


@dataclass(frozen=True)
class Reading:
    """What one place of a file holds: a document, or the reason why there is none.

    ``place`` is how errors call it: the source, and which document of it.
    """

    source: str
    place: str
    document: Document | None = None
    error: InvalidApplication | InvalidManifest | None = None


def read_documents(
    text: str | bytes, *, source: str, default_namespace: str | None = None
) -> list[Document]:
    """Read all objects of a stream; ``source`` is what errors call it.

    Documents without a namespace get ``default_namespace`` if there is one. Empty documents are
    passed over. Raises ``InvalidManifest`` when the text can't be read, ``InvalidApplication`` when
    what it says is wrong.
    """
    return _good(inspect_documents(text, source=source, default_namespace=default_namespace))


def read_path(path: Path, *, default_namespace: str | None = None) -> list[Document]:
    """Read a file, or the ``*.yaml``, ``*.yml`` and ``*.json`` files of a directory by name.

    Hidden files and subdirectories are passed over. Raises as ``read_documents`` does, and
    ``InvalidManifest`` for what can't be opened and for a directory without such files.
    """
    return _good(inspect_path(path, default_namespace=default_namespace))


def inspect_documents(
    text: str | bytes, *, source: str, default_namespace: str | None = None
) -> Iterator[Reading]:
    """Read as ``read_documents`` does, but go on after an error, which becomes a reading."""
    try:
        documents = _values(decoded(text, source).removeprefix("\ufeff"), source)
        for index, document in enumerate(documents):
            where = source
            if len(documents) > 1:
                where = f"{source}, document {index + 1} (line {document.line})"
            for place, item in _items(document.value, where):
                yield _reading(_with_namespace(item, default_namespace), source, place)
    except InvalidManifest as error:
        yield Reading(source, source, error=error)


def inspect_path(path: Path, *, default_namespace: str | None = None) -> Iterator[Reading]:
    """Read as ``read_path`` does, but go on after an error, which becomes a reading."""
    try:
        files = files_of(path)
    except InvalidManifest as error:
        yield Reading(str(path), str(path), error=error)
        return
    for file in files:
        source = str(file)
        try:
            with file.open("rb") as stream:
                text = stream.read(LARGEST + 1)
        except OSError as error:
            unreadable = InvalidManifest(f"{file}: can't be read: {error.strerror}")
            yield Reading(source, source, error=unreadable)
        else:
            yield from inspect_documents(text, source=source, default_namespace=default_namespace)


def _good(readings: Iterable[Reading]) -> list[Document]:
    """Return the documents; raises the first error."""
    found: list[Document] = []
    for reading in readings:
        if reading.error is not None:
            raise reading.error
        if reading.document is not None:
            found.append(reading.document)
    return found


def write_yaml(objects: Iterable[Mapping[str, Any] | Model]) -> str:
    """Write objects as YAML documents: block style, keys in their order, no aliases.

    What reads them back, by YAML 1.1, by 1.2 or as Kubernetes does, finds the same values: strings
    that could be taken for something else are quoted.
    """
    import yaml  # noqa: PLC0415 - loaded only by who writes files

    values = [each.to_json() if isinstance(each, Model) else dict(each) for each in objects]
    if not values:
        return ""
    return yaml.dump_all(
        values,
        Dumper=_dumper(),
        allow_unicode=True,
        default_flow_style=False,
        explicit_start=len(values) > 1,
        sort_keys=False,
        width=4096,
    )


def files_of(path: Path) -> list[Path]:
    """Return a file, or those of a directory that ``read_path`` reads; raises ``InvalidManifest``."""
    if not path.is_dir():
        return [path]
    try:
        names = sorted(path.iterdir())
    except OSError as error:
        raise InvalidManifest(f"{path}: can't be read: {error.strerror}") from error
    files = [
        file
        for file in names
        if file.suffix in _SUFFIXES and not file.name.startswith(".") and file.is_file()
    ]
    if not files:
        raise InvalidManifest(f"{path}: no {', '.join(f'*{end}' for end in _SUFFIXES)} files here")
    return files


def decoded(text: str | bytes, source: str) -> str:
    """Return a text that is short enough and UTF-8; a byte order mark stays.

    Raises ``InvalidManifest``.
    """
    try:
        data = text.encode() if isinstance(text, str) else text
    except UnicodeEncodeError as error:
        raise InvalidManifest(f"{source}: is no Unicode text: {error.reason}") from None
    if len(data) > LARGEST:
        raise InvalidManifest(f"{source}: is larger than {LARGEST:,} bytes; split it")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"{source}, line {line}: is no UTF-8 text: {error.reason}"
        raise InvalidManifest(message) from None


def _values(text: str, source: str) -> list[YamlDocument]:
    try:
        if text.lstrip()[:1] == "{":
            document = _json_document(text)
            if document is not None:
                return [document]
        return read_yaml(text)
    except YamlError as problem:
        where = f", line {problem.line}, column {problem.column}" if problem.line else ""
        raise InvalidManifest(f"{source}{where}: {problem.message}") from None


def _json_document(text: str) -> YamlDocument | None:
    """Read a text that is one JSON value; None for anything else, which may still be YAML.

    JSON's escapes and tabs are not all YAML's. Duplicate keys are left to YAML, which knows lines.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_number,
        )
    except (ValueError, RecursionError):
        return None
    return YamlDocument(value, 1)


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found


def _no_constant(name: str) -> Any:
    raise YamlError(f"{name} is not JSON")


def _number(text: str) -> Any:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**63 else number


def _items(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Yield what a document holds: nothing, itself, or the items of a list, nested ones too."""
    pending = [(where, value)]
    while pending:
        place, current = pending.pop()
        if current is None:
            continue
        data = as_object(current)
        if data is None or data.get("kind") not in LISTS:
            yield place, current
            continue
        items = as_list(data.get("items"))
        if items is None:
            raise InvalidManifest(f"{place}: a {data['kind']} needs items, a list")
        numbered = [(f"{place}, item {index + 1}", item) for index, item in enumerate(items)]
        pending += reversed(numbered)


def _with_namespace(value: Any, namespace: str | None) -> Any:
    data = as_object(value) or {}
    metadata = as_object(data.get("metadata"))
    if namespace is None or metadata is None or metadata.get("namespace") not in (None, ""):
        return value
    return {**data, "metadata": {**metadata, "namespace": namespace}}


def _reading(value: Any, source: str, place: str) -> Reading:
    try:
        return Reading(source, place, document=parse_object(value))
    except InvalidApplication as error:
        subject = f"{place}: {error.subject}" if error.subject else f"{place}: document"
        named = InvalidApplication(error.problems, subject=subject)
        return Reading(source, place, error=named)


@cache
def _dumper() -> Any:
    import yaml  # noqa: PLC0415 - loaded only by who writes files

    class Dumper(yaml.CSafeDumper):
        """Writes strings so that no reader takes them for anything else."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
            return True

    def represent(_: Dumper, text: str) -> yaml.ScalarNode:
        style = "|" if "\n" in text else None if _stays_text(text) else "'"
        return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    return Dumper


def _stays_text(text: str) -> bool:
    try:
        return resolve_plain(text) == text
    except ValueError:
        return False

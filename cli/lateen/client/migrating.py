"""Migrating the texts that users keep: what changes is rewritten, every other byte stays.

Pure but for reading YAML: whoever has a file reads and writes it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lateen.client.documents import LISTS, decoded
from lateen.client.rewriting import CannotRewrite, Rewriting, apply_edits
from lateen.client.yaml_nodes import YamlText
from lateen.model.errors import InvalidManifest
from lateen.model.json_values import as_list, as_object
from lateen.planning.migrating import Migration, MigrationRefused, is_old, migrate
from lateen.texts.yaml_reading import YamlError, read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lateen.client.yaml_nodes import Node
    from lateen.rendering.registry import Registry

_BOM = "\ufeff"


@dataclass(frozen=True)
class MigratedText:
    """A text after its migration; the same text when nothing was to do.

    ``changes`` say what was done, ``notes`` what one should know, ``refused`` what was left as it is
    and why: then the text is unchanged, as half a migration helps nobody.
    """

    text: str
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass
class _Work:
    """One application of a text: where it is, and what becomes of it."""

    path: tuple[str | int, ...]
    document: int
    subject: str
    migration: Migration


@dataclass
class _Found:
    work: list[_Work] = field(default_factory=list[_Work])
    refused: list[str] = field(default_factory=list[str])


def migrate_text(text: str | bytes, *, source: str, registry: Registry) -> MigratedText:
    """Migrate all applications of a stream of YAML documents, or of a JSON text.

    ``source`` is what errors call it. Raises ``InvalidManifest`` when the text can't be read.
    """
    whole = decoded(text, source)
    mark = _BOM if whole.startswith(_BOM) else ""
    body = whole.removeprefix(_BOM)
    values = _read(body, source)
    found = _decide(values, registry)
    if found.refused or not found.work:
        return MigratedText(whole, refused=tuple(found.refused))
    expected = list(values)
    for each in found.work:
        expected[each.document] = _with(expected[each.document], each.path, each.migration)
    try:
        written = _rewrite(body, found.work, expected)
    except CannotRewrite as error:
        return MigratedText(whole, refused=(f"{source}: {error}",))
    changes = [f"{each.subject}: {said}" for each in found.work for said in each.migration.changes]
    notes = [f"{each.subject}: {said}" for each in found.work for said in each.migration.notes]
    lost = _comments(body) - _comments(written)
    notes += [f"{source}: this comment could not be kept: {comment}" for comment in lost]
    return MigratedText(mark + written, tuple(changes), tuple(notes))


def _read(text: str, source: str) -> list[Any]:
    try:
        return [document.value for document in read_yaml(text)]
    except YamlError as error:
        raise InvalidManifest(f"{source}: {error}") from None


def _decide(values: Sequence[Any], registry: Registry) -> _Found:
    found = _Found()
    for document, value in enumerate(values):
        for path, data in _objects(value):
            if not is_old(data):
                continue
            metadata = as_object(data.get("metadata")) or {}
            subject = f"{data['kind']} {metadata.get('name')}"
            try:
                migration = migrate(data, registry)
            except MigrationRefused as error:
                found.refused.append(str(error))
            else:
                found.work.append(_Work(path, document, subject, migration))
    return found


def _objects(
    value: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield the objects of a document with their paths: itself, or the items of a list."""
    data = as_object(value)
    if data is None:
        return
    if data.get("kind") not in LISTS:
        yield path, data
        return
    for index, item in enumerate(as_list(data.get("items")) or ()):
        yield from _objects(item, (*path, "items", index))


def _with(value: Any, path: tuple[str | int, ...], migration: Migration) -> Any:
    """Return a document in which one object is the migrated one, in a copy."""
    if not path:
        return migration.application
    first, rest = path[0], path[1:]
    members = as_object(value)
    if members is not None:
        return {**members, str(first): _with(members[str(first)], rest, migration)}
    items = as_list(value) or []
    return [_with(each, rest, migration) if at == first else each for at, each in enumerate(items)]


def _rewrite(text: str, work: Iterable[_Work], expected: Sequence[Any]) -> str:
    """Rewrite a text so that it says what is expected. Raises ``CannotRewrite``."""
    ended = text if text.endswith(("\n", "\r")) else text + "\n"
    source = YamlText(ended)
    for moving in (True, False):
        edits = [
            edit
            for each in work
            for edit in Rewriting(
                source, _node(source, each), each.migration, moving=moving
            ).edits()
        ]
        written = apply_edits(source, edits)
        try:
            values = [document.value for document in read_yaml(written)]
        except YamlError:
            continue
        if values == expected:
            return written if ended is text else written.removesuffix("\n")
    raise CannotRewrite(
        "anchors, aliases or merge keys tie what would change to the rest; write them out first"
    )


def _node(source: YamlText, work: _Work) -> Node:
    root = source.documents[work.document]
    node = root.at(*work.path) if root else None
    if node is None or node.kind != "mapping":
        raise CannotRewrite(f"{work.subject} is written with an alias; write it out")
    return node


def _comments(text: str) -> Counter[str]:
    source = YamlText(text)
    return Counter(source.comments(range(len(source.lines))))

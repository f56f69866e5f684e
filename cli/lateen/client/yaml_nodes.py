"""Where the parts of a YAML text stand, so that some of it can be rewritten and the rest stays.

Positions are counted as YAML counts them: lines end with LF, CRLF, CR and Unicode's own line breaks,
columns are characters.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Position: TypeAlias = tuple[int, int]
"""Line and column, both from zero."""

_LINE = re.compile(r"[^\n\r\x85\u2028\u2029]*(?:\r\n|[\n\r\x85\u2028\u2029]|$)")
_HASH = re.compile(r"(?:^|(?<=[ \t]))#")


@dataclass
class Node:
    """A part of a document; ``end`` is that of the text for scalars and flow collections only."""

    kind: Literal["scalar", "mapping", "sequence", "alias"]
    start: Position
    end: Position
    is_block: bool = False
    text: str = ""
    children: list[Node] = field(default_factory=list["Node"])

    @property
    def pairs(self) -> list[tuple[Node, Node]]:
        """Keys and values of a mapping, in order."""
        return list(zip(self.children[::2], self.children[1::2], strict=True))

    def pair(self, key: str) -> tuple[Node, Node] | None:
        """Return a key of a mapping with its value; merged keys are not there."""
        if self.kind != "mapping":
            return None
        return next((pair for pair in self.pairs if pair[0].text == key), None)

    def at(self, *path: str | int) -> Node | None:
        """Follow keys and indices; None where there is none, also behind an alias."""
        node: Node | None = self
        for part in path:
            if node is None:
                return None
            if isinstance(part, str):
                pair = node.pair(part)
                node = pair[1] if pair else None
            else:
                inside = node.kind == "sequence" and part < len(node.children)
                node = node.children[part] if inside else None
        return node


class YamlText:
    """A YAML text by lines, with its documents' nodes. The text must be one that ``read_yaml`` reads."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = [line for line in _LINE.findall(text) if line]
        self.newline = "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"
        self.documents, self._scalars = _parse(text)

    def line(self, number: int) -> str:
        """Return a line without its end."""
        return self.lines[number].rstrip("\n\r\x85\u2028\u2029") if number < len(self.lines) else ""

    def offset(self, position: Position) -> int:
        """Return the index of a position in the text."""
        line, column = position
        return (self._starts[line] if line < len(self.lines) else len(self.text)) + column

    def last_line(self, node: Node) -> int:
        """Return the line on which a node's own text ends; comments behind it don't count."""
        pending, last = [node], node.start[0]
        while pending:
            each = pending.pop()
            if each.children and each.is_block:
                pending += each.children
                continue
            line, column = each.end
            if each.is_block and column == 0:
                line -= 1
                while line > each.start[0] and not self.line(line).strip():
                    line -= 1
            last = max(last, line)
        return last

    def comment(self, line: int) -> str:
        """Return the comment on a line, with its ``#``; empty without one."""
        text = self.line(line)
        for match in _HASH.finditer(text):
            position = (line, match.start())
            index = bisect.bisect_right(self._scalars, (position, (len(self.lines) + 1, 0))) - 1
            if index < 0 or position >= self._scalars[index][1]:
                return text[match.start() :].rstrip()
        return ""

    def comments(self, lines: Iterable[int]) -> Iterator[str]:
        """Yield the comments on some lines."""
        yield from filter(None, map(self.comment, lines))

    @cached_property
    def _starts(self) -> list[int]:
        starts, total = [0], 0
        for line in self.lines:
            total += len(line)
            starts.append(total)
        return starts


def _parse(text: str) -> tuple[list[Node | None], list[tuple[Position, Position]]]:
    """Build the nodes of all documents, and collect where scalars stand."""
    import yaml  # noqa: PLC0415 - loaded only by who reads files

    parse = cast("Callable[..., Iterable[Any]]", yaml.parse)  # pyright: ignore[reportUnknownMemberType]
    documents: list[Node | None] = []
    opened: list[Node] = []
    scalars: list[tuple[Position, Position]] = []
    for event in parse(text, Loader=yaml.CBaseLoader):
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            documents.append(None)
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            opened.pop().end = _position(event.end_mark)
        elif kind in _KINDS:
            node = _node(event, kind)
            if opened:
                opened[-1].children.append(node)
            else:
                documents[-1] = node
            if node.kind in ("mapping", "sequence"):
                opened.append(node)
            elif node.kind == "scalar":
                scalars.append((node.start, node.end))
    return documents, scalars


_KINDS: dict[str, Literal["scalar", "mapping", "sequence", "alias"]] = {
    "ScalarEvent": "scalar",
    "AliasEvent": "alias",
    "MappingStartEvent": "mapping",
    "SequenceStartEvent": "sequence",
}


def _node(event: Any, kind: str) -> Node:
    is_block = event.style in ("|", ">") if kind == "ScalarEvent" else False
    if kind in ("MappingStartEvent", "SequenceStartEvent"):
        is_block = not event.flow_style
    return Node(
        kind=_KINDS[kind],
        start=_position(event.start_mark),
        end=_position(event.end_mark),
        is_block=is_block,
        text=event.value if kind == "ScalarEvent" else "",
    )


def _position(mark: Any) -> Position:
    return (mark.line, mark.column)

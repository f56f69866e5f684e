"""YAML as Kubernetes reads it: JSON's types only, no surprises, and bounds on everything.

The events come from libyaml; values are built here without recursion. Refused are duplicate keys,
tags beyond JSON's types, nesting beyond ``json_values.DEEPEST``, and aliases that expand to more
than ``LARGEST_EXPANSION``, since a few lines of them can otherwise stand for gigabytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from lateen.model.errors import LateenError, shorten
from lateen.model.json_values import DEEPEST, as_list, as_object
from lateen.texts.yaml_scalars import resolve_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lateen.model.base import Json

LARGEST_EXPANSION = 4 * 1024 * 1024
"""Characters that all aliases of a document may stand for together."""

_TAG = "tag:yaml.org,2002:"
_NODE_WEIGHT = 8
_SCALAR_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "null": (type(None),),
}


class YamlError(LateenError):
    """What is wrong with a text, and where: lines and columns count from one, 0 is unknown."""

    def __init__(self, message: str, *, line: int = 0, column: int = 0) -> None:
        self.message, self.line, self.column = message, line, column
        super().__init__(f"line {line}, column {column}: {message}" if line else message)


@dataclass(frozen=True)
class YamlDocument:
    """One document: its value, and the line that it starts on."""

    value: Any
    line: int


def read_yaml(text: str, *, repeated_keys: bool = False) -> list[YamlDocument]:
    """Read all documents of a stream; empty ones have the value None.

    With ``repeated_keys`` the last of several equal keys wins, as in Helm, whose charts rely on it. Raises
    ``YamlError``.
    """
    import yaml  # noqa: PLC0415 - loaded only by who reads files

    parse = cast("Callable[..., Iterable[Any]]", yaml.parse)  # pyright: ignore[reportUnknownMemberType]
    try:
        events = parse(text, Loader=yaml.CBaseLoader)
        return list(_documents(events, repeated_keys=repeated_keys))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        message = getattr(error, "problem", None) or str(error)
        if "maximum nesting depth" in message:  # libyaml's own limit, which is wider than ours
            message = f"nested deeper than {DEEPEST} levels"
        if mark is None:
            raise YamlError(message) from None
        if "cannot start any token" in message and _line(text, mark.line).startswith("\t"):
            message = "YAML can't be indented with tabs; use spaces"
        raise YamlError(message, line=mark.line + 1, column=mark.column + 1) from None


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number].lstrip(" ") if number < len(lines) else ""


def _documents(events: Iterable[Any], *, repeated_keys: bool) -> Iterator[YamlDocument]:
    builder, line = _Builder(repeated_keys=repeated_keys), 1
    for event in events:
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            builder, line = _Builder(repeated_keys=repeated_keys), event.start_mark.line + 1
        elif kind == "DocumentEndEvent":
            yield YamlDocument(builder.result, line)
        elif kind in _STEPS:
            _STEPS[kind](builder, event)


@dataclass
class _Node:
    """A value, and what it costs to write out: characters, and levels of nesting."""

    value: Any
    weight: int = _NODE_WEIGHT
    height: int = 0


@dataclass
class _Open:
    """A mapping or sequence whose end has not come yet."""

    node: _Node
    anchor: str | None
    is_mapping: bool
    key: str | None = None
    merges: bool = False
    lines: dict[str, int] = field(default_factory=dict[str, int])
    merged: list[Json] = field(default_factory=list["Json"])

    @property
    def wants_key(self) -> bool:
        return self.is_mapping and self.key is None and not self.merges


class _Builder:
    """Builds the value of one document from its events."""

    def __init__(self, *, repeated_keys: bool) -> None:
        self._repeated_keys = repeated_keys
        self.result: Any = None
        self._open: list[_Open] = []
        self._anchors: dict[str, _Node | None] = {}
        self._expanded = 0

    def start(self, event: Any) -> None:
        """Open a mapping or sequence."""
        is_mapping = type(event).__name__ == "MappingStartEvent"
        if event.tag not in (None, "!", f"{_TAG}{'map' if is_mapping else 'seq'}"):
            raise _refuse(event, f"tag {shorten(event.tag)} is not one of JSON's types")
        if self._open and self._open[-1].wants_key:
            raise _refuse(event, "a key must be a string")
        if len(self._open) >= DEEPEST:
            raise _refuse(event, f"nested deeper than {DEEPEST} levels")
        if event.anchor:
            self._anchors[event.anchor] = None
        node = _Node({} if is_mapping else [], height=1)
        self._open.append(_Open(node, event.anchor, is_mapping))

    def end(self, event: Any) -> None:
        """Close the innermost mapping or sequence; its own keys win over merged ones."""
        closed = self._open.pop()
        for merged in closed.merged:
            for key, value in merged.items():
                closed.node.value.setdefault(key, value)
        if closed.anchor:
            self._anchors[closed.anchor] = closed.node
        self._place(closed.node, event)

    def scalar(self, event: Any) -> None:
        """Take a key or a value."""
        is_plain = event.implicit[0] and event.tag is None
        parent = self._open[-1] if self._open else None
        if parent and parent.wants_key and (event.value == "<<" and is_plain):
            parent.merges = True
            return
        node = _Node(_scalar_value(event, is_plain=is_plain), _NODE_WEIGHT + len(event.value))
        if event.anchor:
            self._anchors[event.anchor] = node
        self._place(node, event)

    def alias(self, event: Any) -> None:
        """Repeat an anchored value: the same object again, at the price of a copy."""
        name = event.anchor
        if name not in self._anchors:
            raise _refuse(event, f"alias *{name} has no anchor before it")
        node = self._anchors[name]
        if node is None:
            raise _refuse(event, f"alias *{name} is inside its own anchor")
        self._expanded += node.weight
        if self._expanded > LARGEST_EXPANSION:
            raise _refuse(event, f"aliases expand to more than {LARGEST_EXPANSION:,} characters")
        if len(self._open) + node.height > DEEPEST:
            raise _refuse(event, f"nested deeper than {DEEPEST} levels")
        self._place(node, event)

    def _place(self, node: _Node, event: Any) -> None:
        """Put a finished value where it belongs: at the top, into a list, as a key or its value."""
        if not self._open:
            self.result = node.value
            return
        parent = self._open[-1]
        parent.node.weight += node.weight
        parent.node.height = max(parent.node.height, node.height + 1)
        if not parent.is_mapping:
            parent.node.value.append(node.value)
        elif parent.merges:
            parent.merged += _mergeable(node.value, event)
            parent.merges = False
        elif parent.key is None:
            lines = {} if self._repeated_keys else parent.lines
            parent.key = _unique_key(node.value, lines, event)
        else:
            parent.node.value[parent.key] = node.value
            parent.key = None


_STEPS: dict[str, Callable[[_Builder, Any], None]] = {
    "MappingStartEvent": _Builder.start,
    "SequenceStartEvent": _Builder.start,
    "MappingEndEvent": _Builder.end,
    "SequenceEndEvent": _Builder.end,
    "ScalarEvent": _Builder.scalar,
    "AliasEvent": _Builder.alias,
}


def _scalar_value(event: Any, *, is_plain: bool) -> Any:
    text, tag = event.value, event.tag
    try:
        if is_plain:
            return resolve_plain(text)
        if tag in (None, "!", f"{_TAG}str"):
            return text
        expected = _SCALAR_TYPES.get(tag.removeprefix(_TAG))
        if expected is None:
            raise _refuse(event, f"tag {shorten(tag)} is not one of JSON's types")
        value = resolve_plain(text)
    except ValueError as error:
        raise _refuse(event, str(error)) from None
    if type(value) not in expected:
        raise _refuse(event, f"the value does not fit its tag {shorten(tag)}")
    return value


def _unique_key(value: Any, lines: dict[str, int], event: Any) -> str:
    """Return a key as a string: integers become text as in Kubernetes, the rest must be quoted.

    Kubernetes would make ``true`` of the keys ``on`` and ``y``, which nobody means.
    """
    if isinstance(value, bool | float) or not isinstance(value, str | int):
        shown = "null" if value is None else str(value).lower()
        raise _refuse(event, f"a key must be a string, not {shorten(shown)}: put it in quotes")
    key, line = str(value), event.start_mark.line + 1
    if key in lines:
        raise _refuse(event, f"key {shorten(key)} is already on line {lines[key]}")
    lines[key] = line
    return key


def _mergeable(value: Any, event: Any) -> list[Json]:
    """Return the mappings that a merge key names; of several the first one wins."""
    named = as_list(value)
    mappings = [as_object(each) for each in ([value] if named is None else named)]
    found = [mapping for mapping in mappings if mapping is not None]
    if len(found) != len(mappings):
        raise _refuse(event, "the merge key << needs a mapping or a list of mappings")
    return found


def _refuse(event: Any, message: str) -> YamlError:
    mark = event.start_mark
    return YamlError(message, line=mark.line + 1, column=mark.column + 1)

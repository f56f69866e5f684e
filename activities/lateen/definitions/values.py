"""Reading the concrete values that the cue program prints, with the markers in their comments.

``cue export --out cue`` writes plain data: fields, lists and literals, and above a field its doc comment,
which is where KubeVela's definitions say how a patch merges (``// +patchKey=name``). JSON would lose that.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias, TypeGuard

from lateen.model.errors import LateenError

_BLANKS = re.compile(r"[ \t\r,]*")
_LABEL = re.compile(r"[\w$#@]+")
_NUMBER = re.compile(
    r"([+-]?(?:0x[0-9A-Fa-f_]+|0b[01_]+|0o[0-7_]+|[\d_]*\.?\d[\d_]*\.?(?:[eE][+-]?\d+)?))([KMGTPE]i?)?"
)
_OPENING = re.compile(r"""(#*)(\"{3}|'{3}|"|')""")
_MARKER = re.compile(r"\+([^=]+)=(.*)")
_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "/": "/", "\\": "\\", "'": "'", '"': '"',
}  # fmt: skip
_WORDS: dict[str, bool | None] = {"null": None, "true": True, "false": False}
_DEEPEST = 200


class Unreadable(LateenError):
    """The text is no concrete CUE value, or one that JSON can't hold."""


@dataclass(frozen=True)
class Member:
    """A field's value, and the markers of its comment: ``+patchKey=name`` is ``{"patchKey": "name"}``."""

    value: Tagged
    tags: dict[str, str] = field(default_factory=dict[str, str])


Tagged: TypeAlias = "dict[str, Member] | list[Tagged] | str | int | float | bool | None"
"""A JSON value whose fields carry markers."""


def is_struct(value: Tagged) -> TypeGuard[dict[str, Member]]:
    """Tell whether a value has fields."""
    return isinstance(value, dict)


def is_list(value: Tagged) -> TypeGuard[list[Tagged]]:
    """Tell whether a value has items."""
    return isinstance(value, list)


def plain(value: Tagged) -> Any:
    """Return the JSON of a value, without markers; fresh, so that it may be changed."""
    if is_struct(value):
        return {name: plain(member.value) for name, member in value.items()}
    if is_list(value):
        return [plain(item) for item in value]
    return value


def read_struct(text: str) -> dict[str, Member]:
    """Read the fields of a file as ``cue export`` prints it. Raises ``Unreadable``."""
    reader = _Reader(text)
    reader.skip()
    if text.startswith("{", reader.at):
        value = reader.value(0)
        reader.skip()
        found = value if is_struct(value) else {}
    else:
        reader.at = 0  # The comment at the top belongs to the first field.
        found = reader.fields(0, end="")
    if reader.at < len(text):
        raise reader.unexpected()
    return found


def markers(comments: list[str]) -> dict[str, str]:
    """Return the markers among the lines of a comment; a value of several words is none."""
    found: dict[str, str] = {}
    for line in comments:
        marker = _MARKER.fullmatch(line.strip())
        if marker and len(marker[2].split()) == 1:
            found[marker[1].strip()] = marker[2].strip()
    return found


class _Reader:
    """A recursive descent over one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def unexpected(self) -> Unreadable:
        line = self.text.count("\n", 0, self.at) + 1
        near = self.text[self.at : self.at + 30].partition("\n")[0]
        return Unreadable(f"line {line} of what cue printed can't be read: {near!r}")

    def skip(self) -> list[str]:
        """Pass blanks and comments; returns the comments that stand on lines of their own."""
        comments: list[str] = []
        alone = self.at == 0 or self.text[self.at - 1] in "{[\n"
        while True:
            self._match(_BLANKS)
            if self.text.startswith("\n", self.at):
                alone = True
                self.at += 1
            elif self.text.startswith("//", self.at):
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end
                if alone:
                    comments.append(self.text[self.at + 2 : end])
                self.at = end
            else:
                return comments

    def fields(self, depth: int, *, end: str) -> dict[str, Member]:
        """Read fields up to a brace, or to the end of the text."""
        found: dict[str, Member] = {}
        while True:
            tags = markers(self.skip())
            if self.at >= len(self.text) or (end and self.text.startswith(end, self.at)):
                return found
            name, member = self._field(depth, tags)
            found[name] = member

    def _field(self, depth: int, tags: dict[str, str]) -> tuple[str, Member]:
        """Read ``label: value``; the value of ``a: b: 1`` is the struct ``{b: 1}``."""
        name = self._label()
        self._match(_BLANKS)
        if not self.text.startswith(":", self.at):
            raise self.unexpected()
        self.at += 1
        self._match(_BLANKS)
        return name, Member(self._shorthand(depth + 1), tags)

    def _shorthand(self, depth: int) -> Tagged:
        before = self.at
        if _OPENING.match(self.text, self.at) or _LABEL.match(self.text, self.at):
            try:
                self._label()
            except Unreadable:
                self.at = before
            else:
                self._match(_BLANKS)
                nested = self.text.startswith(":", self.at)
                self.at = before
                if nested:
                    name, member = self._field(depth, {})
                    return {name: member}
        return self.value(depth)

    def _label(self) -> str:
        if _OPENING.match(self.text, self.at):
            return self._string()
        found = self._match(_LABEL)
        if not found:
            raise self.unexpected()
        return found

    def value(self, depth: int) -> Tagged:
        """Read one value."""
        if depth > _DEEPEST:
            raise Unreadable(f"what cue printed is nested deeper than {_DEEPEST} levels")
        if self.text.startswith("{", self.at):
            self.at += 1
            found = self.fields(depth, end="}")
            self._close("}")
            return found
        if self.text.startswith("[", self.at):
            return self._list(depth)
        if _OPENING.match(self.text, self.at):
            return self._string()
        word = _LABEL.match(self.text, self.at)
        if word is not None and word[0] in _WORDS:
            self.at = word.end()
            return _WORDS[word[0]]
        return self._number()

    def _list(self, depth: int) -> list[Tagged]:
        self.at += 1
        items: list[Tagged] = []
        while True:
            self.skip()
            if self.text.startswith("...", self.at):
                self.at += 3
                continue
            if self.at >= len(self.text) or self.text.startswith("]", self.at):
                break
            items.append(self.value(depth + 1))
        self._close("]")
        return items

    def _close(self, bracket: str) -> None:
        if not self.text.startswith(bracket, self.at):
            raise self.unexpected()
        self.at += 1

    def _number(self) -> int | float:
        found = _NUMBER.match(self.text, self.at)
        if found is None:
            raise self.unexpected()
        digits, unit = found[1].replace("_", ""), found[2] or ""
        base = 1024 if unit.endswith("i") else 1000
        factor = base ** ("KMGTPE".index(unit[0]) + 1) if unit else 1
        self.at = found.end()
        try:
            return factor * (int(digits, 0) if re.match(r"[+-]?0[xbo]", digits) else int(digits))
        except ValueError:
            return factor * float(digits)

    def _string(self) -> str:
        opening = _OPENING.match(self.text, self.at)
        if opening is None:
            raise self.unexpected()
        hashes, quotes = opening[1], opening[2]
        body = _body(hashes, quotes).match(self.text, opening.end())
        end = f"{quotes}{hashes}"
        if body is None or not self.text.startswith(end, body.end()):
            raise self.unexpected()
        self.at = body.end() + len(end)
        raw = _without_indent(body[0]) if len(quotes) == 3 else body[0]
        text = _escape(hashes).sub(lambda found: _unescaped(found[1]), raw)
        if quotes[0] == "'":
            return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
        return text

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]


@cache
def _body(hashes: str, quotes: str) -> re.Pattern[str]:
    """Match what stands between the quotes of a string; ``#`` around them belong to its escapes, too."""
    return re.compile(rf"(?:(?!{quotes}{hashes}|\\{hashes}).|\\{hashes}.)*", re.DOTALL)


@cache
def _escape(hashes: str) -> re.Pattern[str]:
    code = "u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|."
    return re.compile(rf"\\{hashes}({code})", re.DOTALL)


def _unescaped(code: str) -> str:
    """Return what an escape means; bytes that are no text become surrogates for now."""
    if len(code) == 1:
        if code not in _ESCAPES:
            raise Unreadable(f"cue printed an unknown escape {code!r}")
        return _ESCAPES[code]
    number = int(code[1:], 16)
    if code[0] == "x" and number > 127:
        return chr(0xDC00 + number)
    return chr(number) if number <= 0x10FFFF else "\ufffd"


def _without_indent(raw: str) -> str:
    """Take the first line break, the last one, and the indent of the closing quotes off every line."""
    lines = raw.split("\n")
    indent = len(lines[-1])
    return "\n".join(line[indent:] for line in lines[1:-1])

"""The expressions of ``valueFrom``: the part of CUE that reads a value out of live objects.

Paths (``output.status.x[0]``, ``outputs.name.spec["a/b"]``), literals, interpolated strings
and ``+``. Everything else is refused by name when it is parsed. Neither an error nor a missing path ever
repeats a value: what is read may be a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from lateen.model.base import Json
from lateen.model.errors import LateenError
from lateen.model.json_values import as_list, as_object, join_path

OUTPUT, OUTPUTS = "output", "outputs"

_LONGEST, _DEEPEST = 4096, 20
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?(?![A-Za-z0-9_])")
_INDEX = re.compile(r"[0-9]{1,6}")
_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    '"': '"',
    "\\": "\\",
    "/": "/",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
}
_WORDS: dict[str, bool] = {"true": True, "false": False}


class ExpressionError(LateenError):
    """An expression that can't be read, or whose parts don't go together."""


class MissingValue(LateenError):
    """The objects don't have (yet) what an expression reads; ``path`` says where."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"{path} has no value")


@dataclass(frozen=True)
class Literal:
    """A string without interpolation, a number, true or false."""

    value: str | float | bool


@dataclass(frozen=True)
class Path:
    """A place in an object: ``object`` is the name of an output, or empty for the workload."""

    object: str
    steps: tuple[str | int, ...]

    def __str__(self) -> str:
        head = join_path(OUTPUTS, self.object) if self.object else OUTPUT
        return join_path(head, *self.steps)


@dataclass(frozen=True)
class Text:
    """A string with interpolated parts."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Sum:
    """Parts joined by ``+``: numbers, strings, or lists."""

    parts: tuple[Expression, ...]


Expression: TypeAlias = Literal | Path | Text | Sum


def parse_expression(text: str) -> Expression:
    """Read an expression. Raises ``ExpressionError``, which says what and where."""
    if len(text) > _LONGEST:
        raise ExpressionError(f"has more than {_LONGEST:,} characters")
    return _Parser(text).whole()


def paths_of(expression: Expression) -> Iterator[Path]:
    """Yield every path that an expression reads, in order."""
    if isinstance(expression, Path):
        yield expression
    elif isinstance(expression, Text | Sum):
        for part in expression.parts:
            yield from paths_of(part)


def is_text(expression: Expression) -> bool:
    """Tell whether an expression is certain to be a string."""
    if isinstance(expression, Literal):
        return isinstance(expression.value, str)
    return isinstance(expression, Text) or (
        isinstance(expression, Sum) and any(map(is_text, expression.parts))
    )


def evaluate(expression: Expression, objects: Mapping[str, Json]) -> Any:
    """Compute a value. ``objects`` are the live objects by output name, the workload under "".

    Raises ``MissingValue`` for what isn't there, or is null, and ``ExpressionError`` for values of
    kinds that can't be joined.
    """
    if isinstance(expression, Literal):
        return expression.value
    if isinstance(expression, Path):
        return _look_up(expression, objects)
    values = [evaluate(part, objects) for part in expression.parts]
    if isinstance(expression, Text):
        return "".join(map(_as_text, values))
    total = values[0]
    for value in values[1:]:
        total = _add(total, value)
    return total


def _look_up(path: Path, objects: Mapping[str, Json]) -> Any:
    current: Any = objects.get(path.object)
    for step in path.steps:
        if isinstance(step, int):
            items = as_list(current)
            current = items[step] if items is not None and step < len(items) else None
        else:
            current = (as_object(current) or {}).get(step)
    if current is None:
        raise MissingValue(str(path))
    return current


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise ExpressionError(f"{_kind(value)} can't be a part of a string")


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if _is_number(left) and _is_number(right):
        return left + right
    left_items, right_items = as_list(left), as_list(right)
    if left_items is not None and right_items is not None:
        return [*left_items, *right_items]
    raise ExpressionError(f"{_kind(left)} and {_kind(right)} can't be joined by +")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return "a string" if isinstance(value, str) else "a number"


class _Parser:
    """A recursive descent, bounded in depth."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        found = self._sum()
        if self._at < len(self._text):
            raise self._unexpected()
        return found

    def _sum(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ExpressionError(f"is nested deeper than {_DEEPEST} levels")
        parts = [self._term()]
        while self._take("+"):
            parts.append(self._term())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Sum(tuple(parts))

    def _term(self) -> Expression:
        self._blanks()
        if self._text.startswith(('"""', '#"', "'"), self._at):
            raise self._unexpected("only strings in double quotes are supported")
        if self._take('"'):
            return self._string()
        if self._take("("):
            inner = self._sum()
            self._need(")")
            return inner
        if number := _NUMBER.match(self._text, self._at):
            self._at = number.end()
            self._blanks()
            return Literal(json.loads(number[0]))
        word = self._identifier()
        if word in _WORDS:
            return Literal(_WORDS[word])
        return self._path(word)

    def _path(self, root: str) -> Path:
        steps = list(self._steps())
        self._blanks()
        if self._text.startswith("(", self._at):
            raise self._unexpected("functions are not supported")
        if root == OUTPUT:
            return Path("", tuple(steps))
        if root != OUTPUTS:
            raise ExpressionError(
                f"unknown name {root!r}; a value comes from output or outputs.<name>"
            )
        if not steps or not isinstance(steps[0], str):
            raise ExpressionError("outputs needs the name of one of them: outputs.<name>")
        return Path(steps[0], tuple(steps[1:]))

    def _steps(self) -> Iterator[str | int]:
        while self._at < len(self._text):
            if self._text[self._at] == ".":
                self._at += 1
                yield self._quoted() if self._take('"') else self._identifier()
            elif self._text[self._at] == "[":
                self._at += 1
                yield self._index()
            else:
                return

    def _index(self) -> str | int:
        self._blanks()
        if self._take('"'):
            step: str | int = self._quoted()
        elif number := _INDEX.match(self._text, self._at):
            self._at = number.end()
            step = int(number[0])
        else:
            raise self._unexpected('expected a number or a "key" in brackets')
        self._blanks()
        if not self._text.startswith("]", self._at):
            raise self._unexpected("expected ]")
        self._at += 1
        return step

    def _quoted(self) -> str:
        found = self._string(blanks=False)
        if not isinstance(found, Literal):
            raise ExpressionError("a key can't be interpolated")
        return str(found.value)

    def _string(self, *, blanks: bool = True) -> Literal | Text:
        """Read on behind an opening quote."""
        parts: list[Expression] = []
        plain: list[str] = []
        while True:
            if self._at >= len(self._text):
                raise ExpressionError("a string has no closing quote")
            character = self._text[self._at]
            self._at += 1
            if character == '"':
                break
            if character != "\\":
                plain.append(character)
            elif self._text.startswith("(", self._at):
                self._at += 1
                parts += [Literal("".join(plain)), self._sum()] if plain else [self._sum()]
                plain = []
                self._need(")", blanks=False)
            else:
                plain.append(self._escape())
        if blanks:
            self._blanks()
        if not parts:
            return Literal("".join(plain))
        return Text((*parts, Literal("".join(plain))) if plain else tuple(parts))

    def _escape(self) -> str:
        letter = self._text[self._at : self._at + 1]
        self._at += 1
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        digits = self._text[self._at : self._at + 4]
        if letter == "u" and re.fullmatch(r"[0-9A-Fa-f]{4}", digits):
            code = int(digits, 16)
            if not 0xD800 <= code < 0xE000:
                self._at += 4
                return chr(code)
        raise ExpressionError(f"unknown escape \\{letter} in a string")

    def _identifier(self) -> str:
        found = _IDENTIFIER.match(self._text, self._at)
        if found is None:
            raise self._unexpected()
        self._at = found.end()
        return found[0]

    def _take(self, wanted: str) -> bool:
        self._blanks(unless=wanted == '"')
        if not self._text.startswith(wanted, self._at):
            return False
        self._at += len(wanted)
        return True

    def _need(self, wanted: str, *, blanks: bool = True) -> None:
        if not self._take(wanted):
            raise self._unexpected(f"expected {wanted}")
        if blanks:
            self._blanks()

    def _blanks(self, *, unless: bool = False) -> None:
        while not unless and self._text[self._at : self._at + 1] in (" ", "\t", "\n"):
            self._at += 1

    def _unexpected(self, why: str = "") -> ExpressionError:
        rest = self._text[self._at : self._at + 1]
        what = f"unexpected {rest!r}" if rest else "unexpected end"
        if not why and rest == "-":
            why = 'write ["a-b"] for a key with a dash'
        where = f"{what} at position {self._at + 1}"
        return ExpressionError(f"{where}: {why}" if why else where)

"""What the cue program says, in the words of the person who wrote the properties.

It prints one line for each error, ``path: message``, with the places below it. For alternatives (``"a" | "b"``,
or a list with a default) it prints one error each: what came closest is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lateen.definitions.templates import GIVEN, template_line
from lateen.model.errors import Problem, nearest
from lateen.model.findings import join_path, revealed
from lateen.model.json_values import as_list, as_object

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from lateen.model.base import Json

    Known: TypeAlias = Callable[[tuple[str | int, ...]], Sequence[str] | None]

_PART = re.compile(r'"((?:[^"\\]|\\.)*)"|([^.":\s]+)')
_LINE = re.compile(
    r"""((?:[\w#$-]+|"(?:[^"\\]|\\.)*")(?:\.(?:[\w#$-]+|"(?:[^"\\]|\\.)*"))*): (.*)"""
)
_PLACE = re.compile(r"\s+\S*?-?:(\d+):\d+")
_ALTERNATIVES = re.compile(r"\d+ errors in empty disjunction")
_MISMATCH = re.compile(r"conflicting values (.*) and (.*) \(mismatched types (.*) and (.*)\)")
_CONFLICT = re.compile(r"conflicting values (.*) and (.*)")
_BOUND = re.compile(r"invalid value .* \((?:out of bound|does not satisfy) (.*)\)")
_INCOMPLETE = re.compile(r"incomplete value (.*)")
_UNKNOWN = "field not allowed"
_TYPES = {
    "string": "a string", "int": "an integer", "float": "a number", "number": "a number",
    "bool": "true or false", "list": "a list", "struct": "an object", "null": "null", "bytes": "bytes",
}  # fmt: skip
_MOST_SHOWN = 300


@dataclass(frozen=True)
class Said:
    """One error that cue printed. ``line`` is a line of the template, 0 where it names none."""

    path: tuple[str | int, ...]
    message: str
    line: int = 0


def read_errors(printed: str) -> list[Said]:
    """Read what cue printed on its error stream."""
    found: list[Said] = []
    lines = printed.splitlines()
    for index, line in enumerate(lines):
        if not line.strip() or line[0].isspace():
            continue
        text = line.removesuffix(":")
        located = _LINE.fullmatch(text)
        path, message = (located[1], located[2]) if located else ("", text)
        place = _PLACE.match(lines[index + 1]) if index + 1 < len(lines) else None
        said = Said(_parts(path), message, max(template_line(int(place[1])), 0) if place else 0)
        if said not in found:
            found.append(said)
    return found


def parameter_problems(
    said: Sequence[Said],
    properties: Json,
    *,
    path: str,
    known: Known,
) -> list[Problem]:
    """Tell what is wrong with properties; ``path`` is where they stand.

    ``known`` gives the keys below a place, None where nobody knows them. What cue says about anything
    else, such as a defect of the template, is left out.
    """
    ours = [
        Said(each.path[1:], each.message, each.line) for each in said if each.path[:1] == (GIVEN,)
    ]
    ours = [each for each in ours if not _is_free(each, known)]
    problems: list[Problem] = []
    for root in [each.path for each in ours if _ALTERNATIVES.fullmatch(each.message)]:
        group = [each for each in ours if each.path[: len(root)] == root]
        ours = [each for each in ours if each not in group]
        group = [each for each in group if not _ALTERNATIVES.fullmatch(each.message)]
        problems += _closest(group, properties, path=path, known=known)
    for each in ours:
        problems.append(_problem(each, properties, path=path, known=known))
    distinct = {(each.path, each.message): each for each in problems}
    return list(distinct.values())


def _is_free(said: Said, known: Known) -> bool:
    """Tell whether an unknown key stands in an object without any key: authors write ``{}`` for all.

    A definition closes that, too. The parameter itself without any key takes none.
    """
    place = said.path[:-1]
    if said.message != _UNKNOWN or not place:
        return False
    keys = known(place)
    return keys is not None and not keys


def template_message(said: Sequence[Said]) -> str:
    """Say what is wrong with a template's evaluation, in one line."""
    first = said[0] if said else Said((), "it failed without a word")
    where = ""
    for part in first.path[1:] if str(first.path[:1]).find("_lateen") >= 0 else first.path:
        where = join_path(where, part)
    line = f" (line {first.line} of the template)" if first.line else ""
    text = f"{where}: {first.message}" if where else first.message
    return text.replace("_lateenRun.", "")[:_MOST_SHOWN] + line


def _closest(
    group: Sequence[Said],
    properties: Json,
    *,
    path: str,
    known: Known,
) -> list[Problem]:
    """Choose among the errors of alternatives: those deepest inside, or all that was expected."""
    depth = max((len(each.path) for each in group), default=0)
    deepest = [each for each in group if len(each.path) == depth]
    expected = [word for each in deepest if (word := _expected(each, properties))]
    if len({each.path for each in deepest}) == 1 and len(expected) > 1:
        value = _value(properties, deepest[0].path)
        where = _join(path, deepest[0].path)
        words = list(dict.fromkeys(expected))
        hint = _near(value, words)
        return [Problem(where, f"expected {' or '.join(words)}", revealed(where, value), hint)]
    return [_problem(each, properties, path=path, known=known) for each in deepest]


def _problem(
    said: Said,
    properties: Json,
    *,
    path: str,
    known: Known,
) -> Problem:
    where = _join(path, said.path)
    value = _value(properties, said.path)
    shown = revealed(where, value)
    if said.message == _UNKNOWN and said.path:
        hint = nearest(str(said.path[-1]), known(said.path[:-1]) or ())
        return Problem(where, "unknown key", shown, hint)
    if missing := _INCOMPLETE.fullmatch(said.message):
        kind = _TYPES.get(missing[1], missing[1])
        return Problem(where, "is required", hint=f"expected {kind}" if len(kind) < 80 else "")
    if said.message.startswith("field is required"):
        return Problem(where, "is required")
    if bound := _BOUND.fullmatch(said.message):
        return Problem(where, f"must satisfy {bound[1]}", shown)
    if expected := _expected(said, properties):
        return Problem(where, f"expected {expected}", shown)
    if value is None or shown is not None:
        return Problem(where, said.message[:_MOST_SHOWN], shown)
    return Problem(where, "is not what the definition takes")


def _expected(said: Said, properties: Json) -> str:
    """Say what was expected, of the two that conflict: the one that was not given."""
    value = _value(properties, said.path)
    if kinds := _MISMATCH.fullmatch(said.message):
        own = _kind(value)
        left, right = (kind.strip("()") for kind in (kinds[3], kinds[4]))
        wanted = right if _fits(own, left) and not _fits(own, right) else left
        return " or ".join(_TYPES.get(each, each) for each in wanted.split("|"))
    if values := _CONFLICT.fullmatch(said.message):
        own = f'"{value}"' if isinstance(value, str) else str(value).lower()
        return values[1] if values[2] == own else values[2] if values[1] == own else ""
    return ""


def _fits(own: str, kinds: str) -> bool:
    listed = kinds.split("|")
    return own in listed or (own == "int" and "number" in listed)


def _kind(value: Any) -> str:
    for kinds, name in ((bool, "bool"), (int, "int"), (float, "float"), (str, "string")):
        if isinstance(value, kinds):
            return name
    return "list" if isinstance(value, list) else "struct" if isinstance(value, dict) else "null"


def _near(value: Any, words: Sequence[str]) -> str:
    allowed = [word.strip('"') for word in words if word.startswith('"')]
    hint = nearest(value, allowed) if isinstance(value, str) and allowed else ""
    return hint if hint.startswith("did you mean") else ""


def _parts(path: str) -> tuple[str | int, ...]:
    return tuple(
        quoted or (int(bare) if bare.isdecimal() else bare) for quoted, bare in _PART.findall(path)
    )


def _join(path: str, parts: tuple[str | int, ...]) -> str:
    for part in parts:
        path = join_path(path, part)
    return path


def _value(value: Any, parts: tuple[str | int, ...]) -> Any:
    for part in parts:
        items, fields = as_list(value), as_object(value)
        if items is not None and isinstance(part, int) and part < len(items):
            value = items[part]
        elif fields is not None:
            value = fields.get(str(part))
        else:
            return None
    return value

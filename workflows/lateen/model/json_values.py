"""Plain JSON: telling it from everything else, and writing it the one canonical way.

What reaches us may come from anywhere: a YAML file, a Temporal client in another language, somebody
with ill intent. Nothing else looks at a value before ``json_problems`` found nothing wrong with it.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard, cast

from lateen.model.errors import Problem, shorten

if TYPE_CHECKING:
    from lateen.model.base import Json

DEEPEST = 100
"""How many levels a document may nest; Kubernetes' own objects stay below thirty."""

LONGEST_KEY = 512
"""Characters of a key; the longest that Kubernetes knows (a label's with its prefix) has 317."""

_MOST_PROBLEMS = 50
_SMALLEST_INTEGER, _LARGEST_INTEGER = -(2**63), 2**64 - 1
_PLAIN_KEY = re.compile(r"[A-Za-z_$][\w$-]*")

_Location: TypeAlias = tuple[str | int, ...]


def json_problems(value: Any, *, path: str = "") -> list[Problem]:
    """Say what keeps a value from being JSON that every tool on its way can carry.

    Refused are other types than JSON's, keys that are no strings, NaN and infinities, integers
    beyond 64 bits, lone surrogates, and nesting beyond ``DEEPEST``. Needs no recursion; stops after
    some 50 findings.
    """
    problems: list[Problem] = []
    pending: list[tuple[Any, _Location]] = [(value, ())]
    while pending and len(problems) < _MOST_PROBLEMS:
        current, location = pending.pop()
        if isinstance(current, dict | list):
            if len(location) >= DEEPEST:
                message = f"is nested deeper than {DEEPEST} levels"
                problems.append(Problem(join_path(path, *location[:5], "…"), message))
                continue
            problems += _check_members(current, location, pending, path=path)
        elif message := _scalar_message(current):
            problems.append(Problem(join_path(path, *location), message, _number(current)))
    return problems


def _check_members(
    container: Any, location: _Location, pending: list[tuple[Any, _Location]], *, path: str
) -> list[Problem]:
    """Check scalars on the spot, and leave what holds more to the caller's list."""
    problems: list[Problem] = []
    members = as_object(container)
    keyed = members is not None
    for key, item in members.items() if members is not None else enumerate(container):
        if keyed and (message := _key_message(key)):
            problems.append(Problem(join_path(path, *location), message, shown(key)))
        elif isinstance(item, dict | list):
            pending.append((cast("Any", item), (*location, key)))
        elif message := _scalar_message(item):
            problems.append(Problem(join_path(path, *location, key), message, _number(item)))
        if len(problems) >= _MOST_PROBLEMS:
            break
    return problems


def _key_message(key: Any) -> str:
    if not isinstance(key, str):
        return "keys must be strings"
    if len(key) > LONGEST_KEY:
        return f"keys may have at most {LONGEST_KEY} characters"
    return "" if key.isprintable() else "keys must not hold control characters"


def _scalar_message(value: Any) -> str:
    """Return what is wrong with a scalar; empty when nothing is."""
    if isinstance(value, str):
        return "" if value.isascii() or _is_encodable(value) else "is no Unicode text"
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, int):
        fits = _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER
        return "" if fits else "does not fit 64 bits"
    if isinstance(value, float):
        return "" if math.isfinite(value) else "must be a finite number"
    return f"is not JSON but a {type(value).__name__}"


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(value: Any) -> Any:
    """Return what an error may show of a value: a number, but no text, which could be a secret."""
    return shown(value) if isinstance(value, int | float) else None


def shown(value: Any) -> Any:
    """Return a value that is safe to print in an error whatever it is; None when it isn't."""
    if isinstance(value, str | float | bool):
        return shorten(value).encode("ascii", "backslashreplace").decode().strip("'\"")
    return value if isinstance(value, int) and abs(value) < 10**30 else None


def join_path(path: str, *parts: str | int) -> str:
    """Extend a path: ``spec`` and ``components``, ``0`` make ``spec.components[0]``."""
    for part in parts:
        if isinstance(part, int):
            path = f"{path}[{part}]"
        elif part == "…" or _PLAIN_KEY.fullmatch(part):
            path = f"{path}.{part}" if path else part
        else:
            path = f'{path}["{part}"]'
    return path


def canonical_json(value: Any) -> bytes:
    """Write JSON in the one form that digests are made of: sorted keys, no blanks, UTF-8.

    ``1.0`` and ``1`` are the same number in JSON, and an API server turns one into the other: both
    are written ``1``. The value must be free of ``json_problems``.
    """
    text = json.dumps(
        _canonical(value),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )
    return text.encode()


def json_digest(value: Any) -> str:
    """Return the SHA-256 of the canonical form, in hexadecimal."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def as_object(value: Any) -> Json | None:
    """Return a value if it is a JSON object."""
    return value if _is_object(value) else None


def as_list(value: Any) -> list[Any] | None:
    """Return a value if it is a JSON array."""
    return value if _is_list(value) else None


def _is_object(value: Any) -> TypeGuard[Json]:
    return isinstance(value, dict)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _canonical(value: Any) -> Any:
    if (members := as_object(value)) is not None:
        return {key: _canonical(item) for key, item in members.items()}
    if (items := as_list(value)) is not None:
        return [_canonical(item) for item in items]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value

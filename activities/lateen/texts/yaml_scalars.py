"""What a plain YAML scalar means to Kubernetes.

Its reader is ``sigs.k8s.io/yaml`` on go-yaml v2, which knows YAML 1.1's booleans and 1.2's octals.
"""

from __future__ import annotations

import math
import re
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_NULL = ("", "~", "null", "Null", "NULL")
_TRUE = "y Y yes Yes YES true True TRUE on On ON"
_FALSE = "n N no No NO false False FALSE off Off OFF"
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(_NULL),
    **dict.fromkeys(_TRUE.split(), True),
    **dict.fromkeys(_FALSE.split(), False),
}
_NOT_FINITE = re.compile(r"\.(?:nan|NaN|NAN)|[-+]?\.(?:inf|Inf|INF)")
_INTEGER = re.compile(
    r"[-+]?(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<binary>[01]+)|0[oO]?(?P<octal>[0-7]+)|(?:0|[1-9][0-9]*))"
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_EXACT = 2**63


def resolve_plain(text: str) -> Scalar:
    """Return the value of an unquoted scalar.

    Dates and sexagesimal numbers stay strings, ``010`` and ``0o10`` are eight, underscores separate
    digits, bare ``y`` and ``n`` are booleans. As in JSON written by Go, ``1.0`` is the integer 1.

    Raises ``ValueError`` for NaN and infinities, which JSON can't express.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} can't be written in JSON")
    digits = text if text[0] == "." else text.replace("_", "")
    number = _integer(digits)
    if number is not None:
        return number
    if _FLOAT.fullmatch(digits):
        return _tidy(float(digits), text)
    return text


def _integer(digits: str) -> int | None:
    """Read an integer of at most 64 bits; a larger one is a float to Go."""
    match = _INTEGER.fullmatch(digits)
    if match is None or len(digits) > 80:
        return None
    number = 0
    for name, base in (("hex", 16), ("binary", 2), ("octal", 8)):
        if match[name]:
            number = int(match[name], base)
            break
    else:
        number = int(digits.lstrip("+-"))
    number = -number if digits[0] == "-" else number
    return number if _SMALLEST <= number <= _LARGEST else None


def _tidy(number: float, text: str) -> Scalar:
    if not math.isfinite(number):
        return text
    return int(number) if number.is_integer() and abs(number) < _EXACT else number

"""Versions of charts, and the ranges of them that Helm understands.

A range is made of comparisons (``>=1.2 <2``, with blanks or commas), ``^`` and ``~``, ``x`` or ``*`` for any
part, ``1.2 - 1.4``, and alternatives with ``||``. As with Helm, pre-releases only fit a comparison that names
one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import total_ordering

from lateen.model.errors import LateenError

LATEST = "latest"

_VERSION = re.compile(
    r"v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)
_TERM = re.compile(
    r"(?P<sign>!=|>=|=>|<=|=<|=|>|<|~>|~|\^)?\s*v?(?P<parts>(?:\d{1,9}|[xX*])(?:\.(?:\d{1,9}|[xX*])){0,2})"
    r"(?:-(?P<pre>[0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)
_HYPHEN = re.compile(r"(\S+)\s+-\s+(\S+)")


class InvalidRange(LateenError):
    """A text is neither a version nor a range of versions."""


@total_ordering
@dataclass(frozen=True)
class Version:
    """A semantic version; what is left out is 0."""

    numbers: tuple[int, int, int]
    pre: tuple[str, ...] = ()

    def __lt__(self, other: Version) -> bool:
        """Compare by precedence: a pre-release comes before its release."""
        return self._rank < other._rank

    @property
    def _rank(self) -> tuple[tuple[int, int, int], bool, list[tuple[bool, int, str]]]:
        pre = [
            (False, int(p), "") if p.isascii() and p.isdigit() else (True, 0, p) for p in self.pre
        ]
        return self.numbers, not self.pre, pre


Fits = Callable[[Version], bool]


def read_version(text: str) -> Version | None:
    """Read a version; None for anything else."""
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    major, minor, patch = (int(part or 0) for part in found.groups()[:3])
    pre: str = found[4] or ""
    return Version((major, minor, patch), tuple(pre.split(".")) if pre else ())


def is_exact(text: str) -> bool:
    """Tell whether a text names one version and no range of them."""
    return text.count(".") >= 2 and read_version(text) is not None


def choose(wanted: str, known: Iterable[str]) -> str | None:
    """Return the newest known version that is wanted, as it is written there.

    Raises ``InvalidRange``.
    """
    names = list(known)
    if wanted in names:
        return wanted
    fits = _range("*" if wanted == LATEST else wanted)
    found = [(version, name) for name in names if (version := read_version(name)) and fits(version)]
    return max(found)[1] if found else None


def _range(text: str) -> Fits:
    alternatives = [_all_of(part, text) for part in text.split("||")]
    return lambda version: any(fits(version) for fits in alternatives)


def _all_of(part: str, text: str) -> Fits:
    part = _HYPHEN.sub(r">=\1 <=\2", part.strip())
    terms: list[Fits] = []
    at = 0
    while at < len(part):
        if part[at] in ", ":
            at += 1
            continue
        found = _TERM.match(part, at)
        if found is None or (found.end() < len(part) and part[found.end()] not in ", "):
            raise InvalidRange(f"{text!r} is neither a version nor a range of versions")
        terms.append(_term(found["sign"] or "", found["parts"], found["pre"] or ""))
        at = found.end()
    if not terms:
        raise InvalidRange(f"{text!r} is neither a version nor a range of versions")
    return lambda version: all(fits(version) for fits in terms)


def _term(sign: str, parts: str, pre: str) -> Fits:
    """Return what a comparison means; with parts left out, it is about all versions that begin so."""
    given: list[int] = []
    for part in parts.split("."):
        if not part.isdigit():
            break
        given.append(int(part))
    low = Version(_padded(given), tuple(pre.split(".")) if pre else ())
    above = _above(given, len(given) - 1)
    full = len(given) == 3
    same: Fits = (lambda v: v == low) if full else (lambda v: low <= v < above)
    fits: dict[str, Fits] = {
        "": same,
        "=": same,
        "!=": lambda v: not same(v),
        ">=": lambda v: v >= low,
        "<": lambda v: v < low,
        ">": (lambda v: v > low) if full else (lambda v: v >= above),
        "<=": (lambda v: v <= low) if full else (lambda v: v < above),
        "^": lambda v: low <= v < _above(given, _first_number(given)),
        "~": lambda v: low <= v < _above(given, min(len(given), 2) - 1),
    }
    plain = {"=>": ">=", "=<": "<=", "~>": "~"}.get(sign, sign)
    return lambda version: (bool(pre) or not version.pre) and fits[plain](version)


def _first_number(given: list[int]) -> int:
    """Return which part ``^`` lets stay: the first that is not 0."""
    return next((index for index, number in enumerate(given) if number), len(given) - 1)


def _padded(given: list[int]) -> tuple[int, int, int]:
    major, minor, patch = (*given, 0, 0, 0)[:3]
    return major, minor, patch


def _above(given: list[int], at: int) -> Version:
    """Return the first version beyond those that agree up to a part; of all versions, one beyond all."""
    if at < 0:
        return Version((10**9, 0, 0))
    return Version(_padded([*given[:at], given[at] + 1]))

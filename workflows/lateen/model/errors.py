"""What can be wrong with what a user wrote.

::

    LateenError
     ├─ InvalidApplication     one or more problems, each with path, value and the way out
     └─ InvalidManifest        a document is not what it claims to be (YAML, kind, size)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_SHOWN = 80
_MOST_PROBLEMS = 50


class LateenError(Exception):
    """The root of the errors that lateen raises on purpose."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    ``path`` is where, in the user's own document (``spec.components[0].type``); ``hint`` is the way out.
    """

    path: str
    message: str
    value: Any = None
    hint: str = ""

    def __str__(self) -> str:
        shown = "" if self.value is None else f" (got {shorten(self.value)})"
        hint = f"; {self.hint}" if self.hint else ""
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.message}{shown}{hint}"

    def to_json(self) -> dict[str, str]:
        """Return the problem for machines; the value is shown as an error shows it."""
        shown = {} if self.value is None else {"value": shorten(self.value)}
        return {"path": self.path, "message": self.message, "hint": self.hint, **shown}


class InvalidApplication(LateenError):
    """The application can't be delivered as it is written; nothing was applied.

    Beyond 50 problems only their number is kept: the error has to fit a Temporal failure and a screen.
    """

    def __init__(self, problems: Iterable[Problem], *, subject: str = "") -> None:
        self.problems = _bounded(tuple(problems))
        self.subject = subject
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        head = f"{self.subject} is invalid" if self.subject else "invalid"
        return f"{head}:\n{lines}" if len(self.problems) != 1 else f"{head}: {self.problems[0]}"

    def to_json(self) -> dict[str, list[dict[str, str]]]:
        """Return the problems for machines: the details of a Temporal failure."""
        return {"problems": [problem.to_json() for problem in self.problems]}

    @classmethod
    def at(cls, path: str, message: str, value: Any = None, hint: str = "") -> InvalidApplication:
        """Build the error for a single problem."""
        return cls([Problem(path, message, value, hint)])


def _bounded(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    rest = len(problems) - _MOST_PROBLEMS
    if rest <= 0:
        return problems
    return (*problems[:_MOST_PROBLEMS], Problem("", f"and {rest:,} more problems"))


class InvalidManifest(LateenError):
    """A document can't be read: malformed YAML, an unknown kind, or too large."""


def shorten(value: Any, limit: int = _SHOWN) -> str:
    """Show a value in an error: its ``repr``, without control characters, cut at ``limit``."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def nearest(word: str, known: Iterable[str]) -> str:
    """Suggest the closest known word as a hint, or list what there is when nothing is close."""
    names = sorted(known)
    match = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if match:
        return f"did you mean {match[0]!r}?"
    if not names:
        return ""
    listed = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"known: {listed}"

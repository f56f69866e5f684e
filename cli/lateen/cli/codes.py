"""Exit codes of the commands that deliver, delete and compare. They are promised: scripts branch on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lateen.cli.output import Tone

DELIVERED = 0
ERROR = 1
UNCHANGED = 3
WAITING = 4
FAILED = 5
REJECTED = 6
SUPERSEDED = 7
TIMED_OUT = 8
INTERRUPTED = 130

SAME = 0
DIFFERENT = 1
TROUBLE = 2
"""The codes of ``lateen diff``: those of diff(1), where 1 is no error."""

OF_PHASE: Mapping[str, int] = {
    "delivered": DELIVERED,
    "deleted": DELIVERED,
    "unchanged": UNCHANGED,
    "waiting": WAITING,
    "failed": FAILED,
    "cancelled": FAILED,
    "terminated": FAILED,
    "timed-out": FAILED,
    "rejected": REJECTED,
    "superseded": SUPERSEDED,
}

_WORST_FIRST = (ERROR, FAILED, REJECTED, TIMED_OUT, SUPERSEDED, WAITING, DELIVERED, UNCHANGED)


def tone(code: int) -> Tone:
    """Return how a code is to look: fine, still open, or wrong."""
    if code in {DELIVERED, UNCHANGED}:
        return "good"
    return "open" if code in {WAITING, TIMED_OUT} else "bad"


def worst(codes: Iterable[int]) -> int:
    """Return the code of several: the first of error, failed, rejected, timed out, superseded, waiting.

    Otherwise delivered, if anything was, and only then unchanged.
    """
    found = set(codes)
    return next((code for code in _WORST_FIRST if code in found), DELIVERED)

"""Durations as Go writes them (``1h30m``, ``90s``, ``250ms``), which is what KubeVela reads."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_LONGEST = timedelta(days=3650)


def parse_duration(text: str) -> timedelta:
    """Read a Go duration.

    Raises ``ValueError`` for anything else, for zero and negative durations, and beyond ten years.
    """
    position, seconds = 0, 0.0
    for part in _PART.finditer(text):
        if part.start() != position:
            break
        seconds += float(part.group(1)) * _UNITS[part.group(2)]
        position = part.end()
    if not text or position != len(text):
        raise ValueError("expected a duration such as 30s, 5m or 1h30m")
    if not 0 < seconds <= _LONGEST.total_seconds():
        raise ValueError("expected a duration greater than zero and at most ten years")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Write a duration the short way (``1h30m``, ``45s``, ``0.3s``)."""
    seconds = duration.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f}".rstrip("0").rstrip(".") + "s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [
        f"{hours}h" if hours else "",
        f"{minutes}m" if minutes else "",
        f"{rest}s" if rest else "",
    ]
    return "".join(parts)

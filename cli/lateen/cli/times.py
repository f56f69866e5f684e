"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def shown_time(text: str) -> str:
    """Write an ISO 8601 time as KubeVela does (``2022-04-08 14:37:54 +0000 UTC``); others as they are."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")


def exact_time(text: str) -> str:
    """Write an ISO 8601 time to the millisecond (``2026-01-31T08:15:02.114Z``); others as they are."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

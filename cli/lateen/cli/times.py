"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def age(text: str, now: datetime | None = None) -> str:
    """Write how long ago an ISO 8601 time was (``2h5m``, ``31m``); nothing for other texts."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    left = max(0, int(((now or datetime.now(UTC)) - moment).total_seconds()))
    parts: list[str] = []
    for seconds, unit in _UNITS:
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count}{unit}")
        if len(parts) == 2 or (parts and (count >= 10 or not count)):
            break
    return "".join(parts) or "0s"


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

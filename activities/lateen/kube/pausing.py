"""How long to wait before a cluster that did not answer is asked again."""

from __future__ import annotations

import random

from lateen.kube.errors import KubeError, TooManyRequests

_SHORTEST, _LONGEST = 0.25, 15.0


def pause(failures: int, error: KubeError | None = None, *, longest: float = _LONGEST) -> float:
    """Return the seconds until the next attempt: longer each time, and never in step."""
    seconds = min(longest, _SHORTEST * 2.0 ** min(max(failures - 1, 0), 10))
    if isinstance(error, TooManyRequests) and error.retry_after:
        seconds = max(seconds, error.retry_after)
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret

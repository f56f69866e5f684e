"""Doing several things side by side in a workflow: wait for all of them, and cancel in a fixed order."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def all_of(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all of them at once and wait for every one, also when this is cancelled: nothing is left behind.

    A ``TaskGroup`` waits as well, but it cancels in the order of a set, which differs between processes: the
    replay of a cancelled run could come to other commands. ``gather`` keeps the order that it was given.
    """
    results = await asyncio.gather(*works, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


MOST_AT_ONCE = 1000
"""Clusters that are cleaned up at once: a run may have 2,000 pending activities."""


def stop_if_cancelled() -> None:
    """Raise the cancellation that an awaited activity or child swallowed because it ended all the same."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError

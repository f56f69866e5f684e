"""Waiting like a person: after two seconds without an answer one wants to know why."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

_T = TypeVar("_T")

_SECONDS = 1.5


async def impatiently(work: Awaitable[_T], *, tell: Callable[[], object]) -> _T:
    """Return what ``work`` returns; call ``tell`` once if that takes long."""
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait([task], timeout=_SECONDS)
        if not done:
            tell()
        return await task
    finally:
        task.cancel()

"""Letting placements that end at nearly the same time end together.

Every completion that reaches Temporal alone costs the run a workflow task (three events, and the work of both
sides). Placements of one step mostly end within milliseconds of each other: the first ones wait for the rest,
but never longer than a person or the next placement would notice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

PATIENCE = 0.25
"""Seconds that a placement which is done waits for its siblings."""


@dataclass
class _Group:
    running: int = 0
    members: int = 0
    all_done: asyncio.Event = field(default_factory=asyncio.Event)


class Convergence:
    """Knows which placements of each step run in this worker."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._groups: dict[tuple[str, str], _Group] = {}

    @asynccontextmanager
    async def member(self, *, run: str, step: str) -> AsyncGenerator[None]:
        """Take part for the length of the block; its end waits a moment for the others.

        An error or a cancellation is never held back.
        """
        group = self._groups.setdefault((run, step), _Group())
        group.members += 1
        group.running += 1
        group.all_done.clear()
        finished = False
        try:
            yield
            finished = True
        finally:
            group.running -= 1
            if group.running == 0:
                group.all_done.set()
            try:
                if finished:
                    await self._others(group)
            finally:
                group.members -= 1
                if group.members == 0:
                    self._groups.pop((run, step), None)

    async def _others(self, group: _Group) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await group.all_done.wait()
        except TimeoutError:
            return

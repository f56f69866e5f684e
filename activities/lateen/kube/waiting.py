"""Waiting until what was applied is healthy: one watch an object, and none for what already is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from lateen.kube.errors import Expired, KubeError, Unhealthy, Unreachable, Vanished
from lateen.kube.health import Health, evaluate
from lateen.kube.pausing import pause
from lateen.kube.shapes import as_object, as_text
from lateen.model.objects import ObjectRef

if TYPE_CHECKING:
    from lateen.kube.cluster import Cluster
    from lateen.model.base import Json

Progress = Callable[[int, int, str], None]
"""Called with how many are healthy, how many there are, and a message about one that isn't."""

_WATCH = 240.0
"""Seconds that one watch is kept open."""

_TOO_SHORT = 1.0
"""Seconds; a watch that ends earlier is a failure, or the next would follow without a pause."""


async def wait_healthy(cluster: Cluster, objects: Sequence[Json], *, progress: Progress) -> None:
    """Return when every object is healthy; ``objects`` are the answers of their applies.

    Raises ``Unhealthy`` as soon as one has failed, ``Vanished`` when one is deleted or replaced by
    another, and any ``KubeError`` that isn't ``retryable``. What is retryable (a dropped watch, a
    restarting API server) is waited out without an end: bound the time with ``asyncio.timeout``.
    """
    board = _Board(cluster, objects, progress)
    waits = [_Wait(cluster, live, board) for live in board.open]
    tasks = [asyncio.create_task(wait.run()) for wait in waits]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        # Watches are closed when this returns; what they raise now is of no interest any more.
        await asyncio.gather(*tasks, return_exceptions=True)


class _Board:
    """Who is healthy by now, and the telling of it."""

    def __init__(self, cluster: Cluster, objects: Sequence[Json], progress: Progress) -> None:
        self._cluster = cluster.name
        self._progress = progress
        self._total = len(objects)
        self._states: dict[ObjectRef, str] = {}
        self.open: list[Json] = []
        for live in objects:
            health = evaluate(live)
            self._check(ObjectRef.of(live), health)
            if not health.healthy:
                self._states[ObjectRef.of(live)] = health.message
                self.open.append(live)
        self._tell()

    def report(self, ref: ObjectRef, health: Health) -> bool:
        """Take in what was seen of an object; True when it is healthy. Raises ``Unhealthy``."""
        self._check(ref, health)
        before = self._states.get(ref)
        if health.healthy:
            self._states.pop(ref, None)
        else:
            self._states[ref] = health.message
        if self._states.get(ref) != before:
            self._tell()
        return health.healthy

    def _check(self, ref: ObjectRef, health: Health) -> None:
        if health.state == "failed":
            raise Unhealthy(ref, health.message, cluster=self._cluster)

    def _tell(self) -> None:
        ref, message = next(iter(self._states.items()), (None, ""))
        shown = f"{ref}: {message}" if ref else ""
        self._progress(self._total - len(self._states), self._total, shown)


class _Wait:
    """The wait for one object."""

    def __init__(self, cluster: Cluster, live: Json, board: _Board) -> None:
        self._cluster = cluster
        self._board = board
        self._ref = ObjectRef.of(live)
        metadata = as_object(live.get("metadata"))
        self._uid = as_text(metadata.get("uid"))
        self._version = as_text(metadata.get("resourceVersion"))
        self._failures = 0

    async def run(self) -> None:
        """Watch until the object is healthy, and begin again whenever the watch ends."""
        while True:
            try:
                if self._failures and await self._look():
                    return
                if await self._watch():
                    return
            except KubeError as error:
                if not error.retryable or isinstance(error, Vanished):
                    raise
                self._failures += 1
                # A version that is too old only calls for a new look; but not again and again.
                if not isinstance(error, Expired) or self._failures > 1:
                    await asyncio.sleep(pause(self._failures, error))

    async def _look(self) -> bool:
        """Get the object, which nobody may have seen since the watch broke off."""
        live = await self._cluster.get(self._ref)
        if live is None:
            raise Vanished(self._ref, "was deleted", cluster=self._cluster.name)
        return self._see(live)

    async def _watch(self) -> bool:
        """Watch for a while; True when the object is healthy."""
        began = time.monotonic()
        events = self._cluster.watch(self._ref, resource_version=self._version, timeout=_WATCH)
        async with aclosing(events):
            async for kind, live in events:
                self._failures = 0
                if kind == "DELETED":
                    raise Vanished(self._ref, "was deleted", cluster=self._cluster.name)
                if self._see(live):
                    return True
        if time.monotonic() - began < _TOO_SHORT:
            reason = "the watch ended at once"
            raise Unreachable(f"watch {self._ref}: {reason}", cluster=self._cluster.name)
        return False

    def _see(self, live: Json) -> bool:
        metadata = as_object(live.get("metadata"))
        if self._uid and as_text(metadata.get("uid")) != self._uid:
            message = "was deleted and created again by somebody else"
            raise Vanished(self._ref, message, cluster=self._cluster.name)
        self._version = as_text(metadata.get("resourceVersion"))
        return self._board.report(self._ref, evaluate(live))

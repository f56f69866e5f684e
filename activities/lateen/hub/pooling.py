"""Connections to clusters, one each for as long as its credentials stay what they are."""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

    from lateen.kube.cluster import Cluster
    from lateen.kube.connection import Connection

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Lets concurrent callers with one key share one attempt, and its outcome.

    Nothing is remembered afterwards: the next caller tries again. A caller that is cancelled
    leaves the attempt to the others.
    """

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[T]] = {}

    async def run(self, key: Hashable, attempt: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Join the attempt that runs under ``key``, or start it."""
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(attempt())
            self._running[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    def _forget(self, key: Hashable, task: asyncio.Task[T]) -> None:
        del self._running[key]
        _mark_seen(task)


class NextFlight(Generic[T]):
    """Lets concurrent callers share an attempt that began after each of them asked.

    Nobody gets what was read before: a caller who comes while an attempt runs waits for the next one,
    together with all who come meanwhile. A caller that is cancelled leaves the attempt to the others.
    """

    def __init__(self) -> None:
        self._running: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def run(self, attempt: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Join the next attempt, and share its outcome."""
        if self._next is None:
            self._next = asyncio.create_task(self._follow(self._running, attempt))
            self._next.add_done_callback(_mark_seen)
        return await asyncio.shield(self._next)

    async def _follow(
        self, previous: asyncio.Task[T] | None, attempt: Callable[[], Coroutine[Any, Any, T]]
    ) -> T:
        if previous is not None:
            await asyncio.wait([previous])
        self._running, self._next = self._next, None
        return await attempt()


def _mark_seen(task: asyncio.Task[Any]) -> None:
    """Keep asyncio from complaining about an error when every caller was cancelled meanwhile."""
    if not task.cancelled():
        task.exception()


@dataclass
class _Entry:
    identity: Hashable
    cluster: Cluster
    verified: bool = False


class ConnectionPool:
    """Connected clusters by name. Another identity (rotated credentials) means another connection.

    The old connection is closed as soon as nobody holds its ``Cluster`` any more, so that an apply
    which runs while credentials rotate ends undisturbed. Use it within one event loop.
    """

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._verifying: SingleFlight[None] = SingleFlight()
        self._retired: set[Connection] = set()
        self._closing: set[asyncio.Task[None]] = set()

    async def get(
        self,
        name: str,
        *,
        identity: Hashable,
        dial: Callable[[], Cluster],
        verify: Callable[[Cluster], Coroutine[Any, Any, None]],
    ) -> Cluster:
        """Return the cluster connected under ``identity``, verified once.

        ``verify`` runs at the first use; callers that come meanwhile wait for it and share its
        error. After an error the next caller tries again.
        """
        entry = self._entries.get(name)
        if entry is None or entry.identity != identity:
            if entry is not None:
                self._retire(entry)
            entry = self._entries[name] = _Entry(identity, dial())
        if not entry.verified:
            cluster = entry.cluster
            await self._verifying.run((name, id(entry)), lambda: verify(cluster))
            entry.verified = True
        return entry.cluster

    def drop(self, name: str) -> None:
        """Forget a cluster that is no longer registered."""
        entry = self._entries.pop(name, None)
        if entry is not None:
            self._retire(entry)

    async def close(self) -> None:
        """Close every connection, also those that are still in use."""
        for name in tuple(self._entries):
            self.drop(name)
        connections, self._retired = self._retired, set()
        for connection in connections:
            await connection.close()
        await asyncio.gather(*self._closing)

    def _retire(self, entry: _Entry) -> None:
        connection = entry.cluster.connection
        self._retired.add(connection)
        loop = asyncio.get_running_loop()
        # The collector may run in any thread, and after the loop has ended.
        finalizer = weakref.finalize(
            entry.cluster, _call_soon, loop, self._close_retired, connection
        )
        finalizer.atexit = False

    def _close_retired(self, connection: Connection) -> None:
        if connection in self._retired:
            self._retired.remove(connection)
            task = asyncio.create_task(connection.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def _call_soon(
    loop: asyncio.AbstractEventLoop, callback: Callable[[Connection], None], connection: Connection
) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback, connection)

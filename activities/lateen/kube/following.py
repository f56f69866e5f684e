"""Following the logs of pods that come and go: every line once, through breaks and restarts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from lateen.kube.errors import (
    ApiError,
    Expired,
    Forbidden,
    KubeError,
    NotFound,
    Unauthorized,
    Unreachable,
)
from lateen.kube.logs import Bookmark, LogLine, LogOptions, read_log
from lateen.kube.pausing import pause
from lateen.kube.pods import Container, Pod, read_pod

if TYPE_CHECKING:
    from lateen.kube.cluster import Cluster

_WATCH = 240.0
_LAST_WORDS = 2.0
"""Seconds that the log of a pod that is gone gets to end by itself."""

_TOO_SHORT = 1.0
"""Seconds between two looks at a log that ended although its container runs."""

_LONGEST_PAUSE = 5.0

_REFUSALS = (Forbidden, Unauthorized)
_MOST_REFUSALS = 3
"""How often in a row rights that were there before may be missing: a server that has just started knows
neither roles nor tokens yet."""

Wanted = Callable[[Pod, Container], bool]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a line comes from."""

    cluster: str
    pod: str
    container: str


class Listener(Protocol):
    """Who is told."""

    def began(self, source: Source) -> None:
        """Hear that a container's lines follow."""
        ...

    def line(self, source: Source, line: LogLine) -> None:
        """Hear a line."""
        ...

    def ended(self, source: Source) -> None:
        """Hear that no line will follow."""
        ...

    def failed(self, source: Source | None, error: KubeError) -> None:
        """Hear of trouble; with ``source`` None, of a whole cluster's. It is tried again."""
        ...


@dataclass(frozen=True)
class Selection:
    """The pods of a cluster whose logs are wanted. ``finite``: they come to an end, as a Job's do."""

    cluster: Cluster
    namespace: str
    labels: str
    wanted: Wanted
    finite: bool = False


@dataclass
class _Reader:
    """What is known of one container."""

    pod: Pod
    container: Container
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    heard: float = 0.0
    gone: bool = False

    @property
    def over(self) -> bool:
        """Tell whether nothing more will be written."""
        return self.gone or self.pod.finished

    def see(self, pod: Pod, container: Container) -> None:
        if (pod.finished, container) != (self.pod.finished, self.container):
            self.changed.set()
        self.pod, self.container = pod, container

    def leave(self) -> None:
        self.gone = True
        self.changed.set()


class LogFollower:
    """Follows the logs of a selection until it is cancelled, or nothing can be written any more.

    Pods that are there at the start are read with ``options``; those that come later from their
    first line. Raises what trying again does not cure.
    """

    def __init__(self, selection: Selection, options: LogOptions, listener: Listener) -> None:
        self._selection = selection
        self._options = options
        self._listener = listener
        self._readers: dict[tuple[str, str], _Reader] = {}
        self._first_look = True
        self._failures = 0

    async def run(self) -> None:
        """Follow."""
        try:
            async with asyncio.TaskGroup() as group:
                await self._watch(group)
        except ExceptionGroup as several:
            raise several.exceptions[0] from None

    async def _watch(self, group: asyncio.TaskGroup) -> None:
        selection = self._selection
        while True:
            pods = selection.cluster.observe(
                "v1",
                "Pod",
                namespace=selection.namespace,
                labels=selection.labels,
                timeout=_WATCH,
            )
            try:
                async with aclosing(pods):
                    async for listed in pods:
                        self._failures = 0
                        found = [read_pod(live) for live in listed]
                        self._see(found, group)
                        if selection.finite and found and all(pod.finished for pod in found):
                            return
            except KubeError as error:
                if not (error.retryable or self._may_be_starting(error)):
                    raise
                await self._recover(error)

    def _may_be_starting(self, error: KubeError) -> bool:
        known = isinstance(error, _REFUSALS) and not self._first_look
        return known and self._failures < _MOST_REFUSALS

    async def _recover(self, error: KubeError) -> None:
        self._failures += 1
        if isinstance(error, Expired) and self._failures == 1:
            return
        if self._failures == 1:
            self._listener.failed(None, error)
        await asyncio.sleep(pause(self._failures, error, longest=_LONGEST_PAUSE))

    def _see(self, pods: list[Pod], group: asyncio.TaskGroup) -> None:
        there: set[tuple[str, str]] = set()
        for pod in pods:
            for container in pod.containers:
                key = (pod.uid, container.name)
                if not self._selection.wanted(pod, container):
                    continue
                there.add(key)
                if (reader := self._readers.get(key)) is not None:
                    reader.see(pod, container)
                    continue
                reader = self._readers[key] = _Reader(pod, container)
                options = self._options if self._first_look else LogOptions(follow=True)
                group.create_task(self._read(reader, options))
        for key in self._readers.keys() - there:
            self._readers.pop(key).leave()
        self._first_look = False

    async def _read(self, reader: _Reader, options: LogOptions) -> None:
        """Read one container from its start to its pod's end."""
        source = Source(self._selection.cluster.name, reader.pod.name, reader.container.name)
        while not reader.container.has_log:
            if reader.over:
                return
            await _change_of(reader)
        self._listener.began(source)
        bookmark = Bookmark()
        failures = 0
        while True:
            instance = reader.container.instance
            error = await self._read_once(reader, source, bookmark, options)
            failures = failures + 1 if error else 0
            if failures == 1 and error and not reader.gone and not isinstance(error, NotFound):
                self._listener.failed(source, error)
            if isinstance(error, _REFUSALS) and failures == _MOST_REFUSALS:
                break
            if error and not reader.gone:
                await asyncio.sleep(pause(failures, error, longest=_LONGEST_PAUSE))
            elif await self._is_over(reader, instance):
                break
        self._listener.ended(source)

    async def _read_once(
        self, reader: _Reader, source: Source, bookmark: Bookmark, options: LogOptions
    ) -> KubeError | None:
        """Read until the log ends or breaks off; one that outlives its pod is cut off."""
        options = replace(options, follow=options.follow and not reader.over)
        reading = asyncio.create_task(self._read_lines(reader, source, bookmark, options))
        ended = asyncio.create_task(_end_of(reader))
        try:
            await asyncio.wait([reading, ended], return_when=asyncio.FIRST_COMPLETED)
            while not reading.done() and time.monotonic() - reader.heard < _LAST_WORDS:
                await asyncio.wait([reading], timeout=_LAST_WORDS)
            return reading.result() if reading.done() else None
        finally:
            reading.cancel()
            ended.cancel()
            await asyncio.gather(reading, ended, return_exceptions=True)

    async def _read_lines(
        self, reader: _Reader, source: Source, bookmark: Bookmark, options: LogOptions
    ) -> KubeError | None:
        pod, container = reader.pod.ref, reader.container.name
        lines = read_log(self._selection.cluster, pod, container, bookmark.resume(options))
        try:
            async with aclosing(lines):
                async for line in lines:
                    reader.heard = time.monotonic()
                    if bookmark.is_new(line):
                        self._listener.line(source, line)
        except (ApiError, Unreachable) as error:
            # A container between two lives, or a pod that just went, is no reason to give up.
            return error
        return None

    async def _is_over(self, reader: _Reader, instance: str) -> bool:
        """Wait for a reason to read on after a log ended; True when there won't be one."""
        with suppress(TimeoutError):
            # The end of a log is often known before the state that caused it.
            async with asyncio.timeout(_TOO_SHORT):
                while not reader.over and reader.container.instance == instance:
                    await _change_of(reader)
        while reader.container.state != "running" and reader.container.instance == instance:
            if reader.over:
                return True
            await _change_of(reader)
        return reader.over


async def _end_of(reader: _Reader) -> None:
    while not reader.over:
        await _change_of(reader)
    reader.heard = time.monotonic()


async def _change_of(reader: _Reader) -> None:
    await reader.changed.wait()
    reader.changed.clear()

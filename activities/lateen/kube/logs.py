"""Logs of containers: lines with the time they were written, read again without loss or repetition."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from lateen.kube.errors import Target

if TYPE_CHECKING:
    from lateen.kube.cluster import Cluster
    from lateen.model.objects import ObjectRef

LONGEST_LINE = 1024 * 1024
"""Bytes; a program that never ends its line is shown in pieces."""

_TO_SECONDS = len("2022-04-08T06:38:10")


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Which lines to read: the last ``tail`` since a time, and with ``follow`` those to come."""

    follow: bool = False
    previous: bool = False
    since_seconds: int | None = None
    since_time: str = ""
    tail: int | None = None

    def parameters(self, container: str) -> dict[str, str]:
        """Return the query of a log request. Times are always asked for: they are the bookmark."""
        wanted = {"container": container, "timestamps": "true"}
        if self.follow:
            wanted["follow"] = "true"
        if self.previous:
            wanted["previous"] = "true"
        if self.since_time:
            wanted["sinceTime"] = self.since_time
        elif self.since_seconds is not None:
            wanted["sinceSeconds"] = str(self.since_seconds)
        if self.tail is not None:
            wanted["tailLines"] = str(self.tail)
        return wanted


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line: when it was written, as the server says it and in nanoseconds, and its text."""

    time: str
    moment: int
    text: str


async def read_log(
    cluster: Cluster, pod: ObjectRef, container: str, options: LogOptions
) -> AsyncGenerator[LogLine]:
    """Yield a container's lines until the server ends them; close the iterator to stop earlier."""
    path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/log"
    target = Target(cluster.name, f"read the log of container {container} in", path, pod)
    # A log that is followed may be silent for days, and one that is long takes its time.
    chunks = cluster.connection.chunks(target, params=options.parameters(container), timeout=0)
    rest = bytearray()
    searched = 0
    async with aclosing(chunks):
        async for chunk in chunks:
            rest += chunk
            while (end := rest.find(b"\n", searched)) >= 0:
                yield parse_line(bytes(rest[:end]))
                del rest[: end + 1]
                searched = 0
            searched = len(rest)
            if searched > LONGEST_LINE:
                yield parse_line(bytes(rest))
                rest.clear()
                searched = 0
    if rest:
        yield parse_line(bytes(rest))


def parse_line(line: bytes) -> LogLine:
    """Take a line apart; one without a time, such as a runtime's complaint, has moment 0."""
    text = line.decode("utf-8", "replace")
    time, _, rest = text.partition(" ")
    moment = parse_time(time)
    return LogLine(time, moment, rest) if moment else LogLine("", 0, text)


def parse_time(text: str) -> int:
    """Return nanoseconds since 1970 of an RFC 3339 time, 0 for anything else."""
    fraction, zone = text[_TO_SECONDS:], ""
    for mark in ("Z", "+", "-"):
        if mark in fraction:
            fraction, _, zone = fraction.partition(mark)
            zone = mark + zone
            break
    if not zone or (fraction and not (fraction[0] == "." and fraction[1:].isdecimal())):
        return 0
    seconds = _seconds(text[:_TO_SECONDS] + zone)
    return seconds and seconds * 10**9 + int(fraction[1:10].ljust(9, "0") or 0)


@lru_cache(maxsize=256)
def _seconds(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        return 0


class Bookmark:
    """How far a container's log was read, so that reading can go on after a break.

    Servers cut ``sinceTime`` to whole seconds, so lines come twice: those before the last one, and as
    many as there were at its very moment, are known.
    """

    def __init__(self) -> None:
        self._moment = 0
        self._time = ""
        self._at_moment = 0
        self._known = 0
        self._again = False

    def resume(self, first: LogOptions) -> LogOptions:
        """Return what to ask for: ``first``, or from the last line on when there was one."""
        self._again = bool(self._moment)
        self._known = self._at_moment
        if not self._moment:
            return first
        return replace(first, since_seconds=None, since_time=self._time, tail=None)

    def is_new(self, line: LogLine) -> bool:
        """Take note of a line; False when it was read before."""
        if self._again and self._is_known(line):
            return False
        if line.moment > self._moment:
            self._moment, self._time, self._at_moment = line.moment, line.time, 1
            self._again = False
        elif line.moment in {self._moment, 0}:
            self._at_moment += 1
        return True

    def _is_known(self, line: LogLine) -> bool:
        if 0 < line.moment < self._moment:
            return True
        if line.moment in {self._moment, 0} and self._known:
            self._known -= 1
            return True
        return False

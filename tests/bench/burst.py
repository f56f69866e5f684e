"""Many applications at once: how long until all are healthy, and the CPU that it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, replace

import psutil

from bench.applications import TARGETS, application, objects_of, unique
from bench.report import TIMES, Column, Section
from bench.stand import CALLER, OURS, Stand

_IDLE = 5.0
_COUNTED = (OURS, CALLER, "Temporal", "API servers", "etcd")


@dataclass(frozen=True)
class _Cost:
    """What took ``seconds``: CPU seconds by group, and those of processes that are not the bench's."""

    seconds: float
    cpu: dict[str, float]
    others: float

    @property
    def counted(self) -> float:
        """CPU of all that delivers; controllers and nodes do the same work for both."""
        return sum(self.cpu[group] for group in _COUNTED)

    def above(self, idle: _Cost) -> _Cost:
        """Return the cost without what the same processes use when nothing is asked of them."""
        share = self.seconds / idle.seconds
        cpu = {group: max(0.0, used - idle.cpu[group] * share) for group, used in self.cpu.items()}
        return replace(self, cpu=cpu)


async def measure(at: Stand, *, count: int) -> list[Section]:
    """Deliver and delete ``count`` applications at once, bare and by lateen."""
    bare_names = [unique("bare") for _ in range(count)]
    bare_objects = {name: objects_of(application(name)) for name in bare_names}
    names = [unique("burst") for _ in range(count)]
    await at.settle()
    idle = await _cost(at, [asyncio.sleep(_IDLE)])
    bare = await _cost(at, (at.bare.deliver(n, objects) for n, objects in bare_objects.items()))
    bare_gone = await _cost(at, (at.bare.delete(n, objects) for n, objects in bare_objects.items()))
    await at.settle()
    ours = await _cost(at, (at.deliver(application(name)) for name in names))
    await at.settle()
    again = await _cost(at, (at.deliver(application(name)) for name in names))
    gone = await _cost(at, (at.delete(name) for name in names))
    return [
        _walls(count, [("delivered", bare, ours), ("deleted", bare_gone, gone)], again),
        _cpus(count, bare.above(idle), ours.above(idle), again.above(idle), idle),
    ]


async def _cost(at: Stand, actions: Iterable[Awaitable[object]]) -> _Cost:
    before, busy, began = at.cpu(), _busy(), time.perf_counter()
    await asyncio.gather(*actions)
    seconds, after, busy_after = time.perf_counter() - began, at.cpu(), _busy()
    cpu = {group: after[group] - before[group] for group in after}
    return _Cost(seconds, cpu, others=max(0.0, busy_after - busy - sum(cpu.values())))


def _busy() -> float:
    """Return the CPU seconds that the whole machine has used."""
    times = psutil.cpu_times()
    return float(times.user + times.system)


def _walls(count: int, pairs: Sequence[tuple[str, _Cost, _Cost]], again: _Cost) -> Section:
    columns = (
        Column(f"{count} applications at once, {len(TARGETS)} clusters each"),
        Column("bare", "{:.2f} s"),
        Column("lateen", "{:.2f} s"),
        Column("lateen / bare", TIMES),
        Column("lateen applications/s", "{:.1f}"),
    )
    rows: list[list[str | float | None]] = [
        [what, bare.seconds, ours.seconds, ours.seconds / bare.seconds, count / ours.seconds]
        for what, bare, ours in pairs
    ]
    rows.append(["unchanged, submitted again", None, again.seconds, None, count / again.seconds])
    notes = [_crowd(what, bare, ours) for what, bare, ours in pairs]
    return Section("A burst", columns, rows, notes)


def _crowd(what: str, bare: _Cost, ours: _Cost) -> str:
    """Say how much of the machine others had: with much of it, only CPU can be compared."""
    cores = psutil.cpu_count() or 1
    return (
        f"{what}: other programs of the machine took {bare.others / bare.seconds:.1f} (bare) and "
        f"{ours.others / ours.seconds:.1f} (lateen) of its {cores} cores meanwhile"
    )


def _cpus(count: int, bare: _Cost, ours: _Cost, again: _Cost, idle: _Cost) -> Section:
    def each(cost: _Cost, group: str) -> float:
        return cost.cpu[group] / count * 1000

    columns = (
        Column("CPU of one application"),
        Column("bare", "{:.0f} ms"),
        Column("lateen", "{:.0f} ms"),
        Column("lateen / bare", TIMES),
        Column("unchanged again", "{:.0f} ms"),
        Column("idle, of a core", "{:.0%}"),
    )
    rows: list[list[str | float | None]] = [
        [
            group,
            each(bare, group),
            each(ours, group),
            None,
            each(again, group),
            idle.cpu[group] / idle.seconds,
        ]
        for group in ours.cpu
    ]
    total = [cost.counted / count * 1000 for cost in (bare, ours, again)]
    rows.append(
        [
            "all but controllers, nodes",
            total[0],
            total[1],
            ours.counted / bare.counted,
            total[2],
            idle.counted / idle.seconds,
        ]
    )
    notes = (
        "the bare loop runs in the caller; of lateen the caller is a plain Temporal client",
        "without what the processes use when idle, which the last column shows",
    )
    return Section("CPU of a burst", columns, rows, notes)

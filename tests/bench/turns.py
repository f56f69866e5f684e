"""One application on two clusters, again and again, in turns with the bare loop."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.applications import application, objects_of, unique
from bench.bare import requests_of
from bench.counting import QUEUE, counted_worker
from bench.report import MILLISECONDS, TIMES, Cell, Column, Section, ratio
from bench.stand import Stand, result_of
from lateen.client.connecting import connect_temporal
from lateen.contracts.identifiers import STATE
from lateen.model.base import Json


@dataclass
class _Times:
    """Milliseconds of each round."""

    healthy: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    approved: list[float] = field(default_factory=list)
    unchanged: list[float] = field(default_factory=list)
    deleted: list[float] = field(default_factory=list)


async def measure(at: Stand, *, rounds: int) -> list[Section]:
    """Measure delivery, approval, re-submission and deletion, and count their requests."""
    bare, ours = _Times(), _Times()
    for _ in range(rounds):
        await _bare_round(at, bare)
        await _our_round(at, ours)
    counts = await _count(at)
    least = requests_of(objects_of(application("any")))

    def row(what: str, mine: Sequence[float], theirs: Sequence[float], *counted: str) -> list[Cell]:
        return [what, median(theirs), median(mine), ratio(mine, theirs), *counted]

    rows: list[Sequence[Cell]] = [
        row("submitted to first object", ours.first, bare.first, "", ""),
        row("submitted to healthy", ours.healthy, bare.healthy, f"{least}", counts["deliver"]),
        row("approved to healthy", ours.approved, bare.healthy, f"{least}", counts["approve"]),
        ["unchanged, submitted again", None, median(ours.unchanged), None, "", counts["again"]],
        row("deleted", ours.deleted, bare.deleted, f"{least - 2}", counts["delete"]),
    ]
    columns = (
        Column("one application"),
        Column("bare", MILLISECONDS),
        Column("lateen", MILLISECONDS),
        Column("lateen / bare", TIMES),
        Column("requests"),
        Column("of lateen"),
    )
    notes = (
        "requests of lateen: to the hub + to the members; with approval: those before it too",
        f"median of {rounds} rounds in turns; one Deployment and one Service on each cluster",
        "lateen: from a connected Temporal client's start, or signal, to the run's result",
    )
    return [Section("Deliveries", columns, rows, notes)]


async def _bare_round(at: Stand, times: _Times) -> None:
    name = unique("bare")
    objects = objects_of(application(name))
    began = time.perf_counter()
    times.healthy.append(await _timed(lambda: at.bare.deliver(name, objects)))
    times.first.append((at.observer.appeared(name) - began) * 1000)
    times.deleted.append(await _timed(lambda: at.bare.delete(name, objects)))
    await asyncio.sleep(0.3)


async def _our_round(at: Stand, times: _Times) -> None:
    name = unique("turn")
    built = application(name)
    began = time.perf_counter()
    times.healthy.append(await _timed(lambda: at.deliver(built)))
    times.first.append((at.observer.appeared(name) - began) * 1000)
    times.unchanged.append(await _timed(lambda: at.deliver(built)))
    times.deleted.append(await _timed(lambda: at.delete(name)))
    name = unique("wait")
    times.approved.append(await _approved(at, application(name, auto=False)))
    await at.delete(name)
    await asyncio.sleep(0.3)


async def _approved(at: Stand, built: Json, *, queue: str = "lateen") -> float:
    """Deliver an application that waits; return the milliseconds from the signal to the result."""
    handle = await at.start(built["metadata"]["name"], built, queue=queue)
    while not (await handle.query(STATE))["waiting"]:  # noqa: ASYNC110 - a state of Temporal
        await asyncio.sleep(0.02)

    async def approve() -> None:
        await handle.signal("approve")
        await result_of(handle)

    return await _timed(approve)


async def _timed(action: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await action()
    return (time.perf_counter() - began) * 1000


async def _count(at: Stand) -> dict[str, str]:
    """Count requests with a worker of this process, apart from what is timed."""
    counted: dict[str, str] = {}
    client = await connect_temporal()
    async with counted_worker(client, at.stack.hub_kubeconfig) as tally:

        async def count(what: str, action: Callable[[], Awaitable[object]]) -> None:
            before = Counter(tally)
            await action()
            made = tally - before
            counted[what] = f"{made['hub']} + {made['members']}"

        name = unique("warm")
        await at.deliver(application(name), queue=QUEUE)
        await at.delete(name, queue=QUEUE)
        name = unique("count")
        built = application(name)
        await count("deliver", lambda: at.deliver(built, queue=QUEUE))
        await count("again", lambda: at.deliver(built, queue=QUEUE))
        await count("delete", lambda: at.delete(name, queue=QUEUE))
        name = unique("count")
        waiting = application(name, auto=False)
        await count("approve", lambda: _approved(at, waiting, queue=QUEUE))
        await at.delete(name, queue=QUEUE)
    return counted

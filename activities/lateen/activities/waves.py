"""Applying components that wait for each other: each when what it depends on is healthy in its placement.

Everything is looked at before anything is written, as always. Then whatever is ready is written together, in
the order of kinds, and health is waited for only where something depends on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from lateen.activities import supplying
from lateen.activities.applying import Applier, Found, Lease
from lateen.activities.supplying import NotThere, objects_at, read_value
from lateen.kube.waiting import wait_healthy
from lateen.model.base import Json
from lateen.model.objects import ObjectRef
from lateen.planning.component_graph import Location, PlacementGraph, Supply
from lateen.planning.step_graph import Copy
from lateen.rendering.ordering import apply_order

if TYPE_CHECKING:
    from lateen.activities.rooms import Rooms
    from lateen.kube.cluster import Cluster
    from lateen.model.placement import Placement
    from lateen.planning.plan import PlannedStep
    from lateen.planning.resolving import Resolved
    from lateen.rendering.parameter_keys import ParameterKey

_SHORTEST, _LONGEST = 0.25, 5.0
"""Seconds between looks at a value or an object that isn't there yet."""

_SHOWN = 5

Report = Callable[[Json], None]
T = TypeVar("T")


class Claim(Lease, Protocol):
    """A hold that is taken by recording what is about to be written."""

    async def claim(self, manifests: Sequence[Json], found: Sequence[Found]) -> None:
        """Record all that the placement gets, and what is ``found`` as about to be written.

        Raises ``SupersededDelivery``.
        """
        ...


@dataclass
class Blocked:
    """What has not been applied, and what it waits for: told when the time is over."""

    reasons: dict[Copy, str] = field(default_factory=dict[Copy, str])

    def __str__(self) -> str:
        by_reason: dict[str, list[str]] = {}
        for copy, reason in self.reasons.items():
            by_reason.setdefault(reason, []).append(str(copy))
        return "; ".join(f"{_not_applied(names)}: {why}" for why, names in by_reason.items())


def _not_applied(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"component {names[0]} was not applied"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"components {', '.join(names[:_SHOWN])}{more} were not applied"


async def uninterrupted(writing: Coroutine[Any, Any, T], applier: Applier) -> T:
    """Once writing has begun it ends, also when the delivery is cancelled; it only waits for nothing more."""
    task = asyncio.ensure_future(writing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        applier.stop()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # Seen: the cancellation says enough.
        raise


@dataclass
class Waves:
    """Applies one placement's components in the order that they ask for."""

    rooms: Rooms
    cluster: Cluster
    resolved: Resolved
    step: PlannedStep
    placement: Placement
    revision: str
    applier: Applier
    lease: Claim
    report: Report
    blocked: Blocked
    _graph: PlacementGraph = field(default_factory=PlacementGraph)
    _groups: dict[Copy, list[Json]] = field(default_factory=dict[Copy, list[Json]])
    _values: dict[Copy, dict[ParameterKey, Any]] = field(
        default_factory=dict[Copy, "dict[ParameterKey, Any]"]
    )
    _applied: dict[ObjectRef, Json] = field(default_factory=dict[ObjectRef, Json])
    _healthy: dict[Copy, asyncio.Event] = field(default_factory=dict[Copy, asyncio.Event])
    _total: int = 0

    async def apply(self) -> list[Json]:
        """Apply everything; return the objects as they were written."""
        resolved, step = self.resolved, self.step
        self._graph = await supplying.trace(self.rooms, resolved, step, self.placement)
        self._groups = resolved.grouped(step, self.placement, revision=self.revision)
        self._total = sum(map(len, self._groups.values()))
        self._healthy = {copy: asyncio.Event() for copy in self._graph.after}
        self.blocked.reasons = dict.fromkeys(self._graph.after, "what it needs was not there yet")
        await self._earlier()
        found = await self._look_at_all()
        self.blocked.reasons = {
            copy: _waits_for(after) for copy, after in self._graph.after.items() if after
        }
        first = [copy for copy, after in self._graph.after.items() if not after]
        await uninterrupted(self._write_first(first, found), self.applier)
        await self._follow(first)
        return list(self._applied.values())

    async def _earlier(self) -> None:
        """Wait for what earlier steps delivered, and read the inputs that come from there."""
        for location in self._graph.before:
            await self._standing(location)
        for copy, supplies in self._graph.supplies.items():
            for supply in supplies:
                if not supply.here:
                    await self._standing(supply.source)
                    self._take(copy, supply, await self._value(copy, supply))

    async def _standing(self, location: Location) -> None:
        """Wait until the objects of an earlier step are there and healthy."""
        cluster = await supplying.cluster_of(self.rooms, location, self.cluster)
        refs = list(dict.fromkeys(objects_at(self.resolved, location).values()))

        async def all_there() -> list[Json]:
            lives = await asyncio.gather(*map(cluster.get, refs))
            for ref, live in zip(refs, lives, strict=True):
                if live is None:
                    raise NotThere(f"waiting for {location}: {ref} does not exist")
            return [live for live in lives if live is not None]

        def tell(copies: str) -> None:
            for copy in self.blocked.reasons:
                self.blocked.reasons[copy] = copies
            self._tell(copies)

        lives = await _patiently(all_there, tell)
        await wait_healthy(
            cluster,
            lives,
            progress=lambda _ready, _total, message: tell(f"waiting for {location}: {message}"),
        )

    async def _look_at_all(self) -> dict[ObjectRef, Found]:
        """Dry-run what is known; of what still lacks a value see at least whose it is."""
        known: list[Json] = []
        open_: list[Json] = []
        for copy, group in self._groups.items():
            maker = self._maker(copy)
            supplies = self._graph.supplies.get(maker, ())
            if any(supply.here for supply in supplies):
                open_ += group
            else:
                self._groups[copy] = self._filled(maker, group)
                known += self._groups[copy]
        found = await self._look(apply_order(known))
        await self.applier.foresee(open_)
        return {ObjectRef.of(each.manifest): each for each in found}

    async def _look(self, manifests: Sequence[Json]) -> list[Found]:
        """Look at objects as they will be written: with the content of Secrets that are copied."""
        whole = await self.rooms.references.reveal(self.resolved, manifests)
        return await self.applier.look(whole)

    async def _write_first(self, first: Sequence[Copy], found: dict[ObjectRef, Found]) -> None:
        """Record everything that the placement gets, then write what waits for nothing."""
        ready = [found[ObjectRef.of(manifest)] for manifest in self._take_groups(first)]
        rest = [manifest for group in self._groups.values() for manifest in group]
        await self.lease.claim([*(each.manifest for each in ready), *rest], ready)
        await self._write(ready)

    async def _write_next(self, ready: Sequence[Copy]) -> None:
        """Write what became ready; the look at it is a new one, and so is the one at the lease."""
        for copy in ready:
            for name in (copy, Copy(copy.component)):
                if name in self._groups:
                    self._groups[name] = self._filled(copy, self._groups[name])
        found = await self._look(self._take_groups(ready))
        await self.lease.claim([each.manifest for each in found], found)
        await self._write(found)

    async def _write(self, found: Sequence[Found]) -> None:
        for live in await self.applier.write(found):
            self._applied[ObjectRef.of(live)] = live
        self._tell("")

    def _take_groups(self, copies: Iterable[Copy]) -> list[Json]:
        """Take the objects of copies, and what they share, out of those that are still to be written."""
        taken: list[Json] = []
        for copy in copies:
            self.blocked.reasons.pop(copy, None)
            for name in dict.fromkeys((copy, Copy(copy.component))):
                taken += self._groups.pop(name, ())
        return apply_order(taken)

    async def _follow(self, written: Sequence[Copy]) -> None:
        """Write the rest, each copy as soon as what it waits for is healthy and its values are there."""
        tasks: dict[asyncio.Task[None], Copy | None] = {
            asyncio.create_task(self._ready(copy)): copy
            for copy, after in self._graph.after.items()
            if after
        }
        self._watch(written, tasks)
        try:
            while any(tasks.values()):
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                ready = [copy for task in done if (copy := tasks.pop(task)) is not None]
                for failure in [task.exception() for task in done]:
                    if failure is not None:
                        raise failure
                if ready:
                    ready.sort(key=list(self._graph.after).index)
                    await uninterrupted(self._write_next(ready), self.applier)
                    self._watch(ready, tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _watch(self, written: Iterable[Copy], tasks: dict[asyncio.Task[None], Copy | None]) -> None:
        """Begin to watch the health of those that others wait for."""
        needed = {copy for after in self._graph.after.values() for copy in after}
        for copy in written:
            if copy in needed:
                tasks[asyncio.create_task(self._until_healthy(copy))] = None

    async def _until_healthy(self, copy: Copy) -> None:
        own = [
            live
            for live in self._applied.values()
            if self.resolved.copy_of(self.step, live) in (copy, Copy(copy.component))
        ]

        def progress(_ready: int, _total: int, message: str) -> None:
            for other, after in self._graph.after.items():
                if copy in after and other in self.blocked.reasons and message:
                    self.blocked.reasons[other] = f"waiting for component {copy}: {message}"
            self._tell(message)

        await wait_healthy(self.cluster, own, progress=progress)
        self._healthy[copy].set()

    async def _ready(self, copy: Copy) -> None:
        """Return when a copy can be written."""
        for needed in self._graph.after[copy]:
            await self._healthy[needed].wait()
        for supply in self._graph.supplies.get(copy, ()):
            if supply.here:
                self._take(copy, supply, await self._value(copy, supply))

    async def _value(self, copy: Copy, supply: Supply) -> Any:
        cluster = await supplying.cluster_of(self.rooms, supply.source, self.cluster)

        def tell(why: str) -> None:
            self.blocked.reasons[copy] = why
            self._tell(f"component {copy}: {why}")

        return await _patiently(lambda: read_value(cluster, self.resolved, supply), tell)

    def _take(self, copy: Copy, supply: Supply, value: Any) -> None:
        self._values.setdefault(copy, {})[supply.input.key] = value

    def _filled(self, copy: Copy, group: Sequence[Json]) -> list[Json]:
        values = self._values.get(copy)
        if not values:
            return list(group)
        return self.resolved.filled(
            self.step,
            self.placement,
            copy,
            values={each.input.key: values[each.input.key] for each in self._graph.supplies[copy]},
            revision=self.revision,
            group=group,
        )

    def _maker(self, copy: Copy) -> Copy:
        """Return who makes a group: what all copies of a component share comes with any of them."""
        if copy in self._graph.after:
            return copy
        return next((each for each in self._graph.after if each.component == copy.component), copy)

    def _tell(self, message: str) -> None:
        self.report({"applied": len(self._applied), "total": self._total, "message": message})


def _waits_for(after: Sequence[Copy]) -> str:
    return f"waiting for {', '.join(f'component {copy}' for copy in after)}"


async def _patiently(look: Callable[[], Awaitable[T]], tell: Callable[[str], None]) -> T:
    """Look until it is there, less and less often; the deadline ends it."""
    pause = _SHORTEST
    while True:
        try:
            return await look()
        except NotThere as missing:
            tell(str(missing))
        await asyncio.sleep(pause)
        pause = min(_LONGEST, pause * 2)

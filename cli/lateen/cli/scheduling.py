"""The Temporal Schedule that looks for drift."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from lateen.cli.registering import TemporalNotReady
from lateen.client.connecting import connect_temporal
from lateen.contracts import identifiers

if TYPE_CHECKING:
    from temporalio.client import Client

Done = Literal["created", "changed", "unchanged", "removed", "absent"]

DEFAULT_INTERVAL = timedelta(minutes=10)
_CATCHUP = timedelta(minutes=1)
"""Looks that were missed while Temporal was down are not made up for."""


async def schedule_drift(interval: timedelta | None, *, task_queue: str) -> tuple[str, Done]:
    """Create the Schedule, or change how often it looks; no time at all removes it.

    Without an ``interval`` one that exists stays as it is. So does a pause that somebody made. Returns the
    Schedule's id, and what was done.
    """
    client = await connect_temporal()
    name = identifiers.drift_schedule(task_queue)
    try:
        if interval is not None and not interval:
            return name, await _removed(client, name)
        return name, await _ensured(client, name, interval, task_queue=task_queue)
    except RPCError as error:
        raise TemporalNotReady(
            f"Temporal namespace {client.namespace!r}: the Schedule {name!r} can't be written"
            f" ({error.status.name}: {error.message}); use --drift-interval 0 to go on without it"
        ) from error


async def _ensured(
    client: Client, name: str, interval: timedelta | None, *, task_queue: str
) -> Done:
    wanted = _schedule(name, interval or DEFAULT_INTERVAL, task_queue=task_queue)
    try:
        await client.create_schedule(name, wanted)
    except ScheduleAlreadyRunningError:
        return await _changed(client, name, interval)
    return "created"


async def _changed(client: Client, name: str, interval: timedelta | None) -> Done:
    handle = client.get_schedule_handle(name)
    existing = (await handle.describe()).schedule.spec.intervals
    if interval is None or [each.every for each in existing] == [interval]:
        return "unchanged"
    every = interval

    def change(found: ScheduleUpdateInput) -> ScheduleUpdate:
        spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)])
        return ScheduleUpdate(schedule=replace(found.description.schedule, spec=spec))

    await handle.update(change)
    return "changed"


async def _removed(client: Client, name: str) -> Done:
    try:
        await client.get_schedule_handle(name).delete()
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        return "absent"
    return "removed"


def _schedule(name: str, interval: timedelta, *, task_queue: str) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            identifiers.DRIFT,
            {},
            id=name,
            task_queue=task_queue,
            static_summary="look for drift of all applications",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=interval)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCHUP),
    )

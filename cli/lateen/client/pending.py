"""What waits for somebody: the runs that Temporal lists as waiting, each asked for its question."""

from __future__ import annotations

import asyncio

from temporalio.client import Client, WorkflowExecution

from lateen.client.inspecting import ask_worker
from lateen.client.listing import list_runs
from lateen.client.observing import query_state
from lateen.client.results import PendingApproval, PendingApprovals, Progress, Waiting
from lateen.contracts import search_attributes
from lateen.contracts.looks import Forecast
from lateen.contracts.messages import Inspect, StepOutcome
from lateen.model.base import Json
from lateen.model.json_values import as_object

FEW = 5
"""So many approvals get a forecast without being asked: each asks the clusters about every object."""

_QUERIES_AT_ONCE = 10
_FORECASTS_AT_ONCE = 8
_SILENT = "no worker answers; only that it waits is known"


async def list_approvals(
    client: Client,
    namespace: str | None,
    name: str,
    *,
    task_queue: str,
    forecast: bool | None,
) -> PendingApprovals:
    """List what waits: of one application, a namespace, or all.

    One request lists the runs, then each that waits is asked. Without search attributes every open run is.
    """
    runs = await list_runs(client, namespace, name=name, only_open=True)
    slots = asyncio.Semaphore(_QUERIES_AT_ONCE)

    async def ask(run: WorkflowExecution) -> tuple[WorkflowExecution, Json | None]:
        async with slots:
            return run, await query_state(client, run.id, run_id=run.run_id)

    answers = await asyncio.gather(*(ask(run) for run in runs.values() if may_wait(run)))
    silent = [run for run, state in answers if state is None]
    if len(silent) < len(
        answers
    ):  # There is a worker: those it had no time for get another moment.
        answers = [each for each in answers if each[1] is not None]
        answers += await asyncio.gather(*map(ask, silent))
    found = sorted(
        (each for run, state in answers for each in _questions(run, state)),
        key=lambda each: (each.application, each.step),
    )
    if forecast or (forecast is None and len(found) <= FEW):
        found = await _foreseen(client, found, task_queue=task_queue)
    unknown = any(each.note == _SILENT for each in found)
    return PendingApprovals(approvals=found, note="no worker answers" if unknown else "")


def may_wait(run: WorkflowExecution) -> bool:
    """Tell whether an open run may wait for somebody: it says so, or can't say anything."""
    attributes = run.typed_search_attributes
    return bool(
        attributes.get(search_attributes.WAITING_FOR) or not attributes.get(search_attributes.PHASE)
    )


def _questions(run: WorkflowExecution, state: Json | None) -> list[PendingApproval]:
    """Return the questions of one run; what only Temporal knows of them when nobody answers."""
    namespace, _, name = run.id.partition("/")
    base: Json = {"application": run.id, "namespace": namespace, "name": name}
    if state is None:
        attributes = run.typed_search_attributes
        known = attributes.get(search_attributes.WAITING_FOR) or ""
        revision = attributes.get(search_attributes.REVISION) or ""
        more = {**base, "revision": revision, "note": _SILENT}
        return [
            PendingApproval.model_validate({**more, "step": step})
            for step in known.split(", ")
            if step
        ]
    progress = Progress.model_validate(state)
    steps = {step.name: step for step in progress.steps}
    return [
        _question(base, progress, waiting, steps.get(waiting.step)) for waiting in progress.waiting
    ]


def _question(
    base: Json, progress: Progress, waiting: Waiting, step: StepOutcome | None
) -> PendingApproval:
    placements = step.placements if step else []
    return PendingApproval.model_validate(
        {
            **base,
            **waiting.to_json(),
            "type": step.type if step else "",
            "delivery": progress.delivery,
            "actor": progress.actor,
            "clusters": list(dict.fromkeys(placement.cluster for placement in placements)),
        }
    )


async def _foreseen(
    client: Client, found: list[PendingApproval], *, task_queue: str
) -> list[PendingApproval]:
    slots = asyncio.Semaphore(_FORECASTS_AT_ONCE)

    async def one(pending: PendingApproval) -> PendingApproval:
        if pending.note:
            return pending
        async with slots:
            return await _foresee(client, pending, task_queue=task_queue)

    return list(await asyncio.gather(*map(one, found)))


async def _foresee(client: Client, pending: PendingApproval, *, task_queue: str) -> PendingApproval:
    """Let a worker ask the clusters what an approval would create and change in them."""
    request = Inspect(
        namespace=pending.namespace, name=pending.name, live=False, plan=[pending.step]
    )
    inspected, note = await ask_worker(client, request, task_queue=task_queue)
    told = as_object(inspected.get("forecast"))
    if told is None:
        return pending.model_copy(update={"note": note or "the worker does not foretell plans"})
    forecast = Forecast.model_validate(told)
    if forecast.revision != pending.revision:
        return pending.model_copy(update={"note": "another revision came meanwhile; look again"})
    clusters = list(dict.fromkeys([*pending.clusters, *(c.cluster for c in forecast.clusters)]))
    return pending.model_copy(
        update={
            "forecast": forecast.clusters,
            "steps": forecast.steps,
            "clusters": [cluster for cluster in clusters if cluster],
        }
    )

"""The status of one application, again and again: cheap while nothing happens, soon when something does."""

from __future__ import annotations

import asyncio
import time

from temporalio.client import Client

from lateen.client.ending import RunEnd
from lateen.client.errors import NotFound
from lateen.client.failures import translated
from lateen.client.inspecting import ask_worker, look_at_run
from lateen.client.results import ApplicationStatus, Progress, RunInfo
from lateen.client.statuses import merge_status
from lateen.contracts import identifiers
from lateen.contracts.messages import Inspect
from lateen.model.base import Json

_FRESH = 5.0
"""Seconds that what was read from clusters is good for while the run stays as it is."""


class StatusView:
    """Reads the status of one application; ``refresh`` asks clusters only when that may tell something new."""

    def __init__(self, client: Client, request: Inspect, *, task_queue: str) -> None:
        self._client = client
        self._request = request
        self._task_queue = task_queue
        self._application = identifiers.workflow_id(request.namespace, request.name)
        self._inspected: Json = {}
        self._note = ""
        self._read_at = 0.0
        self._run: Json = {}

    async def refresh(self) -> ApplicationStatus:
        """Return the status as it is now. Raises ``NotFound``, ``TemporalUnavailable``."""
        with translated(self._client):
            if not self._read_at:
                _, (run, progress, end) = await asyncio.gather(self._inspect(), self._look())
            else:
                run, progress, end = await self._look()
                now = _moving(run, progress)
                if now != self._run or time.monotonic() - self._read_at > _FRESH:
                    await self._inspect()
        self._run = _moving(run, progress)
        gone = run is None or (end is not None and end.phase == "deleted")
        if not self._inspected.get("known") and gone:
            hint = f"; {self._note}" if self._note else ""
            raise NotFound(
                f"no application {self._request.name!r} in namespace {self._request.namespace!r}{hint}"
            )
        return merge_status(
            self._application,
            inspected=self._inspected,
            run=run,
            progress=progress,
            end=end,
            note=self._note or self._unanswered(),
        )

    async def _inspect(self) -> None:
        self._inspected, self._note = await ask_worker(
            self._client, self._request, task_queue=self._task_queue
        )
        self._read_at = time.monotonic()

    async def _look(self) -> tuple[RunInfo | None, Progress | None, RunEnd | None]:
        return await look_at_run(self._client, self._application)

    def _unanswered(self) -> str:
        """Say that a worker of an earlier version passed over what it doesn't know."""
        asked = self._request.resources or self._request.pods or self._request.endpoints
        if asked and self._inspected.get("known") and "look" not in self._inspected:
            return (
                "the worker is of an earlier version and does not list resources, pods or endpoints"
            )
        return ""


def _moving(run: RunInfo | None, progress: Progress | None) -> Json:
    """Return what changes when something happens in the run; heartbeats don't count."""
    return {
        "run": run.to_json() if run else {},
        "phases": [
            (step.name, step.phase, [placement.phase for placement in step.placements])
            for step in (progress.steps if progress else [])
        ],
        "clusters": progress.clusters if progress else {},
    }

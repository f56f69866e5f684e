"""Following a submission across runs until it ended.

A run that is superseded, or behind which something waits, continues as a new one. Content is known by its
digest: a submission is followed until the run that delivered its digest ended, and how that was stands either
in the run's own result or, when it continued, in what the next run knows of the previous ones.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import get_args

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from lateen.client.ending import RunEnd, end_of
from lateen.client.observing import observe, query_state
from lateen.client.outcomes import Outcome
from lateen.client.results import Ending, Progress, Submitted
from lateen.model.base import Json
from lateen.planning.step_types import STEP_GROUP

OnProgress = Callable[[Progress], None]

_INTERVAL = 0.25
"""Seconds between two looks, while somebody watches."""

_QUESTIONS = 40
"""How often a fresh run is asked before it is given up: it may wait for a busy worker."""

_FINAL = frozenset({"delivered", "unchanged", "failed", "rejected", "deleted"})


class Follower:
    """Follows one submission. ``progress`` is what was seen last."""

    def __init__(
        self,
        client: Client,
        submitted: Submitted,
        *,
        on_progress: OnProgress | None,
        stop_at_approval: bool,
    ) -> None:
        self._client = client
        self._submitted = submitted
        self._on_progress = on_progress
        self._stop_at_approval = stop_at_approval
        self._run_id = submitted.run_id
        self.progress: Progress | None = None

    async def outcome(self) -> Outcome:
        """Follow until the submission ended, or waits for an approval if it is to stop there."""
        coming = self._submitted.state in {"superseding", "queued"}
        while True:
            end = await self._watch(mine=not coming)
            if isinstance(end, Outcome):
                return end
            if not end.next_run:
                reset = await self._reset_run() if end.phase == "terminated" else ""
                if not reset:
                    return self._last(end, mine=not coming)
                self._run_id, coming = reset, False
                continue
            state = await self._ask(end.next_run)
            if not coming:
                ended = self._previous(state)
                if ended is not None:
                    return ended
            if state.get("digest") == self._submitted.digest:
                coming = False
            elif not await self._may_follow(end.next_run, state):
                return self._superseded()
            self._run_id = end.next_run

    async def _watch(self, *, mine: bool) -> RunEnd | Outcome:
        """Wait for the run's end; look at it meanwhile if anybody wants to know."""
        ending = asyncio.ensure_future(
            end_of(self._client, self._submitted.application, run_id=self._run_id)
        )
        if self._on_progress is None and not self._stop_at_approval:
            return await ending
        try:
            while not ending.done():
                waits = await self._look(mine=mine)
                if waits and self._stop_at_approval and not ending.done():
                    return self._at_approval()
                await asyncio.wait([ending], timeout=_INTERVAL)
        finally:
            if not ending.done():
                ending.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await ending
        if mine:
            await self._look(mine=True)
        return ending.result()

    async def _look(self, *, mine: bool) -> bool:
        """Take in the run's progress; return whether all that it does is wait for an approval."""
        application = self._submitted.application
        if not mine:
            self._tell(Progress(application=application, note="waits for the delivery before it"))
            return False
        try:
            seen = await observe(self._client, application, run_id=self._run_id)
        except RPCError:
            return False  # What matters is the end, and waiting for it says what is wrong.
        if seen.note and self.progress is not None:
            seen = self.progress.model_copy(update={"note": seen.note, "retries": seen.retries})
        self.progress = seen
        self._tell(seen)
        busy = any(step.phase == "delivering" and step.type != STEP_GROUP for step in seen.steps)
        return bool(seen.waiting) and not busy and not seen.note

    def _tell(self, progress: Progress) -> None:
        if self._on_progress is not None:
            self._on_progress(progress)

    def _at_approval(self) -> Outcome:
        steps = ", ".join(repr(waiting.step) for waiting in self._seen().waiting)
        return self._outcome("waiting", f"step {steps} waits for approval")

    async def _may_follow(self, run_id: str, state: Json) -> bool:
        """Tell whether our content may still wait behind a run of other content.

        Only the state of an open run says that for sure: a closed one has handed its queue on.
        """
        if self._submitted.state != "queued":
            return False
        if state.get("queued"):
            return True
        handle = self._client.get_workflow_handle(self._submitted.application, run_id=run_id)
        return (await handle.describe()).status != WorkflowExecutionStatus.RUNNING

    async def _reset_run(self) -> str:
        """Return the run that took over after a reset, which terminates one run and starts another."""
        state = await query_state(self._client, self._submitted.application, run_id=None) or {}
        run_id = str(state.get("runId", ""))
        same = state.get("digest") == self._submitted.digest
        return run_id if same and run_id != self._run_id else ""

    def _last(self, end: RunEnd, *, mine: bool) -> Outcome:
        """Return the end of the run that nothing follows."""
        if not mine:
            if end.phase in {"cancelled", "terminated", "timed-out"}:
                return self._outcome(end.phase, f"never began: the run before it was {end.phase}")
            return self._superseded()
        if end.result is None and self.progress is not None:
            return self._outcome(end.phase, end.message)
        return end.outcome(self._submitted.application, run_id=self._run_id)

    def _previous(self, state: Json) -> Outcome | None:
        """Return how our run ended, as the next one knows; None when it did not get to an end."""
        previous: list[Json] = state.get("previous") or []
        runs = [run for run in previous if run.get("runId") == self._run_id]
        mine: Json = runs[-1] if runs else {}
        phase = str(mine.get("phase", ""))
        if phase not in _FINAL or mine.get("digest") != self._submitted.digest:
            return None
        known: Ending = next(word for word in get_args(Ending) if word == phase)
        return self._outcome(known, str(mine.get("message", "")))

    def _superseded(self) -> Outcome:
        return self._outcome("superseded", "newer content took its place")

    def _outcome(self, phase: Ending, message: str) -> Outcome:
        seen = self._seen().to_json()
        return RunEnd(phase, message, seen).outcome(
            self._submitted.application, run_id=self._run_id
        )

    def _seen(self) -> Progress:
        return self.progress or Progress(application=self._submitted.application)

    async def _ask(self, run_id: str) -> Json:
        """Ask a run that has just begun who it is; it answers once a worker has taken it up."""
        for _ in range(_QUESTIONS):
            state = await query_state(self._client, self._submitted.application, run_id=run_id)
            if state is not None:
                return state
            await asyncio.sleep(_INTERVAL)
        return {}

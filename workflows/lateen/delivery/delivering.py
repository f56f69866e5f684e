"""A run that delivers: open, run the steps, prune, record. Cancelled or superseded, it still records that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from lateen.contracts import errors
    from lateen.contracts.messages import (
        ClosedDelivery,
        CloseDelivery,
        OpenDelivery,
        OpenedDelivery,
        PruneCluster,
        RecordEvents,
    )
    from lateen.delivery import recording
    from lateen.delivery.approvals import Approvals
    from lateen.delivery.gathering import MOST_AT_ONCE, all_of, stop_if_cancelled
    from lateen.delivery.indexing import Index
    from lateen.delivery.progress import Progress, counted
    from lateen.delivery.steering import cancelled_by
    from lateen.delivery.steps import StepRunner
    from lateen.delivery.submissions import Submission
    from lateen.delivery.suspension import Suspension, Word
    from lateen.model.base import Json
    from lateen.model.records import AuditEvent, ClusterChanges, Phase, PlacementDigest

_MOST_PROBLEMS = 10


class Delivery:
    """Brings an application's clusters to what it describes."""

    def __init__(
        self,
        submission: Submission,
        *,
        progress: Progress,
        approvals: Approvals,
        suspension: Suspension,
        hub_uid: str,
    ) -> None:
        self._submission = submission
        self._progress = progress
        self._approvals = approvals
        self._suspension = suspension
        self._hub_uid = hub_uid
        self._index = Index(enabled=False)
        self._recording: asyncio.Future[None] | None = None
        self._asked: set[str] = set()
        self._recorded = False
        self._removed: list[ClusterChanges] = []
        self._ending = False
        self._stopped_by = Word()

    async def run(self, *, superseded: Callable[[], bool]) -> Json:
        """Deliver; return the result, or raise the error that the run fails with."""
        try:
            return await self._run(superseded)
        except ActivityError as error:
            self._progress.phase, self._progress.message = "failed", recording.reason_of(error)
            raise recording.failure_of(error) from error

    async def _run(self, superseded: Callable[[], bool]) -> Json:
        opened = await self._open()
        self._index = Index(enabled=opened.options.search_attributes)
        if opened.unchanged:
            self._progress.phase = "unchanged"
            self._show()
            return self._progress.to_json()
        self._show()
        try:
            stop_if_cancelled()  # The opening may have ended nevertheless: what it claimed is closed.
            phase = await self._deliver(opened)
        except asyncio.CancelledError:
            if not self._recorded:
                await self._stop(opened, superseded=superseded())
            raise
        await recording.uncancelled(self._close(opened, phase))
        return self._result(phase)

    async def _open(self) -> OpenedDelivery:
        request = OpenDelivery(
            application=self._progress.application,
            content=self._submission.application or {},
            actor=self._submission.actor,
            hub_uid=self._hub_uid,
            confirm_removal=list(self._submission.confirm_removal),
            intent="rollback" if self._rolls_back else "deliver",
            rollback_to=self._submission.revision,
            continuation=self._submission.continuation,
        )
        opened = await recording.open_delivery(request)
        self._progress.open(opened)
        self._approvals.require_attributed = opened.options.require_attributed_approvals
        return opened

    async def _deliver(self, opened: OpenedDelivery) -> Phase:
        runner = StepRunner(
            opened,
            progress=self._progress,
            approvals=self._approvals,
            suspension=self._suspension,
            changed=self._changed,
            confirm_removal=self._submission.confirm_removal,
        )
        failed = await runner.run()
        if not failed:
            return await self._prune(opened)
        first = self._progress.steps[failed[0]]
        self._progress.message = f"step {first.name!r}: {first.message}"
        if first.phase == "rejected":
            return "rejected"
        await self._prune_nevertheless(opened)
        return "failed"

    async def _prune(self, opened: OpenedDelivery) -> Phase:
        """Delete what no step delivers any more, once, after the last step succeeded."""
        await self._suspension.lifted()
        answer = await recording.uncancelled(self._ask_what_to_prune(opened, "delivered"))
        if answer.closed:
            return "delivered"
        problems = await self._prune_clusters(opened, answer.prune)
        if problems:
            self._progress.message = f"delivered, but not pruned: {_listed(problems)}"
            return "failed"
        return "delivered"

    async def _prune_nevertheless(self, opened: OpenedDelivery) -> None:
        """Prune although a step failed, where the delivery arrived, if its policy says so."""
        self._end(opened, "failed")
        answer = await recording.uncancelled(self._ask_what_to_prune(opened, "failed"))
        if answer.closed:
            return
        self._progress.pruning = True
        try:
            problems = await self._prune_clusters(opened, answer.prune, partly=True)
        finally:
            self._progress.pruning = False
        if problems:
            self._progress.message += f"; not pruned: {_listed(problems)}"

    async def _prune_clusters(
        self, opened: OpenedDelivery, clusters: Sequence[str], *, partly: bool = False
    ) -> list[str]:
        """Prune clusters, several at a time; return what went wrong."""
        problems: list[str] = []
        slots = asyncio.Semaphore(MOST_AT_ONCE)
        # Each is told of its own placements only: all of them in each would be a history of n times n.
        delivered: dict[str, list[PlacementDigest]] = {}
        for placement in self._progress.placement_digests():
            delivered.setdefault(placement.cluster, []).append(placement)

        async def one(cluster: str) -> None:
            async with slots:
                await self._suspension.lifted()
                await prune(cluster)

        async def prune(cluster: str) -> None:
            self._progress.clusters[cluster] = "pruning"
            request = PruneCluster(
                application=self._progress.application,
                hub_uid=opened.hub_uid,
                delivery=opened.delivery,
                cluster=cluster,
                revision=opened.revision,
                placements=delivered.get(cluster, []),
                confirm_removal=list(self._submission.confirm_removal),
                partly=partly,
            )
            try:
                result = await recording.prune(
                    request, give_up=timedelta(seconds=opened.options.deadline_seconds)
                )
                self._progress.clusters[cluster] = f"pruned {counted(result.objects)}"
                self._note(cluster, deleted=result.objects, kept=result.kept)
            except ActivityError as error:
                self._note(cluster, state="failed")
                self._progress.clusters[cluster] = f"not pruned: {recording.reason_of(error)}"
                problems.append(f"{cluster}: {recording.reason_of(error)}")
            self._show()

        await all_of(one(cluster) for cluster in clusters)
        return problems

    def _note(self, cluster: str, **counts: Any) -> None:
        self._removed.append(ClusterChanges(cluster=cluster, **counts))

    async def _ask_what_to_prune(self, opened: OpenedDelivery, phase: Phase) -> ClosedDelivery:
        """Close the delivery; that works at once when there is nothing to prune."""
        if self._recording is not None:
            await self._recording
        answer = await recording.close(self._closing(opened, phase))
        self._progress.retained = answer.retained
        if answer.closed:
            self._recorded = True
            self._progress.phase = phase
        return answer

    async def _stop(self, opened: OpenedDelivery, *, superseded: bool) -> None:
        """Record that the delivery was stopped from outside, and by whom if that was said."""
        if not superseded:
            self._stopped_by = cancelled_by()
            if not self._stopped_by.empty:
                self._progress.message = f"cancelled {self._stopped_by}"
        await self._close(opened, "superseded" if superseded else "cancelled")

    async def _close(self, opened: OpenedDelivery, phase: Phase) -> None:
        """Record the end. Recordings that still run come first, so that the audit keeps its order."""
        self._end(opened, phase)
        if self._recorded:
            return
        if self._recording is not None:
            await self._recording
        await recording.close(self._closing(opened, phase).model_copy(update={"pruned": True}))
        self._recorded = True

    @property
    def _rolls_back(self) -> bool:
        return self._submission.intent == "rollback"

    def _message(self, opened: OpenedDelivery, phase: Phase) -> str:
        if phase == "delivered" and self._rolls_back:
            return f"rolled back to {opened.revision.name}"
        return self._progress.message

    def _end(self, opened: OpenedDelivery, phase: Phase) -> None:
        self._ending = True
        self._progress.phase = phase
        self._progress.message = self._message(opened, phase)
        self._index.show(self._progress, waiting=[])
        workflow.set_current_details(self._progress.details())

    def _closing(self, opened: OpenedDelivery, phase: Phase) -> CloseDelivery:
        return CloseDelivery(
            application=self._progress.application,
            hub_uid=opened.hub_uid,
            delivery=opened.delivery,
            phase=phase,
            revision=opened.revision,
            message=self._message(opened, phase),
            actor=self._stopped_by.actor or (self._submission.actor if self._rolls_back else ""),
            reason=self._stopped_by.reason,
            placements=self._progress.placement_digests(),
            steps=self._progress.shown_outcomes(),
            events=list(self._approvals.events),
            confirm_removal=list(self._submission.confirm_removal),
            removed=self._removed,
        )

    def _result(self, phase: Phase) -> Json:
        result = self._progress.to_json()
        if phase == "delivered":
            return result
        kind = errors.REJECTED if phase == "rejected" else errors.DELIVERY_FAILED
        raise ApplicationError(self._progress.message, result, type=kind, non_retryable=True)

    async def suspension_changed(self) -> None:
        """Show that the run was suspended or resumed, and record it; later if it is being opened or closed."""
        if self._progress.opened is None or self._progress.opened.unchanged or self._ending:
            self._show()
        else:
            await self._changed()

    async def _changed(self) -> None:
        """Show the new state, and record in the audit what people wait for and what they decided."""
        waiting = sorted(self._approvals.waiting)
        self._progress.phase = "waiting" if waiting else "delivering"
        self._show()
        events = self._approvals.take_events()
        now = workflow.now().isoformat()
        for step in waiting:
            if step not in self._asked:
                events.append(AuditEvent(at=now, type="waiting", step=step))
        if events or self._asked != set(waiting):
            self._asked = set(waiting)
            self._recording = asyncio.ensure_future(self._record(self._recording, events))

    async def _record(self, before: asyncio.Future[None] | None, events: list[AuditEvent]) -> None:
        if before is not None:
            await before
        opened = self._progress.opened
        if opened is None or not events:
            return
        await recording.record(
            RecordEvents(
                application=self._progress.application,
                hub_uid=opened.hub_uid,
                delivery=opened.delivery,
                phase=self._progress.phase,
                events=events,
            )
        )

    def _show(self) -> None:
        self._index.show(self._progress, waiting=sorted(self._approvals.waiting))
        workflow.set_current_details(self._progress.details())


def _listed(problems: Sequence[str]) -> str:
    shown = "; ".join(problems[:_MOST_PROBLEMS])
    rest = len(problems) - _MOST_PROBLEMS
    return f"{shown}; and {rest} more" if rest > 0 else shown

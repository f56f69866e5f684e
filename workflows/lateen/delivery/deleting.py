"""A run that deletes: every cluster at once, and it stays open while a cluster is owed its deletion."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from lateen.contracts import errors
    from lateen.contracts.messages import CloseDelivery, DeletionPlan, OpenDeletion, PruneCluster
    from lateen.delivery import recording
    from lateen.delivery.gathering import MOST_AT_ONCE, all_of, stop_if_cancelled
    from lateen.delivery.indexing import Index
    from lateen.delivery.progress import Progress, counted
    from lateen.delivery.steering import cancelled_by
    from lateen.delivery.submissions import Submission
    from lateen.delivery.suspension import Word
    from lateen.model.base import Json
    from lateen.model.errors import nearest, shorten
    from lateen.model.records import AuditEvent, ClusterChanges, Phase


class Deletion:
    """Removes an application from wherever it is, then its record in the hub (the audit stays).

    ``abandoned`` grows while it runs: a cluster named there is given up for good, on the word of the actor
    behind it.
    """

    def __init__(
        self, submission: Submission, *, progress: Progress, hub_uid: str, abandoned: dict[str, str]
    ) -> None:
        self._submission = submission
        self._progress = progress
        self._hub_uid = hub_uid
        self._abandoned = abandoned
        for cluster in submission.abandon:
            self._abandoned.setdefault(cluster, submission.actor)
        self._index = Index(enabled=False)
        self._stopped_by = Word()
        self._events: list[AuditEvent] = []
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._removed: list[ClusterChanges] = []

    async def run(self, *, superseded: Callable[[], bool]) -> Json:
        """Delete; return the result. ``known`` is False when there was nothing of that name."""
        try:
            return await self._run(superseded)
        except ActivityError as error:
            self._progress.phase, self._progress.message = "failed", recording.reason_of(error)
            raise recording.failure_of(error) from error

    async def _run(self, superseded: Callable[[], bool]) -> Json:
        self._progress.phase = "deleting"
        plan = await self._open()
        self._index = Index(enabled=plan.options.search_attributes)
        if not plan.known:
            self._progress.phase = "deleted"
            return {**self._progress.to_json(), "known": False}
        for cluster in plan.clusters:
            self._progress.clusters[cluster] = "pending"
        for cluster in self._abandoned:
            if cluster not in plan.clusters:
                self._progress.warnings.append(nothing_to_abandon(cluster, plan.clusters))
        try:
            stop_if_cancelled()  # The opening may have ended nevertheless: what it claimed is closed.
            await all_of(self._clear(plan, cluster) for cluster in plan.clusters)
        except asyncio.CancelledError:
            if not superseded():
                self._stopped_by = cancelled_by()
                if not self._stopped_by.empty:
                    self._progress.message = f"cancelled {self._stopped_by}"
            await self._close(plan, "superseded" if superseded() else "cancelled")
            raise
        failed = [c for c, state in self._progress.clusters.items() if state.startswith("failed")]
        phase: Phase = "failed" if failed else "deleted"
        await recording.uncancelled(self._close(plan, phase))
        if failed:
            message = "not deleted everywhere: " + ", ".join(failed)
            raise ApplicationError(
                message, self._progress.to_json(), type=errors.DELIVERY_FAILED, non_retryable=True
            )
        return {**self._progress.to_json(), "known": True}

    async def _open(self) -> DeletionPlan:
        request = OpenDeletion(
            application=self._progress.application,
            hub_uid=self._hub_uid,
            actor=self._submission.actor,
            orphan=self._submission.orphan,
        )
        return await recording.open_deletion(request)

    async def _clear(self, plan: DeletionPlan, cluster: str) -> None:
        """Delete from one cluster, for as long as it takes or until somebody gives the cluster up."""
        async with self._slots:
            await self._remove(plan, cluster)

    async def _remove(self, plan: DeletionPlan, cluster: str) -> None:
        self._set(cluster, "deleting")
        removal = asyncio.ensure_future(
            recording.prune(
                self._request(plan, cluster, orphan=self._submission.orphan), give_up=None
            )
        )
        try:
            await workflow.wait_condition(lambda: removal.done() or cluster in self._abandoned)
        finally:
            if not removal.done():
                removal.cancel()
                await workflow.wait([removal])
        if cluster in self._abandoned and (removal.cancelled() or removal.exception()):
            await recording.prune(self._request(plan, cluster, orphan=True), give_up=None)
            self._set(cluster, "abandoned")
            self._note(cluster, state="abandoned")
            now = workflow.now().isoformat()
            actor = self._abandoned[cluster]
            self._events.append(AuditEvent(at=now, type="abandoned", actor=actor, message=cluster))
            return
        try:
            result = await removal
        except ActivityError as error:
            self._set(cluster, f"failed: {recording.reason_of(error)}")
            self._note(cluster, state="failed")
            return
        if self._submission.orphan:
            verb = "orphaned"
            self._note(cluster, kept=result.objects, state=verb)
        else:
            verb = "deleted"
            self._note(cluster, deleted=result.objects, kept=result.kept)
        said = f"{verb} {counted(result.objects)}"
        self._set(cluster, f"{said}; {result.message}" if result.message else said)

    def _note(self, cluster: str, **counts: Any) -> None:
        self._removed.append(ClusterChanges(cluster=cluster, **counts))

    def _request(self, plan: DeletionPlan, cluster: str, *, orphan: bool) -> PruneCluster:
        return PruneCluster(
            application=self._progress.application,
            hub_uid=plan.hub_uid,
            delivery=plan.delivery,
            cluster=cluster,
            everything=True,
            orphan=orphan,
        )

    async def _close(self, plan: DeletionPlan, phase: Phase) -> None:
        self._progress.phase = phase
        await recording.close(
            CloseDelivery(
                application=self._progress.application,
                hub_uid=plan.hub_uid,
                delivery=plan.delivery,
                phase=phase,
                message=self._progress.message,
                actor=self._stopped_by.actor,
                reason=self._stopped_by.reason,
                events=self._events,
                pruned=True,
                removed=self._removed,
            )
        )
        self._show()

    def _set(self, cluster: str, state: str) -> None:
        self._progress.clusters[cluster] = state
        self._show()

    def _show(self) -> None:
        self._index.show(self._progress, waiting=[])
        workflow.set_current_details(self._progress.details())


def nothing_to_abandon(cluster: str, known: Iterable[str]) -> str:
    """Warn about a cluster that is given up although nothing is recorded there: mostly a misspelt one."""
    return f"nothing is recorded in a cluster {shorten(cluster)}; {nearest(cluster, known)}"

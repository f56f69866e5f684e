"""Fake activities whose behaviour a test scripts: registered under the contract's names, no cluster behind."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from lateen.contracts.activities import DeliveryActivities
from lateen.contracts.drift import (
    CheckDrift,
    DeliveredShard,
    DriftChecked,
    DriftReport,
    ListDelivered,
)
from lateen.contracts.messages import (
    ClosedDelivery,
    CloseDelivery,
    DeletionPlan,
    DeliverPlacement,
    Inspect,
    OpenDeletion,
    OpenDelivery,
    OpenedDelivery,
    PlacementResult,
    PlannedPlacement,
    PlanStep,
    PruneCluster,
    PruneTarget,
    RecordEvents,
    RunOptions,
    StepOutcome,
    StepPlan,
    Vetted,
)
from lateen.model.base import Json
from lateen.model.json_values import json_digest
from lateen.model.records import AuditEvent, RevisionRef, Snapshot
from lateen.planning.resolving import Resolved, snapshot_digest
from lateen.policies.topology import ClusterInfo
from lateen.rendering.registry import builtin

HUB_UID = "hub-0"
_BEAT = 0.05


def failing(
    kind: str, message: str = "it went wrong", *, retryable: bool = False
) -> ApplicationError:
    """Build the error that a real activity's edge would raise."""
    return ApplicationError(message, type=kind, non_retryable=not retryable)


@dataclass(frozen=True)
class Call:
    """One attempt of an activity."""

    name: str
    request: Any
    attempt: int
    run_id: str


class FakeActivities(DeliveryActivities):
    """Knows the clusters that exist, and does what the test said beforehand.

    ``kept`` has the content of revisions by name, for rollbacks. ``failures`` holds, by activity name or
    ``<cluster>/<namespace>``, errors to raise, one an attempt. ``done`` is what a delivery that continues
    another finds done. ``pause`` is how many seconds, at random, every placement takes.
    """

    def __init__(self, clusters: list[str] | None = None) -> None:
        self.clusters = ["local", *(clusters or [])]
        self.options = RunOptions()
        self.unchanged = False
        self.unfit = ""
        self.stands_for: Json | None = None
        self.kept: dict[str, Json] = {}
        self.known = True
        self.done: list[StepOutcome] = []
        self.first_plan = True
        self.pause: Callable[[], float] = lambda: 0.0
        self.prune: list[str] = []
        self.prune_after_failure: list[str] = []
        self.would_prune: list[PruneTarget] = []
        self.owned: list[str] = []
        self.stored: list[str] = []
        self.checked: dict[str, DriftChecked] = {}
        self.inspected: Json = {}
        self.failures: dict[str, list[ApplicationError]] = defaultdict(list)
        self.plan_salt: dict[str, list[str]] = defaultdict(list)
        self.calls: list[Call] = []
        self.events: list[AuditEvent] = []
        self.recorded_phases: list[str] = []
        self.ended: list[tuple[str, str]] = []
        self.in_flight: dict[str, int] = defaultdict(int)
        self.most_in_flight: dict[str, int] = defaultdict(int)
        self._held: dict[str, asyncio.Event] = {}
        self._stubborn: set[str] = set()
        self._begun: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._resolved: dict[str, Resolved] = {}
        self._deliveries = 0
        self._latest = ""
        self._random = random.Random(7)

    # What tests say and ask.

    def hold(self, *names: str, stubborn: bool = False) -> None:
        """Let activities or placements wait until they are released.

        A ``stubborn`` one doesn't stop when it is cancelled, as an apply that is being sent doesn't.
        """
        for name in names:
            self._held[name] = asyncio.Event()
            if stubborn:
                self._stubborn.add(name)

    def release(self, *names: str) -> None:
        """Let what was held go on, now and later."""
        for name in names:
            self._held.pop(name).set()
            self._stubborn.discard(name)

    def adopt(self, content: Json) -> None:
        """Know an application that other fakes opened, as every worker reads revisions from the hub."""
        self._resolve(content)

    async def begun(self, name: str) -> None:
        """Wait until an activity or a placement is running."""
        async with asyncio.timeout(10):
            await self._begun[name].wait()

    def forget_begun(self, *names: str) -> None:
        """Let ``begun`` wait for the next time."""
        for name in names:
            self._begun[name].clear()

    def random_pause(self, most: float) -> None:
        """Let every placement take up to ``most`` seconds."""
        self.pause = lambda: self._random.uniform(0, most)

    def called(self, name: str) -> list[Any]:
        """Return the requests of an activity, one an attempt, in order."""
        return [call.request for call in self.calls if call.name == name]

    def names(self) -> list[str]:
        """Return the activities called, in order."""
        return [call.name for call in self.calls]

    def delivered(self) -> list[str]:
        """Return the placements asked for, as ``step:cluster/namespace``, in order."""
        return [f"{r.step}:{r.placement.name}" for r in self.called("deliver_placement")]

    def closed_as(self) -> list[str]:
        """Return the phases that deliveries were recorded with in the end."""
        closings = self.called("close_delivery")
        return [r.phase for r in closings if r.pruned or not self._to_prune(r)]

    def _to_prune(self, request: CloseDelivery) -> list[str]:
        prune = {"delivered": self.prune, "failed": self.prune_after_failure}
        return prune.get(request.phase, [])

    def all(self) -> list[Callable[..., Any]]:
        """Return what to register."""
        return [
            self.open_delivery,
            self.vet_submission,
            self.plan_step,
            self.deliver_placement,
            self.record_events,
            self.prune_cluster,
            self.close_delivery,
            self.open_deletion,
            self.inspect,
            self.list_delivered,
            self.check_drift,
        ]

    # The activities.

    @activity.defn(name="vet_submission")
    async def vet_submission(self, request: OpenDelivery) -> Vetted:
        async with self._doing("vet_submission", request):
            content = self.stands_for or request.content or self.kept.get(request.rollback_to)
            digest = self._resolve(content) if content else ""
            return Vetted(valid=not self.unfit, message=self.unfit, digest=digest)

    @activity.defn(name="open_delivery")
    async def open_delivery(self, request: OpenDelivery) -> OpenedDelivery:
        async with self._doing("open_delivery", request):
            if request.continuation is None:
                kept = self.kept.get(request.rollback_to)
                self._latest = self._resolve(kept if kept is not None else request.content)
            digest = self._latest
            resolved = self._resolved[digest]
            self._deliveries += 1
            name = request.rollback_to or f"v{self._deliveries}"
            revision = RevisionRef(name=name, number=1, digest=digest)
            leaves = resolved.plan.leaves
            first = leaves[0] if leaves and leaves[0].type == "deploy" else None
            clusters = {p.cluster for s in resolved.deploy_steps for p in self._places(resolved, s)}
            return OpenedDelivery(
                hub_uid=HUB_UID,
                revision=revision,
                unchanged=self.unchanged,
                delivery=0 if self.unchanged else self._deliveries,
                steps=list(resolved.plan.steps),
                mode=resolved.plan.mode,
                first_plan=self._plan(resolved, first.name, digest=digest)
                if first and self.first_plan
                else None,
                clusters=sorted(clusters),
                options=self.options,
                done=self.done if request.continuation else [],
            )

    @activity.defn(name="plan_step")
    async def plan_step(self, request: PlanStep) -> StepPlan:
        async with self._doing("plan_step", request):
            digest = request.revision.digest
            return self._plan(self._resolved[digest], request.step, digest=digest)

    @activity.defn(name="deliver_placement")
    async def deliver_placement(self, request: DeliverPlacement) -> PlacementResult:
        placement, step = request.placement, request.step
        self.in_flight[step] += 1
        self.most_in_flight[step] = max(self.most_in_flight[step], self.in_flight[step])
        try:
            async with self._doing("deliver_placement", request, also=placement.name):
                await self._breathe(self.pause())
        except asyncio.CancelledError:
            self.ended.append((placement.name, "cancelled"))
            raise
        finally:
            self.in_flight[step] -= 1
        self.ended.append((placement.name, "delivered"))
        return PlacementResult(
            cluster=placement.cluster, namespace=placement.namespace, objects=placement.objects
        )

    @activity.defn(name="record_events")
    async def record_events(self, request: RecordEvents) -> None:
        async with self._doing("record_events", request):
            self.events.extend(request.events)
            if request.phase:
                self.recorded_phases.append(request.phase)

    @activity.defn(name="prune_cluster")
    async def prune_cluster(self, request: PruneCluster) -> PlacementResult:
        verb = "forget" if request.orphan else "prune"
        async with self._doing("prune_cluster", request, also=f"{verb} {request.cluster}"):
            return PlacementResult(cluster=request.cluster, objects=2)

    @activity.defn(name="close_delivery")
    async def close_delivery(self, request: CloseDelivery) -> ClosedDelivery:
        async with self._doing("close_delivery", request):
            prune = self._to_prune(request)
            if prune and not request.pruned:
                return ClosedDelivery(closed=False, prune=prune)
            self.events.extend(request.events)
            return ClosedDelivery(closed=True)

    @activity.defn(name="open_deletion")
    async def open_deletion(self, request: OpenDeletion) -> DeletionPlan:
        async with self._doing("open_deletion", request):
            self._deliveries += 1
            return DeletionPlan(
                hub_uid=HUB_UID,
                known=self.known,
                delivery=self._deliveries,
                clusters=self.owned,
                options=self.options,
            )

    @activity.defn(name="inspect")
    async def inspect(self, request: Inspect) -> Json:
        async with self._doing("inspect", request):
            if request.revisions:
                rows = [{"name": name, "number": number} for number, name in enumerate(self.kept)]
                before = list(self.kept)[-1] if self.kept else ""
                return {"known": bool(self.kept), "before": before, "revisions": rows}
            return {"name": request.name, "live": request.live, **self.inspected}

    @activity.defn(name="list_delivered")
    async def list_delivered(self, request: ListDelivered) -> DeliveredShard:
        async with self._doing("list_delivered", request):
            found = [each for each in sorted(self.stored) if each > request.after]
            shard = found[: request.limit]
            after = shard[-1] if len(found) > request.limit else ""
            return DeliveredShard(hub_uid=HUB_UID, applications=shard, after=after)

    @activity.defn(name="check_drift")
    async def check_drift(self, request: CheckDrift) -> DriftChecked:
        self.in_flight["check_drift"] += 1
        most = max(self.most_in_flight["check_drift"], self.in_flight["check_drift"])
        self.most_in_flight["check_drift"] = most
        try:
            async with self._doing("check_drift", request, also=request.application):
                await self._breathe(self.pause())
        finally:
            self.in_flight["check_drift"] -= 1
        clean = DriftReport(application=request.application, state="clean")
        known = self.checked.get(request.application)
        return known or DriftChecked(hub_uid=HUB_UID, report=clean)

    # How they do it.

    @contextlib.asynccontextmanager
    async def _doing(self, name: str, request: object, *, also: str = "") -> AsyncIterator[None]:
        info = activity.info()
        self.calls.append(Call(name, request, info.attempt, info.workflow_run_id or ""))
        for key in filter(None, (name, also)):
            self._begun[key].set()
        for key in filter(None, (name, also)):
            await self._pass(key)
            if self.failures[key]:
                raise self.failures[key].pop(0)
        yield

    async def _pass(self, name: str) -> None:
        """Wait while a name is held, heartbeating so that a cancellation is heard."""
        gate = self._held.get(name)
        if gate is None:
            return
        try:
            await self._beating(gate.wait())
        except asyncio.CancelledError:
            if name in self._stubborn:
                await gate.wait()
            raise

    async def _breathe(self, seconds: float) -> None:
        if seconds:
            await self._beating(asyncio.sleep(seconds))

    @staticmethod
    async def _beating(work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                activity.heartbeat()
                await asyncio.wait([task], timeout=_BEAT)
        finally:
            task.cancel()

    def _resolve(self, content: Json) -> str:
        snapshot = Snapshot(application=content)
        digest = snapshot_digest(snapshot)
        if digest not in self._resolved:
            self._resolved[digest] = Resolved(snapshot, builtin())
        return digest

    def _places(self, resolved: Resolved, step: Any) -> list[PlannedPlacement]:
        infos = [ClusterInfo(name=name) for name in self.clusters]
        return [
            PlannedPlacement(cluster=p.cluster, namespace=p.namespace, digest="", objects=1)
            for p in resolved.select(step, infos).placements
        ]

    def _plan(self, resolved: Resolved, step: str, *, digest: str) -> StepPlan:
        salts = self.plan_salt[step]
        salt = salts.pop(0) if salts else ""
        placements = [
            p.model_copy(update={"digest": json_digest([digest, step, p.name, salt])[:16]})
            for p in self._places(resolved, resolved.step(step))
        ]
        whole = json_digest([[p.digest for p in placements], [str(t) for t in self.would_prune]])
        return StepPlan(step=step, placements=placements, prune=self.would_prune, digest=whole[:16])

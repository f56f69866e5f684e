"""Runs the steps of a delivery: in order or as a DAG, with approvals, timeouts and step groups."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from lateen.contracts.messages import OpenedDelivery, PlacementOutcome, PlanStep, StepPlan
    from lateen.delivery import recording
    from lateen.delivery.approvals import Approvals, Waiting
    from lateen.delivery.gathering import all_of
    from lateen.delivery.placing import PLAN_CHANGED, Batch, deliver_all
    from lateen.delivery.progress import Progress, StepProgress
    from lateen.delivery.replanning import difference
    from lateen.delivery.sharding import deliver_sharded, needs_shards
    from lateen.delivery.suspension import Suspension
    from lateen.planning.plan import PlannedStep

_MOST_PLANS = 10
"""A step whose plan changes this often while it delivers has something else wrong with it."""


class StepRunner:
    """Carries out the steps of one opened delivery and keeps ``progress`` up to date."""

    def __init__(
        self,
        opened: OpenedDelivery,
        *,
        progress: Progress,
        approvals: Approvals,
        suspension: Suspension,
        changed: Callable[[], Awaitable[None]],
        confirm_removal: Sequence[str] = (),
    ) -> None:
        self._opened = opened
        self._progress = progress
        self._approvals = approvals
        self._suspension = suspension
        self._changed = changed
        self._confirm_removal = list(confirm_removal)
        self._failed: list[str] = []

    async def run(self) -> list[str]:
        """Run every step; return the names of those that failed or were rejected, in order."""
        await self._run_all(self._opened.steps, mode=self._opened.mode)
        return self._failed

    async def _run_all(self, steps: Sequence[PlannedStep], *, mode: str) -> None:
        if mode == "StepByStep":
            for step in steps:
                await self._run_unless_failed(step, after=[other.name for other in steps])
            return
        done = {step.name: asyncio.Event() for step in steps}

        async def when_ready(step: PlannedStep) -> None:
            for name in step.depends_on:
                await done[name].wait()
            await self._run_unless_failed(step, after=step.depends_on)
            done[step.name].set()

        await all_of(when_ready(step) for step in steps)

    async def _run_unless_failed(self, step: PlannedStep, *, after: Sequence[str]) -> None:
        """Run a step, or skip it because one before it failed, as KubeVela's default ``if`` does."""
        state = self._progress.steps[step.name]
        if state.phase == "succeeded":
            return  # In the delivery that this one continues.
        blocked = [name for name in after if self._progress.steps[name].phase in _UNSUCCESSFUL]
        if blocked and not step.always:
            self._skip(step, because=blocked[0])
            return
        await self._suspension.lifted()
        state.phase = "delivering"
        try:
            if step.timeout is None:
                await self._run_step(step, state)
            else:
                async with self._suspension.limit(step.timeout):
                    await self._run_step(step, state)
        except TimeoutError:
            self._expire(step, state)
        except ActivityError as error:
            state.phase, state.message = "failed", recording.reason_of(error)
        except asyncio.CancelledError:
            self._approvals.withdraw(step.name)
            state.phase = "cancelled"
            state.end_placements("cancelled", message="")
            raise
        if state.phase in {"failed", "rejected"}:
            self._failed.append(step.name)
        await self._changed()

    async def _run_step(self, step: PlannedStep, state: StepProgress) -> None:
        if step.type == "step-group":
            await self._run_all(step.sub_steps, mode=step.mode)
            phases = {self._progress.steps[sub.name].phase for sub in step.sub_steps}
            state.phase = next((p for p in ("rejected", "failed") if p in phases), "succeeded")
        elif step.type == "suspend":
            await self._suspend(step, state)
        else:
            await self._deploy(step, state)

    def _skip(self, step: PlannedStep, *, because: str) -> None:
        state = self._progress.steps[step.name]
        state.phase, state.message = "skipped", f"step {because!r} did not succeed"
        for sub_step in step.sub_steps:
            self._skip(sub_step, because=because)

    def _expire(self, step: PlannedStep, state: StepProgress) -> None:
        self._approvals.withdraw(step.name)
        limit = timedelta(seconds=step.timeout or 0)
        state.phase, state.message = "failed", f"timed out after {limit}"
        state.end_placements("failed", message="the step timed out")

    async def _suspend(self, step: PlannedStep, state: StepProgress) -> None:
        """Wait for a decision, or for the given duration: then the step succeeds by itself."""
        try:
            await self._decide(step, state, within=step.duration)
        except TimeoutError:
            self._approvals.withdraw(step.name)
            state.phase, state.message = "succeeded", "the time is over"

    async def _decide(
        self,
        step: PlannedStep,
        state: StepProgress,
        *,
        plan: StepPlan | None = None,
        within: float | None = None,
    ) -> bool:
        """Wait until someone approves or rejects the step; return whether it was approved.

        Raises ``TimeoutError`` when nobody did ``within`` that many seconds.
        """
        self._approvals.ask(
            Waiting(
                step=step.name,
                since=workflow.now().isoformat(),
                plan=plan.digest if plan else "",
                revision=self._opened.revision.name,
                run=workflow.info().original_execution_run_id,
                message=step.message,
                prune=tuple(plan.prune) if plan else (),
            )
        )
        state.phase, state.decision = "waiting", None
        await self._changed()
        with contextlib.suppress(TimeoutError):  # Whoever decided together with the timer, decided.
            await workflow.wait_condition(
                lambda: step.name in self._approvals.decisions,
                timeout=within,
                timeout_summary=f"approval of {step.name}",
            )
        decision = self._approvals.decisions.get(step.name)
        if decision is None:
            raise TimeoutError
        state.decision = decision
        why = f": {decision.reason}" if decision.reason else ""
        if not decision.approved:
            state.phase, state.message = "rejected", f"rejected by {decision.actor}{why}"
            return False
        state.phase, state.message = "succeeded", f"approved by {decision.actor}{why}"
        await self._changed()
        return True

    async def _deploy(self, step: PlannedStep, state: StepProgress) -> None:
        plan = await self._plan(step)
        for _ in range(_MOST_PLANS):
            state.show_plan(plan)
            approved = step.auto or self._was_approved(state, plan)
            if not approved and not await self._decide(step, state, plan=plan):
                return
            state.phase = "delivering"
            await self._deliver(step, state, plan)
            if not any(p.phase == PLAN_CHANGED for p in state.placements.values()):
                break
            before, plan = plan, await self._plan(step)
            changes = difference(before, plan) or "its objects changed meanwhile"
            self._progress.warnings.append(f"step {step.name!r}: planned again ({changes})")
        self._conclude(state)

    @staticmethod
    def _was_approved(state: StepProgress, plan: StepPlan) -> bool:
        """Tell whether the delivery that is continued was approved for just this plan; that counts once."""
        before, state.approved_before = state.approved_before, ""
        return bool(before) and before == plan.digest

    async def _plan(self, step: PlannedStep) -> StepPlan:
        """Use the plan that came with the opening for the first step; it is milliseconds old."""
        first = self._opened.first_plan
        if first is not None and first.step == step.name:
            self._opened = self._opened.model_copy(update={"first_plan": None})
            return first
        plan = await recording.plan_step(
            PlanStep(
                application=self._progress.application,
                hub_uid=self._opened.hub_uid,
                revision=self._opened.revision,
                step=step.name,
                delivery=self._opened.delivery,
                with_prune=not step.auto,
                confirm_removal=self._confirm_removal,
            )
        )
        self._progress.warnings.extend(plan.warnings)
        return plan

    async def _deliver(self, step: PlannedStep, state: StepProgress, plan: StepPlan) -> None:
        batch = Batch(
            application=self._progress.application,
            hub_uid=self._opened.hub_uid,
            revision=self._opened.revision,
            delivery=self._opened.delivery,
            step=step.name,
            parallelism=step.parallelism,
            deadline=timedelta(seconds=self._opened.options.deadline_seconds),
        )
        placements = [
            placement
            for placement in plan.placements
            if state.placements[placement.cluster, placement.namespace].phase != "delivered"
        ]

        def report(outcome: PlacementOutcome) -> None:
            state.placements[outcome.cluster, outcome.namespace] = outcome
            workflow.set_current_details(self._progress.details())

        await self._changed()
        deliver = deliver_sharded if needs_shards(placements) else deliver_all
        await deliver(batch, placements, suspension=self._suspension, report=report)

    def _conclude(self, state: StepProgress) -> None:
        failed = [p for p in state.placements.values() if p.phase != "delivered"]
        if failed:
            first = failed[0]
            state.phase = "failed"
            rest = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            state.message = f"{first.cluster}/{first.namespace}: {first.message}{rest}"
            return
        state.phase = "succeeded"
        if not state.placements:
            state.message = "no placements: nothing was deployed"


_UNSUCCESSFUL = frozenset({"failed", "rejected", "skipped"})

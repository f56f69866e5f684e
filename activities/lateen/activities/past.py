"""What is known of an earlier delivery, as far as it matters to one that continues it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lateen.contracts.messages import (
    Continuation,
    Decision,
    PlacementOutcome,
    PlannedPlacement,
    StepOutcome,
)
from lateen.model.errors import InvalidApplication
from lateen.model.records import Audit, AuditEvent, DeliveryRecord
from lateen.planning.plan import WorkflowPlan
from lateen.planning.rerunning import steps_from

_QUESTIONS = frozenset({"waiting", "approved", "rejected"})
_NEVER_BEGUN = frozenset({"pending", "skipped"})
_UNSUCCESSFUL = frozenset({"failed", "rejected"})


def refuse_what_cannot_go_on(audit: Audit, wish: Continuation) -> DeliveryRecord:
    """Return the delivery to continue. Raises ``InvalidApplication`` when there is none."""
    record = audit.delivery
    if record is None or (audit.phase == "deleted" and record.intent == "delete"):
        gone = "it was deleted" if record else "nothing was ever delivered"
        raise InvalidApplication.at("resume", gone, hint="submit the application")
    if record.intent == "delete":
        raise InvalidApplication.at(
            "resume", f"delivery {record.number} deletes", hint="submit the application again"
        )
    if wish.delivery and wish.delivery != record.number:
        hint = f"the latest is {record.number}, and only that can be continued"
        raise InvalidApplication.at("resume.delivery", "is not the latest", wish.delivery, hint)
    if record.phase == "delivered" and not wish.restart:
        raise InvalidApplication.at(
            "resume",
            f"delivery {record.number} succeeded: nothing is left to do",
            hint="restart it to run its steps again",
        )
    return record


def to_run_again(plan: WorkflowPlan, record: DeliveryRecord, wish: Continuation) -> frozenset[str]:
    """Return the leaves that run again whatever was done of them. Raises ``InvalidApplication``."""
    if not wish.restart:
        return frozenset()
    if wish.step:
        return steps_from(plan.steps, mode=plan.mode, name=wish.step)
    outcomes = {outcome.name: outcome for outcome in _outcomes(record)}
    if record.phase in _UNSUCCESSFUL:
        for leaf in plan.leaves:
            if leaf.name in outcomes and outcomes[leaf.name].phase in _UNSUCCESSFUL:
                return steps_from(plan.steps, mode=plan.mode, name=leaf.name)
    return frozenset(leaf.name for leaf in plan.leaves)


@dataclass(frozen=True)
class Past:
    """An earlier delivery: its steps as they were recorded, and the approvals that it was given."""

    number: int
    ended: bool
    steps: Mapping[str, StepOutcome]
    approvals: Mapping[str, Decision]

    @classmethod
    def of(cls, record: DeliveryRecord, events: Sequence[AuditEvent]) -> Past:
        """Read the record, and from the audit's events what a run that recorded no end was told."""
        steps = {outcome.name: outcome for outcome in _outcomes(record)}
        approvals = {
            name: step.decision for name, step in steps.items() if step.decision is not None
        }
        for event in events if not record.ended_at else ():
            if event.delivery == record.number and event.type in _QUESTIONS and event.step:
                approvals.pop(event.step, None)
                if event.type == "approved":
                    approvals[event.step] = Decision(
                        approved=True,
                        actor=event.actor,
                        reason=event.reason,
                        at=event.at,
                        plan=event.plan,
                    )
        approved = {name: decision for name, decision in approvals.items() if decision.approved}
        return cls(record.number, bool(record.ended_at), steps, approved)

    @property
    def name(self) -> str:
        """How people are told where something was done."""
        return f"in delivery {self.number}"

    def succeeded(self, step: str) -> bool:
        """Whether a step is recorded as done."""
        return step in self.steps and self.steps[step].phase == "succeeded"

    def approval(self, step: str) -> Decision | None:
        """Return the approval that a step was given and that was not asked for again."""
        return self.approvals.get(step)

    def delivered(self, step: str, placed: PlannedPlacement) -> bool:
        """Whether a placement is recorded as delivered with the content that it would get now."""
        known = self._placement(step, placed)
        return known is not None and known.phase == "delivered" and known.digest == placed.digest

    def message(self, step: str, placed: PlannedPlacement) -> str:
        """Say which delivery did a placement: this one, or the one that it took it over from."""
        known = self._placement(step, placed)
        said = known.message if known else ""
        return said if said.startswith("in delivery ") else self.name

    def leaves_open(self, step: str, placed: PlannedPlacement) -> bool:
        """Whether the record says nothing of a placement, so that only its cluster can tell.

        So it is when the run was terminated, and of many placements only those that failed are recorded.
        """
        if self._placement(step, placed) is not None:
            return False
        recorded = self.steps.get(step)
        if not self.ended:
            return True
        return recorded is None or recorded.phase not in _NEVER_BEGUN

    def _placement(self, step: str, placed: PlannedPlacement) -> PlacementOutcome | None:
        recorded = self.steps.get(step)
        if recorded is None:
            return None
        where = placed.cluster, placed.namespace
        found = (p for p in recorded.placements if (p.cluster, p.namespace) == where)
        return next(found, None)


def _outcomes(record: DeliveryRecord) -> list[StepOutcome]:
    return [StepOutcome.model_validate(step) for step in record.steps]

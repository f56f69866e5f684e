"""How far a run is, in memory: what the ``state`` query answers and what the Temporal UI shows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from lateen.contracts.messages import (
    Decision,
    OpenedDelivery,
    PlacementOutcome,
    StepOutcome,
    StepPlan,
)
from lateen.delivery.suspension import Suspension
from lateen.model.base import Json
from lateen.model.records import Phase, PlacementDigest
from lateen.planning.plan import PlannedStep

_MOST_ROWS = 60
_MOST_PLACEMENTS = 2000
_MOST_UNDELIVERED = 500
_MOST_TOLD_IN_FULL = 200
_LONGEST_BRIEF = 300
_MARKS = {
    "pending": "·",
    "delivering": "▶",
    "waiting": "‖",
    "delivered": "✓",
    "succeeded": "✓",
    "failed": "✗",
    "rejected": "✗",
    "cancelled": "⊘",
    "skipped": "–",
}


@dataclass
class StepProgress:
    """One step: its phase, and each placement's.

    ``approved_before`` is the digest of a plan that an earlier delivery was given an approval for.
    """

    name: str
    type: str
    phase: str = "pending"
    message: str = ""
    plan: StepPlan | None = None
    approved_before: str = ""
    decision: Decision | None = None
    placements: dict[tuple[str, str], PlacementOutcome] = field(
        default_factory=dict[tuple[str, str], PlacementOutcome]
    )

    @property
    def done(self) -> bool:
        """Whether the step will not change any more."""
        return self.phase in {"succeeded", "failed", "rejected", "cancelled", "skipped"}

    def show_plan(self, plan: StepPlan) -> None:
        """Take over a plan; what is delivered already with the same digest stays delivered."""
        known = self.placements
        self.plan = plan
        self.placements = {}
        for planned in plan.placements:
            key = (planned.cluster, planned.namespace)
            before = known.get(key)
            if before and before.phase == "delivered" and before.digest == planned.digest:
                self.placements[key] = before
            else:
                self.placements[key] = PlacementOutcome(
                    cluster=planned.cluster, namespace=planned.namespace, digest=planned.digest
                )

    def take_over(self, outcome: StepOutcome) -> None:
        """Take over what an earlier delivery did of the step."""
        self.phase, self.message = outcome.phase, outcome.message
        self.placements = {(p.cluster, p.namespace): p for p in outcome.placements}
        self.decision = outcome.decision
        if outcome.decision is not None and outcome.decision.approved:
            self.approved_before = outcome.decision.plan

    def end_placements(self, phase: str, *, message: str) -> None:
        """Give every placement that isn't done its last phase."""
        for key, placement in self.placements.items():
            if placement.phase in {"pending", "delivering"}:
                ended = {"phase": phase, "message": message}
                self.placements[key] = placement.model_copy(update=ended)

    def outcome(self) -> StepOutcome:
        """Return the step as a record."""
        return StepOutcome(
            name=self.name,
            type=self.type,
            phase=self.phase,
            message=self.message,
            placements=list(self.placements.values()),
            decision=self.decision,
        )


@dataclass
class Progress:
    """One run."""

    application: str
    intent: str
    phase: Phase = "delivering"
    message: str = ""
    opened: OpenedDelivery | None = None
    steps: dict[str, StepProgress] = field(default_factory=dict[str, StepProgress])
    clusters: dict[str, str] = field(default_factory=dict[str, str])
    warnings: list[str] = field(default_factory=list[str])
    retained: list[str] = field(default_factory=list[str])
    suspension: Suspension = field(default_factory=Suspension)
    pruning: bool = False
    """Whether a delivery that failed still prunes."""

    def open(self, opened: OpenedDelivery) -> None:
        """Take over what the opening resolved."""
        self.opened = opened
        self.warnings.extend(opened.warnings)
        for step in opened.steps:
            self._add(step)
        for outcome in opened.done:
            self.steps[outcome.name].take_over(outcome)

    def _add(self, step: PlannedStep) -> None:
        self.steps[step.name] = StepProgress(step.name, step.type)
        for sub_step in step.sub_steps:
            self._add(sub_step)

    @property
    def suspended(self) -> bool:
        """Whether it begins nothing new until it is resumed; one that has ended is not suspended."""
        goes_on = self.pruning or self.phase in {"delivering", "waiting"}
        return self.suspension.active and goes_on

    def outcomes(self) -> list[StepOutcome]:
        """Return every step's record, in order."""
        return [step.outcome() for step in self.steps.values()]

    def placement_digests(self) -> list[PlacementDigest]:
        """List what was delivered where: the union of all steps."""
        return [
            PlacementDigest(
                step=step.name,
                cluster=placement.cluster,
                namespace=placement.namespace,
                digest=placement.digest,
            )
            for step in self.steps.values()
            for placement in step.placements.values()
            if placement.phase == "delivered"
        ]

    def to_json(self) -> Json:
        """Return what the run's result and the ``state`` query have in common."""
        opened = self.opened
        suspended = self.suspension.to_json() if self.suspended else None
        return {
            "application": self.application,
            "intent": self.intent,
            "phase": self.phase,
            "message": self.message,
            "revision": opened.revision.name if opened else "",
            "delivery": opened.delivery if opened else 0,
            "steps": [outcome.to_json() for outcome in self.shown_outcomes()],
            "clusters": dict(self.clusters),
            "warnings": list(self.warnings),
            "retained": list(self.retained),
            **({"suspended": suspended} if suspended else {}),
        }

    def shown_outcomes(self) -> list[StepOutcome]:
        """Return every step's record, cut to what fits one payload.

        Of many placements each says less; of too many those that went well are left out.
        """
        outcomes = self.outcomes()
        count = sum(len(outcome.placements) for outcome in outcomes)
        if count > _MOST_TOLD_IN_FULL:
            outcomes = [_brief(outcome) for outcome in outcomes]
        if count <= _MOST_PLACEMENTS:
            return outcomes
        return [
            outcome.model_copy(
                update={
                    "placements": [p for p in outcome.placements if p.phase != "delivered"][
                        :_MOST_UNDELIVERED
                    ],
                    "message": outcome.message or f"{len(outcome.placements)} placements",
                }
            )
            for outcome in outcomes
        ]

    def details(self) -> str:
        """Write the Markdown that the Temporal UI shows as current details."""
        head = f"**{self.application}** {self.phase}"
        if self.opened:
            head += f" · revision `{self.opened.revision.name}` · delivery {self.opened.delivery}"
        if self.suspended:
            head += f" · **{_cell(str(self.suspension))}**"
        lines = [head]
        if self.message:
            lines += ["", _cell(self.message)]
        if self.steps:
            lines += ["", "| Step | Placement | State |", "| --- | --- | --- |", *self._rows()]
        if self.clusters:
            lines += ["", "| Cluster | State |", "| --- | --- |"]
            lines += [
                f"| {_cell(name)} | {_cell(state)} |" for name, state in self.clusters.items()
            ]
        lines += [f"\n⚠ {_cell(warning)}" for warning in self.warnings]
        return "\n".join(lines)

    def _rows(self) -> list[str]:
        rows = list(itertools.islice(self._all_rows(), _MOST_ROWS))
        rest = sum(1 + len(step.placements) for step in self.steps.values()) - len(rows)
        return [*rows, f"| … | {rest} more rows | |"] if rest else rows

    def _all_rows(self) -> Iterator[str]:
        for step in self.steps.values():
            yield f"| {_cell(step.name)} | | {_state(step)} |"
            for placement in step.placements.values():
                where = f"{placement.cluster}/{placement.namespace}"
                yield f"| | {_cell(where)} | {_state(placement)} |"


def _brief(outcome: StepOutcome) -> StepOutcome:
    placements = [
        p.model_copy(update={"message": p.message[:_LONGEST_BRIEF] + "…"})
        if len(p.message) > _LONGEST_BRIEF
        else p
        for p in outcome.placements
    ]
    return outcome.model_copy(update={"placements": placements})


def _state(shown: StepProgress | PlacementOutcome) -> str:
    note = f" — {_cell(shown.message)}" if shown.message else ""
    return f"{_MARKS.get(shown.phase, '')} {shown.phase}{note}"


def _cell(text: str) -> str:
    """Keep a text in its cell of the table, whoever wrote it."""
    line = " ".join(text.split())
    return line.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def counted(objects: int) -> str:
    """Say how many objects in words."""
    return f"{objects} object" if objects == 1 else f"{objects} objects"

"""What planning hands to the workflow: steps that are complete and checked."""

from __future__ import annotations

from typing import Literal

from lateen.model.base import Record

StepMode = Literal["DAG", "StepByStep"]


class PlannedStep(Record):
    """A step as the workflow runs it, small enough to travel.

    ``timeout`` and ``duration`` are seconds. ``always`` runs the step although one before it
    failed. ``policies`` name topologies and overrides in the user's order. ``local`` says that the
    step delivers to the hub in the application's namespace, as nothing names another target; a
    deploy step that has neither ``local`` nor a topology delivers nothing.
    """

    name: str
    type: str
    alias: str = ""
    depends_on: tuple[str, ...] = ()
    always: bool = False
    timeout: float | None = None
    auto: bool = True
    policies: tuple[str, ...] = ()
    parallelism: int = 5
    local: bool = False
    duration: float | None = None
    message: str = ""
    mode: StepMode = "DAG"
    sub_steps: tuple[PlannedStep, ...] = ()


class WorkflowPlan(Record):
    """All steps of a delivery, how they follow each other, and what their author should know."""

    mode: StepMode = "StepByStep"
    steps: tuple[PlannedStep, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def leaves(self) -> tuple[PlannedStep, ...]:
        """The steps that do something, in the order written: sub-steps in place of their group."""
        return tuple(leaf for step in self.steps for leaf in (step.sub_steps or (step,)))

"""Which steps run again when a delivery is started anew from one of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from lateen.model.errors import InvalidApplication, nearest
from lateen.planning.plan import PlannedStep, StepMode


def steps_from(steps: Sequence[PlannedStep], *, mode: StepMode, name: str) -> frozenset[str]:
    """Return the leaves that run again from step ``name`` on: it, and what comes after it.

    In order that is all that follows; in a DAG what depends on it, directly or not. A sub-step takes those
    after it in its group along, and what comes after the group. Raises ``InvalidApplication``.
    """
    for step in steps:
        if step.name == name:
            return _leaves(_from(steps, mode=mode, first=step))
        for sub_step in step.sub_steps:
            if sub_step.name == name:
                inside = _from(step.sub_steps, mode=step.mode, first=sub_step)
                following = [s for s in _from(steps, mode=mode, first=step) if s is not step]
                return _leaves([*inside, *following])
    known = [step.name for step in chain(steps, *(step.sub_steps for step in steps))]
    raise InvalidApplication.at(
        "resume.step", "the workflow has no such step", name, hint=nearest(name, known)
    )


def _from(steps: Sequence[PlannedStep], *, mode: StepMode, first: PlannedStep) -> list[PlannedStep]:
    if mode == "StepByStep":
        return list(steps[steps.index(first) :])
    taken = {first.name}
    while True:
        more = {step.name for step in steps if not taken.isdisjoint(step.depends_on)} - taken
        if not more:
            return [step for step in steps if step.name in taken]
        taken |= more


def _leaves(steps: Sequence[PlannedStep]) -> frozenset[str]:
    return frozenset(leaf.name for step in steps for leaf in (step.sub_steps or (step,)))

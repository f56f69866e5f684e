"""Check that steps can run in an order that their dependencies allow."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from lateen.model.errors import Problem, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lateen.model.application import Step


def dependency_problems(
    steps: Sequence[Step], *, path: str, in_order: bool, elsewhere: Mapping[str, str]
) -> list[Problem]:
    """Check ``dependsOn`` among steps of one level.

    ``in_order`` says that they run one after the other: waiting for a later one would never end.
    ``elsewhere`` maps names of steps on other levels to where they are, for the error's sake.
    """
    names = [step.name for step in steps]
    problems = [
        problem
        for index, step in enumerate(steps)
        for problem in _unmet(step, names, path=f"{path}[{index}]", elsewhere=elsewhere)
    ]
    if problems:
        return problems
    cycle = _cycle(steps)
    if cycle:
        message = "steps wait for each other and would never start"
        return [Problem(path, message, " -> ".join(cycle), "remove one of the dependsOn")]
    return list(_later(steps, names, path=path)) if in_order else []


def _unmet(
    step: Step, names: Sequence[str], *, path: str, elsewhere: Mapping[str, str]
) -> Iterator[Problem]:
    for index, name in enumerate(step.depends_on or ()):
        where = f"{path}.dependsOn[{index}]"
        if name == step.name:
            yield Problem(where, "a step can't wait for itself", name)
        elif name in elsewhere:
            message = "this step is on another level"
            yield Problem(where, message, name, f"it is in {elsewhere[name]}; wait for a sibling")
        elif name not in names:
            others = [other for other in names if other != step.name]
            yield Problem(where, "no such step", name, nearest(name, others))


def _cycle(steps: Sequence[Step]) -> list[str]:
    graph = {step.name: step.depends_on or [] for step in steps}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [str(name) for name in reversed(error.args[1])]
    return []


def _later(steps: Sequence[Step], names: Sequence[str], *, path: str) -> Iterator[Problem]:
    position = {name: index for index, name in enumerate(names)}
    for index, step in enumerate(steps):
        for at, name in enumerate(step.depends_on or ()):
            if position[name] > index:
                message = "steps run in order here, and this one comes later"
                hint = "move it up, or set the workflow's mode to DAG"
                yield Problem(f"{path}[{index}].dependsOn[{at}]", message, name, hint)

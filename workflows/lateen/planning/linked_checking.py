"""Checking a component that takes inputs: what they supply counts as present, and is told as theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from lateen.model.errors import Problem
from lateen.planning.component_links import Input, Output, expected_of, read_inputs
from lateen.rendering.checking import check_component
from lateen.rendering.parameter_keys import KeyMismatch, with_values
from lateen.rendering.placeholders import is_at, placeholders

if TYPE_CHECKING:
    from lateen.model.application import Component
    from lateen.rendering.registry import Registry


def check_linked(
    component: Component, registry: Registry, *, path: str, outputs: Mapping[str, Output]
) -> list[Problem]:
    """Return all that is wrong with a component, its inputs filled with placeholders.

    ``outputs`` are those of the application: they tell which values are certain to be strings.
    """
    inputs = read_inputs(component, path=path) if component.inputs else []
    if not inputs:
        return check_component(component, registry, path=path)
    nowhere = list(_nowhere(component, inputs))
    if nowhere:
        return nowhere
    values = placeholders(component, expected_of(inputs, outputs), registry)
    found = check_component(component, registry, path=path, values=values)
    return [_told(problem, inputs, path=path) for problem in found]


def _nowhere(component: Component, inputs: Sequence[Input]) -> Iterator[Problem]:
    for each in inputs:
        try:
            component = with_values(component, {each.key: ""})
        except KeyMismatch as error:
            yield Problem(f"{each.path}.parameterKey", str(error), each.key.text)


def _told(problem: Problem, inputs: Sequence[Input], *, path: str) -> Problem:
    """Say of a problem with a placeholder which input it is; its value is none of the user's."""
    for each in inputs:
        if is_at(problem, each.key.path(path)):
            message = f"{each.key.text} takes no such value: {problem.message}"
            if problem.message == "unknown key":
                message = "unknown key"
            where = f"{each.path}.parameterKey"
            return Problem(where, message, each.key.text, problem.hint)
    return problem

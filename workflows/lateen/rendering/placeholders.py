"""What stands for an input's value as long as nobody has read it: in plans, digests, checks and previews."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lateen.rendering.checking import check_component
from lateen.rendering.parameter_keys import ParameterKey

if TYPE_CHECKING:
    from lateen.model.application import Component
    from lateen.model.errors import Problem
    from lateen.rendering.registry import Registry

_TEXTS = ("1", "1Mi", "30s", "a", "/a", "http://a.example")
_OTHERS: tuple[Any, ...] = (1, True, 1.5)
_HERE = "component"
_QUOTED = re.compile(r"'([^']*)'")


@dataclass(frozen=True)
class Expected:
    """A value that is to come: of which input, where it goes, and whether it is certain to be a string."""

    name: str
    key: ParameterKey
    text: bool = False


def placeholders(
    component: Component, expected: Sequence[Expected], registry: Registry
) -> dict[ParameterKey, Any]:
    """Return a placeholder for each value, of a kind that the component's type takes there.

    It is ``<input NAME>`` wherever any text will do. Where none of those that are tried fits, that text
    stays and ``check_component`` says why. Raises ``KeyMismatch`` where a value can't be set.
    """
    values: dict[ParameterKey, Any] = {each.key: f"<input {each.name}>" for each in expected}
    for each in expected:
        readable = values[each.key]
        problems = _problems_at(each, component, values, registry)
        if not problems:
            continue
        for candidate in _candidates(each, problems):
            values[each.key] = candidate
            if not _problems_at(each, component, values, registry):
                break
        else:
            values[each.key] = readable
    return values


def _candidates(each: Expected, problems: Sequence[Problem]) -> Iterator[Any]:
    for problem in problems:
        if problem.message.startswith("expected '"):
            yield from _QUOTED.findall(problem.message)
    yield from _TEXTS
    if not each.text:
        yield from _OTHERS
        yield {}
        yield []


def _problems_at(
    each: Expected, component: Component, values: dict[ParameterKey, Any], registry: Registry
) -> list[Problem]:
    found = check_component(component, registry, path=_HERE, values=values)
    return [problem for problem in found if is_at(problem, each.key.path(_HERE))]


def is_at(problem: Problem, path: str) -> bool:
    """Tell whether a problem is at a path or below it."""
    rest = problem.path.removeprefix(path)
    return problem.path.startswith(path) and (not rest or rest[0] in ".[")

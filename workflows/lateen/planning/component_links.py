"""What ties components together: ``dependsOn``, ``outputs`` and ``inputs``, read and checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, TypeVar

from pydantic import Field, ValidationError

from lateen.model.base import Json, Model
from lateen.model.errors import InvalidApplication, Problem, nearest
from lateen.model.validation import problems_of
from lateen.planning.component_order import dependencies
from lateen.planning.expressions import (
    Expression,
    ExpressionError,
    is_text,
    parse_expression,
    paths_of,
)
from lateen.rendering.parameter_keys import KeyMismatch, ParameterKey, parse_parameter_key
from lateen.rendering.placeholders import Expected

if TYPE_CHECKING:
    from lateen.model.application import Component


MOST_ENTRIES = 50
"""Inputs, or outputs, of one component."""

_MOST_HINTS = 50
"""Searching the nearest name takes milliseconds among many; more problems are not shown anyway."""


class OutputEntry(Model):
    """A value that others can take: where in the component's live objects it is."""

    name: str = Field(min_length=1, max_length=253)
    value_from: str = Field(min_length=1)


class InputEntry(Model):
    """A value that the component takes, and where in its properties it goes."""

    from_: str = Field(min_length=1, alias="from")
    parameter_key: str = Field(min_length=1)


_Entry = TypeVar("_Entry", bound=Model)


@dataclass(frozen=True)
class Output:
    """A value that a component produces."""

    name: str
    component: str
    value_from: str
    expression: Expression
    path: str

    @property
    def objects(self) -> frozenset[str]:
        """The names of the outputs that are read; "" is the workload."""
        return frozenset(each.object for each in paths_of(self.expression))


@dataclass(frozen=True)
class Input:
    """A value that a component takes."""

    name: str
    key: ParameterKey
    path: str


@dataclass(frozen=True)
class Links:
    """What ties the components of one step together. ``paths`` are where they stand."""

    depends_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    inputs: Mapping[str, tuple[Input, ...]] = field(default_factory=dict[str, tuple[Input, ...]])
    outputs: Mapping[str, Output] = field(default_factory=dict[str, Output])
    paths: Mapping[str, str] = field(default_factory=dict[str, str])

    def __bool__(self) -> bool:
        """Whether some component has to wait for another."""
        return bool(self.depends_on or self.inputs)


def read_links(components: Iterable[Component], written: Sequence[Component]) -> Links:
    """Read the links of a step's components; ``written`` are the application's, which say where each stands.

    Raises ``InvalidApplication``.
    """
    paths = {each.name: f"spec.components[{index}]" for index, each in enumerate(written)}
    reading = _Reading()
    depends_on: dict[str, tuple[str, ...]] = {}
    inputs: dict[str, tuple[Input, ...]] = {}
    for component in components:
        path = paths.get(component.name, f"components[{component.name}]")
        if component.depends_on:
            depends_on[component.name] = tuple(dict.fromkeys(component.depends_on))
        if component.inputs:
            inputs[component.name] = tuple(reading.inputs(component, path=path))
        reading.outputs(component, path=path)
    if reading.problems:
        raise InvalidApplication(reading.problems)
    return Links(depends_on, inputs, reading.produced, paths)


def read_outputs(components: Iterable[Component]) -> Mapping[str, Output]:
    """Return the outputs of an application's components as far as they can be read."""
    reading = _Reading()
    for index, component in enumerate(components):
        reading.outputs(component, path=f"spec.components[{index}]")
    return reading.produced


def read_inputs(component: Component, *, path: str) -> list[Input]:
    """Return a component's inputs as far as they can be read."""
    return list(_Reading().inputs(component, path=path))


def expected_of(inputs: Iterable[Input], outputs: Mapping[str, Output]) -> list[Expected]:
    """Return what inputs will supply; ``outputs`` are those of the whole application."""
    return [
        Expected(each.name, each.key, text=_certain_text(outputs.get(each.name))) for each in inputs
    ]


def link_problems(
    components: Sequence[Component], *, added: Collection[str] | None
) -> list[Problem]:
    """Check the links of an application's components as they are written; overrides can't change them.

    ``added`` names components that only overrides bring; None when not all of these are known.
    """
    reading = _Reading()
    taken = [
        (index, component, list(reading.inputs(component, path=f"spec.components[{index}]")))
        for index, component in enumerate(components)
    ]
    for index, component in enumerate(components):
        reading.outputs(component, path=f"spec.components[{index}]")
    names = frozenset(component.name for component in components)
    broken = bool(reading.problems)
    problems = reading.problems
    for index, component, inputs in taken:
        if len(problems) > _MOST_HINTS:
            return problems
        problems += _unmet(component, names, added, path=f"spec.components[{index}].dependsOn")
        for each in inputs:
            problems += _untaken(each, component, reading.produced, broken=broken)
    if not problems:
        cycle = _cycle(components)
        if cycle:
            message = "components wait for each other and would never be applied"
            hint = "remove one of the dependsOn or inputs"
            problems.append(Problem("spec.components", message, " -> ".join(cycle), hint))
    return problems


@dataclass
class _Reading:
    """Reads entries, and collects what is wrong with them."""

    produced: dict[str, Output] = field(default_factory=dict[str, Output])
    problems: list[Problem] = field(default_factory=list[Problem])

    def inputs(self, component: Component, *, path: str) -> Iterator[Input]:
        before: list[ParameterKey] = []
        for where, entry in self._entries(component.inputs, InputEntry, path=f"{path}.inputs"):
            try:
                key = parse_parameter_key(entry.parameter_key)
            except KeyMismatch as error:
                self._refuse(f"{where}.parameterKey", str(error), entry.parameter_key)
                continue
            if any(each.covers(key) or key.covers(each) for each in before):
                message = "another input of the component sets the same, or a part of it"
                self._refuse(f"{where}.parameterKey", message, entry.parameter_key)
                continue
            before.append(key)
            yield Input(entry.from_, key, where)

    def outputs(self, component: Component, *, path: str) -> None:
        for where, entry in self._entries(component.outputs, OutputEntry, path=f"{path}.outputs"):
            taken = self.produced.get(entry.name)
            if taken is not None:
                self._refuse(
                    f"{where}.name", "this output name is taken", entry.name, f"see {taken.path}"
                )
                continue
            try:
                expression = parse_expression(entry.value_from)
            except ExpressionError as error:
                hint = "expected a path such as output.status.x, a string, or parts joined by +"
                self._refuse(f"{where}.valueFrom", str(error), entry.value_from, hint)
                continue
            self.produced[entry.name] = Output(
                entry.name, component.name, entry.value_from, expression, where
            )

    def _entries(
        self, entries: Sequence[Json] | None, model: type[_Entry], *, path: str
    ) -> Iterator[tuple[str, _Entry]]:
        if len(entries or ()) > MOST_ENTRIES:
            message = f"has more than {MOST_ENTRIES} items"
            self.problems.append(Problem(path, message, len(entries or ())))
            return
        for index, entry in enumerate(entries or ()):
            where = f"{path}[{index}]"
            try:
                yield where, model.model_validate(entry)
            except ValidationError as error:
                self.problems += problems_of(error, model, path=where)

    def _refuse(self, path: str, message: str, value: str, hint: str = "") -> None:
        self.problems.append(Problem(path, message, value, hint))


def _unmet(
    component: Component, names: frozenset[str], added: Collection[str] | None, *, path: str
) -> Iterator[Problem]:
    for index, name in enumerate(component.depends_on or ()):
        where = f"{path}[{index}]"
        if name == component.name:
            yield Problem(where, "a component can't wait for itself", name, "remove it")
        elif name not in names and added is not None and name not in added:
            others = {*names, *added} - {component.name}
            hint = nearest(name, others) if index < _MOST_HINTS else ""
            yield Problem(where, "no such component", name, hint)


def _untaken(
    each: Input, component: Component, produced: Mapping[str, Output], *, broken: bool
) -> Iterator[Problem]:
    found = produced.get(each.name)
    if found is None:
        if not broken:  # An output that can't be read is told already.
            hint = nearest(each.name, produced) or "declare it under outputs of a component"
            yield Problem(f"{each.path}.from", "no component has this output", each.name, hint)
    elif found.component == component.name:
        message = "a component can't take a value of itself"
        yield Problem(f"{each.path}.from", message, each.name, "remove it")


def _cycle(components: Sequence[Component]) -> list[str]:
    graph = {name: sorted(needed) for name, needed in dependencies(components).items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [str(name) for name in reversed(error.args[1])]
    return []


def _certain_text(output: Output | None) -> bool:
    return output is not None and is_text(output.expression)

"""Where an input's value goes: ``image``, ``env[0].value``, ``traits[0].properties.replicas``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from lateen.model.errors import LateenError
from lateen.model.findings import join_path
from lateen.model.json_values import as_list, as_object

if TYPE_CHECKING:
    from lateen.model.application import Component

_LONGEST, _MOST_STEPS = 512, 32
_STEP = re.compile(r"""\.?(?:([^.\[\]"'\s]+)|\[(?:([0-9]{1,4})|"([^"]+)")\])""")
_PROPERTIES, _TRAITS = "properties", "traits"


class KeyMismatch(LateenError):
    """A parameter key that can't be read, or that leads to nowhere in a component."""


@dataclass(frozen=True)
class ParameterKey:
    """A key as written, and its way from the component down."""

    text: str
    steps: tuple[str | int, ...]

    def path(self, component: str) -> str:
        """Return where the value stands in the user's document; ``component`` is where that stands."""
        path = component
        for step in self.steps:
            path = join_path(path, step)
        return path

    def covers(self, other: ParameterKey) -> bool:
        """Tell whether the other's value is this one's, or inside it."""
        return other.steps[: len(self.steps)] == self.steps


Values: TypeAlias = Mapping[ParameterKey, Any]
"""What inputs supply to one component, in their order."""


def parse_parameter_key(text: str) -> ParameterKey:
    """Read a key, which counts from the properties unless it begins with ``properties.`` or ``traits[``.

    Raises ``KeyMismatch``.
    """
    if not text or len(text) > _LONGEST:
        raise KeyMismatch(f"expected 1 to {_LONGEST} characters")
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None or (text[at] == ".") == (at == 0 or found[1] is None):
            raise KeyMismatch(
                f'can\'t be read from position {at + 1} on; expected a.b[0].c or a["b.c"]'
            )
        name, index, quoted = found.groups()
        steps.append(int(index) if index is not None else name or quoted)
        at = found.end()
    if len(steps) > _MOST_STEPS:
        raise KeyMismatch(f"is deeper than {_MOST_STEPS} levels")
    return ParameterKey(text, _from_component(steps))


def _from_component(steps: Sequence[str | int]) -> tuple[str | int, ...]:
    if len(steps) > 1 and steps[0] == _PROPERTIES:
        return tuple(steps)
    if len(steps) > 1 and steps[0] == _TRAITS and isinstance(steps[1], int):
        if len(steps) < 4 or steps[2] != _PROPERTIES:
            raise KeyMismatch("of a trait only properties can be set: traits[0].properties.x")
        return tuple(steps)
    return (_PROPERTIES, *steps)


def with_values(component: Component, values: Values | None) -> Component:
    """Return a component with values set, and what is missing on their way created.

    Raises ``KeyMismatch`` where something else is in the way; it never repeats a value.
    """
    for key, value in (values or {}).items():
        if key.steps[0] == _PROPERTIES:
            properties = _put(component.properties, key.steps[1:], value, key=key)
            component = component.model_copy(update={"properties": properties})
            continue
        traits, index = list(component.trait_list), int(key.steps[1])
        if index >= len(traits):
            raise KeyMismatch(f"there is no traits[{index}]: the component has {len(traits)}")
        properties = _put(traits[index].properties, key.steps[3:], value, key=key)
        traits[index] = traits[index].model_copy(update={"properties": properties})
        component = component.model_copy(update={"traits": traits})
    return component


def _put(current: Any, steps: Sequence[str | int], value: Any, *, key: ParameterKey) -> Any:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, str):
        members = {} if current is None else as_object(current)
        if members is None:
            raise KeyMismatch(f"at {step!r}: what it would be set in is no object")
        return {**members, step: _put(members.get(step), rest, value, key=key)}
    items = [] if current is None else as_list(current)
    if items is None:
        raise KeyMismatch(f"at [{step}]: what it would be set in is no list")
    if step > len(items):
        raise KeyMismatch(f"at [{step}]: the list has only {len(items)} items before it")
    before = items[step] if step < len(items) else None
    return [*items[:step], _put(before, rest, value, key=key), *items[step + 1 :]]

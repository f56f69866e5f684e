"""What is wrong with a ComponentDefinition or TraitDefinition, by itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lateen.cli.types import evaluator, used_definition
from lateen.definitions.evaluating import BrokenTemplate
from lateen.definitions.objects import COMPONENT, read_definition
from lateen.definitions.patching import PATCH_STRATEGY, STRATEGIES
from lateen.definitions.programs import CueMissing
from lateen.definitions.templates import declares, has_parameter
from lateen.model.errors import InvalidApplication, Problem, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lateen.definitions.objects import Definition as Usable
    from lateen.model.application import Definition
    from lateen.rendering.registry import Registry

_TEMPLATE = "spec.schematic.cue.template"
_STRATEGY = re.compile(rf"//\s*\+{PATCH_STRATEGY}=(\S+)")
_MAKES = {
    "ComponentDefinition": ("output",),
    "TraitDefinition": ("patch", "outputs", "patchOutputs"),
}
_IGNORED = {
    "status": "healthPolicy and customStatus are not evaluated: lateen's own health by kind applies",
}


def check_definition(document: Definition, registry: Registry) -> list[str]:
    """Return warnings for a definition that can be used; raises ``InvalidApplication``."""
    used = used_definition(document)
    definition = read_definition(used)
    problems = [*_marker_problems(definition), *_shape_problems(definition)]
    problems = problems or list(_evaluation_problems(definition))
    if problems:
        title = f"{used.kind} {used.namespace}/{used.name}"
        raise InvalidApplication(problems, subject=title)
    return list(_warnings(definition, registry))


def _shape_problems(definition: Usable) -> Iterator[Problem]:
    if not has_parameter(definition.template):
        yield Problem(_TEMPLATE, "declares no parameter", hint="add parameter: {}")
    makes = _MAKES[definition.kind]
    if not any(declares(definition.template, name) for name in makes):
        yield Problem(_TEMPLATE, f"makes nothing: it has no {' and no '.join(makes)}")


def _marker_problems(definition: Usable) -> Iterator[Problem]:
    for name in dict.fromkeys(_STRATEGY.findall(definition.template)):
        if name not in STRATEGIES:
            hint = nearest(name, STRATEGIES)
            yield Problem(_TEMPLATE, f"unknown {PATCH_STRATEGY}", name, hint)


def _evaluation_problems(definition: Usable) -> Iterator[Problem]:
    """Compile the template, by asking for the schema of its parameter."""
    try:
        evaluator().schema(definition.template)
    except BrokenTemplate as error:
        yield Problem(_TEMPLATE, str(error))
    except CueMissing as error:
        yield Problem(_TEMPLATE, f"was not looked at: {error}")


def _warnings(definition: Usable, registry: Registry) -> Iterator[str]:
    of_component = definition.kind == COMPONENT
    find = registry.find_component if of_component else registry.find_trait
    if find(definition.name) is not None:
        yield f"lateen has a type {definition.name!r} itself, which is used instead of this definition"
    for key, meaning in _IGNORED.items():
        if definition.spec.get(key):
            yield f"spec.{key}: {meaning}"

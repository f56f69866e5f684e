"""Checking components and traits against their types, before anything is rendered for real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lateen.model.errors import InvalidApplication, Problem
from lateen.rendering.context import RenderContext
from lateen.rendering.parameter_keys import with_values
from lateen.rendering.parameters import TemplateError
from lateen.rendering.results import check_applied, check_rendered

if TYPE_CHECKING:
    from lateen.model.application import Component, Trait
    from lateen.model.base import Json
    from lateen.rendering.definitions import ComponentType, TraitType
    from lateen.rendering.parameter_keys import Values
    from lateen.rendering.parameters import Parameters
    from lateen.rendering.registry import Registry


@dataclass(frozen=True)
class PreparedTrait:
    """A trait whose properties are valid."""

    trait: TraitType[Any]
    parameters: Parameters
    path: str


@dataclass(frozen=True)
class Prepared:
    """A component whose own properties and those of its traits are valid."""

    component: Component
    type: ComponentType[Any]
    parameters: Parameters
    traits: tuple[PreparedTrait, ...]
    path: str


@dataclass(frozen=True)
class Draft:
    """A component's objects before decoration: the workload, then outputs with their trait."""

    workload: Json
    outputs: tuple[tuple[TraitType[Any] | None, str, Json], ...]


def check_component(
    component: Component, registry: Registry, *, path: str, values: Values | None = None
) -> list[Problem]:
    """Return all that is wrong with a component and its traits; ``path`` is where it stands.

    The check ends with a trial rendering, which finds traits that the workload can't take; what definitions
    of the hub make is left to the real one, which knows where it is for. ``values`` are what inputs supply,
    or placeholders of it. Raises ``KeyMismatch`` where they can't be set.
    """
    prepared = prepare(with_values(component, values), registry, path=path)
    if isinstance(prepared, list):
        return prepared
    if prepared.type.reads_references:
        return []  # What the traits would change is in the hub.
    if prepared.type.evaluated or any(entry.trait.evaluated for entry in prepared.traits):
        return []
    context = RenderContext(application="application", namespace="default").inside(component)
    drafted = draft(prepared, context)
    return drafted if isinstance(drafted, list) else []


def prepare(component: Component, registry: Registry, *, path: str) -> Prepared | list[Problem]:
    """Find the types and validate the properties; returns all problems if there are any.

    What the registry leaves open is passed over: without a type there may be no problem either.
    """
    problems: list[Problem] = []
    found = None
    if not registry.leaves_open(component=component.type):
        found = _component(component, registry, path=path, problems=problems)
    traits = [
        _trait(trait, registry, path=f"{path}.traits[{index}]", problems=problems)
        for index, trait in enumerate(component.traits or ())
        if not registry.leaves_open(trait=trait.type)
    ]
    if found is None or problems:
        return problems
    kind, parameters = found
    kept = tuple(trait for trait in traits if trait is not None)
    return Prepared(component, kind, parameters, kept, path)


def draft(prepared: Prepared, context: RenderContext) -> Draft | list[Problem]:
    """Render the component and apply its traits in order; returns the problems if there are any."""
    try:
        rendered = prepared.type.render(prepared.parameters, context)
        check_rendered(prepared.type, rendered)
    except TemplateError as error:
        return [error.at(f"{prepared.path}.properties")]
    except Exception as error:  # noqa: BLE001 - `_defect` says why
        return [_defect(prepared.type, error, path=prepared.path)]
    problems: list[Problem] = []
    outputs: list[tuple[TraitType[Any] | None, str, Json]] = [
        (None, name, made) for name, made in rendered.outputs.items()
    ]
    for entry in sorted(prepared.traits, key=lambda each: each.trait.about_all_containers):
        so_far = context.beside({name: made for _, name, made in outputs if name})
        try:
            made = entry.trait.apply(entry.parameters, rendered.workload, so_far)
            check_applied(entry.trait, rendered.workload, made)
        except TemplateError as error:
            problems.append(_trait_problem(error, entry))
        except Exception as error:  # noqa: BLE001 - `_defect` says why
            problems.append(_defect(entry.trait, error, path=entry.path))
        else:
            outputs += [(entry.trait, name, each) for name, each in made.items()]
    return problems or Draft(rendered.workload, tuple(outputs))


def _defect(kind: ComponentType[Any] | TraitType[Any], error: Exception, *, path: str) -> Problem:
    """Tell a defect of a plug-in, which would otherwise wedge the workflow task that checks it.

    A defect of a built-in is raised again: it is ours, and its traceback says where. What a definition of the
    hub makes is the business of its authors.
    """
    if kind.evaluated:
        return Problem(path, f"definition {kind.type!r} makes no usable objects: {error}")
    if kind.origin is None:
        raise error
    made_by = f"plug-in {kind.origin.distribution} {kind.origin.version}"
    message = f"type {kind.type!r} of {made_by} failed: {type(error).__name__}: {error}"
    return Problem(path, message, hint="report it to the authors of the plug-in")


def _trait_problem(error: TemplateError, entry: PreparedTrait) -> Problem:
    if error.problem.path:
        return error.at(f"{entry.path}.properties")
    problem = error.problem
    message = f"trait {entry.trait.type!r} {problem.message}"
    return Problem(entry.path, message, problem.value, problem.hint)


def _component(
    component: Component, registry: Registry, *, path: str, problems: list[Problem]
) -> tuple[ComponentType[Any], Parameters] | None:
    try:
        kind = registry.component(component.type, path=f"{path}.type")
        return kind, kind.read(component.properties, path=f"{path}.properties")
    except InvalidApplication as error:
        problems += error.problems
    return None


def _trait(
    trait: Trait, registry: Registry, *, path: str, problems: list[Problem]
) -> PreparedTrait | None:
    try:
        kind = registry.trait(trait.type, path=f"{path}.type")
        return PreparedTrait(kind, kind.read(trait.properties, path=f"{path}.properties"), path)
    except InvalidApplication as error:
        problems += error.problems
    return None

"""Which plug-ins and definitions shape an application: what its revision has to remember."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lateen.model.errors import InvalidApplication
from lateen.policies.env_binding import ENV_BINDING, read_env_binding
from lateen.policies.override import OVERRIDE, read_override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lateen.model.application import Application, InlinePolicy
    from lateen.policies.override import ComponentPatch
    from lateen.rendering.definitions import ComponentType, TraitType
    from lateen.rendering.registry import Registry


def plugin_versions(
    application: Application, policies: Iterable[InlinePolicy], registry: Registry
) -> dict[str, str]:
    """Return the version of each distribution whose types an application uses, by its name.

    ``policies`` are the Policy objects that it refers to, whose overrides may add types. Types that nobody
    knows, and policies that can't be read, are passed over: checking reports them.
    """
    used = [*_written(application, registry)]
    for policy in (*(application.spec.policies or ()), *policies):
        used += _patched(policy, registry)
    origins = {kind.origin for kind in used if kind.origin is not None}
    return {
        origin.distribution: origin.version
        for origin in sorted(origins, key=lambda each: each.distribution)
    }


def foreign_types(
    application: Application, policies: Iterable[InlinePolicy], registry: Registry
) -> tuple[list[str], list[str]]:
    """Return the component and the trait types that an application uses and the registry doesn't know.

    As written, with the version where one is pinned; these may be definitions of the hub.
    """
    components, traits = set[str](), set[str]()
    for component in application.spec.components:
        components.add(component.type)
        traits |= {trait.type for trait in component.trait_list}
    for policy in (*(application.spec.policies or ()), *policies):
        for patch in _patches(policy):
            components |= {patch.type} if patch.type else set()
            traits |= {trait.type for trait in patch.traits or ()}
    return (
        sorted(name for name in components if registry.find_component(name) is None),
        sorted(name for name in traits if registry.find_trait(name) is None),
    )


def _written(
    application: Application, registry: Registry
) -> Iterator[ComponentType[Any] | TraitType[Any]]:
    for component in application.spec.components:
        yield from _component(component.type, registry)
        for trait in component.trait_list:
            yield from _trait(trait.type, registry)


def _patched(
    policy: InlinePolicy, registry: Registry
) -> Iterator[ComponentType[Any] | TraitType[Any]]:
    for patch in _patches(policy):
        if patch.type:
            yield from _component(patch.type, registry)
        for trait in patch.traits or ():
            yield from _trait(trait.type, registry)


def _patches(policy: InlinePolicy) -> list[ComponentPatch]:
    try:
        if policy.type == OVERRIDE:
            return read_override(policy).components or []
        if policy.type == ENV_BINDING:
            envs = read_env_binding(policy).envs
            return [patch for env in envs if env.patch for patch in env.patch.components or ()]
    except InvalidApplication:
        return []
    return []


def _component(name: str, registry: Registry) -> Iterator[ComponentType[Any]]:
    try:
        yield registry.component(name)
    except InvalidApplication:
        return


def _trait(name: str, registry: Registry) -> Iterator[TraitType[Any]]:
    try:
        yield registry.trait(name)
    except InvalidApplication:
        return

"""Override policies: patch, add and select components for one deploy step."""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from lateen.model.application import Component, InlinePolicy, Trait
from lateen.model.base import Json, Model
from lateen.model.errors import InvalidApplication, nearest
from lateen.model.json_values import as_object
from lateen.model.validation import problems_of
from lateen.policies.properties import properties_path, read_properties

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OVERRIDE = "override"

_LONGEST_NAME = 128
"""Characters of a name or pattern: twice what a component's name can have."""


class TraitPatch(Model):
    """A change to a trait. Without ``name`` it means the first trait of its type."""

    type: str = Field(min_length=1, description="Type of the trait.")
    name: str | None = Field(
        default=None, description="Which of several traits of the type; the first by default."
    )
    properties: Json | None = Field(
        default=None, description="Merged into the trait's properties; lists are replaced."
    )
    disable: bool | None = Field(default=None, description="Remove the trait.")


class ComponentPatch(Model):
    """A change to the components that ``name`` (exact, or a pattern with ``*`` and ``?``) fits.

    Without a name it changes all components, or all of ``type``.
    """

    name: str | None = Field(
        default=None,
        max_length=_LONGEST_NAME,
        description="Name of the component, or a pattern with `*` and `?`; all by default. "
        "A new name with a type adds a component.",
    )
    type: str | None = Field(
        default=None, description="Type of the component; without a name, all of the type change."
    )
    properties: Json | None = Field(
        default=None, description="Merged into the component's properties; lists are replaced."
    )
    traits: list[TraitPatch] | None = Field(
        default=None, description="Traits to change, add or remove."
    )
    external_revision: str | None = Field(default=None, description="Not supported yet.")

    @property
    def is_pattern(self) -> bool:
        """Whether the name can fit several components, and so never adds one."""
        return bool(self.name) and any(wildcard in str(self.name) for wildcard in "*?")


class OverrideProperties(Model):
    """Change, add and select components. A missing selector keeps all of them, an empty one none."""

    components: list[ComponentPatch] | None = Field(
        default=None, description="Components to change or to add."
    )
    selector: list[str] | None = Field(
        default=None, description="Names or patterns of the components that are kept."
    )


def read_override(policy: InlinePolicy, *, path: str | None = None) -> OverrideProperties:
    """Read an override policy; raises ``InvalidApplication`` with paths below ``path``."""
    return read_properties(policy, OverrideProperties, path=path)


def apply_overrides(
    components: Iterable[Component], policies: Iterable[InlinePolicy]
) -> tuple[Component, ...]:
    """Apply the override policies of one step, each to the result of the one before.

    Policies of other types are passed over. The components keep their order, added ones follow.
    Neither argument is changed; a component that nothing touched is the very same object.

    Raises ``InvalidApplication`` when properties are invalid, or an entry names a component that
    does not exist and has no type to add one.
    """
    current = tuple(components)
    for policy in policies:
        if policy.type == OVERRIDE:
            path = properties_path(policy)
            current = apply_override(current, read_override(policy), path=path)
    return current


def apply_override(
    components: Sequence[Component], override: OverrideProperties, *, path: str
) -> tuple[Component, ...]:
    """Apply one override: its entries in order, and only then its selector."""
    current = list(components)
    for index, patch in enumerate(override.components or ()):
        hits = [position for position, component in enumerate(current) if _fits(patch, component)]
        for position in hits:
            current[position] = _patched(current[position], patch)
        if not hits and patch.name and not patch.is_pattern:
            current.append(_added(patch, current, path=f"{path}.components[{index}]"))
    if override.selector is None:
        return tuple(current)
    selected = frozenset(override.selector)
    return tuple(component for component in current if component.name in selected)


def idle_patterns(components: Iterable[Component], override: OverrideProperties) -> list[str]:
    """Return the name patterns of an override that fit neither a component nor one that it adds."""
    patches = override.components or ()
    names = [component.name for component in components]
    names += [patch.name for patch in patches if patch.name and not patch.is_pattern]
    return [
        patch.name
        for patch in patches
        if patch.name and patch.is_pattern and not any(map(_compiled(patch.name).match, names))
    ]


def merge_properties(base: Json | None, patch: Json | None) -> Json | None:
    """Merge two JSON objects.

    Objects merge key by key, so an empty one changes nothing; everything else replaces what was
    there: arrays as a whole, and ``0``, ``false``, ``""``, ``[]`` and null as well. Where the kinds
    differ, the patch wins. Recursion is bounded by the depth that a document may have.
    """
    if not patch:
        return patch if base is None else base
    merged: dict[str, Any] = dict(base or {})
    for key, value in patch.items():
        before, after = as_object(merged.get(key)), as_object(value)
        both = before is not None and after is not None
        merged[key] = merge_properties(before, after) if both else value
    return merged


def _fits(patch: ComponentPatch, component: Component) -> bool:
    if not patch.name:
        return not patch.type or patch.type == component.type
    if patch.is_pattern:
        return _compiled(patch.name).match(component.name) is not None
    return patch.name == component.name


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Translate a pattern; only ``*`` and ``?`` are special, and it fits a whole name or nothing.

    ``fnmatch`` writes expressions that don't backtrack, so a hostile pattern costs nothing.
    """
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")))


def _patched(component: Component, patch: ComponentPatch) -> Component:
    """Merge, or replace the component if the entry gives it another type; its name stays."""
    if patch.name and patch.type and patch.type != component.type:
        return Component(
            name=component.name,
            type=patch.type,
            properties=patch.properties,
            traits=_new_traits(patch),
            external_revision=patch.external_revision,
        )
    changes: dict[str, Any] = {}
    if patch.properties is not None:
        changes["properties"] = merge_properties(component.properties, patch.properties)
    if patch.traits:
        changes["traits"] = _merge_traits(component.trait_list, patch.traits)
    if patch.external_revision:
        changes["external_revision"] = patch.external_revision
    return component.model_copy(update=changes) if changes else component


def _added(patch: ComponentPatch, components: Sequence[Component], *, path: str) -> Component:
    if not patch.type:
        names = [component.name for component in components]
        message = "no such component, and without a type none can be added"
        raise InvalidApplication.at(
            f"{path}.name", message, patch.name, nearest(str(patch.name), names)
        )
    try:
        return Component(
            name=str(patch.name),
            type=patch.type,
            properties=patch.properties,
            traits=_new_traits(patch),
            external_revision=patch.external_revision,
        )
    except ValidationError as error:
        raise InvalidApplication(problems_of(error, Component, path=path)) from None


def _new_traits(patch: ComponentPatch) -> list[Trait] | None:
    return _merge_traits([], patch.traits) or None


def _merge_traits(base: Sequence[Trait], patches: Sequence[TraitPatch] | None) -> list[Trait]:
    """Merge traits: base order, then new ones. Two new traits of one type stay two.

    An entry changes the base's first trait of its type, or the one that it names. ``disable`` takes
    away the one that it names, or all of the type: whoever disables ``gateway`` wants none.
    """
    kept: list[Trait] = list(base)
    added: list[Trait] = []
    for patch in patches or ():
        if patch.disable:
            kept = [trait for trait in kept if not _means(patch, trait)]
            added = [trait for trait in added if not _means(patch, trait)]
            continue
        position = next((at for at, trait in enumerate(kept) if _means(patch, trait)), None)
        if position is None:
            added.append(Trait(type=patch.type, name=patch.name, properties=patch.properties))
        else:
            merged = merge_properties(kept[position].properties, patch.properties)
            kept[position] = kept[position].model_copy(update={"properties": merged})
    return kept + added


def _means(patch: TraitPatch, trait: Trait) -> bool:
    return patch.type == trait.type and (patch.name is None or patch.name == trait.name)

"""The registry, which finds a component or trait type by its name."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from lateen.model.errors import InvalidApplication, nearest
from lateen.rendering.catalog import (
    COMPONENTS,
    TRAITS,
    UNSUPPORTED_COMPONENTS,
    UNSUPPORTED_TRAITS,
)
from lateen.rendering.definitions import ComponentType, TraitType

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ComponentType", "Registry", "TraitType", "builtin"]

VERSION = "v1"
"""The one version that every type has; KubeVela's users may pin it: ``webservice@v1``."""


class Registry:
    """The types that an application may use, by name."""

    def __init__(self) -> None:
        self._components: dict[str, ComponentType[Any]] = {}
        self._traits: dict[str, TraitType[Any]] = {}

    def register(self, *types: ComponentType[Any] | TraitType[Any]) -> Registry:
        """Add types; a name that is taken is an error, so that no plug-in shadows another."""
        for added in types:
            known: dict[str, Any] = (
                self._components if isinstance(added, ComponentType) else self._traits
            )
            if added.type in known:
                raise ValueError(f"type {added.type!r} is registered already")
            known[added.type] = added
        return self

    def component(self, name: str, *, path: str = "type") -> ComponentType[Any]:
        """Return a component type by its name, which may pin the version.

        Raises ``InvalidApplication`` at ``path``, with the nearest known name.
        """
        return _find(
            self._components, UNSUPPORTED_COMPONENTS, name, path=path, what="component type"
        )

    def trait(self, name: str, *, path: str = "type") -> TraitType[Any]:
        """Return a trait type by its name, which may pin the version.

        Raises ``InvalidApplication`` at ``path``, with the nearest known name.
        """
        return _find(self._traits, UNSUPPORTED_TRAITS, name, path=path, what="trait type")

    def find_component(self, name: str) -> ComponentType[Any] | None:
        """Return a component type by its name, which may pin a version, or None."""
        return self._components.get(name.partition("@")[0])

    def find_trait(self, name: str) -> TraitType[Any] | None:
        """Return a trait type by its name, which may pin a version, or None."""
        return self._traits.get(name.partition("@")[0])

    @property
    def components(self) -> list[ComponentType[Any]]:
        """All component types by name."""
        return [self._components[name] for name in sorted(self._components)]

    @property
    def traits(self) -> list[TraitType[Any]]:
        """All trait types by name."""
        return [self._traits[name] for name in sorted(self._traits)]

    def namesake(
        self, other: ComponentType[Any] | TraitType[Any]
    ) -> ComponentType[Any] | TraitType[Any] | None:
        """Return the type of the same kind that has the name of another one already."""
        if isinstance(other, ComponentType):
            return self._components.get(other.type)
        return self._traits.get(other.type)

    def copy(self) -> Registry:
        """Return a registry of one's own to add plug-ins to."""
        return Registry().register(*self._components.values(), *self._traits.values())


_Found = TypeVar("_Found")


def _find(
    known: dict[str, _Found],
    unsupported: Mapping[str, str],
    pinned: str,
    *,
    path: str,
    what: str,
) -> _Found:
    name, at, version = pinned.partition("@")
    found = known.get(name)
    if found is None:
        if name in unsupported:
            message = f"this {what} is not supported yet"
            raise InvalidApplication.at(path, message, pinned, unsupported[name])
        raise InvalidApplication.at(path, f"unknown {what}", pinned, nearest(name, known))
    if at and version != VERSION:
        message = f"unknown version of {what} {name!r}"
        hint = f"write {name!r}; its only version is {VERSION}"
        raise InvalidApplication.at(path, message, pinned, hint)
    return found


@cache
def builtin() -> Registry:
    """Return the built-in types; shared, so copy it before adding to it."""
    return Registry().register(*COMPONENTS, *TRAITS)

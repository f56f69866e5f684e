"""The registry, which finds a component or trait type by its name."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from lateen.model.errors import InvalidApplication, nearest
from lateen.rendering.catalog import (
    COMPONENTS,
    TRAITS,
    UNSUPPORTED_TRAITS,
)
from lateen.rendering.definitions import ComponentType, TraitType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ComponentType", "Registry", "TraitType", "builtin"]

_Found = TypeVar("_Found")

VERSION = "v1"
"""The one version that every type has; KubeVela's users may pin it: ``webservice@v1``."""


class Registry:
    """The types that an application may use, by name."""

    def __init__(
        self,
        components: Mapping[str, ComponentType[Any]] | None = None,
        traits: Mapping[str, TraitType[Any]] | None = None,
        *,
        mentioned: Iterable[str] = (),
        open_types: bool = False,
    ) -> None:
        """Begin with types by name; what the others mean say ``copy`` and ``opened``."""
        self._components = dict(components or {})
        self._traits = dict(traits or {})
        self._mentioned = frozenset(mentioned)
        self._open = open_types

    def register(self, *types: ComponentType[Any] | TraitType[Any], version: str = "") -> Registry:
        """Add types; a name that is taken is an error, so that no plug-in shadows another.

        With a ``version`` only those who pin it get them.
        """
        for added in types:
            known: dict[str, Any] = (
                self._components if isinstance(added, ComponentType) else self._traits
            )
            name = f"{added.type}@{version}" if version else added.type
            if name in known:
                raise ValueError(f"type {name!r} is registered already")
            known[name] = added
        return self

    def component(self, name: str, *, path: str = "type") -> ComponentType[Any]:
        """Return a component type by its name, which may pin the version.

        Raises ``InvalidApplication`` at ``path``, with the nearest known name.
        """
        return self._find(self._components, {}, name, path=path, what="component type")

    def trait(self, name: str, *, path: str = "type") -> TraitType[Any]:
        """Return a trait type by its name, which may pin the version.

        Raises ``InvalidApplication`` at ``path``, with the nearest known name.
        """
        return self._find(self._traits, UNSUPPORTED_TRAITS, name, path=path, what="trait type")

    def find_component(self, name: str) -> ComponentType[Any] | None:
        """Return a component type by its name, which may pin a version, or None."""
        return self._components.get(name) or self._components.get(name.partition("@")[0])

    def find_trait(self, name: str) -> TraitType[Any] | None:
        """Return a trait type by its name, which may pin a version, or None."""
        return self._traits.get(name) or self._traits.get(name.partition("@")[0])

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

    @property
    def evaluates(self) -> bool:
        """Whether definitions of the hub are among the types: rendering then takes a while."""
        components = any(kind.evaluated for kind in self._components.values())
        return components or any(kind.evaluated for kind in self._traits.values())

    def leaves_open(self, *, component: str = "", trait: str = "") -> bool:
        """Tell whether a type is nobody's here, and that is no error: see ``opened``."""
        if not self._open:
            return False
        found = self.find_component(component) if component else self.find_trait(trait)
        return found is None

    def opened(self) -> Registry:
        """Return the same types for checks without a hub, which may define the types that are missing."""
        return Registry(self._components, self._traits, mentioned=self._mentioned, open_types=True)

    def copy(self, *, mentioned: Iterable[str] = ()) -> Registry:
        """Return a registry of one's own to add to; ``mentioned`` are further names to suggest."""
        names = {*self._mentioned, *mentioned}
        return Registry(self._components, self._traits, mentioned=names)

    def _find(
        self,
        known: dict[str, _Found],
        unsupported: Mapping[str, str],
        pinned: str,
        *,
        path: str,
        what: str,
    ) -> _Found:
        if pinned in known:
            return known[pinned]
        name, at, version = pinned.partition("@")
        found = known.get(name)
        if found is None:
            if name in unsupported:
                message = f"this {what} is not supported yet"
                raise InvalidApplication.at(path, message, pinned, unsupported[name])
            hint = nearest(name, {*known, *self._mentioned})
            raise InvalidApplication.at(path, f"unknown {what}", pinned, hint)
        if at and version != VERSION:
            message = f"unknown version of {what} {name!r}"
            hint = f"write {name!r}; its only version is {VERSION}"
            raise InvalidApplication.at(path, message, pinned, hint)
        return found


@cache
def builtin() -> Registry:
    """Return the built-in types; shared, so copy it before adding to it."""
    return Registry().register(*COMPONENTS, *TRAITS)

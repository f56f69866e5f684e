"""Component and trait types that installed distributions add, through entry points.

A distribution names its classes in the group ``lateen.types``; the name of an entry point is free::

    [project.entry-points."lateen.types"]
    ours = "acme_types:TYPES"         # a class, or a tuple or list of classes

Finding them reads the installed distributions and imports their modules. So ``installed`` is called when a
process starts, never first by a workflow; afterwards it is a look-up.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from lateen.model.errors import LateenError
from lateen.rendering.definitions import ComponentType, Origin, TraitType
from lateen.rendering.parameters import Parameters
from lateen.rendering.registry import Registry, builtin

if TYPE_CHECKING:
    from collections.abc import Iterable

GROUP = "lateen.types"

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")

_Type: TypeAlias = "ComponentType[Any] | TraitType[Any]"


class BrokenPlugin(LateenError):
    """An installed plug-in can't be used; nothing runs until it is repaired or uninstalled."""


@dataclass(frozen=True)
class _Found:
    """An entry point and the distribution that it belongs to."""

    point: metadata.EntryPoint
    origin: Origin

    def broken(self, why: str) -> BrokenPlugin:
        origin = self.origin
        return BrokenPlugin(
            f"plug-in {origin.distribution} {origin.version}, entry point {self.point.name!r} "
            f"({self.point.value}): {why}; repair it, or run: pip uninstall {origin.distribution}"
        )


@cache
def installed() -> Registry:
    """Return the built-in types and those of all installed plug-ins; found once in a process.

    Raises ``BrokenPlugin``.
    """
    return with_plugins(builtin(), metadata.entry_points(group=GROUP))


def with_plugins(registry: Registry, points: Iterable[metadata.EntryPoint]) -> Registry:
    """Return a copy of a registry with the types that entry points name.

    Raises ``BrokenPlugin`` for an entry point that can't be loaded, for what is no usable type, and for a
    name that a built-in or another plug-in has already.
    """
    extended = registry.copy()
    for found in sorted(
        map(_found, points), key=lambda each: (each.origin.distribution, each.point.name)
    ):
        for made in _load(found):
            made.origin = found.origin
            taken = extended.namesake(made)
            if taken is not None:
                owner = taken.origin.distribution if taken.origin else "lateen itself"
                raise found.broken(f"its type {made.type!r} is registered already, by {owner}")
            extended.register(made)
    return extended


def _found(point: metadata.EntryPoint) -> _Found:
    distribution = point.dist
    if distribution is None:
        return _Found(point, Origin("of unknown origin", ""))
    return _Found(point, Origin(distribution.name, distribution.version))


def _load(found: _Found) -> list[_Type]:
    try:
        value: Any = found.point.load()
    except Exception as error:
        raise found.broken(f"can't be loaded: {type(error).__name__}: {error}") from error
    if inspect.isclass(value):
        return [_make(value, found)]
    if not isinstance(value, list | tuple):
        raise found.broken(f"expected a class, or a list of classes, not {value!r}")
    return [_make(each, found) for each in cast("Iterable[object]", value)]


def _make(value: object, found: _Found) -> _Type:
    if not inspect.isclass(value) or not issubclass(value, ComponentType | TraitType):
        raise found.broken(f"{value!r} is no subclass of ComponentType or TraitType")
    kind = cast("type[Any]", value)
    name: object = getattr(kind, "type", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise found.broken(
            f"{kind.__name__}.type must be a name such as 'canary-service', not {name!r}"
        )
    parameters: object = getattr(kind, "parameters", None)
    if not inspect.isclass(parameters) or not issubclass(parameters, Parameters):
        raise found.broken(f"{kind.__name__}.parameters must be a subclass of Parameters")
    try:
        made: _Type = kind()
    except Exception as error:
        raise found.broken(f"{kind.__name__}() failed: {error}") from error
    return made

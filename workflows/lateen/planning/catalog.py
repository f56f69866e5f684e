"""Every type that an application can use: components, traits, policies and steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from lateen.planning.step_types import STEP_TYPES
from lateen.policies.catalog import POLICY_TYPES

if TYPE_CHECKING:
    from lateen.model.base import Model
    from lateen.rendering.definitions import ComponentType, Origin, TraitType
    from lateen.rendering.registry import Registry

Kind: TypeAlias = Literal["component", "trait", "policy", "step"]


@dataclass(frozen=True)
class TypeInfo:
    """A type, the model of its properties, and where it comes from (None: built in).

    ``strict`` says that the properties can't be left out, even if all of them are optional.
    """

    name: str
    kind: Kind
    description: str
    properties: type[Model]
    origin: Origin | None = None
    strict: bool = False


def all_types(registry: Registry) -> list[TypeInfo]:
    """Return all types: by kind, and within a kind by name. Those not supported yet are left out."""
    return [
        *(_registered(each, "component") for each in registry.components),
        *(_registered(each, "trait") for each in registry.traits),
        *(
            TypeInfo(name, "policy", first_line(entry.properties), entry.properties, strict=True)
            for name, entry in sorted(POLICY_TYPES.items())
            if entry.check is not None and entry.properties is not None
        ),
        *(
            TypeInfo(name, "step", first_line(model), model)
            for name, model in sorted(STEP_TYPES.items())
        ),
    ]


def first_line(described: object) -> str:
    """Return the first line of a docstring, with single quotes around code."""
    text: str = getattr(described, "__doc__", None) or ""
    return text.strip().partition("\n")[0].strip().replace("``", "`")


def _registered(kind: ComponentType[Any] | TraitType[Any], name: Kind) -> TypeInfo:
    return TypeInfo(kind.type, name, first_line(type(kind)), kind.parameters, kind.origin)

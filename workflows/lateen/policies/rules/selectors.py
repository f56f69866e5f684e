"""Which objects a rule means: the selector that all rule policies have in common, and what it looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lateen.model.base import Json, Model, Record
from lateen.model.labels import APP_COMPONENT, RESOURCE_TYPE, TRAIT_TYPE, WORKLOAD_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMPONENT, _WORKLOAD, _TRAIT = "COMPONENT", "WORKLOAD", "TRAIT"


class Facts(Record):
    """What a selector may ask of an object; it is all in the labels that rendering puts on it."""

    component: str = ""
    component_type: str = ""
    oam_type: str = ""
    trait_type: str = ""
    kind: str
    name: str

    @classmethod
    def of(cls, manifest: Json) -> Facts:
        """Return the facts of a rendered object."""
        metadata: Json = manifest["metadata"]
        labels: Json = metadata.get("labels") or {}
        trait = labels.get(TRAIT_TYPE, "")
        # Objects of traits that come after the workload have no resource type, and are a trait's.
        oam_type = labels.get(RESOURCE_TYPE) or (_TRAIT if trait else "")
        return cls(
            component=labels.get(APP_COMPONENT, ""),
            component_type=labels.get(WORKLOAD_TYPE, ""),
            oam_type=oam_type,
            trait_type=trait,
            kind=manifest["kind"],
            name=metadata["name"],
        )


class RuleSelector(Model):
    """Which objects are meant: those that fit every field given. Without any field, none."""

    component_names: list[str] | None = Field(
        default=None, description="Components that the object is of."
    )
    component_types: list[str] | None = Field(
        default=None, description="Types of components; selects their workloads."
    )
    oam_types: list[Literal["COMPONENT", "WORKLOAD", "TRAIT"]] | None = Field(
        default=None, description="`COMPONENT` (or `WORKLOAD`), or `TRAIT` for what traits add."
    )
    trait_types: list[str] | None = Field(
        default=None, description="Types of traits; selects the objects that they add."
    )
    resource_types: list[str] | None = Field(
        default=None, description="Kinds of objects, such as `Deployment`."
    )
    resource_names: list[str] | None = Field(default=None, description="Names of objects.")

    def matches(self, facts: Facts) -> bool:
        """Tell whether an object is meant. What an object lacks, such as a trait, fits no list."""
        oam_type = _COMPONENT if facts.oam_type == _WORKLOAD else facts.oam_type
        kinds = [_COMPONENT if kind == _WORKLOAD else kind for kind in self.oam_types or ()]
        tests = [
            bool(value) and value in listed
            for listed, value in (
                (self.component_names, facts.component),
                (self.component_types, facts.component_type),
                (kinds, oam_type),
                (self.trait_types, facts.trait_type),
                (self.resource_types, facts.kind),
                (self.resource_names, facts.name),
            )
            if listed
        ]
        return bool(tests) and all(tests)

    def warnings(self) -> Iterator[str]:
        """Say why it selects nothing, if that is certain."""
        if not any(self.to_json().values()):
            yield "is empty and selects nothing"
        elif self.trait_types and (self.component_types or self.oam_types == [_COMPONENT]):
            yield "selects nothing: what a trait adds is no component's workload"


class SelectorRule(Model):
    """A rule that says no more than which objects it is for."""

    selector: RuleSelector = Field(description="Which objects are meant.")

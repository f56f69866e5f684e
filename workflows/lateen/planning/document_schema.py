"""The JSON schema of what users write, with the properties of every type, for editors.

An application's components are held to their type's required properties only where nothing can supply
them later: no override, no env-binding and no workflow that could name one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from lateen.model.application import (
    Application,
    ApplicationSpec,
    Component,
    InlinePolicy,
    Policy,
    Step,
    Trait,
    Workflow,
)
from lateen.model.json_values import as_list, as_object
from lateen.planning.catalog import Kind, TypeInfo, all_types
from lateen.planning.property_schemas import DRAFT, SchemaGenerator, tidied
from lateen.policies.env_binding import ENV_BINDING
from lateen.policies.override import OVERRIDE, ComponentPatch, TraitPatch
from lateen.rendering.registry import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel

    from lateen.model.base import Json
    from lateen.rendering.registry import Registry

_DOCUMENTS: tuple[type[BaseModel], ...] = (Application, Policy, Workflow)
_PARTS: tuple[type[BaseModel], ...] = (
    ApplicationSpec,
    Component,
    ComponentPatch,
    InlinePolicy,
    Step,
    Trait,
    TraitPatch,
)
_KINDS: tuple[Kind, ...] = ("component", "trait", "policy", "step")
_OVERRIDABLE: tuple[Kind, ...] = ("component", "trait")
_REFERENCE = "#/$defs/"
_PARTIAL = ".partial"


def document_schema(registry: Registry) -> Json:
    """Return the schema (draft 2020-12) of an Application, Policy or Workflow document."""
    types = all_types(registry)
    models = dict.fromkeys([*_DOCUMENTS, *_PARTS, *(each.properties for each in types)])
    names, generated = models_json_schema(
        [(model, "validation") for model in models], schema_generator=SchemaGenerator
    )
    references = {model: names[model, "validation"]["$ref"] for model in models}
    building = _Building(generated["$defs"], references, types)
    building.complete()
    kinds = [model.__name__ for model in _DOCUMENTS]
    schema: Json = tidied(
        {
            "$schema": DRAFT,
            "title": "lateen",
            "description": "Applications, Policies and Workflows that lateen delivers.",
            "type": "object",
            "required": ["apiVersion", "kind"],
            "properties": {"kind": {"enum": kinds}},
            "allOf": [
                _when("kind", [model.__name__], then={"$ref": references[model]})
                for model in _DOCUMENTS
            ],
            "$defs": building.definitions,
        }
    )
    return schema


@dataclass(frozen=True)
class _Building:
    """Definitions as pydantic makes them, to be completed with what each type says of its properties."""

    definitions: dict[str, Json]
    references: dict[type[BaseModel], str]
    types: list[TypeInfo]

    def complete(self) -> None:
        """Tie ``properties`` to ``type``, everywhere."""
        for kind in _KINDS:
            self._tie(kind, partial=False)
        for kind in _OVERRIDABLE:
            self._tie(kind, partial=True)
        self._use(Component, "component")
        self._use(Trait, "trait")
        self._loosen(Component, "component")
        self._loosen(Trait, "trait")
        self._use(ComponentPatch, "component", partial=True)
        self._use(TraitPatch, "trait", partial=True)
        self._use(InlinePolicy, "policy")
        self._use(Policy, "policy")
        self._use(Step, "step")
        self._choose_components()

    def _loosen(self, model: type[BaseModel], kind: Kind) -> None:
        """Define what is like ``model`` but may lack properties, as its traits may."""
        written = self._definition(model)
        self.definitions[model.__name__ + _PARTIAL] = {
            **written,
            "properties": _replaced(written["properties"], self.references[Trait]),
            "allOf": [_ref(f"{kind}-properties{_PARTIAL}")],
        }

    def _definition(self, model: type[BaseModel]) -> Json:
        return self.definitions[self.references[model].removeprefix(_REFERENCE)]

    def _use(self, model: type[BaseModel], kind: Kind, *, partial: bool = False) -> None:
        """Say which types there are, and what their properties look like."""
        definition = self._definition(model)
        field = definition["properties"]["type"]
        names = [each.name for each in self.types if each.kind == kind]
        choices: list[Json] = [{"enum": names}]
        if kind in _OVERRIDABLE:
            pins = "|".join(name.replace(".", r"\.") for name in names)
            choices.append({"type": "string", "pattern": f"^({pins})@{VERSION}$"})
        if "type" not in definition.get("required", ()):
            choices.append({"type": "null"})
        kept = {key: field[key] for key in ("description",) if key in field}
        definition["properties"]["type"] = {**kept, "anyOf": choices}
        definition["allOf"] = [_ref(f"{kind}-properties{_PARTIAL if partial else ''}")]

    def _tie(self, kind: Kind, *, partial: bool) -> None:
        conditions = [
            _when("type", _spellings(each), then=self._properties(each, partial=partial))
            for each in self.types
            if each.kind == kind
        ]
        self.definitions[f"{kind}-properties{_PARTIAL if partial else ''}"] = {"allOf": conditions}

    def _properties(self, info: TypeInfo, *, partial: bool) -> Json:
        reference = self.references[info.properties]
        if partial:
            reference = self._partial_reference(reference)
        needed = not partial and (
            info.strict or bool(self._definition(info.properties).get("required"))
        )
        if needed:
            return {"required": ["properties"], "properties": {"properties": {"$ref": reference}}}
        optional = {"anyOf": [{"$ref": reference}, {"type": "null"}]}
        return {"properties": {"properties": optional}}

    def _partial_reference(self, reference: str) -> str:
        """Return a definition whose objects may lack anything; items of lists stay whole."""
        name = reference.removeprefix(_REFERENCE)
        partial = name + _PARTIAL
        if partial not in self.definitions:
            self.definitions[partial] = {}  # Ends the recursion of a model inside itself.
            self.definitions[partial] = self._partial(self.definitions[name])
        return _REFERENCE + partial

    def _partial(self, schema: Json) -> Json:
        loose: Json = {}
        for key, value in schema.items():
            match key:
                case "required":
                    continue
                case "$ref":
                    loose[key] = self._partial_reference(value)
                case "properties":
                    loose[key] = {name: self._partial(each) for name, each in value.items()}
                case "additionalProperties" if as_object(value) is not None:
                    loose[key] = self._partial(value)
                case "anyOf" | "oneOf":
                    loose["anyOf"] = [self._partial(each) for each in value]
                case "discriminator":
                    continue
                case _:
                    loose[key] = value
        return loose

    def _choose_components(self) -> None:
        """Ask for complete components only where no policy can complete them."""
        spec = self._definition(ApplicationSpec)
        changing = {"properties": {"type": {"enum": [OVERRIDE, ENV_BINDING]}}, "required": ["type"]}
        policies = {"type": "array", "contains": changing}
        spec["if"] = {
            "anyOf": [
                {"required": ["workflow"]},
                {"required": ["policies"], "properties": {"policies": policies}},
            ]
        }
        whole = self.references[Component]
        spec["then"] = {"properties": {"components": {"items": {"$ref": whole + _PARTIAL}}}}
        spec["else"] = {"properties": {"components": {"items": {"$ref": whole}}}}
        written = spec["properties"]["components"]
        spec["properties"]["components"] = {**written, "items": {"type": "object"}}


def _spellings(info: TypeInfo) -> list[str]:
    pinned = [f"{info.name}@{VERSION}"] if info.kind in _OVERRIDABLE else []
    return [info.name, *pinned]


def _when(key: str, values: Iterable[str], *, then: Json) -> Json:
    condition = {"required": [key], "properties": {key: {"enum": list(values)}}}
    return {"if": condition, "then": then}


def _ref(name: str) -> Json:
    return {"$ref": _REFERENCE + name}


def _replaced(schema: Any, reference: str) -> Any:
    """Return a schema with a reference replaced by that to its partial definition."""
    if (items := as_list(schema)) is not None:
        return [_replaced(item, reference) for item in items]
    if (members := as_object(schema)) is not None:
        return {key: _replaced(value, reference) for key, value in members.items()}
    return f"{reference}{_PARTIAL}" if schema == reference else schema

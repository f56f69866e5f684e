"""JSON schemas (draft 2020-12) of properties, and the rows of a table that says the same."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import override

from lateen.model.json_values import as_list, as_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from lateen.model.base import Json

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NULL = {"type": "null"}
OTHERS = "*"
"""Stands for every key that has no row of its own."""


class SchemaGenerator(GenerateJsonSchema):
    """Generates schemas without titles, which would only repeat each field's name."""

    @override
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@dataclass(frozen=True)
class Row:
    """One parameter. ``path`` names the parameters that it stands in, and itself; ``default`` is JSON."""

    path: tuple[str, ...]
    type: str
    default: str
    required: bool
    description: str

    @property
    def name(self) -> str:
        """The name as it is written."""
        return self.path[-1]

    @property
    def depth(self) -> int:
        """How many parameters it stands in."""
        return len(self.path) - 1


def properties_schema(model: type[BaseModel]) -> Json:
    """Return the schema of one type's properties, which stands on its own."""
    return {"$schema": DRAFT, **tidied(_generated(model))}


def rows(model: type[BaseModel]) -> list[Row]:
    """Return the parameters of a type in the order of the model, nested ones below their owner."""
    return schema_rows(_generated(model))


def schema_rows(schema: Json) -> list[Row]:
    """Return the parameters that a schema describes, in its order."""
    definitions = schema.get("$defs", {})
    recursive = _definition(schema)
    inside = (recursive,) if recursive else ()
    whole = definitions[recursive] if recursive else schema
    return list(_Walk(definitions).object(whole, path=(), inside=inside))


def tidied(schema: Any) -> Any:
    """Return a schema as people read it.

    Descriptions are Markdown, with code in single quotes, and a type that may be null is ``[type, "null"]``
    instead of a choice, where errors would only say that nothing fits.
    """
    if (items := as_list(schema)) is not None:
        return [tidied(item) for item in items]
    if (members := as_object(schema)) is None:
        return schema
    choices = as_list(members.get("anyOf")) or []
    if len(choices) == 2 and choices[1] == _NULL and isinstance(choices[0].get("type"), str):
        kept = {key: value for key, value in members.items() if key != "anyOf"}
        first = {key: value for key, value in choices[0].items() if key not in ("enum", "const")}
        if first == choices[0]:
            return tidied({**kept, **first, "type": [first["type"], "null"]})
    return {
        key: _quoted(value) if key == "description" and isinstance(value, str) else tidied(value)
        for key, value in members.items()
    }


def _generated(model: type[BaseModel]) -> Json:
    return model.model_json_schema(schema_generator=SchemaGenerator)


def _quoted(text: str) -> str:
    return text.replace("``", "`")


@dataclass(frozen=True)
class _Walk:
    """Walks a schema; ``inside`` are the definitions on the way, so that recursion ends."""

    definitions: Json

    def object(
        self, schema: Json, *, path: tuple[str, ...], inside: tuple[str, ...]
    ) -> Iterator[Row]:
        """Yield the rows of an object's fields."""
        required = schema.get("required", ())
        for name, field in schema.get("properties", {}).items():
            inner = _without_null(field)
            nested = list(self.nested(inner, path=(*path, name), inside=inside))
            yield Row(
                path=(*path, name),
                type=self.type_of(inner),
                default="" if nested else _default(field),
                required=name in required,
                description=self.description(field),
            )
            yield from nested
        if schema.get("additionalProperties"):
            others = as_object(schema["additionalProperties"])
            shape = self.type_of(_without_null(others)) if others else "any"
            known = bool(schema.get("properties"))
            meaning = "Any further key." if known else _quoted(schema.get("description", ""))
            yield Row((*path, OTHERS), shape, "", required=False, description=meaning)

    def nested(
        self, schema: Json, *, path: tuple[str, ...], inside: tuple[str, ...]
    ) -> Iterator[Row]:
        """Yield the rows of the objects that a value is, or holds; those of alternatives together."""
        merged: dict[tuple[str, ...], Row] = {}
        for alternative in _alternatives(schema):
            name = _definition(alternative)
            held = as_object(alternative.get("items") or alternative.get("additionalProperties"))
            found: Iterator[Row] = iter(())
            if name and name not in inside:
                found = self.object(self.definitions[name], path=path, inside=(*inside, name))
            elif held:
                found = self.nested(_without_null(held), path=path, inside=inside)
            for row in found:
                other = merged.get(row.path)
                merged[row.path] = row if other is None else _both(other, row)
        yield from _below(path, merged)

    def description(self, field: Json) -> str:
        """Return what is said of a field; pydantic leaves out what its class says in the same words."""
        own = field.get("description")
        name = _definition(field)
        inherited = self.definitions[name].get("description", "") if name else ""
        return _quoted(own or inherited)

    def type_of(self, schema: Json) -> str:
        """Say in a few words what a value is."""
        alternatives = _alternatives(schema)
        if len(alternatives) > 1:
            named = [each for each in alternatives if each.get("const") != ""]
            return " | ".join(dict.fromkeys(map(self.type_of, named)))
        (schema,) = alternatives
        name = _definition(schema)
        if name:
            return self.type_of(self.definitions[name])
        if "const" in schema:
            return json.dumps(schema["const"])
        if "enum" in schema:
            return " | ".join(map(json.dumps, schema["enum"]))
        kind: str = schema.get("type", "any")
        if kind == "array":
            return f"list of {self.type_of(_without_null(schema.get('items', {})))}"
        others = as_object(schema.get("additionalProperties"))
        if kind == "object" and others and "properties" not in schema:
            return f"map of {self.type_of(_without_null(others))}"
        return f"{kind}{_bounds(schema)}"


def _below(path: tuple[str, ...], merged: dict[tuple[str, ...], Row]) -> Iterator[Row]:
    """Yield the rows below a path, each followed by its own."""
    for row in merged.values():
        if row.path[:-1] == path:
            yield row
            yield from _below(row.path, merged)


def _both(one: Row, other: Row) -> Row:
    """Join the rows that two alternatives have for the same parameter."""
    types = dict.fromkeys([*one.type.split(" | "), *other.type.split(" | ")])
    default = one.default if one.default == other.default else ""
    return replace(
        one, type=" | ".join(types), default=default, required=one.required and other.required
    )


def _alternatives(schema: Json) -> list[Json]:
    return schema.get("anyOf") or schema.get("oneOf") or [schema]


def _without_null(schema: Json) -> Json:
    kept = [each for each in _alternatives(schema) if each.get("type") != "null"]
    return kept[0] if len(kept) == 1 else {"anyOf": kept}


def _definition(schema: Json) -> str:
    reference: str = schema.get("$ref", "")
    return reference.rpartition("/")[2]


def _default(field: Json) -> str:
    value = field.get("default")
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _bounds(schema: Json) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is None and most is None:
        return ""
    if most is None:
        return f" >= {least}"
    return f" <= {most}" if least is None else f" {least}..{most}"

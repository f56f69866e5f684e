"""Definitions in CUE as ``lateen def`` shows and checks them: from files, and from the hub."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lateen.cli.types import evaluator, used_definition
from lateen.definitions.objects import COMPONENT, read_definition
from lateen.definitions.types import Given
from lateen.model.application import Definition
from lateen.model.json_values import as_list, as_object
from lateen.model.parsing import parse_definition
from lateen.planning.catalog import TypeInfo
from lateen.rendering.definitions import Origin
from lateen.rendering.plugins import installed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lateen.model.base import Json
    from lateen.model.records import UsedDefinition
    from lateen.planning.catalog import Kind

_DESCRIPTION = "definition.oam.dev/description"
_USAGE = re.compile(r"(?m)^\+usage=(.*)$")
_DEFAULT = re.compile(r'(?m)^\t"?([\w-]+)"?: *\*([^|\n]+?) *\|')


@dataclass(frozen=True)
class Source:
    """A type that a definition makes."""

    info: TypeInfo
    definition: UsedDefinition


def read_sources(
    files: Sequence[Path], hub: bool, *, namespace: str, kubeconfig: Path | None, system: str
) -> list[Source]:
    """Read the definitions of files, then those of the hub if it is asked."""
    from lateen.client.documents import read_path

    found = [
        document
        for path in files
        for document in read_path(path, default_namespace=namespace)
        if isinstance(document, Definition)
    ]
    if hub:
        found += asyncio.run(_stored(namespace, kubeconfig=kubeconfig, system=system))
    return [_source(document) for document in found]


async def _stored(namespace: str, *, kubeconfig: Path | None, system: str) -> list[Definition]:
    from lateen.cli.connecting import open_hub
    from lateen.hub.definitions import Definitions

    async with open_hub(kubeconfig) as hub:
        listed = await Definitions(hub, system_namespace=system).list(namespace)
    return [parse_definition(_written(each)) for each in listed]


def show_definition(source: Source, output: str) -> None:
    """Print the parameters of a definition, as cue describes them."""
    from lateen.cli.output import print_structured
    from lateen.planning.property_schemas import DRAFT

    template = read_definition(source.definition).template
    schema = _readable(evaluator().schema(template), evaluator().parameter(template))
    if output == "json-schema":
        print_structured({**schema, "$schema": DRAFT}, "json")
    elif output == "json":
        print_structured({**_summary(source), "parameters": _parameters(schema)}, "json")
    else:
        _print_table(source, schema)


def vet_files(files: Iterable[Path]) -> bool:
    """Check definitions and print a verdict for each; returns whether all can be used."""
    from lateen.cli.output import say
    from lateen.cli.vets import vet_all
    from lateen.cli.vetting import print_vetted
    from lateen.client.documents import inspect_path

    readings = [each for path in files for each in inspect_path(path, default_namespace="default")]
    chosen = [each for each in readings if each.error or isinstance(each.document, Definition)]
    if not chosen:
        say("no ComponentDefinition or TraitDefinition here")
        return False
    found = vet_all(chosen, installed())
    print_vetted(found)
    return not any(vetted.problems for vetted in found)


def _source(document: Definition) -> Source:
    kind: Kind = "component" if document.kind == COMPONENT else "trait"
    metadata = document.metadata
    description = metadata.annotations.get(_DESCRIPTION, "")
    find = installed().find_component if kind == "component" else installed().find_trait
    if find(metadata.name) is not None:
        description = f"Not used: lateen has this type itself. {description}".strip()
    origin = Origin("definition", f"{metadata.namespace}/{metadata.name}")
    return Source(
        TypeInfo(metadata.name, kind, description, Given, origin), used_definition(document)
    )


def _written(live: Json) -> Json:
    """Leave out what the server added."""
    kept = ("name", "namespace", "labels", "annotations")
    metadata = {key: value for key, value in live["metadata"].items() if key in kept}
    return {**{k: v for k, v in live.items() if k != "status"}, "metadata": metadata}


def _readable(schema: Json, parameter: str) -> Json:
    """Return a schema with KubeVela's ``+usage`` as its descriptions, and with the outermost defaults."""
    cleaned: Json = _cleaned(schema)
    name = str(cleaned.get("$ref", "")).rpartition("/")[2]
    whole = cleaned["$defs"][name] if name else cleaned
    for key, text in _DEFAULT.findall(parameter):
        field = as_object((as_object(whole.get("properties")) or {}).get(key))
        try:
            default = json.loads(text)
        except ValueError:
            continue  # A struct or an expression in CUE: the type says enough.
        if field is not None:
            field["default"] = default
    return cleaned


def _tabular(schema: Json) -> Json:
    """Give a choice of objects the fields of all of them: a table needs one list."""
    definitions = as_object(schema.get("$defs")) or {}

    def followed(each: Json) -> Json:
        found: Json = definitions.get(str(each.get("$ref", "")).rpartition("/")[2], each)
        return found

    whole = followed(schema)
    choices = [followed(each) for each in whole.get("anyOf") or whole.get("oneOf") or ()]
    if not choices or "properties" in whole:
        return schema
    fields: Json = {}
    for choice in choices:
        fields |= choice.get("properties") or {}
    required = [key for key in fields if all(key in (c.get("required") or ()) for c in choices)]
    return {"$defs": definitions, "properties": fields, "required": required}


def _cleaned(value: Any) -> Any:
    if (items := as_list(value)) is not None:
        return [_cleaned(item) for item in items]
    members = as_object(value)
    if members is None:
        return value
    cleaned = {key: _field(key, item) for key, item in members.items()}
    if isinstance(description := members.get("description"), str):
        usage = _USAGE.findall(description)
        cleaned["description"] = " ".join(usage) or description
    return cleaned


def _field(key: str, value: Any) -> Any:
    """Clean one member; the schema of anything, which JSON schema writes true, becomes an empty one."""
    fields = as_object(value)
    if key != "properties" or fields is None:
        return _cleaned(value)
    anything: Json = {}
    return {name: anything if each is True else _cleaned(each) for name, each in fields.items()}


def _summary(source: Source) -> Json:
    info, definition = source.info, source.definition
    return {
        "name": info.name,
        "kind": info.kind,
        "description": info.description,
        "definition": f"{definition.namespace}/{definition.name}",
    }


def _parameters(schema: Json) -> list[Json]:
    from lateen.planning.property_schemas import schema_rows

    return [
        {
            "path": ".".join(row.path),
            "type": row.type,
            "default": json.loads(row.default) if row.default else None,
            "required": row.required,
            "description": row.description,
        }
        for row in schema_rows(_tabular(schema))
    ]


def _print_table(source: Source, schema: Json) -> None:
    from lateen.cli.output import result
    from lateen.cli.parameter_tables import print_rows
    from lateen.planning.property_schemas import schema_rows

    definition = source.definition
    result(
        f"{source.info.name} ({source.info.kind}, {definition.kind} "
        f"{definition.namespace}/{definition.name})"
    )
    result(source.info.description)
    result("")
    print_rows(schema_rows(_tabular(schema)))

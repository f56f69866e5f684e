"""``lateen def``: the types that applications can use: built in, from plug-ins, or defined in CUE."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lateen.cli.options import hub_option, namespace_option, output_option, registry_option
from lateen.cli.output import print_structured, print_table, result
from lateen.model.errors import LateenError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lateen.model.base import Json
    from lateen.planning.catalog import Kind, TypeInfo

_ALL_COLUMNS = ("NAME", "KIND", "ORIGIN", "DESCRIPTION")
_FLAGS: tuple[tuple[str, Kind], ...] = (
    ("components", "component"),
    ("traits", "trait"),
    ("policies", "policy"),
    ("steps", "step"),
)


class UnknownType(LateenError):
    """No type has such a name, or several have it."""


def _kind_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add one flag for each kind; together they choose what is looked at, none of them all."""
    for name, kind in reversed(_FLAGS):
        option = click.option(f"--{name}", name, is_flag=True, help=f"Only {kind} types.")
        command = option(command)
    return command


@click.group("def")
def def_group() -> None:
    """List and explain the types that applications can use."""


def _source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add where else types may come from: files, and the hub."""
    files = click.option(
        "-f",
        "--file",
        "files",
        multiple=True,
        type=click.Path(path_type=Path, exists=True),
        help="Also the definitions in this file or directory; may be given several times.",
    )
    hub = click.option("--hub", is_flag=True, help="Also the definitions that the hub has.")
    return files(hub(namespace_option(hub_option(registry_option(command)))))


@def_group.command("list")
@_kind_options
@_source_options
@output_option("table", "json", "yaml")
def list_types(
    output: str,
    files: tuple[Path, ...],
    hub: bool,
    namespace: str,
    hub_kubeconfig: Path | None,
    registry_namespace: str,
    **flags: bool,
) -> None:
    """List component, trait, policy and step types."""
    from lateen.cli.definitions import read_sources

    types = _types(**flags)
    sources = read_sources(
        files, hub, namespace=namespace, kubeconfig=hub_kubeconfig, system=registry_namespace
    )
    types += [each.info for each in sources if _wanted(each.info.kind, flags)]
    if output == "table":
        rows = [(each.name, each.kind, _origin(each), each.description) for each in types]
        print_table(_ALL_COLUMNS, rows)
    else:
        shown = [_summary(each) for each in types]
        print_structured(shown, output)


@def_group.command("vet")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
def vet_definitions(files: tuple[Path, ...]) -> None:
    """Check the ComponentDefinitions and TraitDefinitions in FILES; changes nothing.

    Their templates are compiled, which needs the program cue.
    """
    from lateen.cli.definitions import vet_files

    if not vet_files(files):
        raise click.exceptions.Exit(1)


@def_group.command()
@click.argument("name", metavar="TYPE")
@_kind_options
@_source_options
@output_option("table", "json", "yaml", "json-schema")
def show(
    name: str,
    output: str,
    files: tuple[Path, ...],
    hub: bool,
    namespace: str,
    hub_kubeconfig: Path | None,
    registry_namespace: str,
    **flags: bool,
) -> None:
    """Show the parameters of TYPE.

    Parameters of an object stand indented below it; `*` is any further key. A flag such as --traits
    chooses among types of several kinds that have the same name.
    """
    from lateen.cli.definitions import read_sources, show_definition
    from lateen.planning.property_schemas import properties_schema

    sources = read_sources(
        files, hub, namespace=namespace, kubeconfig=hub_kubeconfig, system=registry_namespace
    )
    defined = [e for e in sources if e.info.name == name and _wanted(e.info.kind, flags)]
    if defined:
        show_definition(defined[0], output)
        return
    found = _named(name, [*_types(**flags), *(each.info for each in sources)])
    if output == "table":
        for index, each in enumerate(found):
            if index:
                result("")
            _print_parameters(each)
        return
    if len(found) > 1:
        kinds = " and ".join(f"a {each.kind}" for each in found)
        flag = next(flag for flag, kind in _FLAGS if kind == found[0].kind)
        raise UnknownType(f"{name!r} is {kinds}: choose one with a flag such as --{flag}")
    (only,) = found
    if output == "json-schema":
        print_structured(properties_schema(only.properties), "json")
    else:
        shown = {**_summary(only), "parameters": _parameters(only)}
        print_structured(shown, "yaml" if output == "yaml" else "json")


def _wanted(kind: Kind, flags: Mapping[str, bool]) -> bool:
    chosen = [each for name, each in _FLAGS if flags[name]]
    return not chosen or kind in chosen


def _types(**flags: bool) -> list[TypeInfo]:
    from lateen.planning.catalog import all_types
    from lateen.rendering.plugins import installed

    wanted = [kind for name, kind in _FLAGS if flags[name]]
    return [each for each in all_types(installed()) if not wanted or each.kind in wanted]


def _named(name: str, types: Sequence[TypeInfo]) -> list[TypeInfo]:
    found = [each for each in types if each.name == name]
    if not found:
        raise UnknownType(f"no type {name!r}; {nearest(name, {each.name for each in types})}")
    return found


def _origin(info: TypeInfo) -> str:
    if info.origin is None:
        return "built-in"
    return f"{info.origin.distribution} {info.origin.version}"


def _summary(info: TypeInfo) -> Json:
    plugin = None
    if info.origin is not None:
        plugin = {"distribution": info.origin.distribution, "version": info.origin.version}
    return {
        "name": info.name,
        "kind": info.kind,
        "description": info.description,
        "plugin": plugin,
    }


def _print_parameters(info: TypeInfo) -> None:
    from lateen.cli.parameter_tables import print_rows
    from lateen.planning.property_schemas import rows

    result(f"{info.name} ({info.kind}, {_origin(info)})")
    result(info.description)
    result("")
    print_rows(rows(info.properties))


def _parameters(info: TypeInfo) -> list[Json]:
    from lateen.planning.property_schemas import rows

    return [
        {
            "path": ".".join(row.path),
            "type": row.type,
            "default": json.loads(row.default) if row.default else None,
            "required": row.required,
            "description": row.description,
        }
        for row in rows(info.properties)
    ]

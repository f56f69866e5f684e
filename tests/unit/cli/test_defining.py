"""`lateen def` and `lateen schema`: what types there are, and what they take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from lateen.cli.defining import UnknownType
from lateen.cli.main import cli
from lateen.planning.catalog import all_types
from lateen.planning.property_schemas import properties_schema, rows
from lateen.rendering.plugins import installed
from support.plugins import install, install_example, pack


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def parsed(*arguments: str) -> Any:
    answer = run(*arguments)
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def test_types_are_listed_with_kind_and_origin() -> None:
    lines = run("def", "list").stdout.splitlines()
    assert lines[0].split() == ["NAME", "KIND", "ORIGIN", "DESCRIPTION"]
    assert "scaler trait built-in Sets the workload's number of replicas." in {
        " ".join(line.split()) for line in lines
    }


@pytest.mark.parametrize(
    ("flags", "kinds"),
    [
        (["--components"], {"component"}),
        (["--policies", "--steps"], {"policy", "step"}),
        ([], {"component", "trait", "policy", "step"}),
    ],
)
def test_flags_choose_kinds(flags: list[str], kinds: set[str]) -> None:
    assert {each["kind"] for each in parsed("def", "list", "-o", "json", *flags)} == kinds


def test_parameters_are_a_table_with_nested_ones_indented() -> None:
    lines = run("def", "show", "webservice").stdout.splitlines()
    assert lines[0] == "webservice (component, built-in)"
    assert lines[3].split() == ["PARAMETER", "TYPE", "DEFAULT", "REQUIRED", "DESCRIPTION"]
    rows = [" ".join(line.split()) for line in lines]
    assert "image string yes Image of the container." in rows
    (expose,) = [line for line in lines if line.strip().startswith("expose ")]
    assert expose.startswith("  expose")
    assert "false" in expose


def test_a_type_without_parameters_says_so() -> None:
    assert run("def", "show", "step-group").stdout.endswith("It has no parameters.\n")


def test_parameters_for_programs() -> None:
    shown = parsed("def", "show", "scaler", "-o", "json")
    assert shown["kind"] == "trait"
    assert shown["plugin"] is None
    (replicas,) = shown["parameters"]
    assert (replicas["path"], replicas["default"], replicas["required"]) == ("replicas", 1, False)
    schema = parsed("def", "show", "scaler", "-o", "json-schema")
    assert not list(Draft202012Validator(schema).iter_errors({"replicas": 1}))
    assert list(Draft202012Validator(schema).iter_errors({"replicas": -1}))


def test_the_same_parameters_as_yaml() -> None:
    answer = run("def", "show", "storage", "-o", "yaml")
    assert yaml.safe_load(answer.stdout) == parsed("def", "show", "storage", "-o", "json")


def test_every_type_has_a_schema_and_a_described_table() -> None:
    """Editors and people get every parameter, nested ones below their object, each with a description."""
    types = all_types(installed())
    assert len(types) > 50
    for each in types:
        Draft202012Validator.check_schema(properties_schema(each.properties))
        for row in rows(each.properties):
            assert row.description, (each.name, row.path)
            assert row.type, (each.name, row.path)
            assert len(row.path) == row.depth + 1


def test_an_unknown_type_comes_with_the_nearest() -> None:
    error = run("def", "show", "webservce").exception
    assert isinstance(error, UnknownType)
    assert str(error) == "no type 'webservce'; did you mean 'webservice'?"
    error = run("def", "show", "webservice", "--traits").exception
    assert isinstance(error, UnknownType)


def test_the_schema_is_one_document() -> None:
    schema = parsed("schema")
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def lateen(plugins: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lateen.cli", *arguments],
        env={**os.environ, "PYTHONPATH": str(plugins)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_plug_ins_are_listed_shown_and_part_of_the_schema(tmp_path: Path) -> None:
    plugins = tmp_path / "site"
    install_example(plugins, tmp_path)
    listed = [" ".join(line.split()) for line in lateen(plugins, "def", "list").stdout.splitlines()]
    assert any(line.startswith("rabbitmq component acme-lateen-types 1.0.0 A R") for line in listed)
    shown = lateen(plugins, "def", "show", "cost-center").stdout
    assert shown.startswith("cost-center (trait, acme-lateen-types 1.0.0)\nLabels the workload")
    schema = json.loads(lateen(plugins, "schema").stdout)
    assert "RabbitmqParameters" in schema["$defs"]


def test_types_of_one_name_are_told_apart(tmp_path: Path) -> None:
    plugins = tmp_path / "site"
    code = """
from lateen.rendering.definitions import ComponentType, Rendered
from lateen.rendering.parameters import Parameters


class Scaler(ComponentType):
    "Another thing of this name."

    type = "scaler"
    parameters = Parameters

    def render(self, parameters, context):
        return Rendered({"apiVersion": "v1", "kind": "ConfigMap"})
"""
    modules = {"acme_twin.py": code}
    install(
        plugins, pack(tmp_path, name="acme", points={"it": "acme_twin:Scaler"}, modules=modules)
    )
    both = lateen(plugins, "def", "show", "scaler").stdout
    assert "scaler (component, acme 1.0)" in both
    assert "scaler (trait, built-in)" in both
    unclear = lateen(plugins, "def", "show", "scaler", "-o", "json")
    assert unclear.returncode == 1
    assert "'scaler' is a component and a trait: choose one with a flag" in unclear.stderr
    assert lateen(plugins, "def", "show", "scaler", "-o", "json", "--traits").returncode == 0


def test_a_broken_plug_in_is_one_sentence(tmp_path: Path) -> None:
    plugins = tmp_path / "site"
    install(plugins, pack(tmp_path, name="acme", points={"it": "acme_none:X"}, modules={}))
    answer = lateen(plugins, "def", "list")
    assert answer.returncode == 1
    assert answer.stderr.startswith(
        "Error: plug-in acme 1.0, entry point 'it' (acme_none:X): can't"
    )
    assert "Traceback" not in answer.stderr

"""Every parameter of every type has a row that says what it is, and a schema that says the same."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field

from lateen.planning.catalog import TypeInfo, all_types, first_line
from lateen.planning.property_schemas import Row, properties_schema, rows
from lateen.policies.catalog import POLICY_TYPES
from lateen.rendering.definitions import Origin
from lateen.rendering.parameters import Parameters
from lateen.rendering.registry import builtin
from lateen.rendering.traits.scaler import Scaler

TYPES = all_types(builtin())


def info(name: str) -> TypeInfo:
    (found,) = [each for each in TYPES if each.name == name]
    return found


def told(name: str) -> dict[str, Row]:
    return {".".join(row.path): row for row in rows(info(name).properties)}


@pytest.mark.parametrize("each", TYPES, ids=lambda each: f"{each.kind}-{each.name}")
def test_every_type_and_parameter_is_described(each: TypeInfo) -> None:
    assert each.description
    assert "``" not in each.description
    assert [
        row for row in rows(each.properties) if not row.description or "``" in row.description
    ] == []
    Draft202012Validator.check_schema(properties_schema(each.properties))


def test_every_supported_policy_has_a_model() -> None:
    supported = {name for name, entry in POLICY_TYPES.items() if entry.check}
    assert {each.name for each in TYPES if each.kind == "policy"} == supported


def test_types_come_by_kind_and_name_with_their_origin() -> None:
    class Nightly(Scaler):
        """Stops ``things`` at night.

        Further text.
        """

        type = "nightly"
        origin = Origin("acme", "1.2")

    found = all_types(builtin().copy().register(Nightly()))
    kinds = [each.kind for each in found]
    assert kinds == sorted(kinds, key=["component", "trait", "policy", "step"].index)
    (nightly,) = [each for each in found if each.name == "nightly"]
    assert nightly.description == "Stops `things` at night."
    assert nightly.origin == Origin("acme", "1.2")
    assert first_line(object) != first_line(type("Undescribed", (), {})) == ""


def test_a_row_says_type_default_and_whether_it_is_required() -> None:
    service = told("webservice")
    assert service["image"] == Row(
        ("image",), "string", "", required=True, description="Image of the container."
    )
    assert service["ports.expose"].default == "false"
    assert service["ports.port"].type == "integer 1..65535"
    assert service["ports"].type == "list of object"
    assert service["exposeType"].type == '"ClusterIP" | "NodePort" | "LoadBalancer"'
    assert service["labels"].type == "map of string"
    assert service["livenessProbe.periodSeconds"].type == "integer >= 1"


def test_objects_of_one_shape_are_each_shown_below_their_owner() -> None:
    names = list(told("webservice"))
    start = names.index("env.valueFrom")
    assert names[start : start + 9] == [
        "env.valueFrom",
        "env.valueFrom.secretKeyRef",
        "env.valueFrom.secretKeyRef.name",
        "env.valueFrom.secretKeyRef.key",
        "env.valueFrom.secretKeyRef.optional",
        "env.valueFrom.configMapKeyRef",
        "env.valueFrom.configMapKeyRef.name",
        "env.valueFrom.configMapKeyRef.key",
        "env.valueFrom.configMapKeyRef.optional",
    ]


def test_alternatives_are_joined() -> None:
    service = told("webservice")
    assert service["volumes.type"].type == '"pvc" | "configMap" | "secret" | "emptyDir"'
    assert not service["volumes.claimName"].required or service["volumes.name"].required
    assert service["volumes.name"].required


def test_any_keys_are_a_row_of_their_own() -> None:
    assert told("labels") == {
        "*": Row(("*",), "string", "", False, "Parameters of `labels`: each key is a label.")
    }
    assert told("raw")["*"].type == "any"


class Tree(Parameters):
    """A tree."""

    children: list[Tree] = Field(default=[], description="Its children.")


def test_a_model_inside_itself_ends() -> None:
    assert [(row.path, row.type) for row in rows(Tree)] == [(("children",), "list of object")]


@pytest.mark.parametrize(
    ("name", "properties", "message"),
    [
        ("scaler", {"replicas": 2}, ""),
        ("scaler", {"replicas": "2"}, "'2' is not of type 'integer'"),
        ("webservice", {"imag": "nginx"}, "'image' is a required property"),
        ("webservice", {"image": "nginx", "cpu": 1}, "1 is not of type 'string', 'null'"),
        ("webservice", {"image": "nginx", "cpu": None}, ""),
        ("topology", {"cluster": ["a"]}, "('cluster' was unexpected)"),
    ],
)
def test_schemas_tell_right_from_wrong(name: str, properties: dict[str, Any], message: str) -> None:
    validator = Draft202012Validator(properties_schema(info(name).properties))
    errors = [error.message for error in validator.iter_errors(properties)]
    assert bool(errors) == bool(message)
    assert not message or any(message in error for error in errors)

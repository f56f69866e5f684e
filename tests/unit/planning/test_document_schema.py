"""The schema for editors accepts what lateen accepts, and catches typos."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from lateen.model.errors import InvalidApplication
from lateen.model.parsing import parse_application
from lateen.planning.checking import check_application
from lateen.planning.document_schema import document_schema
from lateen.rendering.registry import builtin
from support.applications import application, deploy

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "deploy" / "examples").glob("*.yaml"))
RECORDED = sorted((ROOT / "tests" / "conformance" / "data").glob("*/*/app.yaml"))
VALIDATOR = Draft202012Validator(document_schema(builtin()))


def wrong(document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(document)]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_valid(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        assert wrong(document) == []


def test_the_schema_refuses_nothing_that_lateen_accepts() -> None:
    accepted = 0
    for path in RECORDED:
        document = yaml.safe_load(path.read_text())
        try:
            check_application(parse_application(document), builtin())
        except InvalidApplication:
            continue
        accepted += 1
        assert wrong(document) == [], path
    assert accepted > 100


def everything(errors: Iterable[ValidationError]) -> Iterator[str]:
    """Yield errors with those of each alternative, as editors show the closest one."""
    for error in errors:
        yield f"{error.json_path}: {error.message}"
        yield from everything(error.context or ())


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return a valid application with one value changed; numbers in the path are items of lists."""
    document = application("shop", topologies={"here": ["local"]}, steps=[deploy("go", "here")])
    web = document["spec"]["components"][0]
    web["traits"] = [{"type": "scaler", "properties": {"replicas": 2}}]
    override = {"name": "web", "traits": [{"type": "scaler", "properties": {"replicas": 3}}]}
    document["spec"]["policies"].append(
        {"name": "more", "type": "override", "properties": {"components": [override]}}
    )
    target: Any = document
    *parents, last = [int(key) if key.isdecimal() else key for key in path.split(".")]
    for key in parents:
        target = target[key]
    target[last] = value
    return document


WEB = "spec.components.0"
PATCH = "spec.policies.1.properties.components.0"


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("kind", "Aplication", "$.kind: 'Aplication' is not one of"),
        ("spec.componets", [], "$.spec: Additional properties are not allowed ('componets'"),
        (f"{WEB}.type", "webservce", "components[0].type: 'webservce' is not valid"),
        (f"{WEB}.type", "webservice@v2", "components[0].type: 'webservice@v2' is not valid"),
        (f"{WEB}.propertis", {}, "components[0]: Additional properties are not allowed"),
        (f"{WEB}.properties.image", 5, "properties.image: 5 is not of type 'string'"),
        (f"{WEB}.traits.0.type", "scalar", "traits[0].type: 'scalar' is not valid"),
        (f"{WEB}.traits.0.properties.replica", 1, "('replica' was unexpected)"),
        ("spec.policies.0.type", "topolgy", "policies[0].type: 'topolgy' is not valid"),
        ("spec.policies.0.properties.cluster", [], "('cluster' was unexpected)"),
        (f"{PATCH}.traits.0.properties.replica", 1, "('replica' was unexpected)"),
        (f"{PATCH}.traits.0.type", "scalar", "traits[0].type: 'scalar' is not valid"),
        ("spec.workflow.steps.0.type", "deploi", "steps[0].type: 'deploi' is not valid"),
        ("spec.workflow.steps.0.properties.polices", [], "('polices' was unexpected)"),
        ("spec.workflow.steps.0.properties.parallelism", 0, "0 is less than the minimum of 1"),
    ],
)
def test_typos_are_caught_where_they_stand(path: str, value: Any, told: str) -> None:
    texts = list(everything(VALIDATOR.iter_errors(changed(path, value))))
    assert any(told in text for text in texts), texts


def test_the_unchanged_application_is_valid() -> None:
    assert wrong(changed("metadata.name", "shop")) == []
    assert wrong(changed(f"{WEB}.type", "webservice@v1")) == []


def test_what_an_override_may_supply_can_be_missing() -> None:
    document = changed(f"{WEB}.properties", {"cpu": "1"})
    assert wrong(document) == []
    alone = copy.deepcopy(document)
    del alone["spec"]["policies"][1], alone["spec"]["workflow"]
    assert wrong(alone) == ["$.spec.components[0].properties: 'image' is a required property"]
    del alone["spec"]["components"][0]["properties"]
    assert wrong(alone) == ["$.spec.components[0]: 'properties' is a required property"]


def test_what_an_override_changes_in_a_list_is_complete() -> None:
    document = changed(f"{PATCH}.type", "webservice")
    patch = document["spec"]["policies"][1]["properties"]["components"][0]
    patch["properties"] = {"livenessProbe": {"httpGet": {"port": 80}}}
    assert wrong(document) == []
    patch["properties"] = {"ports": [{"expose": True}]}
    assert wrong(document) != []


def test_policies_and_workflows_have_their_own_shapes() -> None:
    head = {"apiVersion": "core.oam.dev/v1alpha1", "metadata": {"name": "p"}}
    policy = {**head, "kind": "Policy", "type": "topology", "properties": {"clusters": ["local"]}}
    workflow = {**head, "kind": "Workflow", "steps": [deploy("go", "p")]}
    assert wrong(policy) == []
    assert wrong(workflow) == []
    assert wrong({**policy, "properties": {"cluster": []}}) != []
    assert wrong({**workflow, "steps": [{"name": "x", "type": "deploy", "propertie": {}}]}) != []

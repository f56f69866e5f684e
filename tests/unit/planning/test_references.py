"""What has to be looked up in the hub before an application can be planned."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.model.application import Application
from lateen.model.parsing import parse_application, parse_policy, parse_workflow
from lateen.planning.references import (
    References,
    external_references,
    inline_names,
    inline_policy,
    policy_references,
)

TOP = {"name": "top", "type": "topology", "properties": {}}


def application(**spec: Any) -> Application:
    return parse_application(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {"name": "app"},
            "spec": {"components": [{"name": "web", "type": "webservice"}], **spec},
        }
    )


def deploy(name: str, policies: Any) -> dict[str, Any]:
    return {"name": name, "type": "deploy", "properties": {"policies": policies}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, References(), id="no workflow"),
        pytest.param({"policies": [TOP]}, References(), id="the default workflow stays inside"),
        pytest.param(
            {"policies": [TOP], "workflow": {"steps": [deploy("a", ["x", "top", "y", "x"])]}},
            References(policies=("x", "y")),
            id="names that are not inline, once each",
        ),
        pytest.param(
            {
                "workflow": {
                    "steps": [
                        {"name": "g", "type": "step-group", "subSteps": [deploy("b", ["in"])]},
                        deploy("c", ["out"]),
                    ]
                }
            },
            References(policies=("in", "out")),
            id="inside groups too",
        ),
        pytest.param(
            {"workflow": {"ref": "release"}}, References(workflow="release"), id="a workflow"
        ),
        pytest.param({"workflow": {"ref": ""}}, References(), id="an empty ref is none"),
        pytest.param(
            {"workflow": {"steps": [deploy("a", "x"), deploy("b", [1, None, {"n": "y"}, ""])]}},
            References(),
            id="malformed names are not looked up",
        ),
        pytest.param(
            {
                "workflow": {
                    "steps": [{"name": "s", "type": "suspend", "properties": {"policies": ["x"]}}]
                }
            },
            References(),
            id="only deploy steps have policies",
        ),
    ],
)
def test_external_references(spec: dict[str, Any], expected: References) -> None:
    found = external_references(application(**spec))
    assert found == expected
    assert found.is_empty == (expected == References())


def test_a_fetched_workflow_is_searched_in_turn() -> None:
    workflow = parse_workflow(
        {
            "apiVersion": "core.oam.dev/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": "release"},
            "steps": [
                deploy("a", ["top", "far"]),
                {"name": "g", "type": "step-group", "subSteps": [deploy("b", ["deep"])]},
            ],
        }
    )
    inline = inline_names(application(policies=[TOP]))
    assert policy_references(workflow, inline) == ("far", "deep")


def test_a_policy_object_becomes_an_inline_policy() -> None:
    policy = parse_policy(
        {
            "apiVersion": "core.oam.dev/v1alpha1",
            "kind": "Policy",
            "metadata": {"name": "far", "namespace": "n"},
            "type": "topology",
            "properties": {"clusters": ["c"]},
        }
    )
    assert inline_policy(policy).to_json() == {
        "name": "far",
        "type": "topology",
        "properties": {"clusters": ["c"]},
    }

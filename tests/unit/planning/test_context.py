"""What templates may know of the application, its revision and the step."""

from __future__ import annotations

from typing import Any

from lateen.model.placement import Placement
from lateen.model.records import Snapshot
from lateen.planning.resolving import Resolved
from lateen.rendering.context import Target
from lateen.rendering.registry import builtin
from support.context_types import Know

HERE = Placement(cluster="one", namespace="shop")


def resolved(
    *, workflow: dict[str, Any] | None = None, annotations: dict[str, str] | None = None
) -> Resolved:
    added = {"components": [{"name": "more", "type": "know"}], "selector": ["web", "more"]}
    content: dict[str, Any] = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {
            "name": "app",
            "namespace": "shop",
            "labels": {"team": "red"},
            "annotations": {"filter.oam.dev/label-keys": "team", **(annotations or {})},
        },
        "spec": {
            "components": [{"name": "web", "type": "know"}, {"name": "left-out", "type": "know"}],
            "policies": [
                {"name": "there", "type": "topology", "properties": {"clusters": ["one"]}},
                {"name": "over", "type": "override", "properties": added},
            ],
        },
    }
    if workflow is not None:
        content["spec"]["workflow"] = {"ref": workflow["metadata"]["name"]}
    snapshot = Snapshot(application=content, workflow=workflow)
    return Resolved(snapshot, builtin().copy().register(Know()))


def known(subject: Resolved, revision: str) -> dict[str, str]:
    (step,) = subject.deploy_steps
    found: dict[str, str] = subject.manifests(step, HERE, revision=revision)[0]["data"]
    return found


def test_a_template_knows_the_application_its_revision_and_the_step() -> None:
    annotations = {
        "app.oam.dev/publishVersion": "beta",
        "app.oam.dev/workflowName": "release",
        "note": "n",
    }
    data = known(resolved(annotations=annotations), "app-v3")
    assert len(data.pop("componentRevision")) == 16
    assert data == {
        "publishVersion": "beta",
        "workflow": "release",
        "components": "web more",
        "team": "red",
        "note": "n",
        "revision": "app-v3",
        "number": "3",
        "cluster": "one",
    }


def test_a_workflow_object_has_the_name_that_the_application_uses() -> None:
    workflow = {
        "apiVersion": "core.oam.dev/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "shared", "namespace": "shop"},
        "steps": [{"name": "d", "type": "deploy", "properties": {"policies": ["there"]}}],
    }
    assert known(resolved(workflow=workflow), "app-v1")["workflow"] == "shared"


def test_a_plan_does_not_know_the_revision_yet() -> None:
    data = known(resolved(), "")
    assert (data["revision"], data["number"], data["publishVersion"]) == ("", "0", "")


def test_a_revision_that_is_called_otherwise_has_no_number() -> None:
    assert Target("one", "shop", revision="by-hand").revision_number == 0
    assert Target("one", "shop", revision="app-v2-v10").revision_number == 10

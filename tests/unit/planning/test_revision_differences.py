"""Two revisions compared: what was written, what placements get, and nothing that is secret."""

from __future__ import annotations

import copy
from typing import Any

from lateen.model.base import Json
from lateen.model.records import Snapshot, UsedDefinition
from lateen.model.references import FoundObjects, ObjectSelector
from lateen.planning.resolving import Resolved
from lateen.planning.revision_differences import (
    rendered,
    rendered_differences,
    shown,
    written_differences,
)
from lateen.policies.topology import ClusterInfo
from lateen.rendering.registry import builtin
from support.applications import application, deploy

CLUSTERS = [ClusterInfo(name=name) for name in ("local", "a", "b")]


def told(before: Snapshot, after: Snapshot) -> list[tuple[str, str, Any, Any]]:
    return [(f.path, f.change, f.before, f.after) for f in written_differences(before, after)]


def snapshot(app: Json, **more: Any) -> Snapshot:
    return Snapshot.model_validate({"application": app, **more})


def policy(name: str, **properties: Any) -> Json:
    return {
        "apiVersion": "core.oam.dev/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": name, "namespace": "default"},
        "type": "override",
        "properties": properties,
    }


def test_everything_that_was_frozen_is_compared_by_name() -> None:
    app = application("web")
    annotated = copy.deepcopy(application("web", image="nginx:2"))
    annotated["metadata"]["annotations"] = {"a.b/c": "1"}
    selector = ObjectSelector(namespace="default", resource="configmaps", name="conf")
    config: Json = {"kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"a": "1"}}
    found = [FoundObjects(selector=selector, objects=[config])]
    changed = [FoundObjects(selector=selector, objects=[{**config, "data": {"a": "2"}}])]
    definition = UsedDefinition(kind="TraitDefinition", namespace="x", name="cost", spec={"t": 1})
    before = snapshot(app, policies=[policy("p"), policy("q")], references=found)
    after = snapshot(
        annotated,
        policies=[policy("q", components=[]), policy("p")],
        references=changed,
        definitions=[definition],
        plugins={"acme": "1.0"},
    )
    assert told(before, before) == []
    assert sorted(told(before, after)) == [
        ('application.annotations["a.b/c"]', "added", None, "1"),
        ("application.components[web].properties.image", "changed", "nginx:1", "nginx:2"),
        ('definitions["TraitDefinition cost"].t', "added", None, 1),
        ("plugins.acme", "added", None, "1.0"),
        ("policies.q.properties.components", "added", None, []),
        (
            'references["configmaps local/default/conf"]["ConfigMap conf"].data.a',
            "changed",
            "1",
            "2",
        ),
    ]


def secretive(value: str) -> Json:
    """An application with a secret in every place that can have one."""
    app = application("web")
    (web,) = app["spec"]["components"]
    web["properties"]["env"] = [{"name": "DB_PASSWORD", "value": value}]
    web["traits"] = [
        {
            "type": "storage",
            "properties": {"secret": [{"name": "s", "data": {"key": value}}]},
        }
    ]
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "x"},
        "stringData": {"a": value},
    }
    app["spec"]["components"] += [
        {"name": "objects", "type": "k8s-objects", "properties": {"objects": [secret]}},
        {"name": "raw", "type": "raw", "properties": {**secret, "data": {"b": value}}},
    ]
    patch = {"components": [{"name": "raw", "properties": {"data": {"b": value}}}]}
    app["spec"]["policies"].append({"name": "o", "type": "override", "properties": patch})
    return app


def test_secrets_are_different_and_never_shown() -> None:
    outside = {"components": [{"properties": {"stringData": {"a": "hunter2"}}}]}
    before = snapshot(secretive("hunter2"), policies=[policy("p", **outside)])
    other = {"components": [{"properties": {"stringData": {"a": "hunter3"}}}]}
    after = snapshot(secretive("hunter3"), policies=[policy("p", **other)])
    found = written_differences(before, after)
    assert len(found) == 7, [each.path for each in found]
    assert all(each.masked for each in found)
    assert "hunter" not in str(found)
    assert "hunter" not in str(shown(before))
    assert "DB_PASSWORD" in str(shown(before))
    assert "hunter2" in str(before.application), "the revision itself is not changed"


def resolved(app: Json) -> Resolved:
    return Resolved(Snapshot(application=app), builtin())


def test_placements_are_compared_object_by_object() -> None:
    steps = [deploy("ship", "t")]
    old = application("web", topologies={"t": ["a"]}, steps=steps)
    new = application("web", topologies={"t": ["a", "b"]}, steps=steps, image="nginx:2")
    gone = {"name": "old", "type": "webservice", "properties": {"image": "nginx"}}
    old["spec"]["components"].append(gone)
    before = rendered(resolved(old), CLUSTERS, revision="web-v1")
    after = rendered(resolved(new), CLUSTERS, revision="web-v2")
    found = rendered_differences("default/web", before, after)
    actions = {
        place.cluster: [(each.action, each.name) for each in place.objects]
        for place in found.placements
    }
    assert actions == {"a": [("change", "web"), ("delete", "old")], "b": [("create", "web")]}
    (change, _) = found.placements[0].objects
    assert [each.path for each in change.fields] == ["spec.template.spec.containers[web].image"]
    assert (found.placements[0].change, found.placements[0].delete) == (1, 1)
    same = rendered_differences("default/web", before, before)
    assert not same.changed
    assert same.placements[0].unchanged == 2


def test_a_cluster_that_left_is_a_problem_of_its_revision() -> None:
    app = application("web", topologies={"t": ["gone"]})
    found = rendered(resolved(app), CLUSTERS, revision="web-v1")
    (problem,) = found.problems
    assert problem.startswith("web-v1: ")
    assert "gone" in problem

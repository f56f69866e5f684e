"""Copies of components: keys, what the built-in types make of them, and what plug-ins can."""

from __future__ import annotations

from typing import Any

import pytest
from typing_extensions import override

from lateen.model.application import Component, InlinePolicy
from lateen.model.errors import InvalidApplication
from lateen.model.parsing import parse_application
from lateen.model.records import Snapshot
from lateen.planning.checking import check_application
from lateen.planning.resolving import Resolved
from lateen.policies.replication import read_replication, replica_keys
from lateen.policies.topology import ClusterInfo
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import ComponentType, Rendered
from lateen.rendering.parameters import Parameters
from lateen.rendering.registry import Registry, builtin

KEY = "app.oam.dev/replicaKey"


class _NoteParameters(Parameters):
    name_by_key: bool = True


class Note(ComponentType[_NoteParameters]):
    """A ConfigMap for each key, and one that is the same for all."""

    type = "note"
    parameters = _NoteParameters

    @override
    def render(self, parameters: _NoteParameters, context: RenderContext) -> Rendered:
        key = context.replica_key
        name = f"{context.name}-{key}" if parameters.name_by_key else context.name
        kind = {"apiVersion": "v1", "kind": "ConfigMap"}
        shared = {**kind, "metadata": {"name": f"{context.name}-all"}, "data": {"a": "b"}}
        own = {**kind, "metadata": {"name": name}, "data": {"key": key}}
        return Rendered(own, {"shared": shared})


def policy(**properties: Any) -> InlinePolicy:
    return InlinePolicy(name="copies", type="replication", properties=properties)


def component(name: str) -> Component:
    return Component(name=name, type="webservice", properties={"image": "nginx"})


def application(*components: dict[str, Any], keys: Any, selector: Any) -> dict[str, Any]:
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "app", "namespace": "shop"},
        "spec": {
            "components": list(components),
            "policies": [
                {
                    "name": "copies",
                    "type": "replication",
                    "properties": {"keys": keys, "selector": selector},
                },
                {"name": "hub", "type": "topology", "properties": {"clusters": ["local"]}},
            ],
            "workflow": {
                "steps": [
                    {
                        "name": "d",
                        "type": "deploy",
                        "properties": {"policies": ["copies", "hub"]},
                    }
                ]
            },
        },
    }


def sent(data: dict[str, Any], registry: Registry | None = None) -> list[dict[str, Any]]:
    resolved = Resolved(Snapshot(application=data), registry or builtin())
    (step,) = resolved.deploy_steps
    (place,) = resolved.select(step, [ClusterInfo(name="local")]).placements
    return resolved.manifests(step, place, revision="app-v1")


def note(**properties: Any) -> dict[str, Any]:
    return {"name": "n", "type": "note", "properties": properties}


WEB = {"name": "web", "type": "webservice", "properties": {"image": "nginx"}}


def test_keys_are_those_of_the_selected_components_over_all_policies() -> None:
    components = [component("a"), component("b"), component("c")]
    policies = [
        policy(keys=["x", "y"], selector=["a", "unknown"]),
        policy(keys=["y", "z"], selector=["b", "a"]),
        InlinePolicy(name="hub", type="topology", properties={}),
    ]
    assert replica_keys(components, policies) == {"a": ("x", "y", "z"), "b": ("y", "z")}


def test_a_selector_that_fits_nothing_is_refused() -> None:
    with pytest.raises(InvalidApplication) as caught:
        replica_keys([component("web")], [policy(keys=["x"], selector=["wep"])])
    assert str(caught.value) == (
        "invalid: policies[copies].properties.selector: selects no component to replicate"
        " (got 'wep'); did you mean 'web'?"
    )


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"selector": ["a"]}, ["keys: is required"]),
        ({"keys": ["a"]}, ["selector: is required"]),
        ({"keys": [], "selector": ["a"]}, ["keys: must not be empty"]),
        ({"keys": ["a", "b", "a"], "selector": ["a"]}, ["keys", "'a' is there twice"]),
        ({"keys": ["a b"], "selector": ["a"]}, ["keys[0]", "'a b'", "label"]),
        ({"keys": ["a"], "selectors": ["a"]}, ["did you mean 'selector'"]),
    ],
)
def test_properties_are_strict(properties: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InvalidApplication) as caught:
        read_replication(policy(**properties))
    assert [word for word in words if word not in str(caught.value)] == []


def test_copies_of_a_built_in_type_are_one_object_without_a_key() -> None:
    alone = {**application(WEB, keys=["x"], selector=["web"])}
    alone["spec"]["policies"] = alone["spec"]["policies"][1:]
    alone["spec"]["workflow"]["steps"][0]["properties"]["policies"] = ["hub"]
    copies = sent(application(WEB, keys=["x", "y"], selector=["web"]))
    assert copies == sent(alone)
    assert KEY not in copies[0]["metadata"]["labels"]


def test_a_type_that_uses_the_key_makes_an_object_for_each() -> None:
    registry = builtin().copy().register(Note())
    objects = sent(application(note(), WEB, keys=["x", "y"], selector=["n"]), registry)
    keys = {each["metadata"]["name"]: each["metadata"]["labels"].get(KEY) for each in objects}
    assert keys == {"n-x": "x", "n-y": "y", "n-all": None, "web": None}


def test_copies_that_collide_are_refused_by_name() -> None:
    registry = builtin().copy().register(Note())
    data = application(note(nameByKey=False), keys=["x", "y"], selector=["n"])
    with pytest.raises(InvalidApplication) as caught:
        sent(data, registry)
    said = str(caught.value)
    assert "ConfigMap n is made twice" in said
    assert "component 'n' with replica key 'x'" in said
    assert "component 'n' with replica key 'y'" in said


def test_checking_warns_of_copies_and_refuses_idle_ones() -> None:
    data = application(WEB, keys=["x", "y"], selector=["web"])
    (warning,) = check_application(parse_application(data), builtin())
    assert "policy 'copies'" in warning
    assert "context.replicaKey" in warning
    data = application(WEB, keys=["x", "y"], selector=["job"])
    with pytest.raises(InvalidApplication, match="selects no component to replicate"):
        check_application(parse_application(data), builtin())

"""``ref-objects``: how its references are written, and what is made of what was found."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.model.application import Component
from lateen.model.errors import InvalidApplication
from lateen.model.fetched import url_key
from lateen.model.references import ObjectSelector
from lateen.rendering.checking import check_component
from lateen.rendering.components.ref_objects import RefObjectsParameters
from lateen.rendering.context import RenderContext
from lateen.rendering.registry import builtin
from lateen.rendering.render import render

Json = dict[str, Any]


def component(*objects: Json, **more: Any) -> Component:
    properties = {"objects": list(objects)}
    return Component.model_validate(
        {"name": "web", "type": "ref-objects", "properties": properties, **more}
    )


def told(properties: Json) -> list[str]:
    found = Component.model_validate(
        {"name": "web", "type": "ref-objects", "properties": properties}
    )
    return [str(each) for each in check_component(found, builtin(), path="c")]


def selectors(*objects: Json) -> list[ObjectSelector]:
    context = RenderContext(application="shop", namespace="home").inside(component(*objects))
    return RefObjectsParameters.model_validate({"objects": list(objects)}).selectors(context)


def config(name: str, **data: str) -> Json:
    metadata = {"name": name, "namespace": "home"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


DEPLOYMENT: Json = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "home", "labels": {"app": "web"}},
    "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "web"}]}}},
}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (
            {"resource": "Deployments", "group": "apps"},
            ObjectSelector(namespace="home", resource="deployments", group="apps", name="web"),
        ),
        (
            {"resource": "configmap", "labelSelector": {"app": "web"}},
            ObjectSelector(namespace="home", resource="configmap", labels={"app": "web"}),
        ),
        ({"resource": "cm", "labelSelector": {}}, ObjectSelector(namespace="home", resource="cm")),
        (
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "name": "key",
                "namespace": "vault",
                "cluster": "east",
            },
            ObjectSelector(
                cluster="east", namespace="vault", api_version="v1", kind="Secret", name="key"
            ),
        ),
    ],
    ids=["own-name", "labels", "all", "in-full"],
)
def test_what_is_left_out_has_the_defaults_of_kubevela(
    written: Json, meant: ObjectSelector
) -> None:
    assert selectors(written) == [meant]


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({}, "expected objects"),
        ({"objects": []}, "c.properties.objects: must not be empty"),
        (
            {"objects": [{"resource": "x", "name": "a", "labelSelector": {}}]},
            "c.properties.objects[0]: expected name or labelSelector, not both",
        ),
        ({"objects": [{"name": "a"}]}, "expected resource (and group), or apiVersion and kind"),
        ({"objects": [{"apiVersion": "v1"}]}, "expected resource (and group), or apiVersion"),
        (
            {"objects": [{"resource": "x", "apiVersion": "v1", "kind": "X"}]},
            "expected resource (and group), or apiVersion and kind",
        ),
        (
            {"objects": [{"apiVersion": "v1", "kind": "X", "group": ""}]},
            "expected group with resource only",
        ),
        (
            {"objects": [{"resource": "x", "selector": {}}]},
            "c.properties.objects[0].selector: unknown key; did you mean 'labelSelector'?",
        ),
        ({"urls": []}, "c.properties.urls: must not be empty"),
        ({"urls": ["a.yaml"]}, "c.properties.urls[0]: expected a URL that begins with https://"),
    ],
)
def test_references_that_make_no_sense_are_refused_with_the_way_out(
    properties: Json, said: str
) -> None:
    (problem,) = told(properties)
    assert said in problem


def test_traits_are_not_tried_on_what_only_the_hub_knows() -> None:
    scaled = component({"resource": "configmaps"}, traits=[{"type": "scaler"}])
    assert check_component(scaled, builtin(), path="c") == []


def rendered(wanted: Component, *found: list[Json]) -> list[Json]:
    written = (wanted.properties or {})["objects"]
    keys = [each.key for each in selectors(*written)]
    context = RenderContext(
        application="shop", namespace="home", references=dict(zip(keys, found, strict=False))
    )
    return [each.manifest for each in render([wanted], context, builtin())]


def test_the_first_object_is_the_workload_that_traits_change() -> None:
    wanted = component(
        {"resource": "deployments"},
        {"resource": "configmaps", "labelSelector": {"app": "web"}},
        traits=[{"type": "scaler", "properties": {"replicas": 3}}],
    )
    made = rendered(wanted, [DEPLOYMENT], [config("a"), config("b")])
    assert [each["metadata"]["name"] for each in made] == ["web", "a", "b"]
    assert made[0]["spec"]["replicas"] == 3
    assert made[0]["metadata"]["labels"]["workload.oam.dev/type"] == "ref-objects"
    assert made[1]["metadata"]["labels"]["app.oam.dev/resourceType"] == "TRAIT"
    assert DEPLOYMENT["spec"]["replicas"] == 1


def test_an_object_that_two_references_find_is_copied_once() -> None:
    wanted = component(
        {"resource": "cm", "labelSelector": {}}, {"resource": "cm", "name": "a"}, {"resource": "x"}
    )
    made = rendered(wanted, [config("a"), config("b")], [config("a")], [config("c")])
    assert [each["metadata"]["name"] for each in made] == ["a", "b", "c"]


def test_without_a_hub_rendering_says_what_is_not_known() -> None:
    with pytest.raises(InvalidApplication, match="can't be known without a hub") as caught:
        rendered(component({"resource": "deployments", "group": "apps"}))
    (problem,) = caught.value.problems
    assert problem.path == "spec.components[0].properties.objects[0]"


def test_objects_of_urls_come_after_those_of_clusters() -> None:
    """KubeVela notes the URL in an annotation; an object that was found already is not replaced."""
    url = "https://example.com/all.yaml?token=hidden"
    properties = {"objects": [{"resource": "cm", "name": "a"}], "urls": [url]}
    wanted = Component.model_validate(
        {"name": "web", "type": "ref-objects", "properties": properties}
    )
    (selector,) = selectors({"resource": "cm", "name": "a"})
    found = {selector.key: [config("a", k="1")], url_key(url): [config("a", k="2"), config("b")]}
    context = RenderContext(application="shop", namespace="home", references=found)
    first, second = (each.manifest for each in render([wanted], context, builtin()))
    assert first["data"] == {"k": "1"}
    shown = "https://example.com/all.yaml"
    assert second["metadata"]["annotations"] == {"app.oam.dev/resource-url": shown}
    assert "annotations" not in found[url_key(url)][1]["metadata"]


def test_urls_are_not_known_offline() -> None:
    wanted = Component.model_validate(
        {"name": "web", "type": "ref-objects", "properties": {"urls": ["https://example.com/a"]}}
    )
    with pytest.raises(
        InvalidApplication, match=r"urls\[0\]: what is there can't be known offline"
    ):
        render([wanted], RenderContext(application="shop", namespace="home"), builtin())

"""Rendering once, placing many times: what a placement decides, and that nothing leaks between them."""

from __future__ import annotations

import copy
import json
import timeit
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.model.application import Application, Component
from lateen.model.errors import InvalidApplication
from lateen.rendering.context import RenderContext
from lateen.rendering.registry import builtin
from lateen.rendering.render import RenderedObject, place, render
from unit.rendering.strategies import applications

CONTEXT = RenderContext("shop", "examples")


def component(name: str = "web", kind: str = "webservice", **fields: Any) -> Component:
    fields.setdefault("properties", {"image": "nginx"})
    return Component.model_validate({"name": name, "type": kind, **fields})


def objects_of(*components: Component, context: RenderContext = CONTEXT) -> list[RenderedObject]:
    return list(render(components, context, builtin()))


def placed(*components: Component, namespace: str = "") -> list[dict[str, Any]]:
    return place(
        objects_of(*components), cluster="hangzhou", namespace=namespace, revision="shop-v3"
    )


def manifests(*written: dict[str, Any], namespace: str = "") -> list[dict[str, Any]]:
    return placed(
        component(kind="k8s-objects", properties={"objects": list(written)}), namespace=namespace
    )


def test_a_workload_carries_the_labels_that_identify_it() -> None:
    (workload,) = placed(component())
    assert workload["metadata"] == {
        "name": "web",
        "namespace": "examples",
        "labels": {
            "app.oam.dev/name": "shop",
            "app.oam.dev/namespace": "examples",
            "app.oam.dev/component": "web",
            "app.oam.dev/resourceType": "WORKLOAD",
            "workload.oam.dev/type": "webservice",
            "app.oam.dev/cluster": "hangzhou",
            "app.oam.dev/appRevision": "shop-v3",
        },
    }


def test_a_placements_namespace_wins_over_the_objects_own() -> None:
    written = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "x"}}
    assert manifests(written)[0]["metadata"]["namespace"] == "x"
    assert manifests(written, namespace="examples")[0]["metadata"]["namespace"] == "x"
    assert manifests(written, namespace="forced")[0]["metadata"]["namespace"] == "forced"


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("v1", "Namespace"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ],
)
def test_cluster_scoped_kinds_get_no_namespace(api_version: str, kind: str) -> None:
    written = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}}
    assert "namespace" not in manifests(written, namespace="forced")[0]["metadata"]


def test_the_first_object_gets_the_components_name_and_others_a_stable_one() -> None:
    nameless = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}}
    first, second = manifests(nameless, nameless)
    assert first["metadata"]["name"] == "web"
    assert second["metadata"]["name"].startswith("web-object-")
    assert second == manifests(nameless, nameless)[1]


def test_labels_and_annotations_of_the_application_are_inherited_unless_filtered() -> None:
    application = Application.model_validate(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {
                "name": "shop",
                "namespace": "examples",
                "labels": {"team": "a", "cost": "1", "app.oam.dev/name": "forged"},
                "annotations": {
                    "note": "n",
                    "owner": "me",
                    "filter.oam.dev/label-keys": "cost, app.oam.dev/name",
                    "filter.oam.dev/annotation-keys": "owner",
                    "kubectl.kubernetes.io/last-applied-configuration": "{}",
                    "lateen.dev/create-namespace": "true",
                },
            },
            "spec": {"components": []},
        }
    )
    (workload,) = objects_of(component(), context=RenderContext.of(application))
    metadata = workload.manifest["metadata"]
    assert metadata["annotations"] == {"note": "n"}
    assert metadata["labels"]["team"] == "a"
    assert "cost" not in metadata["labels"]
    assert metadata["labels"]["app.oam.dev/name"] == "shop"


def test_what_identifies_an_object_can_not_be_forged_by_traits() -> None:
    forged = {"type": "labels", "properties": {"app.oam.dev/name": "other"}}
    (workload,) = placed(component(traits=[forged]))
    assert workload["metadata"]["labels"]["app.oam.dev/name"] == "shop"


def test_the_revision_label_of_pods_changes_with_the_component_only() -> None:
    def label(**properties: Any) -> str:
        written = component(properties={"image": "a", "addRevisionLabel": True, **properties})
        (workload,) = placed(written)
        found: str = workload["spec"]["template"]["metadata"]["labels"]["app.oam.dev/revision"]
        return found

    assert label() == label()
    assert label() != label(image="b")


def test_equal_objects_of_two_components_are_one() -> None:
    shared = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {}}
    both = [component(name, "k8s-objects", properties={"objects": [shared]}) for name in ("a", "b")]
    (kept,) = objects_of(*both)
    assert kept.component == "a"


def test_different_objects_of_one_name_are_refused_naming_both_makers() -> None:
    exposed = component(
        properties={"image": "nginx", "ports": [{"port": 80, "expose": True}]},
        traits=[{"type": "expose", "properties": {"port": [81]}}],
    )
    with pytest.raises(InvalidApplication) as caught:
        objects_of(exposed)
    assert "Service web is made twice, by component 'web' and by trait 'expose'" in str(
        caught.value
    )


def test_problems_of_all_components_are_told_at_once() -> None:
    with pytest.raises(InvalidApplication) as caught:
        objects_of(component("a", properties={}), component("b", "webservise"), component("a"))
    assert [problem.path for problem in caught.value.problems] == [
        "spec.components[2].name",
        "spec.components[0].properties.image",
        "spec.components[1].type",
    ]


@given(applications)
def test_rendering_is_deterministic_and_survives_a_round_trip(written: list[Component]) -> None:
    again = [Component.model_validate(json.loads(json.dumps(each.to_json()))) for each in written]
    assert objects_of(*written) == objects_of(*written) == objects_of(*again)


@given(applications)
def test_rendering_does_not_touch_what_the_user_wrote(written: list[Component]) -> None:
    before = [each.model_dump() for each in copy.deepcopy(written)]
    objects_of(*written)
    assert [each.model_dump() for each in written] == before


@given(applications, st.lists(st.sampled_from(["", "a", "b"]), min_size=1, max_size=4))
def test_placing_leaves_the_objects_as_they_are(
    written: list[Component], namespaces: list[str]
) -> None:
    objects = objects_of(*written, context=RenderContext("a", "n", {"l": "1"}, {"x": "y"}))
    before = copy.deepcopy(objects)
    for namespace in namespaces:
        for manifest in place(objects, cluster="c", namespace=namespace, revision="a-v1"):
            manifest["metadata"]["labels"]["changed"] = "yes"
            manifest["metadata"]["annotations"]["changed"] = "yes"
            manifest["metadata"]["changed"] = "yes"
    assert objects == before


def test_placements_share_what_does_not_depend_on_them() -> None:
    objects = objects_of(component())
    one, two = (
        place(objects, cluster=cluster, namespace="", revision="v")[0] for cluster in ("a", "b")
    )
    assert one["spec"] is two["spec"]
    assert one["metadata"]["labels"] is not two["metadata"]["labels"]


def best(statement: Any, *, number: int) -> float:
    """Return the best time of several runs, in seconds a call."""
    return min(timeit.repeat(statement, number=number, repeat=5)) / number


def test_rendering_is_fast_enough_for_thousands_of_applications() -> None:
    plain = component()
    kinds = ["scaler", "labels", "annotations", "env", "resource", "command"]
    written: list[dict[str, Any]] = [{"type": kind} for kind in kinds]
    written += [
        {"type": "sidecar", "properties": {"name": f"s{index}", "image": "i"}} for index in range(4)
    ]
    ten = component(traits=written)
    assert best(lambda: objects_of(plain), number=200) < 200e-6
    assert best(lambda: objects_of(ten), number=50) < 1e-3
    objects = objects_of(plain)
    assert best(lambda: place(objects, cluster="c", namespace="", revision="v"), number=500) < 20e-6

"""``helmchart``: KubeVela's parameters, what of them is refused by name, and what becomes of the objects."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.model.application import Component
from lateen.model.errors import InvalidApplication
from lateen.model.fetched import ValuesSource
from lateen.rendering.checking import check_component
from lateen.rendering.components.helmchart import HelmchartParameters
from lateen.rendering.context import RenderContext, Target
from lateen.rendering.registry import builtin
from lateen.rendering.render import render

Json = dict[str, Any]

REPOSITORY = {"source": "shop", "repoURL": "https://charts.example/stable"}


def component(properties: Json, **more: Any) -> Component:
    return Component.model_validate(
        {"name": "web", "type": "helmchart", "properties": properties, **more}
    )


def told(properties: Json) -> list[str]:
    found = check_component(component(properties), builtin(), path="c")
    return [str(each).removeprefix("c.properties.") for each in found]


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({}, "chart: is required"),
        ({"chart": {"source": "shop"}}, "chart: expected repoURL beside the name of a chart"),
        (
            {"chart": {"source": "oci://a/b", "repoURL": "https://a"}},
            "chart: expected repoURL with the name of a chart only",
        ),
        (
            {"chart": {**REPOSITORY, "auth": {"secretRef": {"name": "x"}}}},
            "chart.auth: is not supported: charts are fetched without credentials",
        ),
        ({"chart": {**REPOSITORY, "verison": "1"}}, "did you mean 'version'?"),
        ({"chart": REPOSITORY, "release": {"name": "A"}}, "release.name: expected at most 53"),
        ({"chart": REPOSITORY, "options": {"atomic": True}}, "options.atomic: is not supported"),
        ({"chart": REPOSITORY, "options": {"force": True}}, "use a resource-update policy"),
        ({"chart": REPOSITORY, "options": {"recreatePods": True}}, "options.recreatePods: is not"),
        ({"chart": REPOSITORY, "options": {"cleanupOnFail": True}}, "options.cleanupOnFail: is"),
        ({"chart": REPOSITORY, "options": {"skipTests": False}}, "options.skipTests: must be true"),
        ({"chart": REPOSITORY, "options": {"postRender": {}}}, "use traits such as json-patch"),
        ({"chart": REPOSITORY, "options": {"timeout": "soon"}}, "options.timeout: "),
        (
            {"chart": REPOSITORY, "valuesFrom": [{"kind": "OCIRepository", "name": "x"}]},
            "valuesFrom[0]: expected a ConfigMap or Secret: OCIRepository is not supported",
        ),
    ],
)
def test_what_is_not_supported_is_refused_by_name(properties: Json, said: str) -> None:
    (problem,) = told(properties)
    assert said in problem


def test_what_kubevela_does_by_default_may_be_written() -> None:
    options = {
        "includeCRDs": True, "skipTests": True, "skipHooks": False, "createNamespace": False, "timeout": "5m",
        "maxHistory": 10, "atomic": False, "wait": True, "waitTimeout": "10m", "force": False,
        "recreatePods": False, "cleanupOnFail": False,
        "cache": {"key": "k", "ttl": "0", "immutableTTL": "24h", "mutableTTL": "5m"},
    }  # fmt: skip
    assert told({"chart": REPOSITORY, "options": options}) == []


def test_what_has_no_effect_is_told() -> None:
    criterion = {"resource": {"kind": "Deployment"}, "condition": {"type": "Available"}}
    written = {
        "chart": REPOSITORY,
        "options": {"createNamespace": True},
        "healthStatus": [criterion],
    }
    namespace, health = HelmchartParameters.model_validate(written).remarks()
    assert "lateen up --create-namespace" in namespace
    assert "health is judged by the kind" in health
    assert list(HelmchartParameters.model_validate({"chart": REPOSITORY}).remarks()) == []


def test_what_is_left_out_has_the_defaults_of_kubevela() -> None:
    written = {"chart": REPOSITORY, "valuesFrom": [{"kind": "ConfigMap", "name": "v"}]}
    context = RenderContext(application="shop", namespace="home").inside(component(written))
    request = HelmchartParameters.model_validate(written).request(
        context.at(Target(cluster="east", namespace="prod"))
    )
    assert (request.version, request.release, request.namespace) == ("latest", "web", "prod")
    (values,) = request.values_from
    assert values == ValuesSource(kind="ConfigMap", namespace="home", name="v", key="values.yaml")
    written["release"] = {"name": "r", "namespace": "n"}
    request = HelmchartParameters.model_validate(written).request(context)
    assert (request.release, request.namespace, request.values_from[0].namespace) == (
        "r",
        "n",
        "n",
    )


DEPLOYMENT: Json = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "home"},
    "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "web"}]}}},
}
ACCOUNT: Json = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {"name": "web", "namespace": "home"},
}


def rendered(*found: Json, **more: Any) -> list[Json]:
    written = component({"chart": REPOSITORY}, **more)
    context = RenderContext(application="shop", namespace="home")
    request = HelmchartParameters.model_validate(written.properties).request(
        context.inside(written)
    )
    known = RenderContext(
        application="shop", namespace="home", references={request.key: list(found)}
    )
    return [each.manifest for each in render([written], known, builtin())]


def test_traits_change_the_first_workload_of_the_chart() -> None:
    scaler = {"type": "scaler", "properties": {"replicas": 3}}
    first, second = rendered(ACCOUNT, DEPLOYMENT, traits=[scaler])
    assert (first["kind"], first["spec"]["replicas"]) == ("Deployment", 3)
    assert first["metadata"]["labels"]["workload.oam.dev/type"] == "helmchart"
    assert second["metadata"]["labels"]["trait.oam.dev/resource"] == "helm-resource-0"
    assert DEPLOYMENT["spec"]["replicas"] == 1


def test_a_chart_may_have_no_workload_but_not_nothing() -> None:
    assert rendered(ACCOUNT)[0]["kind"] == "ServiceAccount"
    with pytest.raises(InvalidApplication, match="makes no objects with these values"):
        rendered()


def test_what_can_not_be_rendered_says_why() -> None:
    context = RenderContext(application="shop", namespace="home")
    with pytest.raises(InvalidApplication, match="can't be rendered offline") as caught:
        render([component({"chart": REPOSITORY})], context, builtin())
    (problem,) = caught.value.problems
    assert problem.path == "spec.components[0].properties.chart"
    assert "--allow-url" in problem.hint
    inputs = [{"from": "a", "parameterKey": "values.x"}]
    with pytest.raises(InvalidApplication, match="before inputs have values"):
        render([component({"chart": REPOSITORY}, inputs=inputs)], context, builtin())

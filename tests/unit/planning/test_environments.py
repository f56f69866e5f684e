"""Steps to the envs of env-binding policies."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given

from lateen.model.errors import InvalidApplication
from lateen.model.parsing import parse_application
from lateen.model.records import Snapshot
from lateen.planning.checking import check_application
from lateen.planning.plan import PlannedStep, WorkflowPlan
from lateen.planning.resolving import Resolved
from lateen.planning.steps import plan_steps
from lateen.rendering.registry import builtin
from support.environments import CLUSTERS, applications, components_of_env

WEB = {"name": "web", "type": "webservice", "properties": {"image": "nginx"}}
JOB = {"name": "job", "type": "worker", "properties": {"image": "busybox"}}
PROD = {
    "name": "prod",
    "placement": {
        "clusterSelector": {"name": "hangzhou"},
        "namespaceSelector": {"name": "production"},
    },
    "patch": {"components": [{"name": "web", "properties": {"image": "nginx:stable"}}]},
}
TEST = {"name": "test", "selector": {"components": ["web"]}}


def binding(*envs: Any, name: str = "envs") -> dict[str, Any]:
    return {"name": name, "type": "env-binding", "properties": {"envs": list(envs)}}


def to_env(name: str, env: str, **properties: Any) -> dict[str, Any]:
    return {"name": name, "type": "deploy2env", "properties": {"env": env, **properties}}


def application(*policies: Any, steps: Any = None, components: Any = (WEB,)) -> dict[str, Any]:
    spec: dict[str, Any] = {"components": list(components), "policies": list(policies)}
    if steps:
        spec["workflow"] = {"steps": steps}
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "app", "namespace": "shop"},
        "spec": spec,
    }


def plan(data: dict[str, Any]) -> WorkflowPlan:
    return plan_steps(parse_application(data), policies={}, workflow=None)


def refusal(data: dict[str, Any]) -> str:
    with pytest.raises(InvalidApplication) as caught:
        plan(data)
    return str(caught.value)


def resolve(data: dict[str, Any]) -> Resolved:
    return Resolved(Snapshot(application=data), builtin())


def test_a_step_to_an_env_is_a_deploy_step_with_what_stands_for_the_env() -> None:
    steps = [to_env("t", "test", policy="envs"), to_env("p", "prod", parallel=True)]
    assert plan(application(binding(TEST, PROD), steps=steps)).steps == (
        PlannedStep(name="t", type="deploy", policies=("envs-test", "envs-test-override")),
        PlannedStep(name="p", type="deploy", policies=("envs-prod", "envs-prod-override")),
    )


def test_each_env_is_one_placement_with_its_components() -> None:
    steps = [to_env("t", "test"), to_env("p", "prod")]
    resolved = resolve(application(binding(TEST, PROD), steps=steps, components=[WEB, JOB]))
    test, prod = resolved.deploy_steps
    assert [str(each) for each in resolved.select(test, CLUSTERS).placements] == ["local/shop"]
    assert [str(p) for p in resolved.select(prod, CLUSTERS).placements] == ["hangzhou/production"]
    assert [each.name for each in resolved.components(test)] == ["web"]
    (place,) = resolved.select(prod, CLUSTERS).placements
    sent = resolved.manifests(prod, place, revision="app-v1")
    images = [each["spec"]["template"]["spec"]["containers"][0]["image"] for each in sent]
    assert images == ["nginx:stable", "busybox"]
    assert {each["metadata"]["namespace"] for each in sent} == {"production"}


@given(applications())
def test_an_env_means_patch_then_select(data: dict[str, Any]) -> None:
    data["spec"].pop("workflow", None)
    data["spec"]["policies"] = [p for p in data["spec"]["policies"] if p["type"] == "env-binding"]
    resolved = resolve(data)
    envs = [
        (policy["name"], env)
        for policy in data["spec"]["policies"]
        for env in policy["properties"]["envs"]
    ]
    assert [step.name for step in resolved.deploy_steps] == [
        f"deploy-{policy}-{env['name']}" for policy, env in envs
    ]
    for step, (_, env) in zip(resolved.deploy_steps, envs, strict=True):
        placement = env.get("placement") or {}
        cluster = (placement.get("clusterSelector") or {}).get("name", "local")
        namespace = (placement.get("namespaceSelector") or {}).get("name", "demo")
        (place,) = resolved.select(step, CLUSTERS).placements
        assert (place.cluster, place.namespace) == (cluster, namespace)
        assert tuple(resolved.components(step)) == components_of_env(data, env)


def test_without_steps_each_env_of_each_policy_gets_one() -> None:
    planned = plan(application(binding(TEST, PROD), binding({"name": "x"}, name="more")))
    assert [(step.name, step.policies) for step in planned.steps] == [
        ("deploy-envs-test", ("envs-test", "envs-test-override")),
        ("deploy-envs-prod", ("envs-prod", "envs-prod-override")),
        ("deploy-more-x", ("more-x",)),
    ]


@pytest.mark.parametrize("kind", ["topology", "override"])
def test_without_steps_newer_policies_come_first(kind: str) -> None:
    newer = {"name": "new", "type": kind, "properties": {}}
    planned = plan(application(binding(TEST), newer))
    assert [step.policies for step in planned.steps] == [("new",)]
    assert "policy 'envs' is not used by any deploy2env step" in planned.warnings


def test_an_empty_selector_selects_everything_unlike_that_of_an_override() -> None:
    env = {"name": "test", "selector": {"components": []}}
    (step,) = plan(application(binding(env))).steps
    assert step.policies == ("envs-test",)


def test_names_that_are_taken_are_passed_over() -> None:
    hub = {"name": "envs-test", "type": "topology", "properties": {"clusters": ["local"]}}
    steps = [to_env("t", "test"), to_env("o", "test-override")]
    planned = plan(application(hub, binding(TEST, {"name": "test-override"}), steps=steps))
    assert [step.policies for step in planned.steps] == [
        ("envs-test-2", "envs-test-override"),
        ("envs-test-override-2",),
    ]


def test_in_groups_too() -> None:
    group = {"name": "g", "type": "step-group", "subSteps": [to_env("t", "test")]}
    (planned,) = plan(application(binding(TEST), steps=[group])).steps
    assert [step.policies for step in planned.sub_steps] == [("envs-test", "envs-test-override")]


def test_warns_that_components_are_delivered_together() -> None:
    steps = [to_env("t", "test"), to_env("p", "prod", parallel=True)]
    data = application(binding(TEST, PROD), steps=steps, components=[WEB, JOB])
    (warning,) = plan(data).warnings
    assert "together" in warning
    assert "'t'" in warning
    assert "'p'" not in warning
    assert plan(application(binding(TEST), steps=steps[:1])).warnings == ()


LABELLED = {"labels": {"region": "hangzhou"}}


@pytest.mark.parametrize(
    ("policies", "steps", "words"),
    [
        pytest.param(
            [binding({"name": "t", "placement": {"clusterSelector": LABELLED}})],
            [to_env("t", "t")],
            ["envs[0].placement.clusterSelector.labels", "does not support label selectors"],
            id="cluster labels",
        ),
        pytest.param(
            [binding({"name": "t", "placement": {"namespaceSelector": LABELLED}})],
            [to_env("t", "t")],
            ["envs[0].placement.namespaceSelector.labels", "does not support label selectors"],
            id="namespace labels",
        ),
        pytest.param(
            [binding(TEST, PROD)],
            [to_env("t", "prodd")],
            ["steps[0].properties.env", "'prodd'", "did you mean 'prod'"],
            id="unknown env",
        ),
        pytest.param(
            [binding(TEST)],
            [to_env("t", "test", policy="env")],
            ["steps[0].properties.policy", "'env'", "did you mean 'envs'"],
            id="unknown policy",
        ),
        pytest.param(
            [{"name": "t", "type": "topology", "properties": {}}],
            [to_env("t", "test", policy="t")],
            ["steps[0].properties.policy", "is a topology policy"],
            id="other policy",
        ),
        pytest.param(
            [],
            [to_env("t", "test")],
            ["steps[0].properties.policy", "there is no env-binding policy"],
            id="no policy",
        ),
        pytest.param(
            [binding(TEST)],
            [{"name": "t", "type": "deploy2env", "properties": {"polcy": "envs"}}],
            ["steps[0].properties.env: is required", "polcy", "did you mean 'policy'"],
            id="properties",
        ),
        pytest.param(
            [binding(TEST, TEST)],
            [to_env("t", "test")],
            ["policies[0].properties.envs", "two envs are named 'test'"],
            id="twice",
        ),
        pytest.param(
            [binding({"name": "t", "placment": {}})],
            [to_env("t", "t")],
            ["envs[0].placment", "did you mean 'placement'"],
            id="unknown key",
        ),
        pytest.param(
            [binding(TEST)],
            [{"name": "d", "type": "deploy", "properties": {"policies": ["envs"]}}],
            ["policies[0]", "env-binding", "deploy2env", "migrate"],
            id="in a deploy step",
        ),
    ],
)
def test_errors_name_path_value_and_way_out(policies: Any, steps: Any, words: list[str]) -> None:
    said = refusal(application(*policies, steps=steps))
    assert [word for word in words if word not in said] == []


def test_an_unknown_cluster_is_refused() -> None:
    resolved = resolve(
        application(binding({"name": "t", "placement": {"clusterSelector": {"name": "x"}}}))
    )
    with pytest.raises(InvalidApplication, match="no such cluster"):
        resolved.select(resolved.deploy_steps[0], CLUSTERS)


def test_checking_looks_into_envs() -> None:
    patches = [
        {"name": "web", "traits": [{"type": "scalr"}]},
        {"name": "web", "properties": {"prot": 1}},
    ]
    data = application(binding({"name": "t", "patch": {"components": patches[:1]}}))
    with pytest.raises(InvalidApplication) as caught:
        check_application(parse_application(data), builtin())
    path = "spec.policies[0].properties.envs[0].patch.components[0].traits[0].type"
    assert path in [problem.path for problem in caught.value.problems]
    data = application(binding({"name": "t", "patch": {"components": patches[1:]}}))
    with pytest.raises(InvalidApplication, match="in step 'deploy-envs-t'"):
        check_application(parse_application(data), builtin())


def test_too_many_envs_are_refused_quickly() -> None:
    envs = [{"name": f"e{number}"} for number in range(900)]
    data = application(*(binding(*envs, name=f"p{number}") for number in range(50)))
    start = time.perf_counter()
    with pytest.raises(InvalidApplication, match="more than 1,000 envs together") as caught:
        check_application(parse_application(data), builtin())
    assert time.perf_counter() - start < 2
    assert [problem.path for problem in caught.value.problems] == ["spec.policies"]

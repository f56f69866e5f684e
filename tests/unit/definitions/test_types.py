"""Types made of definitions, beside built-in ones, with a stand-in for the cue program."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.definitions.registering import with_definitions
from lateen.model.application import Component
from lateen.model.errors import InvalidApplication, Problem
from lateen.model.records import UsedDefinition
from lateen.rendering.checking import check_component
from lateen.rendering.context import RenderContext, Target
from lateen.rendering.registry import Registry, builtin
from lateen.rendering.render import reads_target, render
from support.evaluators import FakeEvaluator

Json = dict[str, Any]

WORKLOAD = """output: {apiVersion: "apps/v1", kind: "Deployment", spec: {replicas: 1,
template: spec: containers: [{name: "web"}]}}
outputs: {svc: {apiVersion: "v1", kind: "Service"}, empty: {}}"""
CONTEXT = RenderContext("shop", "team", application_labels={"a": "b"})


def used(
    kind: str, name: str, template: str = "output: 1", *, version: str = "", **spec: Any
) -> UsedDefinition:
    return UsedDefinition.model_validate(
        {
            "kind": f"{kind}Definition",
            "namespace": "team",
            "name": name,
            "version": version,
            "spec": {"schematic": {"cue": {"template": template}}, **spec},
        }
    )


def registry(
    *pairs: tuple[UsedDefinition, FakeEvaluator], mentioned: tuple[str, ...] = ()
) -> Registry:
    types = builtin()
    for definition, evaluator in pairs:
        types = with_definitions(types, [definition], evaluator, mentioned=mentioned)
    return types


def component(*traits: str, kind: str = "site", properties: Json | None = None) -> Component:
    return Component.model_validate(
        {
            "name": "web",
            "type": kind,
            "properties": properties or {},
            "traits": [{"type": trait} for trait in traits],
        }
    )


def test_a_component_and_what_traits_see_of_it() -> None:
    """A trait's template finds the workload and the outputs so far; it patches both."""
    site, trait = FakeEvaluator(WORKLOAD), FakeEvaluator(
        'patch: spec: {\n// +patchStrategy=retainKeys\nreplicas: 3\n}\n'
        'patchOutputs: {svc: spec: type: "NodePort", other: {a: 1}}\n'
        'outputs: note: {apiVersion: "v1", kind: "ConfigMap"}'
    )  # fmt: skip
    types = registry((used("Component", "site"), site), (used("Trait", "seen", "patch: 1"), trait))
    found = render([component("labels", "seen", properties={"x": 1})], CONTEXT, types)
    by_kind = {each.manifest["kind"]: each.manifest for each in found}
    assert sorted(by_kind) == ["ConfigMap", "Deployment", "Service"]
    assert by_kind["Deployment"]["spec"]["replicas"] == 3
    assert by_kind["Deployment"]["metadata"]["labels"]["workload.oam.dev/type"] == "site"
    assert by_kind["Service"]["spec"] == {"type": "NodePort"}
    assert site.asked[0]["properties"] == {"x": 1}
    context = site.asked[0]["context"]
    assert (context["name"], context["appName"], context["namespace"]) == ("web", "shop", "team")
    assert (context["appLabels"], "output" in context, "cluster" in context) == (
        {"a": "b"},
        False,
        False,
    )
    seen = trait.asked[0]["context"]
    assert seen["output"]["kind"] == "Deployment"
    assert list(seen["outputs"]) == ["svc"]


def test_the_target_is_known_where_a_template_looks_at_it() -> None:
    site = FakeEvaluator(WORKLOAD)
    types = registry((used("Component", "site", "output: name: context.cluster"), site))
    assert reads_target([component()], types)
    target = Target("beijing", "team", git_version="v1.31.2+k3s1", revision="shop-v7")
    render([component()], CONTEXT.at(target), types)
    context = site.asked[0]["context"]
    assert (context["cluster"], context["appRevision"], context["appRevisionNum"]) == (
        "beijing",
        "shop-v7",
        7,
    )
    assert context["clusterVersion"] == {
        "major": "1",
        "minor": 31,
        "gitVersion": "v1.31.2+k3s1",
        "platform": "linux/amd64",
    }
    render([component()], CONTEXT.at(Target("beijing", "team")), types)
    planned = site.asked[1]["context"]
    assert (planned["appRevision"], planned["appRevisionNum"]) == ("shop-v0", 0)


@pytest.mark.parametrize(
    ("site", "trait", "told"),
    [
        (
            FakeEvaluator(WORKLOAD, found=[Problem("imag", "unknown key", 1, "did you mean 'image'?")]),
            FakeEvaluator(),
            "spec.components[0].properties.imag: unknown key (got 1); did you mean 'image'?",
        ),
        (
            FakeEvaluator(broken="output.a: oh no (line 3 of the template)"),
            FakeEvaluator(),
            ("spec.components[0].properties: ComponentDefinition team/site can't be evaluated: "
            "output.a: oh no (line 3 of the template)"),
        ),
        (
            FakeEvaluator("outputs: {}"),
            FakeEvaluator(),
            "spec.components[0].properties: ComponentDefinition team/site makes no output",
        ),
        (
            FakeEvaluator("output: a: 1"),
            FakeEvaluator(),
            "spec.components[0]: definition 'site' makes no usable objects: the workload has no apiVersion",
        ),
        (
            FakeEvaluator(WORKLOAD),
            FakeEvaluator("patch: spec: replicas: 2"),
            ("spec.components[0].traits[0]: trait 'seen' can't patch the workload: spec.replicas: the patch "
            "contradicts what is there (1 and 2); // +patchStrategy=retainKeys above the field lets the "
            "patch win"),
        ),
        (
            FakeEvaluator(WORKLOAD),
            FakeEvaluator('errs: ["", "container x not found"]'),
            ("spec.components[0].traits[0]: trait 'seen' is refused by TraitDefinition team/seen: "
            "container x not found"),
        ),
    ],
)  # fmt: skip
def test_what_goes_wrong(site: FakeEvaluator, trait: FakeEvaluator, told: str) -> None:
    """Each error says where in the application, which definition, and the way out."""
    types = registry((used("Component", "site"), site), (used("Trait", "seen", "patch: 1"), trait))
    with pytest.raises(InvalidApplication) as caught:
        render([component("seen")], CONTEXT, types)
    assert [str(problem) for problem in caught.value.problems] == [told]


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        (
            used("Component", "x", 'import "kube/apps/v1"\noutput: 1'),
            "spec.schematic.cue.template: import 'kube/apps/v1' is not supported",
        ),
        (
            UsedDefinition(
                kind="ComponentDefinition",
                namespace="team",
                name="x",
                spec={"schematic": {"terraform": {}}},
            ),
            "spec.schematic: schematics of kind terraform are not supported, only cue",
        ),
        (
            used("Trait", "x", controlPlaneOnly=True),
            "spec.controlPlaneOnly: is not supported: it delivers to the hub",
        ),
        (used("Trait", "x", manageWorkload=True), "spec.manageWorkload: is not supported"),
    ],
)
def test_what_is_not_supported_is_named(definition: UsedDefinition, told: str) -> None:
    with pytest.raises(InvalidApplication) as caught:
        with_definitions(builtin(), [definition], FakeEvaluator())
    assert told in str(caught.value)
    assert f"{definition.kind} team/x is invalid" in str(caught.value)


def test_versions_that_are_pinned() -> None:
    """A pinned version is its own type; the current one is another."""
    now, then = FakeEvaluator(WORKLOAD), FakeEvaluator(WORKLOAD)
    types = registry(
        (used("Component", "site"), now), (used("Component", "site", version="v2"), then)
    )
    render([component(kind="site@v2")], CONTEXT, types)
    assert (len(now.asked), len(then.asked)) == (0, 1)
    with pytest.raises(InvalidApplication, match="unknown version"):
        types.component("site@v3")


def test_without_a_hub_a_foreign_type_is_left_open() -> None:
    """What the hub may define is no problem for a check without it; everything else still is."""
    opened = builtin().opened()
    foreign = component("elsewhere", "scaler")
    assert check_component(foreign, opened, path="c") == []
    wrong = Component.model_validate(
        {**foreign.to_json(), "traits": [{"type": "scaler", "properties": {"replica": 1}}]}
    )
    (problem,) = check_component(wrong, opened, path="c")
    assert str(problem).startswith("c.traits[0].properties.replica: unknown key")
    assert check_component(foreign, builtin(), path="c") != []


def test_suggestions_know_the_hubs_names_too() -> None:
    types = registry((used("Component", "site"), FakeEvaluator()), mentioned=("warehouse",))
    with pytest.raises(InvalidApplication, match="did you mean 'warehouse'"):
        types.component("warehous")

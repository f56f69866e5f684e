"""What can be known of an application without a hub."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lateen.model.application import Application
from lateen.model.errors import InvalidApplication
from lateen.model.parsing import parse_application
from lateen.planning.checking import check_application
from lateen.rendering.registry import builtin

WEB = {"name": "web", "type": "webservice", "properties": {"image": "nginx"}}
BARE = {"name": "web", "type": "webservice", "properties": {}}
HUB = {"name": "hub", "type": "topology", "properties": {"clusters": ["local"]}}


def application(
    *components: dict[str, Any], policies: list[Any] | None = None, **rest: Any
) -> Application:
    return parse_application(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {"name": "app"},
            "spec": {"components": list(components), "policies": policies or [], **rest},
        }
    )


def override(*components: dict[str, Any], name: str = "over", **rest: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": "override",
        "properties": {"components": list(components), **rest},
    }


def deploy(name: str, *policies: str) -> dict[str, Any]:
    return {"name": name, "type": "deploy", "properties": {"policies": list(policies)}}


def problems(subject: Application) -> list[str]:
    with pytest.raises(InvalidApplication) as caught:
        check_application(subject, builtin())
    assert caught.value.subject == "Application default/app"
    return [str(problem) for problem in caught.value.problems]


def test_a_sound_application_has_no_warnings() -> None:
    assert check_application(application(WEB, policies=[HUB]), builtin()) == []


def test_warnings_of_the_plan_are_returned() -> None:
    subject = application(
        WEB, policies=[HUB, override()], workflow={"steps": [deploy("d", "over")]}
    )
    assert check_application(subject, builtin()) == [
        "step 'd' has overrides but no topology: it deploys nothing",
        "policy 'hub' is not used by any deploy step",
    ]


@pytest.mark.parametrize(
    ("component", "words"),
    [
        pytest.param(
            {**WEB, "type": "webservise"},
            ["spec.components[0].type", "did you mean 'webservice'"],
            id="component type",
        ),
        pytest.param(
            {**WEB, "properties": {"image": "x", "prot": 1}},
            ["spec.components[0].properties.prot", "did you mean 'port'"],
            id="property",
        ),
        pytest.param(
            {**WEB, "properties": {"image": 5}}, ["spec.components[0].properties.image"], id="value"
        ),
        pytest.param(BARE, ["spec.components[0].properties.image", "is required"], id="missing"),
        pytest.param(
            {**WEB, "traits": [{"type": "scalar"}]},
            ["spec.components[0].traits[0].type", "did you mean 'scaler'"],
            id="trait type",
        ),
        pytest.param(
            {**WEB, "traits": [{"type": "scaler", "properties": {"replicas": "3"}}]},
            ["spec.components[0].traits[0].properties.replicas"],
            id="trait property",
        ),
        *(
            pytest.param(
                {**WEB, key: value}, [f"spec.components[0].{key}", "not supported yet"], id=key
            )
            for key, value in {
                "externalRevision": "v1",
                "scopes": {"a": "b"},
            }.items()
        ),
    ],
)
def test_components_are_checked(component: dict[str, Any], words: list[str]) -> None:
    (said,) = problems(application(component))
    assert [word for word in words if word not in said] == []


def test_empty_lists_of_what_is_not_supported_are_harmless() -> None:
    component = {**WEB, "dependsOn": [], "inputs": [], "outputs": [], "externalRevision": ""}
    assert check_application(application(component), builtin()) == []


class TestOverrides:
    """Components are checked as they are delivered."""

    def test_an_override_may_supply_what_a_component_lacks(self) -> None:
        supply = override({"name": "web", "properties": {"image": "nginx"}})
        assert check_application(application(BARE, policies=[HUB, supply]), builtin()) == []

    def test_but_not_if_one_step_does_without_it(self) -> None:
        supply = override({"name": "web", "properties": {"image": "nginx"}})
        steps = [deploy("a", "hub", "over"), deploy("b", "hub")]
        (said,) = problems(application(BARE, policies=[HUB, supply], workflow={"steps": steps}))
        assert said.startswith("spec.components[0].properties.image: is required")

    def test_a_component_that_no_step_delivers_may_be_incomplete(self) -> None:
        other = {**WEB, "name": "other"}
        subject = application(BARE, other, policies=[HUB, override(selector=["other"])])
        assert check_application(subject, builtin()) == []

    def test_unknown_names_are_errors_even_there(self) -> None:
        wrong = {**BARE, "properties": {"imag": "x"}}
        other = {**WEB, "name": "other"}
        (said,) = problems(application(wrong, other, policies=[override(selector=["other"])]))
        assert "spec.components[0].properties.imag" in said

    def test_properties_that_it_spoils_name_the_step(self) -> None:
        spoil = override({"name": "web", "properties": {"image": 5}})
        steps = [deploy("a", "hub", "over"), deploy("b", "hub", "over")]
        (said,) = problems(application(WEB, policies=[HUB, spoil], workflow={"steps": steps}))
        assert said.startswith("spec.components[0].properties.image: expected a string")
        assert "(in step 'a', changed by " in said

    def test_components_that_it_adds_are_checked(self) -> None:
        add = override({"name": "extra", "type": "webservice", "properties": {"imag": "x"}})
        said = "\n".join(problems(application(WEB, policies=[HUB, add])))
        assert "components[extra].properties.imag" in said
        assert "(in step 'deploy-hub', changed by 'over')" in said

    @pytest.mark.parametrize(
        ("patch", "words"),
        [
            pytest.param(
                {"traits": [{"type": "scalar"}]},
                [".components[0].traits[0].type", "unknown trait type", "'scaler'"],
                id="trait type",
            ),
            pytest.param(
                {"name": "x", "type": "webservise"},
                [".components[0].type", "unknown component type", "'webservice'"],
                id="component type",
            ),
            pytest.param(
                {"name": "web", "externalRevision": "v2"},
                [".components[0].externalRevision", "not supported yet"],
                id="revision",
            ),
            pytest.param(
                {"nam": "web"}, [".components[0].nam", "did you mean 'name'"], id="key"
            ),
        ],
    )  # fmt: skip
    def test_its_own_mistakes_are_found_where_they_stand(
        self, patch: dict[str, Any], words: list[str]
    ) -> None:
        (said,) = problems(application(WEB, policies=[HUB, override(patch)]))
        assert said.startswith("spec.policies[1].properties")
        assert [word for word in words if word not in said] == []

    def test_a_name_that_is_not_there_is_found(self) -> None:
        said = "\n".join(problems(application(WEB, policies=[override({"name": "wbe"})])))
        assert "no such component" in said
        assert "did you mean 'web'" in said

    def test_patterns_without_effect_are_pointed_out(self) -> None:
        idle = override(
            {"name": "web.*"},
            {"name": "w*"},
            {"name": "new", "type": "webservice", "properties": {"image": "x"}},
            {"name": "n?w"},
        )
        (warning,) = check_application(application(WEB, policies=[HUB, idle]), builtin())
        assert warning.startswith("policy 'over': the name 'web.*' fits no component")


class TestExternal:
    """What only the hub can settle is left to the delivery; the rest is not."""

    def test_a_policy_of_the_hub_may_be_anything(self) -> None:
        subject = application(BARE, workflow={"steps": [deploy("d", "far")]})
        assert check_application(subject, builtin()) == []

    def test_the_steps_beside_it_are_checked(self) -> None:
        steps = [deploy("d", "far"), {"name": "e", "type": "deplyo"}]
        (said,) = problems(application(WEB, workflow={"steps": steps}))
        assert said.startswith("spec.workflow.steps[1].type: unknown step type")

    def test_with_a_workflow_of_the_hub_policies_and_types_are_checked(self) -> None:
        wrong = {"name": "t", "type": "topology", "properties": {"cluster": []}}
        said = "\n".join(
            problems(
                application(
                    {**BARE, "traits": [{"type": "scalar"}]},
                    policies=[wrong],
                    workflow={"ref": "r"},
                )
            )
        )
        assert "spec.policies[0].properties.cluster" in said
        assert "spec.components[0].traits[0].type" in said
        assert "required" not in said


def test_everything_is_told_at_once() -> None:
    subject = application(
        {**WEB, "type": "nothing", "dependsOn": ["x"]},
        policies=[{"name": "p", "type": "nonsense"}],
        workflow={"steps": [{"name": "s", "type": "suspend", "properties": {"x": 1}}]},
    )
    paths = {said.split(": ")[0] for said in problems(subject)}
    assert paths == {
        "spec.components[0].type",
        "spec.components[0].dependsOn[0]",
        "spec.policies[0].type",
        "spec.workflow.steps[0].properties.x",
    }


def test_a_large_application_is_checked_within_a_workflow_task() -> None:
    names = [f"c{index}" for index in range(300)]
    patches = [override({"properties": {"image": f"i{n}"}}, name=f"o{n}") for n in range(100)]
    topologies = [{**HUB, "name": f"t{n}"} for n in range(100)]
    subject = application(
        *({**WEB, "name": name} for name in names), policies=[*patches, *topologies]
    )
    started = time.process_time()
    assert check_application(subject, builtin()) == []
    assert time.process_time() - started < 2


def test_rules_that_name_no_component_are_pointed_out() -> None:
    """Not those of garbage-collect, which may be for what the edit removes."""

    def rule(kind: str, *names: str, **more: Any) -> dict[str, Any]:
        selector = {"selector": {"componentNames": list(names)}}
        return {"name": kind, "type": kind, "properties": {"rules": [selector], **more}}

    added = override({"name": "added", "type": "webservice", "properties": {"image": "x"}})
    subject = application(
        WEB,
        policies=[
            HUB,
            added,
            rule("read-only", "web", "added", "wbe"),
            rule("garbage-collect", "gone", order="dependency"),
        ],
    )
    assert check_application(subject, builtin()) == [
        "read-only: no component is called 'wbe'; did you mean 'web'?",
        "garbage-collect: the order has no effect, no component depends on another",
    ]

"""The effective steps of an application: default, own and external ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lateen.model.application import Application, InlinePolicy
from lateen.model.errors import InvalidApplication
from lateen.model.parsing import parse_application, parse_workflow
from lateen.planning.plan import PlannedStep, WorkflowPlan
from lateen.planning.steps import plan_steps

HANGZHOU = {"name": "hangzhou", "type": "topology", "properties": {"clusters": ["h1"]}}
HUB = {"name": "hub", "type": "topology", "properties": {"clusters": ["local"]}}
BIG = {"name": "big", "type": "override", "properties": {"components": []}}
SMALL = {"name": "small", "type": "override", "properties": {"selector": ["web"]}}


def application(
    *policies: dict[str, Any], workflow: dict[str, Any] | None = None, steps: Any = None
) -> Application:
    spec: dict[str, Any] = {
        "components": [{"name": "web", "type": "webservice"}],
        "policies": list(policies),
    }
    if steps is not None:
        workflow = {**(workflow or {}), "steps": steps}
    if workflow is not None:
        spec["workflow"] = workflow
    return parse_application(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {"name": "app", "namespace": "shop"},
            "spec": spec,
        }
    )


def deploy(name: str, *policies: str, **rest: Any) -> dict[str, Any]:
    properties = {**rest.pop("properties", {}), "policies": list(policies)}
    return {"name": name, "type": "deploy", "properties": properties, **rest}


def group(name: str, *steps: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"name": name, "type": "step-group", "subSteps": list(steps), **rest}


def plan(
    subject: Application, *, policies: list[dict[str, Any]] | None = None, workflow: Any = None
) -> WorkflowPlan:
    found = {each["name"]: InlinePolicy.model_validate(each) for each in policies or []}
    return plan_steps(subject, policies=found, workflow=workflow)


def refusal(subject: Application, **rest: Any) -> str:
    with pytest.raises(InvalidApplication) as caught:
        plan(subject, **rest)
    return str(caught.value)


def external_workflow(**rest: Any) -> Any:
    return parse_workflow(
        {
            "apiVersion": "core.oam.dev/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": "release", "namespace": "shop"},
            **rest,
        }
    )


def test_without_anything_the_hub_is_the_target() -> None:
    planned = plan(application())
    assert planned.steps == (PlannedStep(name="deploy", type="deploy", local=True),)
    assert planned.mode == "StepByStep"
    assert planned.warnings == ()


def test_only_overrides_are_all_applied_on_the_hub() -> None:
    (step,) = plan(application(BIG, SMALL)).steps
    assert (step.name, step.policies, step.local) == ("deploy", ("big", "small"), True)


def test_each_topology_is_a_step_in_order_with_every_override() -> None:
    planned = plan(application(HANGZHOU, BIG, HUB, SMALL))
    assert planned.mode == "StepByStep"
    assert [(step.name, step.policies, step.local) for step in planned.steps] == [
        ("deploy-hangzhou", ("big", "small", "hangzhou"), False),
        ("deploy-hub", ("big", "small", "hub"), False),
    ]


def test_a_mode_alone_governs_the_default_steps() -> None:
    planned = plan(application(HANGZHOU, HUB, workflow={"mode": {"steps": "DAG"}}))
    assert planned.mode == "DAG"
    assert len(planned.steps) == 2


def test_own_steps_are_planned_in_full() -> None:
    subject = application(
        HANGZHOU,
        BIG,
        steps=[
            {
                "name": "look",
                "type": "suspend",
                "properties": {"duration": "1h30m", "message": "look twice"},
                "meta": {"alias": "Look"},
            },
            deploy(
                "ship",
                "hangzhou",
                "big",
                "hangzhou",
                properties={"auto": False, "parallelism": 2, "ignoreTerraformComponent": False},
                timeout="90s",
                dependsOn=["look"],
                **{"if": "always"},
            ),
        ],
    )
    assert plan(subject).steps == (
        PlannedStep(
            name="look", type="suspend", alias="Look", duration=5400.0, message="look twice"
        ),
        PlannedStep(
            name="ship",
            type="deploy",
            depends_on=("look",),
            always=True,
            timeout=90.0,
            auto=False,
            policies=("hangzhou", "big"),
            parallelism=2,
        ),
    )


def test_a_plan_survives_json() -> None:
    planned = plan(
        application(HUB, steps=[group("all", deploy("a", "hub"), deploy("b", "hub", timeout="5s"))])
    )
    assert WorkflowPlan.model_validate(json.loads(json.dumps(planned.to_json()))) == planned
    assert [step.name for step in planned.leaves] == ["a", "b"]


@pytest.mark.parametrize("properties", [None, {}, {"policies": None}, {"policies": []}])
def test_a_deploy_step_without_policies_means_the_hub(properties: Any) -> None:
    (step,) = plan(
        application(steps=[{"name": "d", "type": "deploy", "properties": properties}])
    ).steps
    assert (step.local, step.policies, step.auto, step.parallelism) == (True, (), True, 5)


def test_overrides_without_a_topology_deploy_nothing_and_say_so() -> None:
    planned = plan(application(BIG, steps=[deploy("d", "big")]))
    assert planned.steps[0].local is False
    assert planned.warnings == ("step 'd' has overrides but no topology: it deploys nothing",)


def test_unused_policies_are_pointed_out() -> None:
    planned = plan(application(HUB, BIG, HANGZHOU, steps=[deploy("d", "hub")]))
    assert planned.warnings == (
        "policy 'big' is not used by any deploy step",
        "policy 'hangzhou' is not used by any deploy step",
    )


def test_warnings_of_policies_are_passed_on() -> None:
    old = {"name": "old", "type": "topology", "properties": {"clusterSelector": {"a": "b"}}}
    (warning,) = plan(application(old)).warnings
    assert "'old'" in warning
    assert "clusterLabelSelector" in warning


@pytest.mark.parametrize(
    ("mode", "own", "expected"),
    [
        pytest.param(None, None, ("StepByStep", "DAG"), id="default"),
        pytest.param({"steps": "DAG"}, None, ("DAG", "DAG"), id="steps"),
        pytest.param({"subSteps": "StepByStep"}, None, ("StepByStep", "StepByStep"), id="below"),
        pytest.param(
            {"subSteps": "StepByStep"}, "DAG", ("StepByStep", "DAG"), id="the group's own"
        ),
        pytest.param(None, "StepByStep", ("StepByStep", "StepByStep"), id="only the group's"),
    ],
)
def test_modes(mode: Any, own: str | None, expected: tuple[str, str]) -> None:
    steps = [group("g", deploy("a", "hub"), **({"mode": own} if own else {}))]
    planned = plan(application(HUB, workflow={"mode": mode}, steps=steps))
    assert (planned.mode, planned.steps[0].mode) == expected


class TestExternal:
    """Policies and workflows that are objects of their own."""

    def test_a_referenced_workflow_is_used_with_its_policies(self) -> None:
        workflow = external_workflow(steps=[deploy("go", "big", "hangzhou")])
        planned = plan(
            application(workflow={"ref": "release"}), policies=[BIG, HANGZHOU], workflow=workflow
        )
        assert [(step.name, step.policies) for step in planned.steps] == [
            ("go", ("big", "hangzhou"))
        ]
        assert planned.warnings == ()

    def test_an_inline_policy_wins_over_an_object(self) -> None:
        workflow = external_workflow(steps=[deploy("go", "hub")])
        invalid = {"name": "hub", "type": "nonsense", "properties": {}}
        planned = plan(
            application(HUB, workflow={"ref": "release"}), policies=[invalid], workflow=workflow
        )
        assert planned.steps[0].policies == ("hub",)

    def test_an_invalid_object_is_named(self) -> None:
        invalid = {"name": "far", "type": "topology", "properties": {"cluster": ["x"]}}
        said = refusal(application(steps=[deploy("d", "far")]), policies=[invalid])
        assert "policies[far].properties.cluster" in said

    @pytest.mark.parametrize(
        ("ours", "theirs", "expected"),
        [(None, "DAG", "DAG"), ("StepByStep", "DAG", "StepByStep"), (None, None, "StepByStep")],
    )
    def test_the_applications_mode_wins(
        self, ours: str | None, theirs: str | None, expected: str
    ) -> None:
        workflow = external_workflow(
            steps=[deploy("go")], **({"mode": {"steps": theirs}} if theirs else {})
        )
        own = {"ref": "release", **({"mode": {"steps": ours}} if ours else {})}
        assert plan(application(workflow=own), workflow=workflow).mode == expected

    def test_problems_in_it_name_it(self) -> None:
        workflow = external_workflow(steps=[deploy("go", "nobody")])
        said = refusal(application(workflow={"ref": "release"}), workflow=workflow)
        assert "workflows[release].steps[0].properties.policies[0]" in said

    def test_a_missing_one_is_an_error(self) -> None:
        said = refusal(application(workflow={"ref": "release"}))
        assert "spec.workflow.ref" in said
        assert "'release'" in said
        assert "namespace shop" in said

    def test_a_reference_and_steps_exclude_each_other(self) -> None:
        said = refusal(application(workflow={"ref": "release", "steps": [deploy("d")]}))
        assert "has steps and a ref" in said


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        pytest.param(
            [deploy("d", "hup")],
            ["spec.workflow.steps[0].properties.policies[0]", "'hup'", "did you mean 'hub'"],
            id="unknown policy",
        ),
        pytest.param(
            [{"name": "d", "type": "deplyo"}],
            ["spec.workflow.steps[0].type", "unknown step type", "did you mean 'deploy'"],
            id="unknown type",
        ),
        pytest.param(
            [{"name": "d", "type": "notification"}],
            ["steps[0].type", "not supported yet", "deploy, suspend, step-group"],
            id="known type, not supported",
        ),
        pytest.param(
            [deploy("d", properties={"parallelism": 0})],
            ["steps[0].properties.parallelism", "at least 1", "got 0"],
            id="no parallelism",
        ),
        pytest.param(
            [deploy("d", properties={"parallel": 2})],
            ["steps[0].properties.parallel", "did you mean 'parallelism'"],
            id="unknown property",
        ),
        pytest.param(
            [deploy("d", properties={"auto": "false"})], ["steps[0].properties.auto"], id="auto"
        ),
        pytest.param(
            [{"name": "s", "type": "suspend", "properties": {"duration": "2 weeks"}}],
            ["steps[0].properties.duration", "'2 weeks'", "30s"],
            id="bad duration",
        ),
        pytest.param(
            [deploy("d", **{"if": "status.a.failed"})],
            ["steps[0].if", "not supported yet", "'status.a.failed'", "if: always"],
            id="condition",
        ),
        pytest.param(
            [deploy("d", inputs=[{"from": "x"}], outputs=[{"name": "y"}])],
            ["steps[0].inputs", "steps[0].outputs", "not supported yet"],
            id="inputs and outputs",
        ),
        pytest.param(
            [deploy("d", subSteps=[deploy("e")])],
            ["steps[0].subSteps", "only a step-group"],
            id="sub",
        ),
        pytest.param([deploy("d", mode="DAG")], ["steps[0].mode", "only a step-group"], id="mode"),
        pytest.param([group("g")], ["steps[0].subSteps", "must not be empty"], id="empty group"),
        pytest.param(
            [group("g", deploy("d"), properties={"x": 1})],
            ["steps[0].properties.x"],
            id="properties",
        ),
        pytest.param(
            [group("g", group("h", deploy("d")))],
            ["steps[0].subSteps[0].type", "can't be inside another", "'h'"],
            id="nested group",
        ),
        pytest.param(
            [deploy("a"), deploy("b", dependsOn=["aa"])],
            ["steps[1].dependsOn[0]", "no such step", "did you mean 'a'"],
            id="unknown dependency",
        ),
        pytest.param(
            [deploy("a", dependsOn=["a"])],
            ["steps[0].dependsOn[0]", "wait for itself"],
            id="itself",
        ),
        pytest.param(
            [deploy("a", dependsOn=["b"]), deploy("b")],
            ["steps[0].dependsOn[0]", "comes later", "DAG"],
            id="a later one, in order",
        ),
        pytest.param(
            [group("g", deploy("in")), deploy("b", dependsOn=["in"])],
            ["steps[1].dependsOn[0]", "another level", "group 'g'"],
            id="inside a group",
        ),
        pytest.param(
            [deploy("a"), group("g", deploy("in", dependsOn=["a"]))],
            ["steps[1].subSteps[0].dependsOn[0]", "another level", "workflow's own steps"],
            id="outside of a group",
        ),
        pytest.param(
            [group("g", deploy("x")), group("h", deploy("y", dependsOn=["x"]))],
            ["steps[1].subSteps[0].dependsOn[0]", "another level", "group 'g'"],
            id="in another group",
        ),
    ],
)
def test_errors_name_the_path_the_value_and_the_way_out(
    steps: list[dict[str, Any]], words: list[str]
) -> None:
    said = refusal(application(HUB, steps=steps))
    assert [word for word in words if word not in said] == []


@pytest.mark.parametrize("mode", ["DAG", "StepByStep"])
def test_cycles_are_shown(mode: str) -> None:
    steps = [
        deploy("a", dependsOn=["c"]),
        deploy("b", dependsOn=["a"]),
        deploy("c", dependsOn=["b"]),
    ]
    said = refusal(application(workflow={"mode": {"steps": mode}}, steps=steps))
    assert "wait for each other" in said
    assert any(
        cycle in said for cycle in ("a -> c -> b -> a", "c -> b -> a -> c", "b -> a -> c -> b")
    )


def test_in_a_dag_a_step_may_wait_for_a_later_one() -> None:
    steps = [deploy("a", dependsOn=["b"]), deploy("b")]
    planned = plan(application(workflow={"mode": {"steps": "DAG"}}, steps=steps))
    assert planned.steps[0].depends_on == ("b",)


def test_sub_steps_that_wait_for_siblings_are_fine() -> None:
    steps = [group("g", deploy("a", dependsOn=["b"]), deploy("b"))]
    (planned,) = plan(application(steps=steps)).steps
    assert [sub.depends_on for sub in planned.sub_steps] == [("b",), ()]


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        pytest.param(
            {"type": "toplogy", "properties": {}},
            ["spec.policies[0].type", "unknown policy type", "did you mean 'topology'"],
            id="unknown",
        ),
        pytest.param(
            {"type": "health", "properties": {}},
            ["spec.policies[0].type", "not supported", "disable-health-check"],
            id="health",
        ),
        *(
            pytest.param(
                {"type": kind, "properties": {"rule": []}},
                ["spec.policies[0].properties.rule", "did you mean 'rules'?"],
                id=kind,
            )
            for kind in (
                "garbage-collect", "apply-once", "shared-resource", "take-over", "read-only",
                "resource-update",
            )
        ),
        pytest.param(
            {"type": "topology"}, ["spec.policies[0].properties", "needs properties"], id="empty"
        ),
    ],
)  # fmt: skip
def test_policies_are_checked_even_when_unused(policy: dict[str, Any], words: list[str]) -> None:
    said = refusal(application({"name": "p", **policy}, HUB, steps=[deploy("d", "hub")]))
    assert [word for word in words if word not in said] == []


def test_everything_wrong_is_told_at_once() -> None:
    said = refusal(
        application({"name": "p", "type": "x"}, steps=[deploy("a", "n1"), deploy("b", "n2")])
    )
    assert said.startswith("Application shop/app is invalid:")
    assert all(word in said for word in ("spec.policies[0].type", "'n1'", "'n2'"))

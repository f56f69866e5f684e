"""Where dependencies and inputs of a placement lead: the same step, an earlier one, or an error up front."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.model.errors import InvalidApplication
from lateen.model.placement import Placement
from lateen.model.records import Snapshot
from lateen.planning.component_graph import (
    PlacementGraph,
    earlier_steps,
    graph_findings,
    placement_graph,
)
from lateen.planning.filling import UnfitValue
from lateen.planning.resolving import Resolved
from lateen.planning.step_graph import Copy
from lateen.policies.topology import ClusterInfo
from lateen.rendering.parameter_keys import parse_parameter_key
from lateen.rendering.registry import builtin
from unit.planning.test_component_links import produces, takes, web
from unit.planning.test_replicating import Note

CLUSTERS = [ClusterInfo(name=name) for name in ("local", "one", "two")]


def topology(name: str, *clusters: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "topology", "properties": {"clusters": [*clusters], **more}}


def only(name: str, *components: str) -> dict[str, Any]:
    return {"name": name, "type": "override", "properties": {"selector": [*components]}}


def deploy(name: str, *policies: str, **step: Any) -> dict[str, Any]:
    return {"name": name, "type": "deploy", "properties": {"policies": [*policies]}, **step}


def resolve(
    components: list[Any], policies: list[Any], steps: list[Any], mode: str = "StepByStep"
) -> Resolved:
    content = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "app", "namespace": "shop"},
        "spec": {
            "components": components,
            "policies": policies,
            "workflow": {"steps": steps, "mode": {"steps": mode}},
        },
    }
    return Resolved(Snapshot(application=content), builtin().copy().register(Note()))


def selections(subject: Resolved) -> dict[str, tuple[Placement, ...]]:
    return {step.name: subject.select(step, CLUSTERS).placements for step in subject.deploy_steps}


def graph(subject: Resolved, step: str, cluster: str = "one") -> PlacementGraph:
    placement = Placement(cluster=cluster, namespace="shop")
    return placement_graph(subject, subject.step(step), placement, selections(subject))


def findings(subject: Resolved) -> tuple[list[str], list[str]]:
    problems, warnings = graph_findings(subject, selections(subject))
    return [str(problem) for problem in problems], warnings


PAIR = [web("db", **produces("host")), web("app", dependsOn=["db"], **takes("host", "cpu"))]


def split(
    *steps: Any, mode: str = "StepByStep", db: Any = ("one",), app: Any = ("one",)
) -> Resolved:
    policies = [
        topology("db-there", *db),
        topology("app-there", *app),
        only("db-only", "db"),
        only("app-only", "app"),
    ]
    return resolve(PAIR, policies, list(steps), mode)


FIRST = deploy("first", "db-there", "db-only")
SECOND = deploy("second", "app-there", "app-only")


def test_in_one_step_each_placement_has_its_own() -> None:
    subject = resolve(PAIR, [topology("there", "one", "two")], [deploy("d", "there")])
    found = graph(subject, "d", "two")
    assert found.after == {Copy("db"): (), Copy("app"): (Copy("db"),)}
    assert found.before == ()
    (supply,) = found.supplies[Copy("app")]
    assert (supply.here, supply.source.placement.cluster) == (True, "two")
    assert findings(subject) == ([], [])


def test_what_an_earlier_step_delivered_to_the_placement_has_to_be_healthy_there() -> None:
    found = graph(split(FIRST, SECOND), "second")
    assert [str(each) for each in found.before] == ["component db on one/shop (step 'first')"]
    (supply,) = found.supplies[Copy("app")]
    assert (supply.here, supply.source.step) == (False, "first")


def test_the_only_other_place_of_an_earlier_step_supplies_an_input() -> None:
    subject = split(FIRST, SECOND, app=("one", "two"))
    (supply,) = graph(subject, "second", "two").supplies[Copy("app")]
    assert supply.source.placement == Placement(cluster="one", namespace="shop")
    problems, warnings = findings(subject)
    assert problems == []
    assert warnings == [
        (
            "component 'app' depends on 'db', which an earlier step delivers to one/shop and none to "
            "two/shop: only the order of the steps counts there"
        )
    ]


def test_several_other_places_are_listed_unless_one_is_its_own() -> None:
    subject = split(FIRST, SECOND, db=("one", "two"), app=("one", "local"))
    problems, _ = findings(subject)
    assert problems == [
        (
            "spec.components[1].inputs[0].from: several placements produce this input, and none of them "
            "is its own: one/shop, two/shop (got 'host'); let one step deliver both components, so that "
            "each cluster takes its own value"
        )
    ]
    (supply,) = graph(subject, "second", "one").supplies[Copy("app")]
    assert supply.source.placement.cluster == "one"


@pytest.mark.parametrize(
    ("steps", "mode"),
    [
        ((SECOND, FIRST), "StepByStep"),
        ((FIRST, SECOND), "DAG"),
        (({"name": "g", "type": "step-group", "subSteps": [FIRST, SECOND]},), "StepByStep"),
    ],
    ids=["later", "beside it", "beside it in a group"],
)
def test_a_step_that_does_not_come_before_is_no_producer(steps: Any, mode: str) -> None:
    problems, _ = findings(split(*steps, mode=mode))
    way_out = (
        "is delivered only by step 'first', which does not come before it (got {!r}); put it into an "
        "earlier step, or let one step with a topology that covers both deliver it"
    )
    assert problems == [
        "spec.components[1].dependsOn[0]: in step 'second', the component " + way_out.format("db"),
        "spec.components[1].inputs[0].from: in step 'second', the component that produces it "
        + way_out.format("host"),
    ]


def test_what_no_step_delivers_is_refused_instead_of_waited_for() -> None:
    problems, _ = findings(split(SECOND))
    assert problems[0] == (
        "spec.components[1].dependsOn[0]: in step 'second', the component is delivered neither by the "
        "step nor by an earlier one (got 'db'); add it to the override's selector, or remove the "
        "dependency"
    )


def test_a_component_that_an_override_replaced_produces_nothing() -> None:
    patch = {"name": "db", "type": "worker", "properties": {"image": "x"}}
    replaced = {"name": "r", "type": "override", "properties": {"components": [patch]}}
    subject = resolve(PAIR, [topology("there", "one"), replaced], [deploy("d", "there", "r")])
    problems, _ = findings(subject)
    assert ["inputs[0].from" in problem for problem in problems] == [True]


def test_an_output_object_that_the_producer_does_not_make_is_refused_with_those_it_makes() -> None:
    exposed = web(
        "db",
        traits=[{"type": "expose", "properties": {"port": [80]}}],
        **produces("host", "outputs.servce.spec.clusterIP"),
    )
    subject = resolve([exposed, PAIR[1]], [topology("there", "one")], [deploy("d", "there")])
    problems, _ = findings(subject)
    assert problems == [
        (
            "spec.components[0].outputs[0].valueFrom: component 'db' has no output object of this name "
            "(got 'servce'); it has: service"
        )
    ]


class TestEarlierSteps:
    GROUP = {"name": "g", "type": "step-group"}

    def plan(self, *steps: Any, mode: str = "StepByStep") -> Any:
        return resolve([web("a")], [topology("t", "one")], [*steps], mode).plan

    def test_in_order_all_before_count_with_their_sub_steps(self) -> None:
        group = {**self.GROUP, "subSteps": [deploy("x", "t"), deploy("y", "t")]}
        plan = self.plan(deploy("a", "t"), group, deploy("b", "t"))
        assert earlier_steps(plan, "b") == ("a", "x", "y")
        assert earlier_steps(plan, "y") == ("a",)
        assert earlier_steps(plan, "a") == ()

    def test_in_a_dag_only_what_is_waited_for_counts_however_far(self) -> None:
        plan = self.plan(
            deploy("c", "t", dependsOn=["b"]),
            deploy("b", "t", dependsOn=["a"]),
            deploy("a", "t"),
            deploy("other", "t"),
            mode="DAG",
        )
        assert earlier_steps(plan, "c") == ("b", "a")

    def test_a_group_in_order_counts_its_earlier_sub_steps(self) -> None:
        subs = [deploy("x", "t"), deploy("y", "t")]
        plan = self.plan({**self.GROUP, "mode": "StepByStep", "subSteps": subs})
        assert earlier_steps(plan, "y") == ("x",)


def replicated(app_keys: list[str] | None) -> Resolved:
    note = {"name": "db", "type": "note", **produces("key", "output.data.key")}
    app = {"name": "app", "type": "note", "dependsOn": ["db"], **takes("key", "nameByKey")}
    copies = {
        "name": "copies",
        "type": "replication",
        "properties": {"keys": ["k1", "k2"], "selector": ["db"]},
    }
    policies = [topology("there", "one"), copies]
    names = ["there", "copies"]
    if app_keys is not None:
        properties = {"keys": app_keys, "selector": ["app"]}
        policies.append({"name": "more", "type": "replication", "properties": properties})
        names.append("more")
    return resolve([note, app], policies, [deploy("d", *names)])


def test_copies_wait_for_the_copy_with_the_same_key() -> None:
    found = graph(replicated(["k1", "k2"]), "d")
    assert found.after[Copy("app", "k2")] == (Copy("db", "k2"),)
    (supply,) = found.supplies[Copy("app", "k1")]
    assert supply.source.copy == Copy("db", "k1")


def test_a_component_without_keys_waits_for_all_copies_and_can_take_no_value_of_them() -> None:
    subject = replicated(None)
    problems, _ = findings(subject)
    assert problems == [
        (
            "spec.components[1].inputs[0].from: each of several copies produces this input: "
            "db (k1), db (k2) (got 'key'); replicate the component that takes it with the same keys"
        )
    ]


class TestFilling:
    """The manifests with values are those that were planned, but for the values."""

    def subject(self, objects: list[Any], parameter: str) -> Resolved:
        consumer = {"name": "app", "type": "k8s-objects", "properties": {"objects": objects}}
        return resolve(
            [web("db", **produces("host")), {**consumer, **takes("host", parameter)}],
            [topology("there", "one")],
            [deploy("d", "there")],
        )

    def fill(self, subject: Resolved, parameter: str, value: Any) -> tuple[list[Any], list[Any]]:
        step, placement = subject.step("d"), Placement(cluster="one", namespace="shop")
        group = subject.grouped(step, placement, revision="r")[Copy("app")]
        values = {parse_parameter_key(parameter): value}
        final = subject.filled(
            step, placement, Copy("app"), values=values, revision="r", group=group
        )
        return group, final

    def test_names_made_of_the_content_stay_those_of_the_plan(self) -> None:
        config = {"apiVersion": "v1", "kind": "ConfigMap"}
        parameter = "objects[1].data.host"
        subject = self.subject([{**config, "metadata": {"name": "c"}}, config], parameter)
        planned, final = self.fill(subject, parameter, "db.example")
        names = [[each["metadata"]["name"] for each in group] for group in (planned, final)]
        assert names[0] == names[1]
        assert planned[1]["data"] == {"host": "<input host>"}
        assert final[1]["data"] == {"host": "db.example"}

    def test_a_value_that_would_make_another_object_is_refused_without_being_told(self) -> None:
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}
        parameter = "objects[0].metadata.name"
        subject = self.subject([config], parameter)
        with pytest.raises(UnfitValue, match="would make objects of other names") as caught:
            self.fill(subject, parameter, "secret-name")
        assert "secret" not in str(caught.value)

    def test_a_value_of_the_wrong_kind_is_refused_without_being_told(self) -> None:
        subject = resolve(PAIR, [topology("there", "one")], [deploy("d", "there")])
        step, placement = subject.step("d"), Placement(cluster="one", namespace="shop")
        with pytest.raises(UnfitValue) as caught:
            subject.filled(
                step,
                placement,
                Copy("app"),
                values={parse_parameter_key("cpu"): ["secret"]},
                revision="r",
                group=[],
            )
        assert str(caught.value) == (
            "component app: the value that an input supplies for cpu does not fit there "
            "(expected a string)"
        )

    def test_digests_do_not_know_values_and_identities_do_not_need_them(self) -> None:
        subject = resolve(PAIR, [topology("there", "one")], [deploy("d", "there")])
        step, placement = subject.step("d"), Placement(cluster="one", namespace="shop")
        before = subject.placement_digest(step, placement)
        assert subject.placement_digest(step, placement) == before
        assert {m["metadata"]["name"] for m in subject.manifests(step, placement, revision="")} == {
            "db",
            "app",
        }


def test_an_object_that_two_components_make_comes_with_the_one_that_is_applied_first() -> None:
    shared = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    objects = {"type": "k8s-objects", "properties": {"objects": [shared]}}
    components = [{"name": "late", "dependsOn": ["early"], **objects}, {"name": "early", **objects}]
    subject = resolve(components, [topology("there", "one")], [deploy("d", "there")])
    placement = Placement(cluster="one", namespace="shop")
    assert list(subject.grouped(subject.step("d"), placement, revision="")) == [Copy("early")]


def test_links_that_are_malformed_in_the_hub_are_refused_as_well() -> None:
    subject = resolve(
        [web("a", inputs=[{"from": "x"}])], [topology("there", "one")], [deploy("d", "there")]
    )
    with pytest.raises(InvalidApplication, match="parameterKey: is required"):
        subject.graph(subject.step("d"))

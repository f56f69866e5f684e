"""What components say of each other: how it is read, what is refused, and the order that follows."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lateen.model.application import Application, Component
from lateen.model.errors import InvalidApplication
from lateen.model.parsing import parse_application
from lateen.model.records import InventoryEntry
from lateen.planning.checking import check_application
from lateen.planning.component_order import component_order, deletion_groups, dependencies
from lateen.rendering.registry import builtin

HUB = {"name": "hub", "type": "topology", "properties": {"clusters": ["local"]}}


def web(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "type": "webservice", "properties": {"image": "nginx"}, **fields}


def produces(name: str, value: str = "output.metadata.name") -> dict[str, Any]:
    return {"outputs": [{"name": name, "valueFrom": value}]}


def takes(name: str, key: str = "image") -> dict[str, Any]:
    return {"inputs": [{"from": name, "parameterKey": key}]}


def application(*components: dict[str, Any], **spec: Any) -> Application:
    return parse_application(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {"name": "app"},
            "spec": {"components": list(components), "policies": [HUB], **spec},
        }
    )


def problems(subject: Application) -> list[str]:
    with pytest.raises(InvalidApplication) as caught:
        check_application(subject, builtin())
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("components", "said"),
    [
        pytest.param(
            [web("a", dependsOn=["bb"]), web("b")],
            "spec.components[0].dependsOn[0]: no such component (got 'bb'); did you mean 'b'?",
            id="unknown component",
        ),
        pytest.param(
            [web("a", dependsOn=["a"])],
            "spec.components[0].dependsOn[0]: a component can't wait for itself (got 'a'); remove it",
            id="itself",
        ),
        pytest.param(
            [web("a", dependsOn=["b"]), web("b", dependsOn=["c"]), web("c", dependsOn=["a"])],
            "spec.components: components wait for each other and would never be applied "
            "(got 'a -> b -> c -> a'); remove one of the dependsOn or inputs",
            id="cycle",
        ),
        pytest.param(
            [web("a", **produces("x"), dependsOn=["b"]), web("b", **takes("x"))],
            "spec.components: components wait for each other and would never be applied "
            "(got 'a -> b -> a'); remove one of the dependsOn or inputs",
            id="cycle by an input",
        ),
        pytest.param(
            [web("a", **produces("host")), web("b", **takes("hots"))],
            "spec.components[1].inputs[0].from: no component has this output (got 'hots'); "
            "did you mean 'host'?",
            id="unknown output",
        ),
        pytest.param(
            [web("b", **takes("x"))],
            "spec.components[0].inputs[0].from: no component has this output (got 'x'); "
            "declare it under outputs of a component",
            id="no output at all",
        ),
        pytest.param(
            [web("a", **produces("x"), **takes("x"))],
            "spec.components[0].inputs[0].from: a component can't take a value of itself (got 'x'); "
            "remove it",
            id="own output",
        ),
        pytest.param(
            [web("a", **produces("x")), web("b", **produces("x"))],
            "spec.components[1].outputs[0].name: this output name is taken (got 'x'); "
            "see spec.components[0].outputs[0]",
            id="two producers",
        ),
        pytest.param(
            [web("a", **produces("x", "output.a-b")), web("b", **takes("x"))],
            "spec.components[0].outputs[0].valueFrom: unexpected '-' at position 9: "
            "write [\"a-b\"] for a key with a dash (got 'output.a-b'); "
            "expected a path such as output.status.x, a string, or parts joined by +",
            id="expression",
        ),
        pytest.param(
            [web("a", **produces("x")), web("b", **takes("x", "a..b"))],
            "spec.components[1].inputs[0].parameterKey: can't be read from position 2 on; "
            "expected a.b[0].c or a[\"b.c\"] (got 'a..b')",
            id="parameter key",
        ),
        pytest.param(
            [web("a", **produces("x")), web("b", **takes("x", "imagee"))],
            "spec.components[1].inputs[0].parameterKey: unknown key (got 'imagee'); "
            "did you mean 'image'?",
            id="unknown property",
        ),
        pytest.param(
            [web("a", **produces("x")), web("b", **takes("x", "image.tag"))],
            "spec.components[1].inputs[0].parameterKey: at 'tag': what it would be set in is no "
            "object (got 'image.tag')",
            id="in the way",
        ),
        pytest.param(
            [web("a", **produces("x", '"8" + "0"')), web("b", **takes("x", "port"))],
            "spec.components[1].inputs[0].parameterKey: port takes no such value: expected an "
            "integer (got 'port')",
            id="a string for a number",
        ),
        pytest.param(
            [
                web("a", **produces("x")),
                web("b", inputs=[{"from": "x", "parameterKey": k} for k in ("env", "env[0].name")]),
            ],
            "spec.components[1].inputs[1].parameterKey: another input of the component sets the "
            "same, or a part of it (got 'env[0].name')",
            id="set twice",
        ),
        pytest.param(
            [web("a", outputs=[{"name": "x"}])],
            "spec.components[0].outputs[0].valueFrom: is required",
            id="no valueFrom",
        ),
        pytest.param(
            [web("a", **produces("x")), web("b", inputs=[{"from": "x", "parameterkey": "image"}])],
            "spec.components[1].inputs[0].parameterKey: is required",
            id="no parameterKey",
        ),
        pytest.param(
            [web("a", outputs=[{"name": f"x{n}", "valueFrom": "output.a"} for n in range(51)])],
            "spec.components[0].outputs: has more than 50 items (got 51)",
            id="too many",
        ),
    ],
)
def test_links_that_lead_nowhere_are_refused(components: list[Any], said: str) -> None:
    assert said in problems(application(*components))


def test_an_input_counts_as_the_property_that_it_supplies() -> None:
    bare = {"name": "b", "type": "webservice", **takes("x")}
    assert check_application(application(web("a", **produces("x")), bare), builtin()) == []
    without = {"name": "b", "type": "webservice"}
    (said,) = problems(application(web("a", **produces("x")), without))
    assert "spec.components[1].properties.image: is required" in said


def test_an_input_of_an_overridden_component_is_checked_with_the_overrides() -> None:
    patch = {"name": "b", "properties": {"port": "80"}}
    over = {"name": "over", "type": "override", "properties": {"components": [patch]}}
    subject = application(web("a", **produces("x")), web("b", **takes("x")), policies=[HUB, over])
    assert problems(subject) == [
        (
            "spec.components[1].properties.port: expected an integer (in step 'deploy-hub', changed by 'over') "
            "(got '80'); write 80 without quotes"
        )
    ]


def test_a_component_that_an_override_adds_can_be_waited_for() -> None:
    over = {
        "name": "over",
        "type": "override",
        "properties": {"components": [web("extra")]},
    }
    subject = application(web("a", dependsOn=["extra"]), policies=[HUB, over])
    assert check_application(subject, builtin()) == []


def test_what_policies_of_the_hub_may_add_is_left_to_the_delivery() -> None:
    step = {"name": "s", "type": "deploy", "properties": {"policies": ["theirs"]}}
    subject = application(web("a", dependsOn=["extra"]), policies=[], workflow={"steps": [step]})
    assert check_application(subject, builtin()) == []


def components(*written: dict[str, Any]) -> list[Component]:
    return [Component.model_validate(each) for each in written]


class TestOrder:
    def test_without_dependencies_all_come_together_in_their_order(self) -> None:
        assert component_order(components(web("b"), web("a"))) == (("b", "a"),)

    def test_each_wave_depends_on_those_before_it_only(self) -> None:
        subject = components(
            web("c", dependsOn=["b", "unknown"]),
            web("b", **takes("x")),
            web("a", **produces("x")),
            web("d"),
        )
        assert component_order(subject) == (("a", "d"), ("b",), ("c",))

    def test_what_was_delivered_can_be_deleted_even_if_it_waits_in_a_circle(self) -> None:
        subject = components(web("a", dependsOn=["b"]), web("b", dependsOn=["a"]), web("c"))
        assert component_order(subject) == (("c",), ("a", "b"))

    def test_malformed_entries_are_passed_over(self) -> None:
        subject = components(
            web("a", inputs=[{"from": 5}, {}], dependsOn=["a"]), web("b", outputs=[{"name": []}])
        )
        assert dependencies(subject) == {"a": frozenset(), "b": frozenset()}

    def test_what_depends_on_others_is_deleted_before_them(self) -> None:
        entries = [
            InventoryEntry(api_version="v1", kind="ConfigMap", name=name, wave=wave)
            for name, wave in (("a", 0), ("c", 2), ("b", 0))
        ]
        groups = [[entry.name for entry in group] for group in deletion_groups(entries)]
        assert groups == [["c"], ["a", "b"]]
        assert deletion_groups([]) == []

    def test_nothing_gives_nothing(self) -> None:
        assert component_order([]) == ()


def test_a_long_chain_is_checked_within_a_workflow_task() -> None:
    chain = [web(f"c{n}", **({"dependsOn": [f"c{n - 1}"]} if n else {})) for n in range(600)]
    started = time.process_time()
    assert check_application(application(*chain), builtin()) == []
    assert time.process_time() - started < 2

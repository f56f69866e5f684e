"""How override policies patch, add and select components: a table of cases."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.model.application import Component, InlinePolicy
from lateen.model.errors import InvalidApplication
from lateen.policies.override import apply_overrides, merge_properties


def component(name: str, kind: str = "webservice", **rest: Any) -> Component:
    return Component.model_validate({"name": name, "type": kind, **rest})


def override(
    *components: dict[str, Any], selector: list[str] | None = None, name: str = "o"
) -> InlinePolicy:
    properties: dict[str, Any] = {}
    if components:
        properties["components"] = list(components)
    if selector is not None:
        properties["selector"] = selector
    return InlinePolicy(name=name, type="override", properties=properties)


def trait(kind: str, **rest: Any) -> dict[str, Any]:
    return {"type": kind, **rest}


def patched(base: list[Component], *patches: dict[str, Any]) -> list[Component]:
    return list(apply_overrides(base, [override(*patches)]))


def traits_of(component: Component) -> list[tuple[str, str | None, Any]]:
    return [(each.type, each.name, each.properties) for each in component.trait_list]


WEB = component("web", properties={"image": "nginx", "env": [1, 2], "port": {"a": 1, "b": 2}})
API = component("api", "worker", properties={"image": "api"})
BACK = component("web-backend", properties={"image": "back"})


@pytest.mark.parametrize(
    ("base", "patch", "expected"),
    [
        pytest.param({"a": 1, "b": 2}, {"b": 3, "c": 4}, {"a": 1, "b": 3, "c": 4}, id="keys"),
        pytest.param({"m": {"a": 1, "b": 1}}, {"m": {"b": 2}}, {"m": {"a": 1, "b": 2}}, id="deep"),
        pytest.param({"l": [1, 2, 3]}, {"l": [9]}, {"l": [9]}, id="array as a whole"),
        pytest.param({"l": [1]}, {"l": []}, {"l": []}, id="empty array"),
        pytest.param({"n": 3}, {"n": 0}, {"n": 0}, id="zero"),
        pytest.param({"b": True}, {"b": False}, {"b": False}, id="false"),
        pytest.param({"s": "x"}, {"s": ""}, {"s": ""}, id="empty string"),
        pytest.param({"s": "x"}, {"s": None}, {"s": None}, id="null"),
        pytest.param({"m": {"a": 1}}, {"m": None}, {"m": None}, id="null over object"),
        pytest.param({"m": None}, {"m": {"a": 1}}, {"m": {"a": 1}}, id="object over null"),
        pytest.param({"m": {"a": 1}}, {"m": {}}, {"m": {"a": 1}}, id="empty object keeps"),
        pytest.param({"m": {"a": 1}}, {"m": 5}, {"m": 5}, id="scalar over object"),
        pytest.param({"m": 5}, {"m": {"a": 1}}, {"m": {"a": 1}}, id="object over scalar"),
        pytest.param({"m": [1]}, {"m": {"a": 1}}, {"m": {"a": 1}}, id="object over array"),
        pytest.param({"m": {"a": 1}}, {"m": [1]}, {"m": [1]}, id="array over object"),
        pytest.param({"m": 5}, {"m": {}}, {"m": {}}, id="empty object over scalar"),
        pytest.param({"a": 1}, {}, {"a": 1}, id="empty patch"),
        pytest.param({"a": 1}, None, {"a": 1}, id="no patch"),
        pytest.param(None, {"a": 1}, {"a": 1}, id="no base"),
        pytest.param(None, None, None, id="neither"),
    ],
)
def test_merging_properties(base: Any, patch: Any, expected: Any) -> None:
    assert merge_properties(base, patch) == expected


@pytest.mark.parametrize(
    ("pattern", "hits"),
    [
        pytest.param("web", {"web"}, id="exact, not a prefix"),
        pytest.param("web*", {"web", "web-backend"}, id="star"),
        pytest.param("*", {"web", "api", "web-backend"}, id="everything"),
        pytest.param("?pi", {"api"}, id="question mark"),
        pytest.param("*end", {"web-backend"}, id="anchored at the end"),
        pytest.param("eb*", set[str](), id="anchored at the start"),
        pytest.param("w?b*d", {"web-backend"}, id="mixed"),
        pytest.param("*[a-z]*", set[str](), id="brackets mean themselves"),
        pytest.param("nothing*", set[str](), id="a pattern never adds"),
    ],
)
def test_names_are_exact_or_anchored_patterns(pattern: str, hits: set[str]) -> None:
    after = patched([WEB, API, BACK], {"name": pattern, "properties": {"image": "new"}})
    assert {each.name for each in after if (each.properties or {})["image"] == "new"} == hits
    assert [each.name for each in after] == ["web", "api", "web-backend"]


def test_a_hostile_pattern_costs_no_time() -> None:
    long = component("a" * 60)
    assert patched([long], {"name": "*a" * 60 + "b*", "properties": {"x": 1}}) == [long]


def test_without_name_and_type_all_are_patched() -> None:
    after = patched([WEB, API], {"properties": {"image": "x"}})
    assert [(each.properties or {})["image"] for each in after] == ["x", "x"]


def test_without_name_a_type_is_patched_and_never_added() -> None:
    after = patched([WEB, API], {"type": "worker", "properties": {"image": "x"}})
    assert after[0] is WEB
    assert after[1].properties == {"image": "x"}
    assert patched([WEB], {"type": "task", "properties": {"image": "x"}}) == [WEB]


def test_the_same_type_merges_another_replaces_in_place() -> None:
    full = component(
        "web", properties={"image": "nginx"}, traits=[trait("scaler")], dependsOn=["api"]
    )
    same = {"name": "web", "type": "webservice", "properties": {"port": 80}}
    assert patched([full], same)[0].properties == {"image": "nginx", "port": 80}
    other = {
        "name": "web",
        "type": "task",
        "properties": {"count": 1},
        "traits": [trait("labels"), trait("gateway", disable=True)],
    }
    replaced, after = patched([full, API], other)
    assert replaced.to_json() == {
        "name": "web",
        "type": "task",
        "properties": {"count": 1},
        "traits": [{"type": "labels"}],
    }
    assert after is API


def test_a_pattern_that_replaces_keeps_the_names() -> None:
    after = patched([WEB, BACK], {"name": "web*", "type": "task", "properties": {}})
    assert [(each.name, each.type) for each in after] == [("web", "task"), ("web-backend", "task")]


def test_an_unknown_name_with_a_type_adds_at_the_end_in_order() -> None:
    after = patched(
        [WEB],
        {
            "name": "two",
            "type": "worker",
            "properties": {"image": "2"},
            "traits": [trait("labels")],
        },
        {"name": "one", "type": "task"},
        {"name": "two", "properties": {"port": 1}},
    )
    assert [each.to_json() for each in after[1:]] == [
        {
            "name": "two",
            "type": "worker",
            "properties": {"image": "2", "port": 1},
            "traits": [{"type": "labels"}],
        },
        {"name": "one", "type": "task"},
    ]


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        pytest.param(
            {"name": "wbe", "properties": {}},
            ["policies[o].properties.components[0].name", "'wbe'", "did you mean 'web'"],
            id="unknown name without type",
        ),
        pytest.param(
            {"name": "Not_A_Name", "type": "task"},
            ["policies[o].properties.components[0].name", "'Not_A_Name'", "DNS label"],
            id="a name that can't be added",
        ),
        pytest.param({"name": "*a" * 65}, ["components[0].name", "at most 128"], id="long pattern"),
        pytest.param({"propertys": {}}, ["components[0].propertys", "'properties'"], id="key"),
        pytest.param({"properties": []}, ["components[0].properties", "an object"], id="shape"),
        pytest.param(
            {"traits": [{}]}, ["components[0].traits[0].type", "required"], id="trait type"
        ),
        pytest.param(
            {"traits": [{"type": "x", "disable": "yes"}]}, ["traits[0].disable"], id="disable"
        ),
    ],
)
def test_errors(patch: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InvalidApplication) as caught:
        patched([WEB], patch)
    assert [word for word in words if word not in str(caught.value)] == []


def test_an_override_needs_properties() -> None:
    with pytest.raises(InvalidApplication, match="needs properties"):
        apply_overrides([WEB], [InlinePolicy(name="o", type="override")])


GATEWAY_A = trait("gateway", name="a", properties={"domain": "a", "http": {"/": 80}})
GATEWAY_B = trait("gateway", name="b", properties={"domain": "b"})
SCALER = trait("scaler", properties={"replicas": 2})


@pytest.mark.parametrize(
    ("base", "patches", "expected"),
    [
        pytest.param(
            [SCALER],
            [trait("scaler", properties={"replicas": 0})],
            [("scaler", None, {"replicas": 0})],
            id="merged by type, zero counts",
        ),
        pytest.param(
            [SCALER],
            [trait("labels", properties={"a": "b"})],
            [("scaler", None, {"replicas": 2}), ("labels", None, {"a": "b"})],
            id="new ones follow",
        ),
        pytest.param([SCALER], [trait("scaler", disable=True)], [], id="disabled"),
        pytest.param(
            [SCALER],
            [trait("gateway", disable=True)],
            [("scaler", None, {"replicas": 2})],
            id="disabling an absent one",
        ),
        pytest.param(
            [SCALER],
            [trait("scaler", disable=True), trait("scaler", properties={"replicas": 9})],
            [("scaler", None, {"replicas": 9})],
            id="disabled and added anew is there once",
        ),
        pytest.param(
            [SCALER],
            [trait("scaler", disable=False)],
            [("scaler", None, {"replicas": 2})],
            id="disable: false is nothing",
        ),
        pytest.param(
            [GATEWAY_A, GATEWAY_B],
            [trait("gateway", properties={"domain": "z"})],
            [
                ("gateway", "a", {"domain": "z", "http": {"/": 80}}),
                ("gateway", "b", {"domain": "b"}),
            ],
            id="of two, the first",
        ),
        pytest.param(
            [GATEWAY_A, GATEWAY_B],
            [trait("gateway", name="b", properties={"domain": "z"})],
            [
                ("gateway", "a", {"domain": "a", "http": {"/": 80}}),
                ("gateway", "b", {"domain": "z"}),
            ],
            id="of two, the named",
        ),
        pytest.param(
            [GATEWAY_A, GATEWAY_B],
            [trait("gateway", name="a", disable=True)],
            [("gateway", "b", {"domain": "b"})],
            id="disabling the named",
        ),
        pytest.param(
            [GATEWAY_A, GATEWAY_B, SCALER],
            [trait("gateway", disable=True)],
            [("scaler", None, {"replicas": 2})],
            id="disabling a type disables all of it",
        ),
        pytest.param(
            [],
            [GATEWAY_A, GATEWAY_B],
            [
                ("gateway", "a", {"domain": "a", "http": {"/": 80}}),
                ("gateway", "b", {"domain": "b"}),
            ],
            id="two new ones of a type stay two",
        ),
        pytest.param(
            [GATEWAY_A],
            [trait("gateway", name="c", properties={"domain": "c"})],
            [
                ("gateway", "a", {"domain": "a", "http": {"/": 80}}),
                ("gateway", "c", {"domain": "c"}),
            ],
            id="an unknown name is a new one",
        ),
    ],
)
def test_traits(
    base: list[dict[str, Any]],
    patches: list[dict[str, Any]],
    expected: list[tuple[str, str | None, Any]],
) -> None:
    (after,) = patched([component("web", traits=base)], {"name": "web", "traits": patches})
    assert traits_of(after) == expected


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        pytest.param(None, ["web", "api", "web-backend"], id="absent keeps all"),
        pytest.param([], [], id="empty keeps none"),
        pytest.param(["web-backend", "web"], ["web", "web-backend"], id="order is the components'"),
        pytest.param(["web*", "nobody"], [], id="no patterns, unknown names ignored"),
    ],
)
def test_selectors(selector: list[str] | None, names: list[str]) -> None:
    after = apply_overrides([WEB, API, BACK], [override(selector=selector)])
    assert [each.name for each in after] == names


def test_the_selector_comes_after_patching_and_binds_later_policies() -> None:
    adds = override({"name": "new", "type": "task"}, selector=["new"], name="first")
    patches = override({"properties": {"x": 1}}, name="second")
    (after,) = apply_overrides([WEB, API], [adds, patches])
    assert after.to_json() == {"name": "new", "type": "task", "properties": {"x": 1}}


def test_a_deselected_component_is_unknown_to_later_policies() -> None:
    with pytest.raises(InvalidApplication, match=r"policies\[second\].*'web'"):
        apply_overrides(
            [WEB, API],
            [override(selector=["api"]), override({"name": "web"}, name="second")],
        )


def test_later_policies_win() -> None:
    first = override({"name": "web", "properties": {"image": "1", "port": {"a": 7}}})
    second = override({"name": "web", "properties": {"image": "2", "port": {"b": 8}}})
    (after,) = apply_overrides([WEB], [first, second])
    assert after.properties == {"image": "2", "env": [1, 2], "port": {"a": 7, "b": 8}}


def test_other_policies_are_passed_over_and_untouched_components_are_the_same() -> None:
    topology = InlinePolicy(name="t", type="topology", properties={"clusters": ["local"]})
    after = apply_overrides(
        [WEB, API], [topology, override({"name": "api", "properties": {"x": 1}})]
    )
    assert after[0] is WEB
    assert after[1].properties == {"image": "api", "x": 1}


def test_an_external_revision_is_replaced_unless_empty() -> None:
    base = component("web", externalRevision="v1")
    assert patched([base], {"name": "web", "externalRevision": "v2"})[0].external_revision == "v2"
    assert patched([base], {"name": "web", "externalRevision": ""})[0].external_revision == "v1"

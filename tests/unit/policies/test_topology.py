"""Which namespaces of which clusters a step delivers to."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.model.application import InlinePolicy
from lateen.model.errors import InvalidApplication
from lateen.policies.topology import ClusterInfo, Selection, select_placements

CONTROL_PLANE = "cluster.core.oam.dev/control-plane"

CLUSTERS = [
    ClusterInfo(name="hangzhou-2", labels={"region": "hangzhou", CONTROL_PLANE: "false"}),
    ClusterInfo(name="local", labels={CONTROL_PLANE: "true", "region": "hangzhou"}),
    ClusterInfo(name="beijing", labels={"region": "beijing", CONTROL_PLANE: "false"}),
    ClusterInfo(
        name="hangzhou-1", labels={"region": "hangzhou", "tier": "gold", CONTROL_PLANE: "false"}
    ),
]


def topology(name: str = "t", **properties: Any) -> InlinePolicy:
    return InlinePolicy(name=name, type="topology", properties=properties)


def select(*policies: InlinePolicy) -> Selection:
    return select_placements(policies, CLUSTERS, namespace="shop")


def placed(*policies: InlinePolicy) -> list[str]:
    return [str(placement) for placement in select(*policies).placements]


def problem(*policies: InlinePolicy) -> str:
    with pytest.raises(InvalidApplication) as caught:
        select(*policies)
    return str(caught.value)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        pytest.param(
            {"clusters": ["beijing", "local"]}, ["beijing/shop", "local/shop"], id="named"
        ),
        pytest.param({}, ["local/shop"], id="nothing said means the hub"),
        pytest.param({"namespace": "other"}, ["local/other"], id="only a namespace"),
        pytest.param({"namespace": ""}, ["local/shop"], id="empty namespace is the application's"),
        pytest.param({"clusters": []}, [], id="an empty list of names is no target"),
        pytest.param({"clusters": None}, ["local/shop"], id="null counts as absent"),
        pytest.param(
            {"clusterLabelSelector": {"region": "hangzhou"}},
            ["local/shop", "hangzhou-1/shop", "hangzhou-2/shop"],
            id="selected: the hub first, then by name",
        ),
        pytest.param(
            {"clusterLabelSelector": {"region": "hangzhou", "tier": "gold"}},
            ["hangzhou-1/shop"],
            id="all labels must fit",
        ),
        pytest.param(
            {"clusterLabelSelector": {}},
            ["local/shop", "beijing/shop", "hangzhou-1/shop", "hangzhou-2/shop"],
            id="an empty selector is every cluster and the hub",
        ),
        pytest.param(
            {"clusterLabelSelector": {CONTROL_PLANE: "false"}, "namespace": "n"},
            ["beijing/n", "hangzhou-1/n", "hangzhou-2/n"],
            id="members only",
        ),
        pytest.param(
            {"clusterLabelSelector": {"region": "paris"}, "allowEmpty": True},
            [],
            id="allowed empty",
        ),
        pytest.param(
            {"clusters": ["beijing"], "clusterLabelSelector": {"region": "hangzhou"}},
            ["beijing/shop"],
            id="names win over labels",
        ),
        pytest.param(
            {"clusterSelector": {"region": "beijing"}}, ["beijing/shop"], id="the old name selects"
        ),
        pytest.param(
            {"clusterSelector": {"region": "x"}, "clusterLabelSelector": {"region": "beijing"}},
            ["beijing/shop"],
            id="the new name wins over the old",
        ),
    ],
)
def test_one_policy(properties: dict[str, Any], expected: list[str]) -> None:
    assert placed(topology(**properties)) == expected


def test_policies_keep_their_order_and_repeat_no_placement() -> None:
    first = topology("first", clusters=["hangzhou-2", "beijing", "hangzhou-2"])
    second = topology("second", clusterLabelSelector={"region": "hangzhou"}, namespace="shop")
    assert placed(first, second) == [
        "hangzhou-2/shop",
        "beijing/shop",
        "local/shop",
        "hangzhou-1/shop",
    ]


def test_two_namespaces_of_one_cluster_are_two_placements() -> None:
    policies = [topology(clusters=["beijing"]), topology("u", clusters=["beijing"], namespace="b")]
    assert placed(*policies) == ["beijing/shop", "beijing/b"]


def test_the_order_of_a_selection_does_not_depend_on_that_of_the_registry() -> None:
    policy = topology(clusterLabelSelector={})
    turned = select_placements([policy], CLUSTERS[::-1], namespace="shop")
    assert turned == select(policy)


def test_other_policies_are_passed_over() -> None:
    override = InlinePolicy(name="o", type="override", properties={"selector": []})
    assert placed(override, topology(clusters=["beijing"])) == ["beijing/shop"]
    assert placed(override) == []


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        pytest.param(
            {"clusters": ["local", "hangzhu-1"]},
            ["policies[t].properties.clusters[1]", "'hangzhu-1'", "did you mean 'hangzhou-1'"],
            id="unknown cluster, with the nearest",
        ),
        pytest.param(
            {"clusters": ["zzz"]},
            ["'zzz'", "beijing", "hangzhou-1", "hangzhou-2", "local"],
            id="unknown cluster, with all there are",
        ),
        pytest.param(
            {"clusterLabelSelector": {"region": "paris"}},
            ["policies[t].properties.clusterLabelSelector", "region=paris", "allowEmpty"],
            id="no match",
        ),
        pytest.param(
            {"clusterSelector": {"region": "paris"}}, ["properties.clusterSelector"], id="old name"
        ),
        pytest.param(
            {"cluster": ["local"]},
            ["policies[t].properties.cluster", "did you mean 'clusters'"],
            id="unknown key",
        ),
        pytest.param({"clusters": "local"}, ["properties.clusters", "a list"], id="no list"),
        pytest.param({"clusters": [""]}, ["properties.clusters", "empty"], id="empty name"),
        pytest.param({"clusters": [1]}, ["properties.clusters[0]", "a string"], id="no string"),
        pytest.param({"namespace": "Not A Name"}, ["properties.namespace"], id="bad namespace"),
        pytest.param({"allowEmpty": "yes"}, ["properties.allowEmpty"], id="no boolean"),
        pytest.param(
            {"clusterLabelSelector": {"gold": True}}, ["clusterLabelSelector.gold"], id="bad label"
        ),
    ],
)
def test_errors_name_the_path_the_value_and_the_way_out(
    properties: dict[str, Any], words: list[str]
) -> None:
    said = problem(topology(**properties))
    assert [word for word in words if word not in said] == []


def test_a_policy_without_properties_is_refused() -> None:
    said = problem(InlinePolicy(name="t", type="topology"))
    assert "policies[t].properties" in said
    assert "needs properties" in said


def test_all_unknown_clusters_are_reported_at_once() -> None:
    said = problem(topology(clusters=["x1", "x2"]), topology("u", clusters=["x3"]))
    assert all(name in said for name in ("x1", "x2", "x3"))


@pytest.mark.parametrize(
    ("properties", "word"),
    [
        ({"clusterSelector": {"region": "beijing"}}, "deprecated"),
        ({"clusterSelector": {}, "clusters": ["local"]}, "clusterSelector is ignored"),
        ({"clusterLabelSelector": {}, "clusters": ["local"]}, "clusterLabelSelector is ignored"),
        ({"clusters": []}, "nothing is delivered"),
    ],
)
def test_what_works_differently_than_it_looks_is_warned_of(
    properties: dict[str, Any], word: str
) -> None:
    (warning,) = select(topology(**properties)).warnings
    assert "'t'" in warning
    assert word in warning


def test_a_plain_policy_warns_of_nothing() -> None:
    assert select(topology(clusters=["local"])).warnings == ()

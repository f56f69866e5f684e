"""Differences of two states of an object: every field, every kind of list, and nothing that is secret."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from lateen.planning.differences import (
    MASK,
    ApplicationDifference,
    FieldDifference,
    ObjectDifference,
    PlacementDifference,
    differences,
    masked,
)

Json = dict[str, Any]
POD: Json = {
    "kind": "Deployment",
    "spec": {
        "replicas": 1,
        "containers": [
            {"name": "web", "image": "nginx", "env": [{"name": "A", "value": "1"}]},
            {"name": "side", "image": "envoy", "args": ["-a", "-b"]},
        ],
    },
}


def told(before: Json, after: Json) -> list[tuple[str, str, Any, Any]]:
    return [(f.path, f.change, f.before, f.after) for f in differences(before, after)]


def changed(**spec: Any) -> Json:
    return {**copy.deepcopy(POD), "spec": {**copy.deepcopy(POD["spec"]), **spec}}


def test_equal_objects_have_none() -> None:
    assert told(POD, copy.deepcopy(POD)) == []


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (changed(replicas=0), [("spec.replicas", "changed", 1, 0)]),
        (changed(replicas=None), [("spec.replicas", "changed", 1, None)]),
        (changed(replicas="1"), [("spec.replicas", "changed", 1, "1")]),
        (
            changed(paused=False, more={"a": 1, "b": {}}),
            [
                ("spec.paused", "added", None, False),
                ("spec.more.a", "added", None, 1),
                ("spec.more.b", "added", None, {}),
            ],
        ),
        ({"kind": "Deployment", "spec": {}}, None),
    ],
)
def test_fields(after: Json, expected: Any) -> None:
    if expected is None:
        assert [(path, change) for path, change, *_ in told(POD, after)] == [
            ("spec.replicas", "removed"),
            ("spec.containers", "removed"),
        ]
    else:
        assert told(POD, after) == expected


def test_items_with_names_are_compared_by_name() -> None:
    after = copy.deepcopy(POD)
    web, _ = after["spec"]["containers"]
    web["image"] = "nginx:2"
    web["env"].append({"name": "B", "value": "2"})
    after["spec"]["containers"] = [{"name": "new", "image": "x"}, web]
    assert told(POD, after) == [
        ("spec.containers[web].image", "changed", "nginx", "nginx:2"),
        ("spec.containers[web].env[B].name", "added", None, "B"),
        ("spec.containers[web].env[B].value", "added", None, "2"),
        ("spec.containers[side].name", "removed", "side", None),
        ("spec.containers[side].image", "removed", "envoy", None),
        ("spec.containers[side].args", "removed", ["-a", "-b"], None),
        ("spec.containers[new].name", "added", None, "new"),
        ("spec.containers[new].image", "added", None, "x"),
    ]


def test_another_order_is_a_difference() -> None:
    after = changed(containers=list(reversed(POD["spec"]["containers"])))
    assert told(POD, after) == [("spec.containers", "changed", ["web", "side"], ["side", "web"])]


def test_other_lists_are_compared_by_place_or_as_a_whole() -> None:
    rules = [{"hosts": ["a"]}, {"hosts": ["b"]}]
    before, after = {"rules": rules}, {"rules": [{"hosts": ["a"]}, {"hosts": ["c"]}, {"x": 1}]}
    assert told(before, after) == [
        ("rules[1].hosts", "changed", ["b"], ["c"]),
        ("rules[2].x", "added", None, 1),
    ]
    twins = [{"name": "a", "port": 1}, {"name": "a", "port": 2}]
    assert told({"p": twins}, {"p": twins[:1]})[0][0] == "p[2].name"


def secret(**data: str) -> Json:
    return {"kind": "Secret", "metadata": {"name": "s"}, "data": data}


def test_contents_of_secrets_are_compared_and_not_told() -> None:
    found = differences(secret(a="old", b="same", c="gone"), secret(a="new", b="same", d="come"))
    assert [(f.path, f.change) for f in found] == [
        ("data.a", "changed"),
        ("data.c", "removed"),
        ("data.d", "added"),
    ]
    assert all(f.masked and f.before is None and f.after is None for f in found)
    assert "old" not in str(found)


def test_contents_that_come_at_once_are_not_told_either() -> None:
    bare: Json = {"kind": "Secret", "metadata": {"name": "s"}}
    (found,) = differences(bare, {**bare, "stringData": {"p": "geheim"}})
    assert (found.path, found.masked) == ("stringData.p", True)
    (found,) = differences({**bare, "data": None}, secret(p="geheim"))
    assert "geheim" not in found.model_dump_json()


def test_copies_of_a_secret_in_its_annotations_are_hidden() -> None:
    key = "kubectl.kubernetes.io/last-applied-configuration"
    before = {"kind": "Secret", "metadata": {"annotations": {key: "{geheim}", "a": "b"}}}
    (found,) = differences(before, {"kind": "Secret", "metadata": {"annotations": {"a": "b"}}})
    assert (found.change, found.masked) == ("removed", True)
    assert "geheim" not in str(masked(before))


def test_variables_that_are_named_like_credentials_are_hidden() -> None:
    def pod(password: str) -> Json:
        env = [{"name": "DB_PASSWORD", "value": password}, {"name": "A", "value": password}]
        return {"kind": "Pod", "spec": {"env": env}}

    found = {f.path: f for f in differences(pod("x"), pod("y"))}
    assert found["spec.env[DB_PASSWORD].value"].masked
    assert found["spec.env[A].value"].after == "y"
    assert masked(pod("x"))["spec"]["env"][0]["value"] == MASK


def test_lists_that_are_told_as_a_whole_hide_what_is_secret_in_them() -> None:
    inside = {"name": "API_TOKEN", "value": "geheim"}
    found = differences({"list": [1]}, {"list": [1, inside]})
    assert "geheim" not in str(found)
    assert found[0].after == [1, {"name": "API_TOKEN", "value": MASK}]


def test_masking_changes_no_argument() -> None:
    given = secret(a="old")
    assert masked(given)["data"] == {"a": MASK}
    assert given == secret(a="old")


def test_what_the_parts_say_of_the_whole() -> None:
    change = ObjectDifference(action="change", api_version="v1", kind="ConfigMap", name="a")
    place = PlacementDifference(cluster="c", namespace="n")
    whole = ApplicationDifference(application="n/a", placements=[place])
    assert (whole.changed, whole.failed) == (False, False)
    differs = place.model_copy(update={"objects": [change]})
    wrong = place.model_copy(update={"problems": ["no route"]})
    assert whole.model_copy(update={"placements": [place, differs]}).changed
    assert whole.model_copy(update={"placements": [wrong]}).failed
    assert whole.model_copy(update={"problems": ["invalid"]}).failed
    assert FieldDifference(path="a", change="added").masked is False

"""Paths to fields: how they are read, and how what others set is kept."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.policies.rules.field_paths import includes, keep, parse_path, value_at

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("*", ()),
        ("spec.replicas", ("spec", "replicas")),
        (".spec.replicas", ("spec", "replicas")),
        ("spec.containers[0].image", ("spec", "containers", 0, "image")),
        ("metadata.annotations[a.b/c]", ("metadata", "annotations", "a.b/c")),
        ('metadata.labels["a.b/c"]', ("metadata", "labels", "a.b/c")),
        ("data['x']", ("data", "x")),
    ],
)
def test_a_path_is_read(text: str, path: tuple[str | int, ...]) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize("text", ["", "a..b", "a[", "a]b", "spec.*", "a[*]", "a b", "a.", "[]"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="path of a field"):
        parse_path(text)


def pod(*containers: Json) -> Json:
    return {"spec": {"containers": list(containers)}}


CPU = "spec.containers[0].resources"
MAIN = {"name": "main", "resources": {"cpu": "1"}}
INJECTED = {"name": "proxy", "resources": {"cpu": "9"}}
KEPT = {"name": "main", "resources": {"cpu": "4"}}
GROWN = {"name": "main", "resources": {"cpu": "4"}, "tty": True}


@pytest.mark.parametrize(
    ("wanted", "live", "path", "expected"),
    [
        ({"spec": {"n": 1, "m": 1}}, {"spec": {"n": 3, "m": 3}}, "spec.n", {"spec": {"n": 3, "m": 1}}),
        ({"spec": {"n": 1}}, {"spec": {}}, "spec.n", {"spec": {"n": 1}}),
        ({"spec": {}}, {"spec": {"n": 3}}, "spec.n", {"spec": {"n": 3}}),
        ({}, {"spec": {"n": 3}}, "spec.n", {"spec": {"n": 3}}),
        ({}, {"spec": {"n": 3}}, "spec.other.n", {}),
        ({"spec": {"n": None}}, {"spec": {"n": 0}}, "spec.n", {"spec": {"n": 0}}),
        ({"spec": "text"}, {"spec": {"n": 3}}, "spec.n", {"spec": "text"}),
        (pod(MAIN), pod(GROWN), CPU, pod(KEPT)),
        (pod(MAIN), pod(INJECTED, GROWN), CPU, pod(KEPT)),
        (pod(MAIN), pod(INJECTED), CPU, pod(MAIN)),
        (pod(MAIN), pod(GROWN), "spec.containers[1].resources", pod(MAIN)),
        ({"a": [1, 2]}, {"a": [7, 8]}, "a[1]", {"a": [1, 8]}),
    ],
)  # fmt: skip
def test_what_is_kept_comes_from_the_live_object(
    wanted: Json, live: Json, path: str, expected: Json
) -> None:
    """What is not there yet is set once; a list's elements are the same by name, not by position."""
    assert keep(wanted, live, parse_path(path)) == expected


def test_keeping_changes_neither_object() -> None:
    wanted, live = pod(dict(MAIN)), pod(dict(GROWN))
    keep(wanted, live, parse_path("spec.containers[0].resources"))
    assert (wanted, live) == (pod(MAIN), pod(GROWN))


@pytest.mark.parametrize(
    ("live", "wanted", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"b": None}, False),
        ({"a": [{"x": 1, "y": 2}]}, {"a": [{"x": 1}]}, True),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": 1}, {"a": {"b": 1}}, False),
        ({"a": 1}, {"a": [1]}, False),
    ],
)
def test_defaults_of_a_server_are_no_difference(live: Json, wanted: Json, expected: bool) -> None:
    assert includes(live, wanted) is expected


def test_a_value_at_a_path_that_leads_nowhere_is_none() -> None:
    live = {"a": [{"b": 1}]}
    found = [value_at(live, parse_path(path)) for path in ("a[0].b", "a[1].b", "a.b", "x.y")]
    assert found == [1, None, None, None]

"""Patches: KubeVela's strategic unification. What contradicts is an error unless a marker settles it."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.definitions.patching import PatchConflict, patch_object
from lateen.definitions.values import Member, read_struct

Json = dict[str, Any]

CONTAINERS = {"containers": [{"name": "x1"}, {"name": "x2", "env": [{"name": "A", "value": "1"}]}]}


def patched(base: Json, patch: str, **markers: str) -> Json:
    patch_object(base, Member(read_struct(patch), markers))
    return base


@pytest.mark.parametrize(
    ("base", "patch", "result"),
    [
        ({}, "a: b: 1", {"a": {"b": 1}}),
        ({"a": {"b": 1}}, "a: {b: 1, c: [2]}", {"a": {"b": 1, "c": [2]}}),
        ({"l": [{"a": 1}]}, "l: [{b: 2}, {c: 3}]", {"l": [{"a": 1, "b": 2}, {"c": 3}]}),
        (
            CONTAINERS,
            '// +patchKey=name\ncontainers: [{name: "x3"}, {name: "x2", image: "i"}]',
            {
                "containers": [
                    {"name": "x1"},
                    {"name": "x2", "env": [{"name": "A", "value": "1"}], "image": "i"},
                    {"name": "x3"},
                ]
            },
        ),
        (  # the key holds for the lists below
            CONTAINERS,
            '// +patchKey=name\ncontainers: [{name: "x2", env: [{name: "B", value: "2"}]}]',
            {
                "containers": [
                    {"name": "x1"},
                    {
                        "name": "x2",
                        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                    },
                ]
            },
        ),
        (
            {"envFrom": [{"secretRef": {"name": "s"}}, {"configMapRef": {"name": "s"}}]},
            (
                "// +patchKey=secretRef.name,configMapRef.name\n"
                'envFrom: [{configMapRef: {name: "s", optional: true}}, {secretRef: name: "t"}]'
            ),
            {
                "envFrom": [
                    {"secretRef": {"name": "s"}},
                    {"configMapRef": {"name": "s", "optional": True}},
                    {"secretRef": {"name": "t"}},
                ]
            },
        ),
        (
            {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}},
            'spec: {\n// +patchStrategy=retainKeys\nstrategy: {\ntype: "Recreate"\n}}',
            {"spec": {"strategy": {"type": "Recreate"}}},
        ),
        ({"n": 1}, "// +patchStrategy=retainKeys\nn: 3", {"n": 3}),
        (
            {"volumes": [{"name": "e", "emptyDir": {}}, {"name": "v", "cinder": {}}]},
            (
                "// +patchStrategy=retainKeys\n// +patchKey=name\n"
                'volumes: [{name: "v", configMap: name: "c"}]'
            ),
            {"volumes": [{"name": "e", "emptyDir": {}}, {"name": "v", "configMap": {"name": "c"}}]},
        ),
        (  # an outer key says nothing about a list whose items don't have it
            {"aliases": [{"ip": "1", "names": ["a"]}]},
            '// +patchKey=ip\naliases: [{ip: "1", names: ["a", "b"]}]',
            {"aliases": [{"ip": "1", "names": ["a", "b"]}]},
        ),
        ({"c": ["a", "b"]}, '// +patchStrategy=replace\nc: ["z"]', {"c": ["z"]}),
        ({"a": 1}, "// +patchStrategy=open\nb: 2", {"a": 1, "b": 2}),
        (CONTAINERS, "// +patchKey=name\ncontainers: []", CONTAINERS),
    ],
)
def test_merging(base: Json, patch: str, result: Json) -> None:
    """Each strategy merges as KubeVela's own unification does."""
    assert patched(dict(base), patch) == result


def test_json_patches() -> None:
    base = {"spec": {"replicas": 1, "paused": True}}
    merged = patched(base, "spec: {paused: null, replicas: 2}", patchStrategy="jsonMergePatch")
    assert merged == {"spec": {"replicas": 2}}
    operations = 'operations: [{op: "replace", path: "/spec/replicas", value: 5}]'
    assert patched(base, operations, patchStrategy="jsonPatch") == {"spec": {"replicas": 5}}


@pytest.mark.parametrize(
    ("patch", "markers", "message"),
    [
        ("a: 2", {}, "a: the patch contradicts what is there (1 and 2)"),
        ("a: 1.0", {}, "a: the patch contradicts what is there (1 and 1.0)"),
        ('s: "other"', {}, "s: the patch contradicts what is there (a text and a text)"),
        ("s: {}", {}, "s: the patch contradicts what is there (a text and an object)"),
        ("a: [1]", {}, "a: the patch contradicts what is there (1 and a list)"),
        ("l: [{name: 1}]", {}, "l: has 2 items, the patch 1, and nothing says which are meant"),
        ("// +patchKey=name\nl: [{nome: 1}]", {}, "l: has 2 items, the patch 1"),
        ("// +patchKey=name\nl: [{name: 1}, {nome: 1}]", {}, "l[1]: has no name to merge by"),
        (
            "// +patchKey=name\nl: [{name: 1, a: 1}, {name: 1, a: 2}]",
            {},
            "l[1]: name 1 is given twice",
        ),
        ("// +patchStrategy=replcae\nl: []", {}, "l: unknown patchStrategy 'replcae'"),
        ("// +patchStrategy=replace\no: {}", {}, "o: the strategy replace is for lists"),
        (
            "// +patchStrategy=jsonPatch\no: {}",
            {},
            "o: patchStrategy=jsonPatch must stand above the whole patch",
        ),
        ("o: 1", {"patchStrategy": "jsonPatch"}, "operations: a jsonPatch needs operations"),
        (
            'operations: [{op: "test", path: "/a", value: 2}]',
            {"patchStrategy": "jsonPatch"},
            "operations[0]: test /a: test failed",
        ),
        ('operations: [{op: "ad"}]', {"patchStrategy": "jsonPatch"}, "operations[0]: needs a path"),
    ],
)
def test_contradictions(patch: str, markers: dict[str, str], message: str) -> None:
    """A patch that can't be merged says where and why, and changes nothing."""
    base: Json = {"a": 1, "s": "secret", "l": [{"name": 1}, {"name": 2}], "o": {"x": 1}}
    before = repr(base)
    with pytest.raises(PatchConflict) as caught:
        patched(base, patch, **markers)
    assert str(caught.value).startswith(message)
    assert "secret" not in str(caught.value)
    assert repr(base) == before

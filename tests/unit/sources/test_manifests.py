"""Manifests from elsewhere: read as Kubernetes reads them, and nothing is taken on trust."""

from __future__ import annotations

import pytest

from lateen.sources.manifests import UnusableManifest, read_manifests

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def test_documents_and_lists_are_taken_apart() -> None:
    listed = (
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: p}}\n"
    )
    found = read_manifests(f"# nothing\n---\n{CONFIG}---\n---\n{listed}")
    assert [each["kind"] for each in found] == ["ConfigMap", "Pod"]


def test_what_servers_add_and_what_has_no_value_is_left_out() -> None:
    (found,) = read_manifests(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, uid: x, resourceVersion: '1', annotations: }\n"
        "spec: {volumes: [{name: v, emptyDir: {}, secret: null}]}\nstatus: {phase: Running}\n"
    )
    assert found == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a"},
        "spec": {"volumes": [{"name": "v", "emptyDir": {}}]},
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is no YAML that Kubernetes reads: line"),
        ("- a", "something that is no object, at line 1"),
        ("hello", "something that is no object"),
        ("kind: X\nmetadata: {name: a}", "an object without apiVersion, at line 1"),
        ("apiVersion: v1\nkind: X", "an object without metadata.name"),
        ("apiVersion: v1\nkind: X\nmetadata: {name: 1}", "an object without metadata.name"),
        (f"{CONFIG}\n---\napiVersion: v1\nkind: X\nmetadata: []", "metadata.name, at line"),
        ("apiVersion: v1\nkind: X\nmetadata: {name: a, labels: {a: 1}}", "labels are no texts"),
        ("apiVersion: v1\nkind: X\nmetadata: {name: a, namespace: 1}", "namespace is no text"),
        (f"{CONFIG}---\n" * 1001, "has 1,001 objects; at most 1,000"),
    ],
)
def test_what_is_no_manifest_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(UnusableManifest, match=said):
        read_manifests(text)

"""What is installed in a hub, and when somebody else's kinds can be used instead."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from lateen.hub.installing import manifests
from lateen.hub.kind_checks import find_limits, find_obstacles
from lateen.model.base import Json

KINDS = [item for item in manifests() if item["kind"] == "CustomResourceDefinition"]


def kind(name: str) -> Json:
    return next(item for item in KINDS if item["metadata"]["name"] == name)


def schema(crd: Json) -> Json:
    found: Json = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def test_kinds_are_those_of_the_design() -> None:
    """Five in KubeVela's group, three in ours; all namespaced."""
    assert {(item["metadata"]["name"], item["spec"]["versions"][0]["name"]) for item in KINDS} == {
        ("applications.core.oam.dev", "v1beta1"),
        ("policies.core.oam.dev", "v1alpha1"),
        ("workflows.core.oam.dev", "v1alpha1"),
        ("componentdefinitions.core.oam.dev", "v1beta1"),
        ("traitdefinitions.core.oam.dev", "v1beta1"),
        ("revisions.lateen.dev", "v1alpha1"),
        ("inventories.lateen.dev", "v1alpha1"),
        ("audits.lateen.dev", "v1alpha1"),
    }
    assert {item["spec"]["scope"] for item in KINDS} == {"Namespaced"}


def test_everything_is_labelled_as_ours() -> None:
    """The label is how a later install knows what it may change."""
    labels = [item["metadata"]["labels"]["app.kubernetes.io/managed-by"] for item in manifests()]
    assert set(labels) == {"lateen"}


def test_registry_namespace_is_used_everywhere() -> None:
    """With another namespace nothing mentions the default one any more."""
    assert "vela-system" not in repr(manifests(namespace="clusters"))
    names = {item["metadata"]["name"] for item in manifests(namespace="clusters")}
    assert {"clusters", "lateen-system"} <= names


def rules() -> list[Json]:
    return [rule for item in manifests() for rule in item.get("rules", [])]


def test_worker_gets_no_wildcard_and_no_escalation() -> None:
    """Least privilege: no `*`, nothing that could grant more, Secrets in one namespace only."""
    for rule in rules():
        assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"]
        assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])
    for item in manifests():
        if item["kind"] == "ClusterRole":
            assert not any("secrets" in rule["resources"] for rule in item["rules"])
    secrets = [rule for rule in rules() if "secrets" in rule["resources"]]
    assert [rule["verbs"] for rule in secrets] == [["get", "list", "watch"]]


def test_own_kinds_can_be_used() -> None:
    """Our schema drops nothing that it names itself."""
    for item in KINDS:
        assert find_obstacles(item, item) == []
        assert find_limits(item, item) == []


def without(crd: Json, *path: str) -> Json:
    """Return the kind without a field, and without keeping unknown ones anywhere."""
    changed = copy.deepcopy(crd)
    _forget_unknown(schema(changed))
    node = schema(changed)
    for name in path[:-1]:
        node = node["items"] if name == "[]" else node["properties"][name]
    del node["properties"][path[-1]]
    return changed


def _forget_unknown(node: Any) -> None:
    if isinstance(node, dict):
        if node.get("properties"):
            node.pop("x-kubernetes-preserve-unknown-fields", None)
        for child in node.values():
            _forget_unknown(child)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("applications.core.oam.dev", ("spec", "workflow")),
        ("applications.core.oam.dev", ("spec", "components", "[]", "properties")),
        ("applications.core.oam.dev", ("spec", "components", "[]", "traits", "[]", "properties")),
        ("policies.core.oam.dev", ("type",)),
        ("workflows.core.oam.dev", ("steps", "[]", "properties")),
    ],
)
def test_dropped_essentials_are_obstacles(name: str, path: tuple[str, ...]) -> None:
    """A kind that would lose what makes up an application can't be used; the field is named."""
    dropped = ".".join(path).replace(".[]", "[]")
    assert find_obstacles(without(kind(name), *path), kind(name)) == [
        f"it drops the field {dropped}"
    ]


def test_missing_extras_are_limits_only() -> None:
    """KubeVela's own Application has no names for traits, and old Workflows no mode."""
    wanted = kind("applications.core.oam.dev")
    live = without(wanted, "spec", "components", "[]", "traits", "[]", "name")
    assert find_obstacles(live, wanted) == []
    assert find_limits(live, wanted) == [
        "the field spec.components[].traits[].name is not known to it and can't be used"
    ]
    workflows = kind("workflows.core.oam.dev")
    assert find_limits(without(workflows, "mode"), workflows) == [
        "the field mode is not known to it and can't be used"
    ]


def test_preserved_unknown_fields_are_kept() -> None:
    """A schema that names nothing but keeps everything is fine."""
    wanted = kind("applications.core.oam.dev")
    live = copy.deepcopy(wanted)
    schema(live)["properties"]["spec"] = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }
    assert find_obstacles(live, wanted) == []
    assert find_limits(live, wanted) == []


def test_cluster_scope_and_missing_version_are_obstacles() -> None:
    """Another scope or no served version: said as such."""
    wanted = kind("policies.core.oam.dev")
    cluster_scoped = copy.deepcopy(wanted)
    cluster_scoped["spec"]["scope"] = "Cluster"
    assert "scope is Cluster" in find_obstacles(cluster_scoped, wanted)[0]
    for change in ({"served": False}, {"name": "v1"}):
        unserved = copy.deepcopy(wanted)
        unserved["spec"]["versions"][0] |= change
        assert find_obstacles(unserved, wanted) == ["it does not serve version v1alpha1"]

"""What is deployed to Kubernetes: copies that agree with the package, rights that suffice, no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lateen.hub.installing import member_manifests
from lateen.kube.resources import plural_of
from support.manifests import KUBERNETES, built, copies

Json = dict[str, Any]

DATA = Path(__file__).parents[2] / "conformance" / "data"
WRITING = {"get", "create", "update", "patch", "delete"}
FLUX = {
    ("helm.toolkit.fluxcd.io", "helmreleases"),
    ("kustomize.toolkit.fluxcd.io", "kustomizations"),
    ("source.toolkit.fluxcd.io", "buckets"),
    ("source.toolkit.fluxcd.io", "gitrepositories"),
    ("source.toolkit.fluxcd.io", "helmrepositories"),
    ("source.toolkit.fluxcd.io", "ocirepositories"),
    ("image.toolkit.fluxcd.io", "imagepolicies"),
    ("image.toolkit.fluxcd.io", "imagerepositories"),
    ("image.toolkit.fluxcd.io", "imageupdateautomations"),
}
RBAC = {
    ("rbac.authorization.k8s.io", kind)
    for kind in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
}


@pytest.mark.parametrize("path", copies(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_copies_are_what_lateen_applies_itself(path: Path) -> None:
    """`make manifests` was run after the last change."""
    assert path.read_text() == copies()[path]


def written() -> set[tuple[str, str]]:
    """Return group and resource of all that the default role may write."""
    (role,) = [
        item
        for item in member_manifests()
        if item["metadata"]["name"] == "lateen-delivery" and "rules" in item
    ]
    return {
        (group, resource)
        for rule in role["rules"]
        if set(rule["verbs"]) >= WRITING
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def delivered() -> set[tuple[str, str]]:
    """Return group and resource of all that KubeVela, asked the same, applied in the recordings."""
    found: set[tuple[str, str]] = set()
    for path in DATA.rglob("*.yaml"):
        if path.parent.name == "delivered" or path.name == "applied.yaml":
            for document in yaml.safe_load_all(path.read_text()):
                collect(document, found)
    return {pair for pair in found if pair[0] != "core.oam.dev"}


def collect(value: Any, found: set[tuple[str, str]]) -> None:
    """Add every object below a value."""
    if isinstance(value, list):
        for item in value:
            collect(item, found)
    elif isinstance(value, dict):
        if value.get("apiVersion") and value.get("kind") and "metadata" in value:
            group = value["apiVersion"].rpartition("/")[0]
            found.add((group, plural_of(value["kind"])))
        for item in value.values():
            collect(item, found)


def test_default_role_covers_the_built_in_types() -> None:
    """Every kind that the recordings contain, Flux's, and Namespaces; nothing beyond them."""
    seen = delivered()
    assert ("apps", "deployments") in seen
    assert seen <= written()
    assert written() - seen <= FLUX | RBAC | {("", "namespaces"), ("", "serviceaccounts")}


def test_roles_grant_no_escalation() -> None:
    """No wildcard, and none of the verbs that grant what one does not have."""
    for item in member_manifests():
        for rule in item.get("rules", []):
            assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"]
            assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])


def test_worker_runs_unprivileged_and_is_probed() -> None:
    """The pod fits the `restricted` Pod Security Standard, and names options that exist."""
    from lateen.cli.working import worker

    (deployment,) = [item for item in built("base") if item["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    command, *options = container["args"]
    known = {name for parameter in worker.params for name in parameter.opts}
    assert command == "worker"
    assert {option.partition("=")[0] for option in options} <= known
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    given = dict(option.removeprefix("--").split("=") for option in options)
    assert given["health-address"].endswith(":" + ports["health"])
    assert given["metrics-address"].endswith(":" + ports["metrics"])


def test_every_kustomization_names_files_that_exist() -> None:
    for path in KUBERNETES.rglob("kustomization.yaml"):
        assert built(path.parent.name)

"""``helm`` and ``kustomize`` render what Flux's controllers read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lateen.model.application import Component
from lateen.model.errors import InvalidApplication
from lateen.rendering.context import RenderContext
from lateen.rendering.registry import builtin
from lateen.rendering.render import render

URL = "https://charts.example"


def rendered(kind: str, *traits: dict[str, Any], **properties: Any) -> dict[str, dict[str, Any]]:
    """Return the objects by kind."""
    component = Component.model_validate(
        {"name": "web", "type": kind, "properties": properties, "traits": list(traits)}
    )
    objects = render([component], RenderContext("shop", "examples"), builtin())
    return {each.manifest["kind"]: each.manifest for each in objects}


def helm(**properties: Any) -> dict[str, dict[str, Any]]:
    return rendered("helm", **{"url": URL, "chart": "web", **properties})


def kustomize(*traits: dict[str, Any], **properties: Any) -> dict[str, dict[str, Any]]:
    return rendered("kustomize", *traits, **{"url": URL, "path": "./app", **properties})


def refusal(kind: str, **properties: Any) -> str:
    with pytest.raises(InvalidApplication) as caught:
        rendered(kind, **properties)
    (problem,) = caught.value.problems
    return str(problem).removeprefix("spec.components[0].properties.")


def test_a_chart_of_a_helm_repository() -> None:
    objects = helm()
    assert objects["HelmRelease"]["apiVersion"] == "helm.toolkit.fluxcd.io/v2beta1"
    assert objects["HelmRelease"]["spec"] == {
        "timeout": "10m",
        "interval": "30s",
        "chart": {
            "spec": {
                "chart": "web",
                "version": "*",
                "sourceRef": {"kind": "HelmRepository", "name": "web"},
                "interval": "5m",
            }
        },
        "install": {"remediation": {"retries": 3}},
        "upgrade": {"remediation": {"retries": 3}},
    }
    repository = objects["HelmRepository"]
    assert repository["apiVersion"] == "source.toolkit.fluxcd.io/v1beta2"
    assert repository["spec"] == {"url": URL, "interval": "5m"}
    assert repository["metadata"]["name"] == "web"
    assert repository["metadata"]["labels"]["trait.oam.dev/resource"] == "repo"


def test_everything_that_a_release_can_be_told() -> None:
    values = {"replicas": 2, "resources": None}
    spec = helm(
        version="1.2.3",
        values=values,
        valuesFrom=[{"kind": "ConfigMap", "name": "v", "valuesKey": "k", "optional": True}],
        valuesFiles=["a.yaml"],
        targetNamespace="prod",
        releaseName="blue",
        upgradeCRD=True,
        retries=-1,
        installTimeout="1m",
        interval="2m",
        pullInterval="3m",
    )["HelmRelease"]["spec"]
    assert spec["values"] == values
    assert spec["values"] is not values
    assert spec["valuesFrom"] == [
        {"kind": "ConfigMap", "name": "v", "valuesKey": "k", "optional": True}
    ]
    assert spec["chart"]["spec"]["valuesFiles"] == ["a.yaml"]
    assert (spec["chart"]["spec"]["version"], spec["chart"]["spec"]["interval"]) == ("1.2.3", "3m")
    assert (spec["targetNamespace"], spec["releaseName"]) == ("prod", "blue")
    assert (spec["timeout"], spec["interval"]) == ("1m", "2m")
    assert spec["install"] == {"remediation": {"retries": -1}}
    assert spec["upgrade"] == {"remediation": {"retries": -1}, "crds": "CreateReplace"}


@pytest.mark.parametrize(
    ("properties", "kind", "version", "spec"),
    [
        (
            {"repoType": "oci", "secretRef": "login", "timeout": "1m"},
            "HelmRepository",
            "v1beta2",
            {"type": "oci", "url": URL, "secretRef": {"name": "login"}, "timeout": "1m"},
        ),
        (
            {"helmrepository": {"provider": "aws"}, "secretRef": ""},
            "HelmRepository",
            "v1beta2",
            {"url": URL, "provider": "aws"},
        ),
        (
            {"repoType": "git", "git": {"branch": "main", "semver": "1.x"}},
            "GitRepository",
            "v1",
            {"url": URL, "ref": {"branch": "main", "semver": "1.x"}},
        ),
        ({"repoType": "git", "git": {}}, "GitRepository", "v1", {"url": URL}),
        (
            {"repoType": "oss", "oss": {"bucketName": "b", "region": "r"}},
            "Bucket",
            "v1beta2",
            {"endpoint": URL, "bucketName": "b", "provider": "generic", "region": "r"},
        ),
    ],
)
def test_sources_of_charts(
    properties: dict[str, Any], kind: str, version: str, spec: dict[str, Any]
) -> None:
    objects = helm(**properties)
    assert objects[kind]["apiVersion"] == f"source.toolkit.fluxcd.io/{version}"
    assert objects[kind]["spec"] == {"interval": "5m", **spec}
    chart = objects["HelmRelease"]["spec"]["chart"]["spec"]
    assert chart["sourceRef"] == {"kind": kind, "name": "web"}


def test_a_source_that_exists_needs_no_url() -> None:
    objects = rendered("helm", chart="web", sourceName="shared", repoType="git")
    assert objects.keys() == {"HelmRelease"}
    chart = objects["HelmRelease"]["spec"]["chart"]["spec"]
    assert chart["sourceRef"] == {"kind": "GitRepository", "name": "shared"}


def test_a_directory_of_a_git_repository() -> None:
    objects = kustomize(git={"branch": "main", "provider": "GitHub"})
    assert objects["Kustomization"]["apiVersion"] == "kustomize.toolkit.fluxcd.io/v1"
    assert objects["Kustomization"]["spec"] == {
        "interval": "5m",
        "sourceRef": {"kind": "GitRepository", "name": "web"},
        "path": "./app",
        "suspend": False,
        "prune": True,
        "force": False,
    }
    assert objects["GitRepository"]["spec"] == {
        "url": URL,
        "ref": {"branch": "main"},
        "interval": "5m",
    }


def test_an_oci_repository_with_secrets_in_it() -> None:
    objects = kustomize(
        repoType="oci",
        oci={"provider": "gcp", "semver": "1.x"},
        decryption={"secretRef": {"name": "keys"}},
        targetNamespace="prod",
    )
    assert objects["OCIRepository"]["spec"] == {
        "url": URL,
        "provider": "gcp",
        "ref": {"semver": "1.x"},
        "interval": "5m",
    }
    spec = objects["Kustomization"]["spec"]
    assert spec["decryption"] == {"provider": "sops", "secretRef": {"name": "keys"}}
    assert spec["targetNamespace"] == "prod"
    assert kustomize(repoType="oss", oss={"bucketName": "b"})["Bucket"]["spec"]["endpoint"] == URL


def test_new_tags_of_an_image_are_written_to_git() -> None:
    objects = kustomize(
        git={"branch": "main"},
        imageRepository={
            "image": "ghcr.io/x/y",
            "policy": {"numerical": {"order": "asc"}},
            "filterTags": {"pattern": "^v"},
            "secretRef": "login",
            "commitMessage": "[skip ci]",
        },
    )
    assert objects["ImageRepository"]["spec"] == {
        "image": "ghcr.io/x/y",
        "interval": "5m",
        "secretRef": {"name": "login"},
    }
    assert objects["ImagePolicy"]["spec"] == {
        "imageRepositoryRef": {"name": "web"},
        "policy": {"numerical": {"order": "asc"}},
        "filterTags": {"pattern": "^v"},
    }
    update = objects["ImageUpdateAutomation"]["spec"]
    assert update["git"]["push"] == {"branch": "main"}
    assert update["git"]["commit"]["messageTemplate"] == "Update image automatically.\n[skip ci]"
    assert update["update"] == {"path": "./app", "strategy": "Setters"}


IMAGE = {"image": "i", "policy": {"alphabetical": {}}}


@pytest.mark.parametrize(
    ("kind", "properties", "told"),
    [
        ("helm", {"chart": "c"}, "url: is required; or name an existing source in sourceName"),
        (
            "helm",
            {"chart": "c", "url": URL, "repoType": "oss"},
            "oss: is required for repoType oss; name the bucket",
        ),
        (
            "helm",
            {"chart": "c", "url": URL, "repoType": "gti"},
            "repoType: expected 'helm', 'git', 'oss' or 'oci' (got 'gti'); did you mean 'git'?",
        ),
        (
            "helm",
            {"chart": "c", "url": URL, "interval": "often"},
            "interval: expected a duration such as 30s, 5m or 1h30m (got 'often')",
        ),
        (
            "kustomize",
            {"path": ".", "url": URL, "imageRepository": IMAGE},
            "git.branch: is required by imageRepository; name the branch to write to",
        ),
        (
            "kustomize",
            {
                "path": ".",
                "url": URL,
                "git": {"branch": "main"},
                "imageRepository": {"image": "i", "policy": {}},
            },
            (
                "imageRepository.policy: needs exactly one of alphabetical, numerical, semver; "
                "keep one"
            ),
        ),
    ],
)
def test_what_flux_could_not_use_is_refused(
    kind: str, properties: dict[str, Any], told: str
) -> None:
    assert refusal(kind, **properties) == told


def test_patches_are_texts_in_the_order_of_the_traits() -> None:
    target = {"kind": "Deployment"}
    operation = {"op": "replace", "path": "/spec/replicas", "value": 0}
    merged = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": None}
    patches = kustomize(
        {
            "type": "kustomize-patch",
            "properties": {"patches": [{"patch": "a: 1", "target": target}]},
        },
        {
            "type": "kustomize-json-patch",
            "properties": {"patchesJson": [{"target": target, "patch": [operation]}]},
        },
        {
            "type": "kustomize-strategy-merge",
            "properties": {"patchesStrategicMerge": [merged]},
        },
    )["Kustomization"]["spec"]["patches"]
    assert patches[0] == {"patch": "a: 1", "target": target}
    assert [json.loads(each["patch"]) for each in patches[1:]] == [[operation], merged]
    assert [each.get("target") for each in patches] == [target, target, None]


def test_patches_fit_nothing_but_a_kustomization() -> None:
    with pytest.raises(InvalidApplication, match="doesn't fit a Deployment: it is for kustomize"):
        rendered(
            "webservice", {"type": "kustomize-patch", "properties": {"patches": []}}, image="nginx"
        )

"""Paths of kinds that are known by heart."""

from __future__ import annotations

import pytest

from lateen.kube.resources import BUILT_IN, Resource


@pytest.mark.parametrize(
    ("api_version", "kind", "expected"),
    [
        ("v1", "ConfigMap", "/api/v1/namespaces/shop/configmaps/x"),
        ("v1", "Endpoints", "/api/v1/namespaces/shop/endpoints/x"),
        ("v1", "Namespace", "/api/v1/namespaces/x"),
        ("apps/v1", "Deployment", "/apis/apps/v1/namespaces/shop/deployments/x"),
        (
            "networking.k8s.io/v1",
            "Ingress",
            "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/x",
        ),
        (
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/x",
        ),
        ("storage.k8s.io/v1", "StorageClass", "/apis/storage.k8s.io/v1/storageclasses/x"),
    ],
)
def test_paths_of_objects(api_version: str, kind: str, expected: str) -> None:
    assert BUILT_IN[api_version, kind].path("shop", "x") == expected


def test_collections_and_names_that_need_quoting() -> None:
    roles = Resource(
        "rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", namespaced=False
    )
    root = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    assert roles.path() == root
    assert roles.path("", "system:a/b") == f"{root}/system%3Aa%2Fb"

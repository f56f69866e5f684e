"""Finding resources by the names that people know."""

from __future__ import annotations

import pytest

from lateen.kube.discovering import AmbiguousResource, UnknownResource
from unit.kube.apiserver import FakeApiServer


def entry(plural: str, kind: str, *short: str, namespaced: bool = True) -> dict[str, object]:
    return {
        "name": plural,
        "singularName": kind.lower(),
        "kind": kind,
        "namespaced": namespaced,
        "shortNames": list(short),
    }


def serve(server: FakeApiServer) -> None:
    groups = {
        "acme.example": [entry("things", "Thing", "th"), entry("things/status", "Thing")],
        "other.example": [entry("parts", "Part", namespaced=False)],
        "third.example": [entry("parts", "Part")],
    }
    listed = [{"name": name, "preferredVersion": {"groupVersion": f"{name}/v2"}} for name in groups]
    server.on("GET", "/apis", {"groups": [*listed, {"name": "broken"}]})
    server.on("GET", "/api/v1", {"resources": [entry("configmaps", "ConfigMap", "cm")]})
    for name, resources in groups.items():
        server.on("GET", f"/apis/{name}/v2", {"resources": resources})


@pytest.mark.parametrize(
    ("name", "group", "kind"),
    [
        ("deployments", None, "apps/v1 Deployment"),
        ("deployment", "apps", "apps/v1 Deployment"),
        ("networkpolicies", None, "networking.k8s.io/v1 NetworkPolicy"),
        ("configmap", "", "v1 ConfigMap"),
    ],
)
async def test_kubernetes_own_kinds_need_no_request(
    server: FakeApiServer, name: str, group: str | None, kind: str
) -> None:
    async with server.cluster() as cluster:
        found = await cluster.find_resource(name, group=group)
    assert f"{found.api_version} {found.kind}" == kind
    assert server.requests == []


@pytest.mark.parametrize(
    ("name", "group", "kind"),
    [
        ("things", None, "acme.example/v2 Thing"),
        ("thing", "acme.example", "acme.example/v2 Thing"),
        ("th", None, "acme.example/v2 Thing"),
        ("cm", None, "v1 ConfigMap"),
        ("parts", "third.example", "third.example/v2 Part"),
    ],
)
async def test_other_kinds_are_found_in_the_preferred_version_of_their_group(
    server: FakeApiServer, name: str, group: str | None, kind: str
) -> None:
    serve(server)
    async with server.cluster() as cluster:
        found = await cluster.find_resource(name, group=group)
    assert f"{found.api_version} {found.kind}" == kind
    assert found.namespaced


async def test_a_name_that_several_groups_have_needs_a_group(server: FakeApiServer) -> None:
    serve(server)
    async with server.cluster() as cluster:
        with pytest.raises(AmbiguousResource, match=r"groups other\.example, third\.example"):
            await cluster.find_resource("parts")
        found = await cluster.find_resource("parts", group="other.example")
    assert not found.namespaced


async def test_an_unknown_name_comes_with_the_known_ones(server: FakeApiServer) -> None:
    serve(server)
    async with server.cluster() as cluster:
        with pytest.raises(UnknownResource, match="no resource 'thongs' is served") as caught:
            await cluster.find_resource("thongs")
    assert caught.value.known == ["configmaps", "parts", "things"]

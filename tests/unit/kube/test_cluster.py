"""Objects in, objects out: what is sent for each call and how its answer is understood."""

from __future__ import annotations

import pytest

from lateen.kube.errors import (
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    ServerError,
    UnknownKind,
    Unreachable,
)
from lateen.model.objects import ObjectRef
from unit.kube.apiserver import FakeApiServer, events, status

PATH = "/api/v1/namespaces/shop/configmaps"
REF = ObjectRef(api_version="v1", kind="ConfigMap", namespace="shop", name="web")
MANIFEST = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "web", "namespace": "shop"},
}
WIDGETS = {"resources": [{"name": "widgets", "kind": "Widget", "namespaced": True}]}
WIDGET = ObjectRef(api_version="example.com/v1", kind="Widget", namespace="shop", name="w")


async def test_apply_is_a_strict_server_side_apply(server: FakeApiServer) -> None:
    server.on("PATCH", f"{PATH}/web", (201, MANIFEST), (200, MANIFEST))
    async with server.cluster() as cluster:
        first = await cluster.apply(MANIFEST, field_manager="me")
        second = await cluster.apply(MANIFEST, field_manager="me", force=True, dry_run=True)
    assert (first.created, second.created) == (True, False)
    assert first.object == MANIFEST
    plain, forced = server.requests
    assert plain.query == {"fieldManager": "me", "fieldValidation": "Strict"}
    assert forced.query == plain.query | {"force": "true", "dryRun": "All"}
    assert plain.headers["Content-Type"] == "application/apply-patch+yaml"
    assert plain.body == MANIFEST


async def test_a_guard_that_lets_it_pass_changes_nothing(server: FakeApiServer) -> None:
    server.on("PATCH", f"{PATH}/web", (201, MANIFEST))
    async with server.cluster() as cluster:
        applied = await cluster.apply(MANIFEST, field_manager="me", guard=lambda: None)
    assert applied.created
    assert server.requests[0].body == MANIFEST


async def test_a_guard_that_raises_keeps_the_server_from_answering(server: FakeApiServer) -> None:
    """The body never leaves, so no API server can have acted on it."""
    server.on("PATCH", f"{PATH}/web", (201, MANIFEST))

    def refuse() -> None:
        raise ConnectionAbortedError("too late")

    async with server.cluster() as cluster:
        with pytest.raises(Unreachable):
            await cluster.apply(MANIFEST, field_manager="me", guard=refuse)
    assert [seen for seen in server.requests if seen.body is not None] == []


async def test_a_name_can_not_leave_its_path(server: FakeApiServer) -> None:
    sly = ObjectRef(api_version="v1", kind="ConfigMap", namespace="shop", name="../secrets/db?x=")
    async with server.cluster() as cluster:
        with pytest.raises(UnknownKind):
            await cluster.get(sly)
    assert server.requests[0].path == f"{PATH}/../secrets/db?x="
    assert server.requests[0].query == {}


@pytest.mark.parametrize(
    ("kind", "namespace", "why"),
    [("ConfigMap", "", "required"), ("Namespace", "shop", "must be left out")],
)
async def test_a_namespace_that_does_not_go_with_the_kind_is_invalid_without_a_request(
    server: FakeApiServer, kind: str, namespace: str, why: str
) -> None:
    ref = ObjectRef(api_version="v1", kind=kind, namespace=namespace, name="x")
    async with server.cluster() as cluster:
        with pytest.raises(Invalid, match=f"metadata.namespace: {why}"):
            await cluster.get(ref)
    assert server.requests == []


async def test_get_and_delete_know_what_is_gone(server: FakeApiServer) -> None:
    gone = status(404, "NotFound", kind="configmaps", name="web")
    server.on("GET", f"{PATH}/web", MANIFEST, gone)
    server.on("DELETE", f"{PATH}/web", {"kind": "Status", "status": "Success"}, gone)
    async with server.cluster() as cluster:
        assert [await cluster.get(REF), await cluster.get(REF)] == [MANIFEST, None]
        first = await cluster.delete(REF, uid="u", resource_version="7", propagation="Foreground")
        assert [first, await cluster.delete(REF)] == [True, False]
    guarded, plain = server.asked("DELETE")
    assert guarded.body == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Foreground",
        "preconditions": {"uid": "u", "resourceVersion": "7"},
    }
    assert "preconditions" not in plain.body


async def test_delete_of_another_object_of_the_name_is_a_conflict(server: FakeApiServer) -> None:
    server.on("DELETE", f"{PATH}/web", status(409, "Conflict", "the UID in the precondition ..."))
    async with server.cluster() as cluster:
        with pytest.raises(Conflict, match="changed since it was read"):
            await cluster.delete(REF, uid="u")


async def test_create_replace_and_patch_use_the_right_verbs(server: FakeApiServer) -> None:
    server.on("POST", PATH, (201, MANIFEST))
    server.on("PUT", f"{PATH}/web", MANIFEST)
    server.on("PATCH", f"{PATH}/web", MANIFEST)
    server.on("PATCH", f"{PATH}/web/status", MANIFEST)
    async with server.cluster() as cluster:
        await cluster.create(MANIFEST, field_manager="me")
        await cluster.replace(MANIFEST, field_manager="me")
        await cluster.patch(REF, {"data": {"a": None}}, field_manager="me")
        await cluster.patch_status(REF, {"phase": "x"}, field_manager="me")
    assert [seen.method for seen in server.requests] == ["POST", "PUT", "PATCH", "PATCH"]
    assert server.requests[2].headers["Content-Type"] == "application/merge-patch+json"
    assert server.requests[3].body == {"status": {"phase": "x"}}


async def test_a_listing_reads_every_page(server: FakeApiServer) -> None:
    page = {"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]}
    last = {"metadata": {}, "items": [{"metadata": {"name": "b"}}]}
    server.on("GET", PATH, page, last)
    async with server.cluster() as cluster:
        found = await cluster.list(
            "v1", "ConfigMap", namespace="shop", labels={"a": "1", "b": "2"}, fields="x=y"
        )
    assert [item["metadata"]["name"] for item in found] == ["a", "b"]
    assert found[0]["apiVersion"] == "v1"
    assert found[0]["kind"] == "ConfigMap"
    first, second = server.requests
    assert first.query == {"labelSelector": "a=1,b=2", "fieldSelector": "x=y", "limit": "500"}
    assert second.query == first.query | {"continue": "more"}


async def test_a_listing_that_expires_between_pages_starts_again(server: FakeApiServer) -> None:
    page = {"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]}
    last = {"metadata": {}, "items": [{"metadata": {"name": "a"}}]}
    server.on("GET", PATH, page, status(410, "Expired"), last)
    async with server.cluster() as cluster:
        assert len(await cluster.list("v1", "ConfigMap", namespace="shop")) == 1


async def test_a_listing_that_fails_half_way_is_no_listing(server: FakeApiServer) -> None:
    page = {"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]}
    server.on("GET", PATH, page, status(503, "ServiceUnavailable"))
    async with server.cluster() as cluster:
        with pytest.raises(ServerError):
            await cluster.list("v1", "ConfigMap", namespace="shop")


async def test_a_limited_listing_stops(server: FakeApiServer) -> None:
    page = {"metadata": {"continue": "more"}, "items": [{"metadata": {"name": n}} for n in "abc"]}
    server.on("GET", "/api/v1/configmaps", page)
    async with server.cluster() as cluster:
        assert len(await cluster.list("v1", "ConfigMap", limit=2)) == 2
    assert [seen.query["limit"] for seen in server.requests] == ["2"]


async def test_own_kinds_are_discovered_once(server: FakeApiServer) -> None:
    server.on("GET", "/apis/example.com/v1", WIDGETS)
    server.on("GET", "/apis/example.com/v1/namespaces/shop/widgets/w", {"kind": "Widget"})
    async with server.cluster() as cluster:
        assert await cluster.is_namespaced("example.com/v1", "Widget")
        for _ in range(2):
            assert await cluster.get(WIDGET) == {"kind": "Widget"}
    assert [seen.path for seen in server.requests].count("/apis/example.com/v1") == 1


async def test_a_kind_that_appears_later_is_found(server: FakeApiServer) -> None:
    server.on("GET", "/apis/example.com/v1", {"resources": []}, WIDGETS)
    async with server.cluster() as cluster:
        with pytest.raises(UnknownKind, match=r"cluster east: Widget \(example.com/v1\).*CRD"):
            await cluster.is_namespaced("example.com/v1", "Widget")
        assert await cluster.is_namespaced("example.com/v1", "Widget")


async def test_a_kind_that_disappears_is_unknown_and_discovered_again(
    server: FakeApiServer,
) -> None:
    server.on("GET", "/apis/example.com/v1", WIDGETS)
    async with server.cluster() as cluster:
        for _ in range(2):
            with pytest.raises(UnknownKind):
                await cluster.get(WIDGET)
    assert [seen.path for seen in server.requests].count("/apis/example.com/v1") == 2


async def test_a_missing_namespace_stays_a_not_found(server: FakeApiServer) -> None:
    missing = status(404, "NotFound", kind="namespaces", name="shop")
    server.on("PATCH", f"{PATH}/web", missing)
    async with server.cluster() as cluster:
        with pytest.raises(NotFound, match="namespace shop does not exist"):
            await cluster.apply(MANIFEST, field_manager="me")


async def test_a_watch_yields_what_happens_to_one_object(server: FakeApiServer) -> None:
    server.on("GET", PATH, events(("MODIFIED", {"a": 1}), ("DELETED", {"a": 2})))
    async with server.cluster() as cluster:
        watch = cluster.watch(REF, resource_version="7", timeout=60)
        seen = [event async for event in watch]
    assert seen == [("MODIFIED", {"a": 1}), ("DELETED", {"a": 2})]
    assert server.requests[0].query == {
        "watch": "true",
        "fieldSelector": "metadata.name=web",
        "resourceVersion": "7",
        "timeoutSeconds": "60",
    }


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (("ERROR", status(410, "Expired")[1]), Expired),
        (("ERROR", status(403, "Forbidden")[1]), Forbidden),
        (("ERROR", {}), ServerError),
        (("", {"a": 1}), ServerError),
        (("ERROR", {"code": "410"}), ServerError),
    ],
)
async def test_a_watch_ends_with_the_error_it_is_told(
    server: FakeApiServer, event: tuple[str, dict[str, object]], expected: type[Exception]
) -> None:
    server.on("GET", PATH, events(event))
    async with server.cluster() as cluster:
        with pytest.raises(expected):
            async for _ in cluster.watch(REF, resource_version="7", timeout=60):
                pass


async def test_a_watch_that_breaks_off_is_unreachable(server: FakeApiServer) -> None:
    server.on("GET", PATH, events(("MODIFIED", {"a": 1}), drop=True, hold=0.05))
    async with server.cluster() as cluster:
        watch = cluster.watch(REF, resource_version="7", timeout=60)
        assert await anext(watch) == ("MODIFIED", {"a": 1})
        with pytest.raises(Unreachable):
            await anext(watch)

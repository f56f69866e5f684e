"""Reading what applications copy: what is found, refused with the way out, and never kept."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.hub.clusters import ClusterRegistry
from lateen.hub.references import LARGEST, ContentChanged, References
from lateen.kube.errors import Forbidden, Target, Unreachable
from lateen.model.errors import InvalidApplication, Problem
from lateen.model.labels import CLUSTER_UID, WITHHELD
from lateen.model.objects import ObjectRef
from lateen.model.placement import Placement
from lateen.model.records import Snapshot
from lateen.planning.resolving import Resolved
from lateen.rendering.registry import builtin
from unit.hub.fakes import FakeCluster, Fleet, cluster_secret

Json = dict[str, Any]


def application(*objects: Json) -> Json:
    component = {"name": "web", "type": "ref-objects", "properties": {"objects": list(objects)}}
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"components": [component]},
    }


def manifest(
    kind: str = "ConfigMap", name: str = "web", namespace: str = "shop", **more: Any
) -> Json:
    metadata = {"name": name, "namespace": namespace, **more.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}


class Hub(FakeCluster):
    """A hub that may refuse, or not answer, reads of some kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.failing: dict[str, Exception] = {}

    async def get(self, ref: ObjectRef) -> Json | None:
        if ref.kind in self.failing:
            raise self.failing[ref.kind]
        return await super().get(ref)


@pytest.fixture
def hub() -> Hub:
    return Hub()


async def complete(
    hub: FakeCluster, *objects: Json, allow_foreign: bool = False, fleet: Fleet | None = None
) -> tuple[Snapshot, Resolved]:
    registry = ClusterRegistry(hub, dial=(fleet or Fleet()).dial)
    reader = References(registry, allow_foreign=allow_foreign)
    snapshot = Snapshot(application=application(*objects))
    return await reader.complete(snapshot, Resolved(snapshot, builtin()), builtin())


async def refused(hub: FakeCluster, *objects: Json, fleet: Fleet | None = None) -> list[Problem]:
    with pytest.raises(InvalidApplication) as caught:
        await complete(hub, *objects, fleet=fleet)
    return list(caught.value.problems)


async def test_objects_are_found_by_name_and_by_labels(hub: Hub) -> None:
    hub.put(manifest(data={"k": "1"}))
    for name in ("b", "a", "kube-root-ca.crt"):
        hub.put(manifest(name=name, metadata={"labels": {"app": "x"}}))
    hub.put(manifest(name="a", namespace="elsewhere", metadata={"labels": {"app": "x"}}))
    snapshot, resolved = await complete(
        hub,
        {"resource": "configmaps"},
        {"resource": "configmap", "labelSelector": {"app": "x"}},
    )
    names = [[each["metadata"]["name"] for each in f.objects] for f in snapshot.references]
    assert names == [["web"], ["a", "b"]]
    (step,) = resolved.deploy_steps
    there = Placement(cluster="east", namespace="shop")
    assert len(resolved.manifests(step, there, revision="web-v1")) == 3
    assert "uid" not in str(snapshot.references)


async def test_everything_that_cannot_be_found_is_told_at_once(hub: Hub) -> None:
    hub.put(manifest(name="config"))
    by_name, by_label, unknown = await refused(
        hub,
        {"resource": "configmaps", "name": "confg"},
        {"resource": "secrets", "labelSelector": {"app": "x"}},
        {"resource": "configmaps", "cluster": "east"},
    )
    assert str(by_name) == (
        "spec.components[0].properties.objects[0].name: no ConfigMap of this name in namespace 'shop' of "
        "cluster 'local' (got 'confg'); did you mean 'config'?"
    )
    assert by_label.path == "spec.components[0].properties.objects[1].labelSelector"
    assert by_label.hint == "there is no Secret at all; create it first"
    assert unknown.path == "spec.components[0].properties.objects[2].cluster"
    assert "is not registered" in unknown.message


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ({"resource": "configmaps", "namespace": "vault"}, "is not the application's own"),
        ({"resource": "namespaces", "name": "vault"}, "is cluster-scoped"),
    ],
)
async def test_other_namespaces_are_for_operators_to_allow(
    hub: Hub, reference: Json, said: str
) -> None:
    hub.put(manifest(namespace="vault"))
    hub.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vault"}})
    before = len(hub.requests)
    (problem,) = await refused(hub, reference)
    assert said in problem.message
    assert "--allow-cross-namespace-references" in problem.hint
    assert hub.requests[before:] == []
    snapshot, _ = await complete(hub, reference, allow_foreign=True)
    assert len(snapshot.references[0].objects) == 1


async def test_cluster_credentials_are_never_copied(hub: Hub) -> None:
    hub.put(cluster_secret("beijing"))
    hub.put(manifest("Secret", "token", type="kubernetes.io/service-account-token"))
    registry = {"resource": "secrets", "name": "beijing", "namespace": "vela-system"}
    with pytest.raises(InvalidApplication, match="whose Secrets are never copied"):
        await complete(hub, registry, allow_foreign=True)
    (token,) = await refused(hub, {"resource": "secrets", "name": "token"})
    assert "is a token of its own cluster" in token.message


async def test_an_object_that_is_going_away_is_not_copied(hub: Hub) -> None:
    hub.put(manifest(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}))
    (problem,) = await refused(hub, {"resource": "configmaps"})
    assert "is being deleted" in problem.message


async def test_a_missing_right_names_where_it_is_missing(hub: Hub) -> None:
    hub.failing["Secret"] = Forbidden(Target("local", "get", "/"), status=403)
    (problem,) = await refused(hub, {"resource": "secrets"})
    assert problem.path == "spec.components[0].properties.objects[0]"
    assert "forbidden" in problem.message
    assert "the right to read it in cluster 'local'" in problem.hint


async def test_a_member_that_does_not_answer_is_told_where_it_is_named(hub: Hub) -> None:
    hub.put(cluster_secret("beijing", annotations={CLUSTER_UID: "recorded"}))
    fleet = Fleet()
    fleet.failures["https://beijing.example:6443"] = Unreachable("no answer", cluster="beijing")
    (problem,) = await refused(hub, {"resource": "configmaps", "cluster": "beijing"}, fleet=fleet)
    assert problem.path == "spec.components[0].properties.objects[0].cluster"
    assert "no answer" in problem.message
    assert "submit again when it answers" in problem.hint


async def test_a_hub_that_does_not_answer_is_tried_again(hub: Hub) -> None:
    hub.failing["ConfigMap"] = Unreachable("no answer", cluster="local")
    with pytest.raises(Unreachable):
        await complete(hub, {"resource": "configmaps"})


async def test_a_revision_holds_so_much_and_no_more(hub: Hub) -> None:
    hub.put(manifest(data={"k": "x" * LARGEST}))
    (problem,) = await refused(hub, {"resource": "configmaps"})
    assert "a revision holds at most 524,288" in problem.message


async def test_the_content_of_a_secret_is_read_at_delivery_only(hub: Hub) -> None:
    hub.put(manifest("Secret", data={"password": "aHVudGVyMg=="}))
    snapshot, resolved = await complete(hub, {"resource": "secrets"})
    assert "aHVudGVyMg" not in str(snapshot.to_json())
    (step,) = resolved.deploy_steps
    planned = resolved.manifests(step, Placement(cluster="east", namespace="shop"), revision="v1")
    assert "data" not in planned[0]
    reader = References(ClusterRegistry(hub))
    (whole,) = await reader.reveal(resolved, planned)
    assert whole["data"] == {"password": "aHVudGVyMg=="}
    assert (
        whole["metadata"]["annotations"][WITHHELD]
        == snapshot.references[0].objects[0]["metadata"]["annotations"][WITHHELD]
    )
    hub.put(manifest("Secret", data={"password": "eA=="}))
    with pytest.raises(ContentChanged, match="submit the application again"):
        await reader.reveal(resolved, planned)
    await hub.delete(ObjectRef.of(manifest("Secret")))
    with pytest.raises(ContentChanged, match="is gone"):
        await reader.reveal(resolved, planned)


async def test_an_annotation_alone_opens_no_secret(hub: Hub) -> None:
    """Anybody may write the annotation into an object of their own."""
    hub.put(manifest("Secret", data={"password": "aHVudGVyMg=="}))
    snapshot, _ = await complete(hub, {"resource": "secrets"})
    forged = snapshot.references[0].objects[0]
    other = Snapshot(application=application({"resource": "configmaps"}))
    reader = References(ClusterRegistry(hub))
    assert await reader.reveal(Resolved(other, builtin()), [forged]) == [forged]

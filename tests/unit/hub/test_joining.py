"""Joining clusters: what is stored, and every refusal."""

from __future__ import annotations

import json

import pytest

from lateen.hub.cluster_errors import (
    AlreadyJoined,
    ClusterExists,
    ClusterIdentityMismatch,
    InvalidRegistration,
    RegistryError,
    ReservedCluster,
)
from lateen.hub.clusters import ClusterRegistry
from lateen.hub.joining import join
from lateen.kube.credentials import Credentials
from lateen.kube.errors import Unreachable
from unit.hub.fakes import CA, SECRETS, FakeCluster, Fleet, cluster_secret, uid_of

ENDPOINT = "https://beijing.example:6443"
UID = uid_of(ENDPOINT)
CERTIFICATE = Credentials(ENDPOINT, ca=CA, certificate=b"certificate", key=SECRETS[0])


@pytest.fixture
def hub() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def registry(hub: FakeCluster, fleet: Fleet) -> ClusterRegistry:
    return ClusterRegistry(hub, dial=fleet.dial)


async def test_join_writes_kubevelas_format_and_the_identity(
    hub: FakeCluster, registry: ClusterRegistry, fleet: Fleet
) -> None:
    """KubeVela finds its labels and keys; lateen finds the UID it will check."""
    joined = await join(
        registry, "beijing", credentials=CERTIFICATE, labels={"region": "north"}, alias="North"
    )
    assert joined.action == "joined"
    secret = hub.secret("beijing")
    assert secret["type"] == "Opaque"
    assert secret["metadata"]["labels"] == {
        "region": "north",
        "cluster.core.oam.dev/cluster-credential-type": "X509Certificate",
        "cluster.core.oam.dev/cluster-endpoint-type": "Const",
    }
    annotations = secret["metadata"]["annotations"]
    assert annotations["lateen.dev/cluster-uid"] == UID
    assert annotations["cluster.core.oam.dev/cluster-alias"] == "North"
    assert json.loads(annotations["cluster.core.oam.dev/cluster-version"]) == {
        "gitVersion": "v1.36.3",
        "major": "1",
        "minor": "36",
    }
    assert set(secret["data"]) == {"endpoint", "ca.crt", "tls.crt", "tls.key"}
    assert fleet.dialled[0].closed
    assert (await registry.get("beijing")).alias == "North"


async def test_joining_again_changes_nothing(hub: FakeCluster, registry: ClusterRegistry) -> None:
    """The same join a second time neither asks nor writes."""
    await join(registry, "beijing", credentials=CERTIFICATE, labels={"a": "b"})
    version = hub.secret("beijing")["metadata"]["resourceVersion"]
    again = await join(registry, "beijing", credentials=CERTIFICATE)
    assert again.action == "unchanged"
    assert hub.secret("beijing")["metadata"]["resourceVersion"] == version


async def test_rotation_keeps_labels_alias_and_foreign_annotations(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """`overwrite` replaces credentials only; labels are replaced when new ones are given."""
    await join(registry, "beijing", credentials=CERTIFICATE, labels={"a": "b"}, alias="North")
    report = {"status.cluster.core.oam.dev/healthy": "True"}
    hub.secret("beijing")["metadata"]["annotations"] |= report
    token = Credentials(ENDPOINT, ca=CA, token="new-token")
    rotated = await join(registry, "beijing", credentials=token, overwrite=True)
    assert (rotated.action, rotated.cluster.type) == ("rotated", "ServiceAccountToken")
    assert (rotated.cluster.user_labels, rotated.cluster.alias) == ({"a": "b"}, "North")
    secret = hub.secret("beijing")
    assert set(secret["data"]) == {"endpoint", "ca.crt", "token"}
    assert report.items() <= secret["metadata"]["annotations"].items()
    relabelled = await join(
        registry, "beijing", credentials=token, labels={"c": "d"}, overwrite=True
    )
    assert relabelled.cluster.user_labels == {"c": "d"}


async def test_known_name_needs_overwrite(hub: FakeCluster, registry: ClusterRegistry) -> None:
    """Other credentials under a known name are not replaced silently."""
    await join(registry, "beijing", credentials=CERTIFICATE)
    before = hub.secret("beijing")
    with pytest.raises(ClusterExists, match=r"'beijing' already exists.*--overwrite"):
        await join(registry, "beijing", credentials=Credentials(ENDPOINT, ca=CA, token="new-token"))
    assert hub.secret("beijing") == before


@pytest.mark.parametrize("overwrite", [False, True])
async def test_other_cluster_under_a_known_name_is_refused(
    hub: FakeCluster, registry: ClusterRegistry, overwrite: bool
) -> None:
    """Also with `overwrite`: that is for rotation. The way out is to detach first."""
    await join(registry, "beijing", credentials=CERTIFICATE)
    before = hub.secret("beijing")
    other = Credentials("https://other.example", ca=CA, token="t")
    with pytest.raises(ClusterIdentityMismatch, match="detach --force beijing") as caught:
        await join(registry, "beijing", credentials=other, overwrite=overwrite)
    assert UID in str(caught.value)
    assert uid_of("https://other.example") in str(caught.value)
    assert hub.secret("beijing") == before


async def test_second_name_for_a_cluster_is_refused(
    hub: FakeCluster, registry: ClusterRegistry, fleet: Fleet
) -> None:
    """The same kube-system UID under another name, whatever the endpoint."""
    await join(registry, "beijing", credentials=CERTIFICATE)
    fleet.uids["https://alias.example"] = UID
    again = Credentials("https://alias.example", ca=CA, token="t")
    with pytest.raises(AlreadyJoined, match="already joined as 'beijing'"):
        await join(registry, "second", credentials=again, overwrite=True)
    assert not hub.has_secret("second")


async def test_second_name_for_kubevelas_cluster_is_refused(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """KubeVela records no UID: the same endpoint is evidence enough."""
    hub.put(cluster_secret("beijing"))
    with pytest.raises(AlreadyJoined, match=f"the same endpoint {ENDPOINT}"):
        await join(registry, "second", credentials=CERTIFICATE)


async def test_hub_itself_is_refused(
    hub: FakeCluster, registry: ClusterRegistry, fleet: Fleet
) -> None:
    """The hub is `local` already."""
    fleet.uids[ENDPOINT] = "hub-uid"
    with pytest.raises(AlreadyJoined, match="it is the hub: use `local`"):
        await join(registry, "beijing", credentials=CERTIFICATE)
    assert hub.objects == {}


@pytest.mark.parametrize("name", ["", "Beijing", "a_b", "-a", "a" * 64, "a/b", "..", "a\n"])
async def test_invalid_name_is_refused(registry: ClusterRegistry, fleet: Fleet, name: str) -> None:
    """Names that no Secret or label can have are refused before anything is asked."""
    with pytest.raises(InvalidRegistration, match="name"):
        await join(registry, name, credentials=CERTIFICATE)
    assert fleet.dialled == []


async def test_local_is_reserved(registry: ClusterRegistry) -> None:
    """`local` can't be joined."""
    with pytest.raises(ReservedCluster, match=r"cannot join `local`.*reserved"):
        await join(registry, "local", credentials=CERTIFICATE)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"cluster.core.oam.dev/cluster-credential-type": "x"}, "reserved"),
        ({"cluster.core.oam.dev/anything": "x"}, "reserved"),
        ({"": "x"}, "label key ''"),
        ({"a b": "x"}, "label key 'a b'"),
        ({"UPPER.case/a": "x"}, "label key"),
        ({"a/b/c": "x"}, "label key"),
        ({"a": "b c"}, "value 'b c' of label 'a'"),
        ({"a": "x" * 64}, "of label 'a'"),
    ],
)
async def test_invalid_labels_are_refused(
    registry: ClusterRegistry, labels: dict[str, str], reason: str
) -> None:
    """Labels that Kubernetes refuses, and KubeVela's own, are refused with key and value."""
    with pytest.raises(InvalidRegistration, match=reason):
        await join(registry, "beijing", credentials=CERTIFICATE, labels=labels)


async def test_unsafe_endpoint_is_refused_before_anything_is_sent(
    registry: ClusterRegistry, fleet: Fleet
) -> None:
    """Credentials never travel to a plain or link-local endpoint."""
    for endpoint in ("http://h:80", "https://169.254.169.254"):
        with pytest.raises(InvalidRegistration):
            await join(registry, "h", credentials=Credentials(endpoint, ca=CA, token="t"))
    assert fleet.dialled == []


async def test_unreachable_cluster_is_not_stored(
    hub: FakeCluster, registry: ClusterRegistry, fleet: Fleet
) -> None:
    """A cluster that does not answer can't be joined; its connection is closed."""
    fleet.failures[ENDPOINT] = Unreachable("no connection", cluster="beijing")
    with pytest.raises(Unreachable):
        await join(registry, "beijing", credentials=CERTIFICATE)
    assert hub.objects == {}
    assert fleet.dialled[0].closed


async def test_strange_uid_is_refused(
    hub: FakeCluster, registry: ClusterRegistry, fleet: Fleet
) -> None:
    """What a hostile member calls itself is not stored."""
    fleet.uids[ENDPOINT] = "x\x1b[2J" * 1000
    with pytest.raises(InvalidRegistration, match="no usable UID"):
        await join(registry, "beijing", credentials=CERTIFICATE)
    assert hub.objects == {}


async def test_insecure_join_is_recorded(hub: FakeCluster, registry: ClusterRegistry) -> None:
    """The explicit flag goes into an annotation, so that later uses accept it too."""
    credentials = Credentials(ENDPOINT, token="t", insecure=True)
    await join(registry, "beijing", credentials=credentials)
    assert (await registry.credentials("beijing")).insecure
    secure = Credentials(ENDPOINT, ca=CA, token="t")
    await join(registry, "beijing", credentials=secure, overwrite=True)
    assert not (await registry.credentials("beijing")).insecure
    annotations = hub.secret("beijing")["metadata"]["annotations"]
    assert "lateen.dev/insecure-skip-tls-verify" not in annotations


async def test_foreign_secret_is_not_taken_for_a_cluster(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """A Secret of that name that describes no cluster stays as it is."""
    plain = cluster_secret("beijing")
    plain["metadata"]["labels"] = {}
    stored = hub.put(plain)
    with pytest.raises(InvalidRegistration, match="describes no cluster"):
        await join(registry, "beijing", credentials=CERTIFICATE, overwrite=True)
    assert hub.secret("beijing") == stored


async def test_missing_namespace_names_the_way_out(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """Before `lateen install` there is nowhere to keep clusters."""
    hub.missing_namespaces.add("vela-system")
    with pytest.raises(RegistryError, match="run `lateen install`"):
        await join(registry, "beijing", credentials=CERTIFICATE)


async def test_name_taken_meanwhile_is_decided_again(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """Somebody joins another cluster under the name between our read and write."""
    other = cluster_secret("beijing", annotations={"lateen.dev/cluster-uid": "someone"})
    hub.before_write.append(lambda: hub.put(other))
    with pytest.raises(ClusterIdentityMismatch):
        await join(registry, "beijing", credentials=CERTIFICATE, overwrite=True)
    assert hub.secret("beijing")["data"] == other["data"]


async def test_second_name_at_the_same_moment_gives_way(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """Two people join one cluster under two names between each other's read and write."""
    other = cluster_secret("second", annotations={"lateen.dev/cluster-uid": UID})
    hub.before_write.append(lambda: hub.put(other))
    with pytest.raises(AlreadyJoined, match="already joined as 'second'"):
        await join(registry, "beijing", credentials=CERTIFICATE)
    assert not hub.has_secret("beijing")
    assert hub.has_secret("second")


async def test_rotation_survives_a_concurrent_label(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """A label that is added meanwhile is not lost."""
    await join(registry, "beijing", credentials=CERTIFICATE)

    def relabel() -> None:
        secret = hub.secret("beijing")
        secret["metadata"]["labels"]["added"] = "meanwhile"
        hub.put(secret)

    hub.before_write.append(relabel)
    token = Credentials(ENDPOINT, ca=CA, token="new-token")
    rotated = await join(registry, "beijing", credentials=token, overwrite=True)
    assert rotated.cluster.user_labels == {"added": "meanwhile"}


async def test_kubevelas_cluster_can_be_rotated_when_it_is_the_same(
    hub: FakeCluster, registry: ClusterRegistry, fleet: Fleet
) -> None:
    """Without a recorded UID the old credentials are used to ask; then the UID is recorded."""
    hub.put(cluster_secret("beijing", data={"endpoint": "https://moved.example"}))
    fleet.uids["https://moved.example"] = UID
    rotated = await join(registry, "beijing", credentials=CERTIFICATE, overwrite=True)
    assert (rotated.action, rotated.cluster.uid) == ("rotated", UID)


async def test_kubevelas_cluster_that_cannot_be_asked_is_not_replaced(
    hub: FakeCluster, registry: ClusterRegistry, fleet: Fleet
) -> None:
    """Another endpoint, no recorded UID, no answer: it could be any cluster."""
    hub.put(cluster_secret("beijing", data={"endpoint": "https://gone.example"}))
    fleet.failures["https://gone.example"] = Unreachable("no connection", cluster="beijing")
    with pytest.raises(InvalidRegistration, match="detach --force beijing"):
        await join(registry, "beijing", credentials=CERTIFICATE, overwrite=True)


async def test_errors_quote_no_secret(hub: FakeCluster, registry: ClusterRegistry) -> None:
    """Refusals name clusters and endpoints, never credentials."""
    await join(registry, "beijing", credentials=CERTIFICATE)
    with pytest.raises(ClusterExists) as caught:
        await join(registry, "beijing", credentials=Credentials(ENDPOINT, ca=CA, token="hunter2"))
    assert "hunter2" not in f"{caught.value!r}"

"""The registry: listing, and connections that follow the Secrets."""

from __future__ import annotations

import asyncio
import gc

import pytest

from lateen.hub.cluster_errors import (
    ClusterIdentityMismatch,
    ReservedCluster,
    UnknownCluster,
    UnusableCluster,
)
from lateen.hub.clusters import ClusterRegistry
from lateen.kube.errors import Unreachable
from lateen.model.base import Json
from unit.hub.fakes import FakeCluster, Fleet, cluster_secret, uid_of

UID = {"lateen.dev/cluster-uid": uid_of("https://beijing.example:6443")}


@pytest.fixture
def hub() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def registry(hub: FakeCluster, fleet: Fleet) -> ClusterRegistry:
    return ClusterRegistry(hub, dial=fleet.dial)


async def test_local_is_listed_first_then_by_name(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """KubeVela's clusters are visible; Secrets that are none, or named `local`, are not."""
    for name in ("hangzhou", "beijing", "local"):
        hub.put(cluster_secret(name))
    plain = cluster_secret("plain")
    plain["metadata"]["labels"] = {}
    hub.put(plain)
    listed = await registry.list()
    assert [item.name for item in listed] == ["local", "beijing", "hangzhou"]
    assert (listed[0].type, listed[0].endpoint) == ("Internal", "-")
    assert listed[0].labels == {"cluster.core.oam.dev/control-plane": "true"}
    assert listed[0].user_labels == {}


async def test_broken_secret_does_not_hide_the_others(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """A Secret with unreadable data is listed as far as it can be read."""
    broken = cluster_secret("broken")
    broken["data"] = {"endpoint": "%%%"}
    hub.put(broken)
    hub.put(cluster_secret("fine"))
    assert [(item.name, item.endpoint) for item in await registry.list()][1:] == [
        ("broken", "-"),
        ("fine", "https://fine.example:6443"),
    ]


async def test_unfinished_rename_is_listed_once(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """While both Secrets exist, a selector must not reach the same cluster twice."""
    hub.put(cluster_secret("old"))
    hub.put(cluster_secret("new", annotations={"lateen.dev/renamed-from": "old"}))
    assert [item.name for item in await registry.list()] == ["local", "old"]


async def test_unknown_cluster_is_named_with_a_suggestion(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """A typing error gets the nearest name; a Secret that is no cluster is none."""
    hub.put(cluster_secret("beijing"))
    with pytest.raises(UnknownCluster, match=r"'bejing'.*did you mean 'beijing'"):
        await registry.get("bejing")
    plain = cluster_secret("plain")
    plain["metadata"]["labels"] = {}
    hub.put(plain)
    with pytest.raises(UnknownCluster, match="'plain'"):
        await registry.connect("plain")


async def test_local_has_no_credentials_but_connects(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """`local` is the hub connection itself."""
    assert await registry.connect("local") is hub
    with pytest.raises(ReservedCluster, match="`local`"):
        await registry.credentials("local")


async def test_connection_is_shared_and_verified_once(
    hub: FakeCluster, registry: ClusterRegistry, fleet: Fleet
) -> None:
    """Concurrent first uses make one connection, one read and one check of the identity."""
    hub.put(cluster_secret(annotations=UID))
    found = await asyncio.gather(*(registry.connect("beijing") for _ in range(20)))
    assert all(item is found[0] for item in found)
    assert await registry.connect("beijing") is found[0]
    assert [connection.asked for connection in fleet.dialled] == [1]
    assert hub.requests == ["get Secret vela-system/beijing"]


async def test_listing_serves_the_placements_after_it(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """Right after a LIST no cluster costs a GET of its own."""
    for index in range(5):
        hub.put(cluster_secret(f"c{index}"))
    for item in (await registry.list())[1:]:
        await registry.connect(item.name)
    assert hub.requests == ["list Secret"]


async def test_cluster_without_recorded_uid_is_accepted(
    hub: FakeCluster, registry: ClusterRegistry, fleet: Fleet
) -> None:
    """What KubeVela joined has no UID: it connects without a check."""
    hub.put(cluster_secret())
    await registry.connect("beijing")
    assert [connection.asked for connection in fleet.dialled] == [0]


async def test_other_cluster_behind_the_endpoint_is_refused(
    hub: FakeCluster, registry: ClusterRegistry, fleet: Fleet
) -> None:
    """Another kube-system UID than the recorded one: nothing is handed out, both are named."""
    hub.put(cluster_secret(annotations=UID))
    fleet.uids["https://beijing.example:6443"] = "intruder"
    with pytest.raises(ClusterIdentityMismatch, match="--overwrite"):
        await registry.connect("beijing")
    with pytest.raises(ClusterIdentityMismatch, match="detach --force") as caught:
        await registry.connect("beijing")
    assert UID["lateen.dev/cluster-uid"] in str(caught.value)
    assert "'intruder'" in str(caught.value)


async def test_failed_first_use_is_shared_and_tried_again(
    hub: FakeCluster, registry: ClusterRegistry, fleet: Fleet
) -> None:
    """An unreachable cluster costs one attempt for all who wait; the next caller tries anew."""
    hub.put(cluster_secret(annotations=UID))
    endpoint = "https://beijing.example:6443"
    fleet.failures[endpoint] = Unreachable("no connection", cluster="beijing")
    results = await asyncio.gather(
        *(registry.connect("beijing") for _ in range(5)), return_exceptions=True
    )
    assert all(isinstance(item, Unreachable) for item in results)
    assert fleet.dialled[0].asked == 1
    fleet.dialled[0].failure = None
    assert (await registry.connect("beijing")).name == "beijing"


async def test_cancelled_caller_leaves_the_attempt_to_others(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """A delivery that is cancelled while connecting takes nobody else's connection down."""
    hub.put(cluster_secret(annotations=UID))
    first = asyncio.create_task(registry.connect("beijing"))
    second = asyncio.create_task(registry.connect("beijing"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).name == "beijing"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_rotated_credentials_make_a_new_connection(
    hub: FakeCluster, registry: ClusterRegistry, fleet: Fleet
) -> None:
    """`fresh` (after a 401) sees the new Secret; who still uses the old connection keeps it."""
    hub.put(cluster_secret())
    old = await registry.connect("beijing")
    hub.put(cluster_secret(data={"tls.key": b"rotated"}))
    assert await registry.connect("beijing") is old
    new = await registry.connect("beijing", fresh=True)
    assert new is not old
    gc.collect()
    await asyncio.sleep(0.01)
    assert [connection.closed for connection in fleet.dialled] == [False, False]
    del old
    gc.collect()
    await asyncio.sleep(0.01)
    assert [connection.closed for connection in fleet.dialled] == [True, False]


async def test_rotation_is_seen_without_asking_after_max_age(
    hub: FakeCluster, fleet: Fleet
) -> None:
    """A running worker uses rotated credentials without a restart."""
    registry = ClusterRegistry(hub, dial=fleet.dial, max_age=0.0)
    hub.put(cluster_secret())
    await registry.connect("beijing")
    hub.put(cluster_secret(data={"tls.key": b"rotated"}))
    await registry.connect("beijing")
    assert len(fleet.dialled) == 2


async def test_slow_listing_does_not_bring_old_credentials_back(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """A LIST that began before a rotation and ends after a fresh read is older than that read."""
    hub.put(cluster_secret())
    stale = [hub.secret("beijing")]
    entered, resume = asyncio.Event(), asyncio.Event()

    async def slow(*args: object, **more: object) -> list[Json]:
        entered.set()
        await resume.wait()
        return stale

    hub.list = slow  # type: ignore[method-assign] # answers what it saw at its beginning
    listing = asyncio.create_task(registry.list())
    await entered.wait()
    hub.put(cluster_secret(data={"tls.key": b"rotated"}))
    await registry.connect("beijing", fresh=True)
    resume.set()
    await listing
    assert (await registry.credentials("beijing")).key == b"rotated"


async def test_health_reports_keep_the_connection(
    hub: FakeCluster, registry: ClusterRegistry, fleet: Fleet
) -> None:
    """KubeVela writes the clusters' health into the Secrets all the time."""
    hub.put(cluster_secret())
    await registry.connect("beijing")
    hub.put(cluster_secret(annotations={"status.cluster.core.oam.dev/healthy": "False"}))
    await registry.connect("beijing", fresh=True)
    assert len(fleet.dialled) == 1


async def test_forbidden_credentials_are_refused_at_every_use(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """A Secret that was changed to a command after the join is refused at the next read."""
    hub.put(cluster_secret())
    await registry.connect("beijing")
    hub.put(cluster_secret(kind="Dynamic", data={"exec": '{"command": "/tmp/evil"}'}))
    for ask in (registry.connect, registry.credentials):
        with pytest.raises(UnusableCluster, match="/tmp/evil"):
            await ask("beijing", fresh=True)


async def test_detached_cluster_is_gone_after_the_next_listing(
    hub: FakeCluster, registry: ClusterRegistry, fleet: Fleet
) -> None:
    """A Secret that was deleted by somebody else takes its connection with it."""
    hub.put(cluster_secret())
    await registry.connect("beijing")
    hub.objects.clear()
    await registry.list()
    with pytest.raises(UnknownCluster):
        await registry.connect("beijing")
    gc.collect()
    await asyncio.sleep(0.01)
    assert fleet.dialled[0].closed


async def test_close_closes_members_but_not_the_hub(
    hub: FakeCluster, registry: ClusterRegistry, fleet: Fleet
) -> None:
    """Also a retired connection that is still in use is closed at the end."""
    hub.put(cluster_secret())
    held = await registry.connect("beijing")
    hub.put(cluster_secret(data={"tls.key": b"rotated"}))
    await registry.connect("beijing", fresh=True)
    await registry.close()
    assert [connection.closed for connection in fleet.dialled] == [True, True]
    assert held.connection is fleet.dialled[0]
    assert not getattr(hub.connection, "closed", True)

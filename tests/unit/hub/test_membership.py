"""Labels, aliases, detaching and renaming."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lateen.hub.cluster_errors import (
    ClusterInUse,
    InvalidRegistration,
    RegistryError,
    ReservedCluster,
    UnknownCluster,
)
from lateen.hub.clusters import ClusterRegistry
from lateen.hub.detaching import detach
from lateen.hub.membership import ATTEMPTS, set_alias, set_labels
from lateen.hub.probing import probe, refuse_mismatch
from lateen.hub.renaming import rename
from lateen.kube.errors import Unreachable
from lateen.model.base import Json
from unit.hub.fakes import FakeCluster, Fleet, cluster_secret


@pytest.fixture
def hub() -> FakeCluster:
    hub = FakeCluster()
    hub.put(cluster_secret("beijing", labels={"region": "north"}))
    return hub


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def registry(hub: FakeCluster, fleet: Fleet) -> ClusterRegistry:
    return ClusterRegistry(hub, dial=fleet.dial)


def inventory(cluster: str, *, entries: list[Json] | None = None) -> Json:
    return {
        "apiVersion": "lateen.dev/v1alpha1",
        "kind": "Inventory",
        "metadata": {
            "name": f"shop.{cluster}",
            "namespace": "prod",
            "labels": {"lateen.dev/cluster": cluster},
        },
        "spec": {
            "application": "shop",
            "namespace": "prod",
            "cluster": cluster,
            "delivery": 3,
            "entries": [] if entries is None else entries,
        },
    }


ENTRY: Json = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "namespace": "prod",
    "name": "settings",
    "digest": "d",
    "delivery": 3,
    "ref": {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "prod", "name": "settings"},
}


def application(policy: Json) -> Json:
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": "prod"},
        "spec": {"components": [], "policies": [{"name": "other", "type": "override"}, policy]},
    }


async def test_labels_are_added_changed_and_removed(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """Others stay; labels of the registration are never shown as the user's."""
    changed = await set_labels(registry, "beijing", {"tier": "gold", "region": None, "none": None})
    assert changed.user_labels == {"tier": "gold"}
    labels = hub.secret("beijing")["metadata"]["labels"]
    assert labels["cluster.core.oam.dev/cluster-credential-type"] == "X509Certificate"


async def test_unchanged_labels_write_nothing(hub: FakeCluster, registry: ClusterRegistry) -> None:
    """Running it again is free."""
    await set_labels(registry, "beijing", {"region": "north", "none": None})
    assert not any(request.startswith("replace") for request in hub.requests)


@pytest.mark.parametrize("key", ["cluster.core.oam.dev/cluster-credential-type", "a b", ""])
@pytest.mark.parametrize("value", ["x", None])
async def test_reserved_and_invalid_labels_are_refused(
    registry: ClusterRegistry, key: str, value: str | None
) -> None:
    """Neither added nor removed."""
    with pytest.raises(InvalidRegistration, match="label"):
        await set_labels(registry, "beijing", {key: value})


async def test_label_survives_a_concurrent_write(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """A 409 means reading again and deciding again, not overwriting."""
    hub.before_write.append(lambda: hub.put(cluster_secret("beijing", labels={"theirs": "1"})))
    changed = await set_labels(registry, "beijing", {"ours": "1"})
    assert changed.user_labels == {"ours": "1", "theirs": "1"}


async def test_endless_conflict_ends_with_a_sentence(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """Somebody who writes all the time is not fought for ever."""
    hub.before_write += [lambda: hub.put(hub.secret("beijing"))] * ATTEMPTS
    with pytest.raises(RegistryError, match="keeps being changed"):
        await set_labels(registry, "beijing", {"a": "b"})


async def test_alias_is_set_and_removed(hub: FakeCluster, registry: ClusterRegistry) -> None:
    """KubeVela reads the same annotation."""
    assert (await set_alias(registry, "beijing", "北京")).alias == "北京"
    key = "cluster.core.oam.dev/cluster-alias"
    assert hub.secret("beijing")["metadata"]["annotations"][key] == "北京"
    assert (await set_alias(registry, "beijing", "")).alias == ""


@pytest.mark.parametrize("alias", ["a\nb", "\x1b[31mred", "x" * 300, "\u202eright"])
async def test_alias_that_steers_a_terminal_is_refused(
    registry: ClusterRegistry, alias: str
) -> None:
    """It is shown in tables: control characters and endless text are refused."""
    with pytest.raises(InvalidRegistration, match="alias"):
        await set_alias(registry, "beijing", alias)


@pytest.mark.parametrize(
    "change",
    [
        lambda registry: set_labels(registry, "local", {"a": "b"}),
        lambda registry: set_alias(registry, "local", "a"),
        lambda registry: detach(registry, "local", force=True),
        lambda registry: rename(registry, "local", "a"),
        lambda registry: rename(registry, "beijing", "local"),
    ],
)
async def test_local_cannot_be_changed(
    registry: ClusterRegistry, change: Callable[[ClusterRegistry], Any]
) -> None:
    """The hub is not a registration."""
    with pytest.raises(ReservedCluster, match=r"`local`.*reserved"):
        await change(registry)


@pytest.mark.parametrize(
    "change",
    [
        lambda registry: set_labels(registry, "nowhere", {"a": "b"}),
        lambda registry: set_alias(registry, "nowhere", "a"),
        lambda registry: detach(registry, "nowhere"),
        lambda registry: rename(registry, "nowhere", "somewhere"),
        lambda registry: probe(registry, "nowhere"),
    ],
)
async def test_unknown_cluster_is_refused(
    registry: ClusterRegistry, change: Callable[[ClusterRegistry], Any]
) -> None:
    """Every operation names the cluster that it can't find."""
    with pytest.raises(UnknownCluster, match="'nowhere'"):
        await change(registry)


async def test_detach_removes_the_registration(hub: FakeCluster, registry: ClusterRegistry) -> None:
    """A cluster that nothing lives in goes; an inventory without entries is nothing."""
    hub.put(inventory("beijing"))
    hub.put(inventory("hangzhou", entries=[ENTRY]))
    detached = await detach(registry, "beijing")
    assert detached.left == ()
    assert not hub.has_secret("beijing")


async def test_detach_in_use_is_refused_with_the_applications(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """The list says which applications have objects there."""
    hub.put(inventory("beijing", entries=[ENTRY]))
    with pytest.raises(ClusterInUse, match="application prod/shop") as caught:
        await detach(registry, "beijing")
    assert "--force" in str(caught.value)
    assert hub.has_secret("beijing")


async def test_forced_detach_leaves_everything_else(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """Only the Secret goes: inventories stay, so that joining again goes on managing."""
    stored = hub.put(inventory("beijing", entries=[ENTRY]))
    detached = await detach(registry, "beijing", force=True)
    assert detached.left == ("application prod/shop (1 object)",)
    assert not hub.has_secret("beijing")
    assert hub.objects[("lateen.dev", "Inventory", "prod", "shop.beijing")] == stored


async def test_failed_listing_is_not_taken_for_unused(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """When inventories can't be listed, nothing is removed."""

    async def failing(*args: object, **more: object) -> list[Json]:
        raise Unreachable("no answer", cluster="local")

    await registry.get("beijing")
    hub.list = failing  # type: ignore[method-assign] # the hub breaks off
    with pytest.raises(Unreachable):
        await detach(registry, "beijing")
    assert hub.has_secret("beijing")


async def test_hub_without_inventories_has_no_users(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """A hub that only KubeVela uses so far can be tidied up."""
    hub.missing_kinds |= {"Inventory", "Application", "Policy"}
    await rename(registry, "beijing", "north")
    await detach(registry, "north")
    assert not hub.has_secret("north")


async def test_detach_does_not_remove_what_was_joined_meanwhile(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """Rotated between our look and our delete: decided again about the new Secret."""
    hub.before_write.append(
        lambda: (
            hub.put(cluster_secret("beijing", data={"tls.key": b"new"})),
            hub.put(inventory("beijing", entries=[ENTRY])),
        )
    )
    with pytest.raises(ClusterInUse):
        await detach(registry, "beijing")
    assert hub.has_secret("beijing")


async def test_rename_moves_credentials_and_inventories(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """The new Secret has everything of the old one, and no trace of the rename."""
    hub.put(inventory("beijing"))
    before = hub.secret("beijing")
    renamed = await rename(registry, "beijing", "north")
    assert (renamed.name, renamed.user_labels) == ("north", {"region": "north"})
    assert not hub.has_secret("beijing")
    after = hub.secret("north")
    assert after["data"] == before["data"]
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
    clusters = [
        item["metadata"]["labels"]["lateen.dev/cluster"]
        for key, item in hub.objects.items()
        if key[1] == "Inventory"
    ]
    assert clusters == ["north"]


@pytest.mark.parametrize("crash_at", range(1, 6))
async def test_interrupted_rename_is_finished_by_running_it_again(
    hub: FakeCluster, registry: ClusterRegistry, crash_at: int
) -> None:
    """Killed at any write: the cluster is never lost, never listed twice, and the rerun ends it."""
    hub.put(inventory("beijing"))

    def crash() -> None:
        raise Unreachable("killed", cluster="local")

    hub.before_write += [lambda: None] * (crash_at - 1) + [crash]
    with pytest.raises(Unreachable):
        await rename(registry, "beijing", "north")
    assert len(await registry.list()) == 2
    await rename(registry, "beijing", "north")
    assert [item.name for item in await registry.list()] == ["local", "north"]
    assert "lateen.dev/renamed-from" not in hub.secret("north")["metadata"]["annotations"]
    inventories = [item for key, item in hub.objects.items() if key[1] == "Inventory"]
    assert [item["spec"]["cluster"] for item in inventories] == ["north"]


async def test_rename_onto_another_cluster_is_refused(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """A name that is taken stays what it is."""
    stored = hub.put(cluster_secret("north"))
    with pytest.raises(InvalidRegistration, match="exists already"):
        await rename(registry, "beijing", "north")
    assert hub.secret("north") == stored


async def test_second_rename_waits_for_the_first(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """A rename of what is being renamed would lose the trace."""
    hub.put(cluster_secret("north", annotations={"lateen.dev/renamed-from": "beijing"}))
    with pytest.raises(InvalidRegistration, match="cluster rename beijing north` first"):
        await rename(registry, "north", "third")


@pytest.mark.parametrize("new", ["beijing", "North", ""])
async def test_impossible_new_name_is_refused(registry: ClusterRegistry, new: str) -> None:
    """The same name, an invalid one, an empty one."""
    with pytest.raises(InvalidRegistration):
        await rename(registry, "beijing", new)


@pytest.mark.parametrize(
    ("policy", "path"),
    [
        (
            {"name": "p", "type": "topology", "properties": {"clusters": ["x", "beijing"]}},
            r"Application prod/shop: spec.policies\[1\].properties.clusters\[1\]",
        ),
        (
            {
                "name": "p",
                "type": "env-binding",
                "properties": {
                    "envs": [{"placement": {"clusterSelector": {"name": "beijing"}}}],
                },
            },
            r"envs\[0\].placement.clusterSelector.name",
        ),
    ],
)
async def test_rename_of_a_named_cluster_is_refused(
    hub: FakeCluster, registry: ClusterRegistry, policy: Json, path: str
) -> None:
    """The error says which application names it, and where."""
    hub.put(application(policy))
    with pytest.raises(ClusterInUse, match=path):
        await rename(registry, "beijing", "north")
    assert hub.has_secret("beijing")
    assert not hub.has_secret("north")


async def test_rename_is_refused_for_policy_objects_too(
    hub: FakeCluster, registry: ClusterRegistry
) -> None:
    """A shared Policy may name the cluster; strange policies of others are skipped over."""
    shared = {
        "apiVersion": "core.oam.dev/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": "here", "namespace": "prod"},
        "type": "topology",
        "properties": {"clusters": ["beijing"]},
    }
    hub.put(shared)
    strange: list[Any] = [None, [], {"clusters": 3}, {"clusters": [{"a": 1}]}]
    for index, properties in enumerate(strange):
        odd = {**shared, "properties": properties, "metadata": {"name": f"odd{index}"}}
        hub.put(odd)
    with pytest.raises(ClusterInUse, match=r"Policy prod/here: properties.clusters\[0\]") as caught:
        await rename(registry, "beijing", "north")
    assert len(caught.value.users) == 1


async def test_probe_tells_who_answers(
    hub: FakeCluster, registry: ClusterRegistry, fleet: Fleet
) -> None:
    """Health, version and identity; another cluster is an answer, and an error on request."""
    found = await probe(registry, "beijing")
    assert (found.health, found.version, found.identity) == ("ok", "v1.36.3", "unrecorded")
    refuse_mismatch(found)
    hub.put(cluster_secret("beijing", annotations={"lateen.dev/cluster-uid": "another"}))
    mismatch = await probe(registry, "beijing")
    assert mismatch.identity == "mismatch"
    with pytest.raises(RegistryError, match="another"):
        refuse_mismatch(mismatch)
    assert all(connection.closed for connection in fleet.dialled)
    assert (await probe(registry, "local")).identity == "match"

"""Renaming a cluster, with what is recorded about it; a second run repairs a crash in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.hub.cluster_errors import (
    ClusterInUse,
    InvalidRegistration,
    ReservedCluster,
)
from lateen.hub.cluster_names import check_name
from lateen.hub.cluster_users import references_to
from lateen.hub.inventories import move_cluster
from lateen.hub.membership import (
    create_registration,
    decide,
    remove_registration,
    replace_registration,
    with_metadata,
)
from lateen.hub.registrations import RENAMED_FROM, RegisteredCluster, Registration
from lateen.kube.errors import UnknownKind
from lateen.model.labels import LOCAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lateen.hub.clusters import ClusterRegistry
    from lateen.model.base import Json


async def rename(registry: ClusterRegistry, old: str, new: str) -> RegisteredCluster:
    """Give a cluster another name, together with the inventories of what is in it.

    Refused while an application or policy names the old one. The new Secret exists before the old
    one goes, marked until everything has moved: a rename that was interrupted is finished by
    running it again.
    """
    if LOCAL in (old, new):
        raise ReservedCluster("rename a cluster to" if new == LOCAL else "rename")
    check_name(new, doing="rename a cluster to")
    if old == new:
        raise InvalidRegistration(f"cluster {old!r} has that name already; nothing to rename")

    async def attempt() -> RegisteredCluster:
        known = await registry.registrations()
        source, target = known.get(old), known.get(new)
        begun = target is not None and target.annotations.get(RENAMED_FROM) == old
        if source is None and not begun:
            source = await registry.registration(old, fresh=True)
        if target is not None and not begun:
            raise InvalidRegistration(
                f"cannot rename cluster {old!r} to {new!r}: a cluster of that name exists already;"
                " choose another name"
            )
        if source is not None:
            await _refuse_pending(registry, source, known=known)
            await _copy(registry, source, name=new, target=target)
        await _move_inventories(registry, old, new)
        if source is not None:
            await remove_registration(registry, source)
        return await _unmark(registry, new)

    return await decide(old, attempt)


async def _refuse_pending(
    registry: ClusterRegistry, source: Registration, *, known: Mapping[str, Registration]
) -> None:
    """Refuse what must be settled first: another rename that has not ended, and uses by name."""
    earlier = source.annotations.get(RENAMED_FROM)
    if earlier in known:
        raise InvalidRegistration(
            f"cannot rename cluster {source.name!r}: its rename from {earlier!r} has not ended;"
            f" run `lateen cluster rename {earlier} {source.name}` first"
        )
    await _refuse_named(registry, source.name)


async def _copy(
    registry: ClusterRegistry, source: Registration, *, name: str, target: Registration | None
) -> None:
    """Store the new Secret, or bring the one of an interrupted rename up to date."""
    secret = _renamed(source, name)
    if target is None:
        await create_registration(registry, secret)
    elif target.secret.get("data") != secret["data"]:
        metadata = target.secret["metadata"]
        secret["metadata"] |= {key: metadata[key] for key in ("uid", "resourceVersion")}
        await replace_registration(registry, secret)


async def _move_inventories(registry: ClusterRegistry, old: str, new: str) -> None:
    try:
        await move_cluster(registry.hub, old=old, new=new)
    except UnknownKind:
        return  # a hub that only KubeVela uses so far has no inventories


async def _refuse_named(registry: ClusterRegistry, name: str) -> None:
    users = await references_to(registry.hub, name)
    if users:
        raise ClusterInUse(
            name,
            doing="rename",
            users=users,
            way_out=(
                "they would no longer find it: select it by a label there (`clusterLabelSelector`),"
                " or take it out of them and put the new name in after the rename"
            ),
        )


def _renamed(source: Registration, name: str) -> Json:
    metadata = source.secret["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": source.secret.get("type", "Opaque"),
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": source.labels,
            "annotations": {**source.annotations, RENAMED_FROM: source.name},
        },
        "data": source.secret.get("data") or {},
    }


async def _unmark(registry: ClusterRegistry, name: str) -> RegisteredCluster:
    registration = await registry.registration(name, fresh=True)
    annotations = {k: v for k, v in registration.annotations.items() if k != RENAMED_FROM}
    return await replace_registration(
        registry, with_metadata(registration, annotations=annotations)
    )

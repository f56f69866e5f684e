"""What a hub cluster needs before lateen can keep anything in it: kinds, namespaces, the worker's rights."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import yaml

from lateen.hub.cluster_errors import HubNotUsable
from lateen.hub.clusters import REGISTRY_NAMESPACE
from lateen.hub.kind_checks import find_limits, find_obstacles
from lateen.kube.shapes import as_list, as_object, as_objects
from lateen.model.objects import ObjectRef

if TYPE_CHECKING:
    from lateen.kube.cluster import Cluster
    from lateen.model.base import Json

FIELD_MANAGER = "lateen-install"
SYSTEM_NAMESPACE = "lateen-system"
MANAGED_BY = "app.kubernetes.io/managed-by"
PRODUCT = "lateen"
SHARED_GROUP = "core.oam.dev"
"""KubeVela's group: kinds in it may be KubeVela's own, which we use as they are."""

_FILES = (
    "namespaces",
    "applications",
    "policies",
    "workflows",
    "definitions",
    "revisions",
    "inventories",
    "audits",
    "access",
)
_LOCAL_FILES = ("delivery", "local")
_MEMBER_FILES = ("delivery", "member")
_ESTABLISHED_WITHIN = 30.0
_POLL = 0.2

_OPTIONAL = frozenset({"componentdefinitions.core.oam.dev", "traitdefinitions.core.oam.dev"})
"""Kinds without which a hub is ready, too: it just has no definitions."""

Action = Literal["created", "configured", "unchanged", "kept"]


@dataclass(frozen=True)
class Installed:
    """What happened to one object. ``kept``: it is somebody else's and stays; ``notes`` say what it lacks."""

    ref: ObjectRef
    action: Action
    notes: tuple[str, ...] = ()


def manifests(*, namespace: str = REGISTRY_NAMESPACE, deliver_to_hub: bool = False) -> list[Json]:
    """Return everything that is installed, in the order of applying; ``namespace`` keeps the clusters.

    With ``deliver_to_hub`` the worker may deliver to the hub itself.
    """
    files = (*_FILES, *_LOCAL_FILES) if deliver_to_hub else _FILES
    return [_ours(manifest, namespace) for manifest in _read(files)]


def member_manifests() -> list[Json]:
    """Return lateen's account in a member cluster, and its rights, in the order of applying."""
    return [_ours(manifest, REGISTRY_NAMESPACE) for manifest in _read(_MEMBER_FILES)]


def _read(files: tuple[str, ...]) -> list[Json]:
    folder = resources.files("lateen.hub") / "manifests"
    texts = [(folder / f"{name}.yaml").read_text(encoding="utf-8") for name in files]
    return [manifest for text in texts for manifest in yaml.safe_load_all(text)]


async def install(
    hub: Cluster, *, namespace: str = REGISTRY_NAMESPACE, deliver_to_hub: bool = False
) -> list[Installed]:
    """Bring a hub to what this version needs; running it again changes nothing.

    Kinds of ``core.oam.dev`` that lateen did not create are never changed: ``HubNotUsable`` says
    what they lack. Namespaces that exist stay as they are. Rights and kinds of our own are brought
    up to date; fields of them that somebody else manages are a ``Conflict``.
    """
    listed = manifests(namespace=namespace, deliver_to_hub=deliver_to_hub)
    wanted = [(ObjectRef.of(item), item) for item in listed]
    live = {ref.key: await hub.get(ref) for ref, _ in wanted}
    obstacles: list[str] = []
    for ref, manifest in wanted:
        existing = live[ref.key]
        if existing is not None and _is_foreign(existing, manifest):
            obstacles += [f"{ref.name}: {why}" for why in find_obstacles(existing, manifest)]
    if obstacles:
        raise HubNotUsable(obstacles)
    done = [await _install(hub, manifest, live[ref.key]) for ref, manifest in wanted]
    await _wait_established(
        hub, [item.ref for item in done if item.ref.kind == "CustomResourceDefinition"]
    )
    return done


async def check(hub: Cluster, *, namespace: str = REGISTRY_NAMESPACE) -> list[str]:
    """Return what is missing in a hub, one sentence each; nothing when it is ready.

    Rights are not looked at: the worker may not read roles.
    """
    missing: list[str] = []
    for manifest in manifests(namespace=namespace):
        ref = ObjectRef.of(manifest)
        if (
            ref.kind not in ("CustomResourceDefinition", "Namespace")
            or ref.name == SYSTEM_NAMESPACE
        ):
            continue
        live = await hub.get(ref)
        if live is None and ref.name in _OPTIONAL:
            continue
        if live is None:
            missing.append(f"{ref} does not exist; run `lateen install`")
        elif ref.kind == "CustomResourceDefinition":
            if not _is_established(live):
                missing.append(f"{ref} is not established; see its conditions")
            missing += [f"{ref}: {obstacle}" for obstacle in find_obstacles(live, manifest)]
    return missing


async def _install(hub: Cluster, manifest: Json, live: Json | None) -> Installed:
    ref = ObjectRef.of(manifest)
    if live is not None and ref.kind == "Namespace":
        return Installed(ref, "unchanged" if is_ours(live) else "kept")
    if live is not None and _is_foreign(live, manifest):
        return Installed(ref, "kept", notes=tuple(find_limits(live, manifest)))
    force = live is not None and is_ours(live)
    applied = await hub.apply(manifest, field_manager=FIELD_MANAGER, force=force)
    if live is None:
        return Installed(ref, "created")
    same = _version(live) == _version(applied.object)
    return Installed(ref, "unchanged" if same else "configured")


async def _wait_established(hub: Cluster, kinds: list[ObjectRef]) -> None:
    waiting = list(kinds)
    try:
        async with asyncio.timeout(_ESTABLISHED_WITHIN):
            while waiting:
                live = [await hub.get(ref) for ref in waiting]
                waiting = [
                    ref
                    for ref, item in zip(waiting, live, strict=True)
                    if item is None or not _is_established(item)
                ]
                if waiting:
                    await asyncio.sleep(_POLL)
    except TimeoutError:
        raise HubNotUsable(
            [f"{ref.name} is not established after {_ESTABLISHED_WITHIN:g} s" for ref in waiting]
        ) from None


def _ours(manifest: Json, namespace: str) -> Json:
    """Return the manifest with our label, and with ``namespace`` wherever the default one stands."""
    metadata = manifest["metadata"]
    labels = {**metadata.get("labels", {}), MANAGED_BY: PRODUCT}
    placed: Json = _placed({**manifest, "metadata": {**metadata, "labels": labels}}, namespace)
    return placed


def _placed(value: Any, namespace: str) -> Any:
    if isinstance(value, dict):
        return {key: _placed(item, namespace) for key, item in as_object(value).items()}
    if isinstance(value, list):
        return [_placed(item, namespace) for item in as_list(value)]
    return namespace if value == REGISTRY_NAMESPACE else value


def is_ours(live: Json) -> bool:
    """Tell whether lateen created an object."""
    return as_object(live["metadata"].get("labels")).get(MANAGED_BY) == PRODUCT


def _is_foreign(live: Json, manifest: Json) -> bool:
    """Tell whether an object is a kind of the shared group that somebody else created."""
    shared = manifest.get("spec", {}).get("group") == SHARED_GROUP
    return shared and not is_ours(live)


def _is_established(crd: Json) -> bool:
    conditions = as_objects(as_object(crd.get("status")).get("conditions"))
    return any(item["type"] == "Established" and item["status"] == "True" for item in conditions)


def _version(live: Json) -> str:
    return str(live["metadata"].get("resourceVersion"))

"""What in the hub refers to a cluster: inventories (something lives there) and policies (by name)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lateen.kube.errors import UnknownKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lateen.kube.cluster import Cluster
    from lateen.model.base import Json

INVENTORY_CLUSTER = "lateen.dev/cluster"
"""Label of an Inventory: the cluster that its objects are in."""

_BY_NAME = ("topology", "env-binding")


async def applications_in(hub: Cluster, name: str) -> list[str]:
    """Return the applications that have objects in a cluster, as their inventories say.

    A hub without the Inventory kind has none; any other failure to list is raised, never taken for none.
    """
    found: list[str] = []
    for inventory in await _list(
        hub, "lateen.dev/v1alpha1", "Inventory", labels={INVENTORY_CLUSTER: name}
    ):
        spec = _object(inventory.get("spec"))
        entries = spec.get("entries")
        if entries == []:
            continue
        namespace = inventory["metadata"].get("namespace", "")
        application = spec.get("application") or inventory["metadata"]["name"]
        objects = f" ({len(entries)} objects)" if isinstance(entries, list) else ""
        found.append(f"application {namespace}/{application}{objects}")
    return sorted(found)


async def references_to(hub: Cluster, name: str) -> list[str]:
    """Return where applications and policies of the hub name a cluster, each with the path."""
    found: list[str] = []
    for application in await _list(hub, "core.oam.dev/v1beta1", "Application"):
        policies = _object(application.get("spec")).get("policies")
        for index, policy in enumerate(policies if isinstance(policies, list) else []):
            found += [
                f"{_called(application)}: spec.policies[{index}].properties.{path}"
                for path in _mentions(_object(policy), name)
            ]
    for policy in await _list(hub, "core.oam.dev/v1alpha1", "Policy"):
        found += [f"{_called(policy)}: properties.{path}" for path in _mentions(policy, name)]
    return sorted(found)


async def _list(
    hub: Cluster, api_version: str, kind: str, *, labels: dict[str, str] | None = None
) -> list[Json]:
    try:
        return await hub.list(api_version, kind, labels=labels)
    except UnknownKind:
        return []


def _mentions(policy: Json, name: str) -> Iterator[str]:
    """Yield the paths below ``properties`` at which a policy names the cluster."""
    if policy.get("type") not in _BY_NAME:
        return
    properties = _object(policy.get("properties"))
    clusters = properties.get("clusters")
    for index, cluster in enumerate(clusters if isinstance(clusters, list) else []):
        if cluster == name:
            yield f"clusters[{index}]"
    envs = properties.get("envs")
    for index, env in enumerate(envs if isinstance(envs, list) else []):
        selector = _object(_object(_object(env).get("placement")).get("clusterSelector"))
        if selector.get("name") == name:
            yield f"envs[{index}].placement.clusterSelector.name"


def _called(item: Json) -> str:
    metadata = item["metadata"]
    return f"{item['kind']} {metadata.get('namespace', '')}/{metadata['name']}"


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}

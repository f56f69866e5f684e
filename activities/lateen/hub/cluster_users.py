"""What in the hub refers to a cluster: inventories (something lives there) and policies (by name)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.kube.errors import UnknownKind
from lateen.kube.shapes import as_list, as_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lateen.kube.cluster import Cluster
    from lateen.model.base import Json

INVENTORY_CLUSTER = "lateen.dev/cluster"
"""Label of an Inventory: the cluster that its objects are in."""

_BY_NAME = ("topology", "env-binding")


async def applications_in(hub: Cluster, name: str) -> list[str]:
    """Return the applications that have objects in a cluster, as their inventories say.

    A hub without the Inventory kind has none; any other failure to list is raised, never taken for
    none.
    """
    found: list[str] = []
    for inventory in await _list(
        hub, "lateen.dev/v1alpha1", "Inventory", labels={INVENTORY_CLUSTER: name}
    ):
        spec = as_object(inventory.get("spec"))
        entries = spec.get("entries")
        if entries == []:
            continue
        namespace = inventory["metadata"].get("namespace", "")
        application = spec.get("application") or inventory["metadata"]["name"]
        count = len(as_list(entries))
        objects = f" ({count} {'object' if count == 1 else 'objects'})" if count else ""
        found.append(f"application {namespace}/{application}{objects}")
    return sorted(found)


async def references_to(hub: Cluster, name: str) -> list[str]:
    """Return where applications and policies of the hub name a cluster, each with the path."""
    found: list[str] = []
    for application in await _list(hub, "core.oam.dev/v1beta1", "Application"):
        policies = as_list(as_object(application.get("spec")).get("policies"))
        for index, policy in enumerate(policies):
            found += [
                f"{_called(application)}: spec.policies[{index}].properties.{path}"
                for path in _mentions(as_object(policy), name)
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
    properties = as_object(policy.get("properties"))
    for index, cluster in enumerate(as_list(properties.get("clusters"))):
        if cluster == name:
            yield f"clusters[{index}]"
    for index, env in enumerate(as_list(properties.get("envs"))):
        selector = as_object(as_object(as_object(env).get("placement")).get("clusterSelector"))
        if selector.get("name") == name:
            yield f"envs[{index}].placement.clusterSelector.name"


def _called(item: Json) -> str:
    metadata = item["metadata"]
    return f"{item['kind']} {metadata.get('namespace', '')}/{metadata['name']}"

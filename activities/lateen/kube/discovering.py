"""Finding a kind by the name of its resource, as people type it after ``kubectl get``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

from lateen.kube.errors import KubeError, NotFound
from lateen.kube.resources import BUILT_IN, Resource
from lateen.kube.shapes import as_list, as_object, as_objects, as_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lateen.kube.connection import Connection
    from lateen.model.base import Json

_AT_ONCE = 4
_STALE_GROUPS = frozenset({"extensions", "events.k8s.io"})
"""Groups that serve once more what another one has: they count only when they are named."""


class UnknownResource(KubeError):
    """The cluster serves no such resource. ``known`` are the names that it has, for a hint."""

    def __init__(self, resource: str, *, cluster: str, known: Iterable[str] = ()) -> None:
        self.known = sorted(set(known))
        super().__init__(f"no resource {resource!r} is served", cluster=cluster)


class AmbiguousResource(KubeError):
    """Several API groups serve a resource of this name."""

    def __init__(self, resource: str, *, cluster: str, groups: Iterable[str]) -> None:
        self.groups = sorted(groups)
        super().__init__(
            f"resource {resource!r} is served by groups {', '.join(self.groups)}", cluster=cluster
        )


async def find_resource(connection: Connection, name: str, *, group: str | None) -> Resource:
    """Return what a resource is, by its plural, singular or short name.

    Without a ``group`` Kubernetes' own kinds come first, then all groups that the cluster serves. Raises
    ``UnknownResource`` and ``AmbiguousResource``.
    """
    for known in BUILT_IN.values():
        if name in (known.plural, known.kind.lower()) and group in (None, _group(known)):
            return known
    if group is None:  # As kubectl does: the core group wins, and costs one request.
        for entry in await _resources(connection, "v1"):
            if name in _names(entry):
                return _resource("v1", entry)
    groups = await _groups(connection)
    wanted = [each for each in groups if group in (None, each)]
    slots = asyncio.Semaphore(_AT_ONCE)

    async def read(each: str) -> list[Json]:
        async with slots:
            return await _resources(connection, groups[each])

    served = dict(zip(wanted, await asyncio.gather(*map(read, wanted)), strict=True))
    found = {
        each: entry
        for each, entries in served.items()
        for entry in entries
        if name in _names(entry) and (group is not None or each not in _STALE_GROUPS)
    }
    if len(found) > 1:
        raise AmbiguousResource(name, cluster=connection.cluster, groups=found)
    for each, entry in found.items():
        return _resource(groups[each], entry)
    known_names = (as_text(entry.get("name")) for entries in served.values() for entry in entries)
    raise UnknownResource(name, cluster=connection.cluster, known=known_names)


def _resource(api_version: str, entry: Json) -> Resource:
    kind, plural = as_text(entry.get("kind")), as_text(entry.get("name"))
    return Resource(api_version, kind, plural, namespaced=entry.get("namespaced") is True)


def _group(resource: Resource) -> str:
    return resource.api_version.rpartition("/")[0]


async def _groups(connection: Connection) -> dict[str, str]:
    """Return the preferred version of each API group; the core group has an empty name."""
    answer = await connection.request("GET", "/apis")
    found = {"": "v1"}
    for group in as_objects(answer.get("groups")):
        preferred = as_text(as_object(group.get("preferredVersion")).get("groupVersion"))
        if preferred:
            found[as_text(group.get("name"))] = preferred
    return found


async def _resources(connection: Connection, api_version: str) -> list[Json]:
    """Return what a group serves, without subresources; nothing when its server is away."""
    root = "/apis" if "/" in api_version else "/api"
    try:
        answer = await connection.request("GET", f"{root}/{quote(api_version, safe='/')}")
    except NotFound:
        return []
    entries = as_objects(answer.get("resources"))
    return [entry for entry in entries if "/" not in as_text(entry.get("name"))]


def _names(entry: Json) -> list[str]:
    kind = as_text(entry.get("kind")).lower()
    short = [as_text(each) for each in as_list(entry.get("shortNames"))]
    return [as_text(entry.get("name")), as_text(entry.get("singularName")), kind, *short]

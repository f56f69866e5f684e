"""How a delivery's history grows with its placements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.applications import application, unique
from bench.report import Column, Section
from bench.stand import Stand
from lateen.hub.applications import ensure_namespace
from lateen.kube.cluster import Cluster
from lateen.kube.connection import Connection
from lateen.kube.credentials import hub_credentials
from lateen.model.base import Json

_COUNTS = (1, 5, 20, 50)


async def measure(at: Stand) -> Iterable[Section]:
    """Deliver to 1, 5, 20 and 50 placements: namespaces of all clusters."""
    clusters = at.stack.clusters
    namespaces = [f"bench-{n}" for n in range(-(-max(_COUNTS) // len(clusters)))]
    await _make(at, clusters, namespaces)
    rows: list[list[float | str]] = []
    for count in _COUNTS:
        name = unique("grow")
        built = application(name, topologies=_topologies(count, clusters, namespaces))
        await at.deliver(built)
        described = await at.client.get_workflow_handle(f"examples/{name}").describe()
        size = described.raw_description.workflow_execution_info.history_size_bytes
        rows.append([str(count), described.history_length, size / 1024])
        await at.delete(name)
    columns = (
        Column("placements"),
        Column("events", "{:.1f}"),
        Column("KiB", "{:.1f}"),
    )
    first, last = rows[0], rows[-1]
    more = max(_COUNTS) - min(_COUNTS)
    slope = [(float(b) - float(a)) / more for a, b in zip(first[1:], last[1:], strict=True)]
    rows.append(["each further one", *slope])
    return [Section("Temporal history of a delivery", columns, rows)]


def _topologies(count: int, clusters: Sequence[str], namespaces: Sequence[str]) -> list[Json]:
    """Name ``count`` placements: all clusters in a namespace before the next namespace."""
    step = len(clusters)
    return [
        {"clusters": list(clusters[: count - index * step]), "namespace": namespace}
        for index, namespace in enumerate(namespaces)
        if index * step < count
    ]


async def _make(at: Stand, clusters: Sequence[str], namespaces: Sequence[str]) -> None:
    for name in clusters:
        async with Cluster(Connection(name, hub_credentials(at.stack.kubeconfig(name)))) as cluster:
            for namespace in namespaces:
                await ensure_namespace(cluster, namespace)

"""Topology policies: which namespaces of which clusters a deploy step delivers to."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from lateen.model.base import Model, Record
from lateen.model.errors import InvalidApplication, Problem, nearest
from lateen.model.labels import LOCAL
from lateen.model.names import DnsLabel
from lateen.model.placement import Placement
from lateen.policies.properties import properties_path, read_properties

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lateen.model.application import InlinePolicy

TOPOLOGY = "topology"

_MOST_HINTS, _MOST_LISTED = 50, 12
"""Problems with a nearest name, whose search takes time; clusters that an error lists."""


def _no_blank_names(names: list[str]) -> list[str]:
    if any(not name.strip() for name in names):
        raise ValueError("a cluster's name must not be empty")
    return names


class TopologyProperties(Model):
    """Choose clusters, by name or by label, and a namespace.

    ``clusterSelector`` is the name that ``clusterLabelSelector`` had once. KubeVela accepts and
    ignores it, which silently delivers to the hub; here it selects.
    """

    clusters: Annotated[list[str], AfterValidator(_no_blank_names)] | None = Field(
        default=None, description="Names of clusters; `local` is the hub. Wins over labels."
    )
    cluster_label_selector: dict[str, str] | None = Field(
        default=None, description="Labels that clusters must have; `{}` selects every cluster."
    )
    cluster_selector: dict[str, str] | None = Field(
        default=None, description="Deprecated name of `clusterLabelSelector`."
    )
    namespace: DnsLabel | Literal[""] = Field(
        default="", description="Namespace of all objects; the application's own by default."
    )
    allow_empty: bool = Field(
        default=False, description="Whether labels may select no cluster at all."
    )

    @property
    def selector(self) -> dict[str, str] | None:
        """The labels that a cluster must have; an empty selector fits every cluster."""
        if self.cluster_label_selector is not None:
            return self.cluster_label_selector
        return self.cluster_selector


class ClusterInfo(Record):
    """A cluster that can be delivered to. The hub itself is one, named ``local``.

    ``git_version`` is what its API server said of itself (``v1.36.3``); empty when nobody asked it.
    """

    name: str
    labels: dict[str, str] = Field(default_factory=dict[str, str])
    created_at: datetime | None = None
    git_version: str = ""


class Selection(Record):
    """Where a step delivers to, without repetition, and what its author should know."""

    placements: tuple[Placement, ...] = ()
    warnings: tuple[str, ...] = ()


def read_topology(policy: InlinePolicy, *, path: str | None = None) -> TopologyProperties:
    """Read a topology policy; raises ``InvalidApplication`` with paths below ``path``."""
    return read_properties(policy, TopologyProperties, path=path)


def topology_warnings(policy: InlinePolicy, properties: TopologyProperties) -> Iterator[str]:
    """Point to what works, but probably not as its author thinks."""
    name = f"policy {policy.name!r}"
    if properties.cluster_selector is not None:
        if properties.cluster_label_selector is not None or properties.clusters is not None:
            yield f"{name}: clusterSelector is ignored, the policy says where to deliver otherwise"
        else:
            yield f"{name}: clusterSelector is deprecated, write clusterLabelSelector"
    if properties.clusters is not None and properties.cluster_label_selector is not None:
        yield f"{name}: clusterLabelSelector is ignored, clusters are named"
    if properties.clusters == []:
        yield f"{name}: clusters is empty, nothing is delivered"


def select_placements(
    policies: Sequence[InlinePolicy], clusters: Sequence[ClusterInfo], *, namespace: str
) -> Selection:
    """Resolve the topology policies of one step; policies of other types are passed over.

    ``clusters`` are all that exist, ``local`` included; ``namespace`` is the application's. The
    order is that of the policies, then of the named clusters; a selector's matches come with
    ``local`` first and then by name. KubeVela puts the newest first, so that joining a cluster
    again moves the others: a name's place depends on nothing else.

    Raises ``InvalidApplication`` for unknown clusters, and for a selector without a match unless it
    allows that.
    """
    known = {cluster.name: cluster for cluster in clusters}
    found: dict[Placement, None] = {}
    warnings: list[str] = []
    problems: list[Problem] = []
    for policy in policies:
        if policy.type != TOPOLOGY:
            continue
        properties = read_topology(policy)
        warnings += topology_warnings(policy, properties)
        names, wrong = _select(policy, properties, known)
        problems += wrong
        for name in names:
            found[Placement(cluster=name, namespace=properties.namespace or namespace)] = None
    if problems:
        raise InvalidApplication(problems)
    return Selection(placements=tuple(found), warnings=tuple(warnings))


def target_namespaces(policies: Iterable[InlinePolicy], *, namespace: str) -> list[str]:
    """Return the namespaces that the topology policies of a step mean, whatever the clusters are."""
    named = [read_topology(policy).namespace for policy in policies if policy.type == TOPOLOGY]
    return list(dict.fromkeys(name or namespace for name in named)) or [namespace]


def _select(
    policy: InlinePolicy, properties: TopologyProperties, known: Mapping[str, ClusterInfo]
) -> tuple[Sequence[str], list[Problem]]:
    path = properties_path(policy)
    if properties.clusters is not None:
        return properties.clusters, list(_unknown(properties.clusters, known, path=path))
    if properties.selector is None:
        return (LOCAL,), []
    names = _matching(properties.selector, known.values())
    if names or properties.allow_empty:
        return names, []
    key = "clusterSelector" if properties.cluster_label_selector is None else "clusterLabelSelector"
    labels = ", ".join(f"{label}={value}" for label, value in properties.selector.items())
    hint = (
        f"label a cluster, or set allowEmpty; clusters: {', '.join(sorted(known)[:_MOST_LISTED])}"
    )
    return (), [Problem(f"{path}.{key}", "fits no cluster", labels, hint)]


def _matching(selector: Mapping[str, str], clusters: Iterable[ClusterInfo]) -> list[str]:
    wanted = selector.items()
    names = (cluster.name for cluster in clusters if wanted <= cluster.labels.items())
    return sorted(names, key=lambda name: (name != LOCAL, name))


def _unknown(names: Sequence[str], known: Iterable[str], *, path: str) -> Iterator[Problem]:
    joined = sorted(known)
    there = frozenset(joined)
    listed = ", ".join(joined[:_MOST_LISTED]) + (", …" if len(joined) > _MOST_LISTED else "")
    unknown = [(index, name) for index, name in enumerate(names) if name not in there]
    for index, name in unknown[:_MOST_HINTS]:
        hint = nearest(name, joined)
        if hint.startswith("did you mean"):
            hint = f"{hint} Clusters: {listed}"
        yield Problem(f"{path}.clusters[{index}]", "no such cluster", name, hint)
    for index, name in unknown[_MOST_HINTS:]:
        yield Problem(f"{path}.clusters[{index}]", "no such cluster", name)

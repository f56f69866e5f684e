"""What a worker sees when it looks into clusters for somebody, as the workflow ``Inspection`` answers it.

Names, kinds, phases, reasons of one word, counts, ports and addresses; never a field's value, a message or
a log. Fields are only ever added, with defaults.
"""

from __future__ import annotations

from typing import Literal

from lateen.model.base import Record

ResourceState = Literal["healthy", "progressing", "failed", "missing", "unknown"]


class ConditionSeen(Record):
    """One of an object's conditions."""

    type: str
    status: str
    reason: str = ""


class EventSeen(Record):
    """What was told about an object lately, and how often. ``note`` names what is missing, if it says so."""

    type: str = ""
    reason: str
    count: int = 1
    last_seen: str = ""
    note: str = ""


class ResourceSeen(Record):
    """An object that the application has in a cluster, by its inventory.

    ``placement`` is the namespace of the placement it belongs to; ``outdated`` that an earlier revision
    wrote it. ``message`` says why it is not healthy.
    """

    cluster: str
    placement: str = ""
    component: str = ""
    trait: str = ""
    api_version: str = ""
    kind: str
    namespace: str = ""
    name: str
    state: ResourceState = "unknown"
    message: str = ""
    revision: str = ""
    outdated: bool = False
    created_at: str = ""
    conditions: list[ConditionSeen] = []
    events: list[EventSeen] = []

    @property
    def title(self) -> str:
        """How people read it."""
        place = f"{self.namespace}/" if self.namespace and self.namespace != self.placement else ""
        return f"{self.kind} {place}{self.name}"


class PodSeen(Record):
    """A pod. ``phase`` is Kubernetes' own, or ``Terminating``; ``reason`` says why it is not ready."""

    cluster: str
    namespace: str
    name: str
    component: str = ""
    owner: str = ""
    phase: str = ""
    reason: str = ""
    ready: int = 0
    containers: int = 0
    restarts: int = 0
    node: str = ""
    created_at: str = ""


class EndpointSeen(Record):
    """Where something can be reached.

    ``inner`` addresses work inside the cluster only. Without an ``endpoint`` there is none yet, and
    ``message`` says why.
    """

    cluster: str
    component: str = ""
    kind: str
    namespace: str = ""
    name: str
    endpoint: str = ""
    inner: bool = False
    port_name: str = ""
    message: str = ""


class UnseenCluster(Record):
    """A cluster that could not be looked at, or not in full."""

    cluster: str
    message: str


class StepSeen(Record):
    """A step of the revision, and the policies that it uses."""

    name: str
    type: str = ""
    policies: list[str] = []
    group: str = ""


class Look(Record):
    """All that was seen of one application; ``omitted`` counts what did not fit."""

    steps: list[StepSeen] = []
    resources: list[ResourceSeen] = []
    pods: list[PodSeen] = []
    endpoints: list[EndpointSeen] = []
    unseen: list[UnseenCluster] = []
    omitted: int = 0


class ObjectToCome(Record):
    """An object that a delivery would create, change or delete."""

    action: Literal["create", "change", "delete"]
    kind: str
    namespace: str = ""
    name: str
    component: str = ""

    @property
    def title(self) -> str:
        """How people read it."""
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"


class ClusterForecast(Record):
    """What steps would do in one cluster; ``problems`` says what could not be foretold, or would be refused."""

    cluster: str
    create: int = 0
    change: int = 0
    unchanged: int = 0
    objects: list[ObjectToCome] = []
    problems: list[str] = []


class Forecast(Record):
    """What ``steps`` of a revision would do, cluster by cluster. Deletions are part of the steps' own plans."""

    revision: str = ""
    steps: list[str] = []
    clusters: list[ClusterForecast] = []

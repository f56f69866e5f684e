"""What the client answers: frozen values with a stable JSON form (``to_json``), fields only ever added."""

from __future__ import annotations

from typing import Literal

from lateen.contracts.looks import (
    ClusterForecast,
    EndpointSeen,
    PodSeen,
    ResourceSeen,
    StepSeen,
    UnseenCluster,
)
from lateen.contracts.messages import PruneTarget, StepOutcome
from lateen.model.base import Record
from lateen.model.drift import DriftRecord
from lateen.model.records import AuditEvent, Rollback

SubmissionState = Literal["started", "joined", "superseding", "queued"]
"""A run was started for it; one delivers the very same already; it takes the place of what is being
delivered; it waits for what is being delivered."""

Ending = Literal[
    "delivered",
    "unchanged",
    "waiting",
    "failed",
    "rejected",
    "superseded",
    "cancelled",
    "terminated",
    "timed-out",
    "deleted",
]
"""How following a submission ended. ``waiting`` is no end: it waits for an approval, as asked for."""

LivePhase = Ending | Literal["delivering", "suspended", "deleting", ""]


class Submitted(Record):
    """A submission that was taken. ``run_id`` is the run that answered, which need not be the one to come."""

    application: str
    run_id: str
    state: SubmissionState
    digest: str = ""

    @property
    def namespace(self) -> str:
        """The application's namespace."""
        return self.application.partition("/")[0]

    @property
    def name(self) -> str:
        """The application's name in its namespace."""
        return self.application.partition("/")[2]


class Waiting(Record):
    """A step that waits for a decision.

    A decision can be bound to ``plan`` (its digest) and to ``run``. ``prune`` is what the whole delivery would
    delete in the end.
    """

    step: str
    since: str = ""
    plan: str = ""
    revision: str = ""
    run: str = ""
    message: str = ""
    prune: list[PruneTarget] = []


class Suspended(Record):
    """That a run begins nothing new: since when, who suspended it and why."""

    since: str = ""
    actor: str = ""
    reason: str = ""

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"by {self.actor}{why}"


class Retry(Record):
    """Something that failed and is tried again. ``subject`` is a placement, a cluster or an activity."""

    subject: str
    attempt: int
    message: str


class Progress(Record):
    """How far a run is.

    ``activity`` tells what is being done now by placement (``cluster/namespace``) or cluster; ``note`` says
    why nothing newer is known.
    """

    application: str
    run_id: str = ""
    intent: str = "deliver"
    phase: LivePhase = ""
    message: str = ""
    revision: str = ""
    delivery: int = 0
    digest: str = ""
    actor: str = ""
    steps: list[StepOutcome] = []
    clusters: dict[str, str] = {}
    warnings: list[str] = []
    retained: list[str] = []
    waiting: list[Waiting] = []
    retries: list[Retry] = []
    activity: dict[str, str] = {}
    queued: int = 0
    suspended: Suspended | None = None
    note: str = ""


class Decided(Record):
    """A decision that took effect. By signal nothing is known yet, and ``step`` is what was asked for."""

    step: str
    actor: str
    message: str


class Steered(Record):
    """What was said to a run and taken; ``message`` says what it did."""

    message: str


class Resumed(Record):
    """What resuming did.

    A suspension was lifted (``steered``), a step that waited was approved (``decided``), or a run was started
    that continues a delivery (``submitted``).
    """

    steered: Steered | None = None
    decided: Decided | None = None
    submitted: Submitted | None = None


class RunInfo(Record):
    """A run as Temporal knows it; times are ISO 8601 in UTC, ``status`` is Temporal's word in lower case."""

    run_id: str
    status: str
    started_at: str = ""
    closed_at: str = ""


class TraitStatus(Record):
    """One object of a trait."""

    type: str
    kind: str = ""
    name: str = ""
    healthy: bool = False
    message: str = ""


class ServiceStatus(Record):
    """A component in one cluster and namespace, as it is there now.

    Without a ``name`` the cluster can't be looked at, and ``message`` says why. ``exists`` is False while none
    of its objects is there.
    """

    name: str
    cluster: str
    namespace: str
    type: str = ""
    exists: bool = True
    healthy: bool = False
    message: str = ""
    traits: list[TraitStatus] = []


class ComponentInfo(Record):
    """A component as the hub stores it."""

    name: str
    type: str
    traits: list[str] = []


class ClusterObjects(Record):
    """How many objects an application has in a cluster, by its inventory."""

    cluster: str
    objects: int


class ApplicationStatus(Record):
    """Everything that is known of an application, of Temporal and of the hub.

    ``phase`` is that of the latest run (``terminated`` when someone terminated it); ``note`` says what could
    not be found out, and why. ``drift`` is what the last look found that came after the latest delivery.
    ``healthy`` is None while nothing is delivered or nobody can look. ``rollback`` is set while an older
    revision is held. ``resources``, ``pods`` and ``endpoints`` are what was asked for; ``unseen`` names
    clusters that could not be looked at, ``omitted`` counts what did not fit.
    """

    application: str
    namespace: str
    name: str
    phase: LivePhase = ""
    message: str = ""
    healthy: bool | None = None
    intent: str = "deliver"
    created_at: str = ""
    revision: str = ""
    delivery: int = 0
    actor: str = ""
    mode: str = ""
    run: RunInfo | None = None
    components: list[ComponentInfo] = []
    steps: list[StepOutcome] = []
    services: list[ServiceStatus] = []
    clusters: dict[str, str] = {}
    objects: list[ClusterObjects] = []
    waiting: list[Waiting] = []
    retries: list[Retry] = []
    warnings: list[str] = []
    retained: list[str] = []
    queued: int = 0
    rollback: Rollback | None = None
    suspended: Suspended | None = None
    drift: DriftRecord | None = None
    events: list[AuditEvent] = []
    plan: list[StepSeen] = []
    resources: list[ResourceSeen] = []
    pods: list[PodSeen] = []
    endpoints: list[EndpointSeen] = []
    unseen: list[UnseenCluster] = []
    omitted: int = 0
    note: str = ""


class StoryEvent(Record):
    """One thing that happened in a run: when, what, in which step, to which placement or cluster.

    ``attempt`` counts those of what was tried again. ``actor`` is who did it, by their own word.
    """

    at: str = ""
    type: str
    step: str = ""
    subject: str = ""
    attempt: int = 0
    actor: str = ""
    message: str = ""


class RunRow(Record):
    """A run of an application: what Temporal and the audit know of it together.

    ``delivery`` is 0 for a run that delivered nothing, as one that found everything unchanged. ``run_id`` is
    empty when Temporal has forgotten the run.
    """

    delivery: int = 0
    revision: str = ""
    intent: str = ""
    phase: str = ""
    started_at: str = ""
    ended_at: str = ""
    actor: str = ""
    message: str = ""
    run_id: str = ""


class Runs(Record):
    """The runs of an application, the newest first; ``note`` says what could not be found out."""

    runs: list[RunRow] = []
    note: str = ""


class ApplicationRow(Record):
    """An application in a list. ``states`` has the phase by cluster as it was recorded ``at`` a time."""

    namespace: str
    name: str
    phase: LivePhase = ""
    revision: str = ""
    delivery: int = 0
    created_at: str = ""
    components: list[ComponentInfo] = []
    clusters: list[str] = []
    states: dict[str, str] = {}
    at: str = ""


class RevisionRow(Record):
    """A revision that the hub keeps.

    ``actor`` is who submitted it first, as far as the audit still knows. ``current`` is the one that a delivery
    began with last, ``delivered`` the one that was delivered last; ``succeeded`` those that ever were.
    """

    name: str
    number: int
    digest: str = ""
    publish_version: str = ""
    created_at: str = ""
    actor: str = ""
    current: bool = False
    delivered: bool = False
    succeeded: bool = False


class Revisions(Record):
    """The revisions of an application, the newest first.

    ``before`` is the one that a rollback goes to which names none; empty when there is none.
    """

    application: str
    before: str = ""
    revisions: list[RevisionRow] = []


class Listing(Record):
    """The applications of a namespace or of all; ``note`` says what could not be found out."""

    applications: list[ApplicationRow] = []
    note: str = ""


class PendingApproval(Record):
    """A step that waits for somebody, of whose submission, since when, and what an approval would do.

    A decision that names ``run`` and ``plan`` (a digest, empty for a ``suspend`` step) is void for any other.
    ``steps`` are those that an approval lets go on. ``forecast`` says what they would create and change; it is
    None when nobody asked, or could be asked. ``prune`` is what the whole delivery would delete in the end.
    """

    application: str
    namespace: str
    name: str
    step: str
    type: str = ""
    since: str = ""
    message: str = ""
    revision: str = ""
    delivery: int = 0
    run: str = ""
    plan: str = ""
    actor: str = ""
    steps: list[str] = []
    clusters: list[str] = []
    forecast: list[ClusterForecast] | None = None
    prune: list[PruneTarget] = []
    note: str = ""


class PendingApprovals(Record):
    """All that waits; ``note`` says what could not be found out."""

    approvals: list[PendingApproval] = []
    note: str = ""


class DeliveryRow(Record):
    """A delivery in the overview: the latest of its application.

    ``clusters`` has a phase by cluster: delivered, delivering, pending, waiting, failed and so on. ``step`` is
    the one at work or waiting, with ``done`` of ``total`` placements delivered (of all steps when it is over).
    ``since`` is when it began, or when it ended if ``open`` is False.
    """

    application: str
    namespace: str
    name: str
    open: bool = False
    phase: LivePhase = ""
    message: str = ""
    revision: str = ""
    run: str = ""
    step: str = ""
    done: int = 0
    total: int = 0
    waiting: list[Waiting] = []
    clusters: dict[str, str] = {}
    retries: int = 0
    since: str = ""


class Overview(Record):
    """All deliveries; ``note`` says what could not be found out."""

    deliveries: list[DeliveryRow] = []
    note: str = ""

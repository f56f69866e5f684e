"""Inputs and results of activities, and what a run answers. Fields are only ever added, with defaults."""

from __future__ import annotations

from typing import Literal

from lateen.model.base import Json, Record
from lateen.model.records import AuditEvent, ClusterChanges, Phase, PlacementDigest, RevisionRef
from lateen.planning.plan import PlannedStep


class RunOptions(Record):
    """What the worker's operator set, fixed for a run when it opens, so that replays see the same."""

    deadline_seconds: float = 600
    require_attributed_approvals: bool = False
    search_attributes: bool = False


class Request(Record):
    """What every request of a run says: which application (``<namespace>/<name>``), and of which hub.

    An empty ``hub_uid`` means that the run has not been told its hub yet.
    """

    application: str
    hub_uid: str = ""


class Continuation(Record):
    """What to deliver instead of new content: the recorded revision of a delivery, the latest by default.

    What that one finished stays done. With ``restart`` the steps from ``step`` on run again all the same,
    without a name those from the first that failed, or all. ``id`` tells two such wishes apart.
    """

    delivery: int = 0
    restart: bool = False
    step: str = ""
    id: str = ""


class OpenDelivery(Request):
    """Asks to begin delivering ``content`` (an Application, plain JSON as submitted).

    A rollback has no content: it goes back to ``rollback_to``, a revision that the hub keeps, or, where none
    is named, to the one that was delivered before the current one. Neither has a ``continuation``: the hub
    has it.
    """

    content: Json
    actor: str = ""
    confirm_removal: list[str] = []
    intent: Literal["deliver", "rollback"] = "deliver"
    rollback_to: str = ""
    continuation: Continuation | None = None


class Vetted(Record):
    """Whether content could be delivered; ``message`` and ``details`` say as an error would what is wrong.

    ``digest`` is that of the revision that it would be.
    """

    valid: bool = True
    digest: str = ""
    message: str = ""
    details: Json = {}


class PlannedPlacement(Record):
    """Where a step delivers, and the digest of the manifests it will send there."""

    cluster: str
    namespace: str
    digest: str
    objects: int

    @property
    def name(self) -> str:
        """How people read it: the cluster, and the namespace in it."""
        return f"{self.cluster}/{self.namespace}"


class PruneTarget(Record):
    """What would be deleted from one cluster when the delivery succeeds."""

    cluster: str
    objects: list[str] = []


class StepPlan(Record):
    """What a deploy step is going to do. ``digest`` covers all of it: an approval is bound to it."""

    step: str
    placements: list[PlannedPlacement] = []
    prune: list[PruneTarget] = []
    digest: str = ""
    warnings: list[str] = []


class OpenedDelivery(Record):
    """What a run needs to know to go on. ``unchanged`` means there is nothing to do or to record.

    ``done`` lists leaves of which an earlier delivery did something: all of them (``succeeded``), or some
    placements or the approval of those that have still to run (``pending``).
    """

    hub_uid: str
    revision: RevisionRef
    unchanged: bool = False
    delivery: int = 0
    steps: list[PlannedStep] = []
    mode: Literal["StepByStep", "DAG"] = "StepByStep"
    first_plan: StepPlan | None = None
    clusters: list[str] = []
    options: RunOptions = RunOptions()
    warnings: list[str] = []
    done: list[StepOutcome] = []


class PlanStep(Request):
    """Asks for the plan of one deploy step. ``with_prune`` adds what the delivery would delete."""

    revision: RevisionRef
    step: str
    delivery: int
    with_prune: bool = False
    confirm_removal: list[str] = []


class DeliverPlacement(Request):
    """Asks to bring one placement to the state that the revision describes.

    ``deadline`` is an absolute time (seconds since the epoch): it survives retries.
    """

    revision: RevisionRef
    delivery: int
    step: str
    placement: PlannedPlacement
    deadline: float


class DeliverShard(Request):
    """Asks a child workflow to deliver one shard of a step's placements."""

    revision: RevisionRef
    delivery: int
    step: str
    parallelism: int
    deadline_seconds: float
    placements: list[PlannedPlacement]


class ShardResult(Record):
    """How each placement of a shard ended."""

    placements: list[PlacementOutcome]


class PlacementResult(Record):
    """What happened in one cluster. Pruning counts in ``objects`` what it deleted, in ``kept`` what it left."""

    cluster: str
    namespace: str = ""
    objects: int = 0
    message: str = ""
    kept: int = 0


class RecordEvents(Request):
    """Asks to append events to the audit, and to change the recorded phase if one is given."""

    delivery: int
    phase: Phase | None = None
    events: list[AuditEvent] = []


class PruneCluster(Request):
    """Asks to delete what an application has in a cluster.

    With ``everything`` all of it; otherwise what is in none of ``placements``, the union of all steps there.
    ``partly`` says that the delivery failed: only what it reached is in ``placements``. ``orphan`` forgets
    without deleting.
    """

    delivery: int
    cluster: str
    revision: RevisionRef | None = None
    placements: list[PlacementDigest] = []
    confirm_removal: list[str] = []
    everything: bool = False
    orphan: bool = False
    partly: bool = False


class StepOutcome(Record):
    """How a step ended, for the audit and for the run's result."""

    name: str
    type: str
    phase: str
    message: str = ""
    placements: list[PlacementOutcome] = []
    decision: Decision | None = None


class PlacementOutcome(Record):
    """How a placement is: pending, delivering, delivered, failed, cancelled or kept."""

    cluster: str
    namespace: str = ""
    phase: str = "pending"
    message: str = ""
    objects: int = 0
    digest: str = ""


class Decision(Record):
    """An approval or a rejection that took effect: who and why are claims of the sender."""

    approved: bool
    actor: str
    reason: str = ""
    at: str = ""
    plan: str = ""


class CloseDelivery(Request):
    """Asks to record how a delivery ended.

    ``pruned`` says that pruning is done; until then a delivery that succeeded is asked what to prune, and one
    that failed if its garbage-collect policy wants that. ``removed`` is what pruning or deleting did,
    ``actor`` and ``reason`` are of who cancelled it or asked for a rollback.
    """

    delivery: int
    phase: Phase
    revision: RevisionRef | None = None
    message: str = ""
    actor: str = ""
    reason: str = ""
    placements: list[PlacementDigest] = []
    steps: list[StepOutcome] = []
    events: list[AuditEvent] = []
    confirm_removal: list[str] = []
    pruned: bool = False
    removed: list[ClusterChanges] = []


class ClosedDelivery(Record):
    """Either the delivery is recorded, or ``prune`` lists the clusters to prune first.

    ``retained`` lists what is kept although no step placed it: clusters whose labels changed or that left.
    """

    closed: bool
    prune: list[str] = []
    retained: list[str] = []


class OpenDeletion(Request):
    """Asks to begin deleting the application from wherever it is."""

    actor: str = ""
    orphan: bool = False


class DeletionPlan(Record):
    """Which clusters still hold something. ``known`` is False when there is nothing to delete at all."""

    hub_uid: str
    known: bool
    delivery: int = 0
    clusters: list[str] = []
    options: RunOptions = RunOptions()


class Inspect(Record):
    """Asks how one application is (``name``), or for the list of a namespace or of all.

    ``live`` reads how its services are; ``resources``, ``pods`` and ``endpoints`` list what it has, with
    ``details`` also conditions and events. ``plan`` names steps that wait: what they let go on would do in each
    cluster is asked of the clusters. With ``revisions`` it asks which revisions of the application are kept.
    """

    namespace: str = ""
    name: str = ""
    live: bool = True
    revisions: bool = False
    resources: bool = False
    pods: bool = False
    endpoints: bool = False
    details: bool = False
    plan: list[str] = []


StepOutcome.model_rebuild()
OpenedDelivery.model_rebuild()
ShardResult.model_rebuild()

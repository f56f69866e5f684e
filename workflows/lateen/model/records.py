"""What lateen records in the hub: revisions, inventories and the audit of an application."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lateen.model.base import Json, Record
from lateen.model.drift import DriftRecord
from lateen.model.fetched import FetchedObjects
from lateen.model.objects import ObjectRef
from lateen.model.references import FoundObjects

Effect = Literal["", "pending", "created", "changed"]
"""What a delivery did to an object: empty for nothing, ``pending`` while its turn has not come."""

Phase = Literal[
    "delivering",
    "waiting",
    "delivered",
    "unchanged",
    "failed",
    "rejected",
    "cancelled",
    "superseded",
    "deleting",
    "deleted",
]
"""How far a delivery is. ``waiting`` is waiting for an approval."""


class RevisionRef(Record):
    """Names a revision and proves which content is meant."""

    name: str
    number: int
    digest: str


class UsedDefinition(Record):
    """A definition of the hub that an application uses, as it was read.

    ``version`` is the one that was pinned (``name@v2``), empty for the current one.
    """

    kind: Literal["ComponentDefinition", "TraitDefinition"]
    namespace: str
    name: str
    version: str = ""
    spec: Json


class Snapshot(Record):
    """Everything that shapes a delivery, frozen: what a revision holds.

    ``policies``, ``workflow`` and ``definitions`` are the external objects that the application uses, as
    they were read; ``references`` are the objects that its components copy, ``fetched`` those that came from
    URLs and charts.
    """

    application: Json
    policies: list[Json] = []
    workflow: Json | None = None
    plugins: dict[str, str] = {}
    references: list[FoundObjects] = []
    definitions: list[UsedDefinition] = []
    fetched: list[FetchedObjects] = []


class PlacementDigest(Record):
    """What one placement of one step was given."""

    step: str
    cluster: str
    namespace: str
    digest: str


class InventoryEntry(Record):
    """One object that lateen may have written to a cluster, recorded before the write.

    ``wave`` is how many waves of components were applied before its own: what depends on others is deleted
    before them. The types of the component and the trait are kept so that rules can still be asked about an
    object that is not rendered any more. ``collect`` and ``propagation`` are what the garbage-collect policy
    said at the last apply, ``shared`` that other applications may have the object too. ``effect`` is what the
    ``delivery`` was about to do to the object: it is known before the write, and survives who writes.
    """

    api_version: str
    kind: str
    namespace: str = ""
    name: str
    component: str = ""
    component_type: str = ""
    oam_type: str = ""
    trait_type: str = ""
    placement_namespace: str = ""
    revision: str = ""
    delivery: int = 0
    digest: str = ""
    wave: int = 0
    collect: str = ""
    propagation: str = ""
    shared: bool = False
    effect: Effect = ""

    @property
    def ref(self) -> ObjectRef:
        """The identity of the object."""
        return ObjectRef(
            api_version=self.api_version, kind=self.kind, namespace=self.namespace, name=self.name
        )


class Inventory(Record):
    """What an application has in one cluster. ``delivery`` is the fence: it only ever grows."""

    application: str
    namespace: str
    cluster: str
    delivery: int = 0
    entries: list[InventoryEntry] = []


class AuditEvent(Record):
    """One line of the audit: who did what, when and why. Names in payloads are claims.

    ``plan`` is the digest of the plan that was approved.
    """

    at: str
    type: str
    delivery: int = 0
    revision: str = ""
    actor: str = ""
    reason: str = ""
    step: str = ""
    message: str = ""
    plan: str = ""


class DeliveryRecord(Record):
    """One run of an application as the audit keeps it.

    ``placements_digest`` covers what every placement was given; ``steps`` are the outcomes of the steps, of
    one that hasn't ended those that it took over from delivery ``continues``.
    """

    number: int
    run_id: str
    intent: str = "deliver"
    revision: str = ""
    digest: str = ""
    actor: str = ""
    started_at: str = ""
    ended_at: str = ""
    phase: Phase = "delivering"
    message: str = ""
    placements_digest: str = ""
    clusters: list[str] = []
    retained: list[str] = []
    steps: list[Json] = []
    continues: int = 0


class ObjectCounts(Record):
    """What one delivery did, in objects. ``kept`` are those that it no longer delivers and left there."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    kept: int = 0


class ClusterChanges(ObjectCounts):
    """What one delivery did to one cluster.

    ``state`` says more than ``delivered`` or ``deleted``: ``failed``, ``cancelled``, ``pending``,
    ``abandoned``, ``orphaned``; it is empty otherwise.
    """

    cluster: str
    state: str = ""


class PastDelivery(Record):
    """A delivery that is over, as the audit keeps it for long.

    Without ``ended_at`` nobody recorded its end: its run was terminated, and the next delivery began.
    ``changes`` lists as many clusters as there is room for, ``reached`` counts all of them, and ``total``
    adds all of them up.
    """

    number: int
    run_id: str = ""
    intent: str = "deliver"
    revision: str = ""
    actor: str = ""
    started_at: str = ""
    ended_at: str = ""
    phase: str = ""
    message: str = ""
    total: ObjectCounts = ObjectCounts()
    reached: int = 0
    changes: list[ClusterChanges] = []


class KeptRevision(Record):
    """A revision that the hub keeps, without what it holds."""

    name: str
    number: int
    digest: str = ""
    publish_version: str = ""
    created_at: str = ""


class Rollback(Record):
    """That an older revision was gone back to, by whom and when. It holds until a newer submission."""

    revision: str
    actor: str = ""
    at: str = ""


class Audit(Record):
    """The bounded, append-only record of one application; it outlives the application.

    ``latest_delivery`` and ``latest_revision`` never restart, not even after delete and re-create.
    ``revision`` is the one that a delivery began with last; after a ``rollback`` its number is not the latest
    (0 was written by a lateen that knew no rollback). ``delivered`` is the last delivery that succeeded,
    ``delivered_revisions`` names what succeeded, the last one last; ``drift`` is what the last look at its
    clusters found, ``past`` are the deliveries that are over, the oldest first.
    """

    phase: Phase | Literal[""] = ""
    revision: str = ""
    revision_number: int = 0
    latest_delivery: int = 0
    latest_revision: int = 0
    revision_digest: str = ""
    delivery: DeliveryRecord | None = None
    delivered: DeliveryRecord | None = None
    delivered_revisions: list[str] = []
    rollback: Rollback | None = None
    drift: DriftRecord | None = None
    past: list[PastDelivery] = []
    events: list[AuditEvent] = Field(default=[])

    @property
    def current(self) -> RevisionRef:
        """The revision that a delivery began with last."""
        return RevisionRef(
            name=self.revision,
            number=self.revision_number or self.latest_revision,
            digest=self.revision_digest,
        )

"""What lateen records in the hub: revisions, inventories and the audit of an application."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lateen.model.base import Json, Record
from lateen.model.drift import DriftRecord
from lateen.model.objects import ObjectRef
from lateen.model.references import FoundObjects

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
    they were read; ``references`` are the objects that its components copy.
    """

    application: Json
    policies: list[Json] = []
    workflow: Json | None = None
    plugins: dict[str, str] = {}
    references: list[FoundObjects] = []
    definitions: list[UsedDefinition] = []


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
    said at the last apply, ``shared`` that other applications may have the object too.
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


class Audit(Record):
    """The bounded, append-only record of one application; it outlives the application.

    ``latest_delivery`` and ``latest_revision`` never restart, not even after delete and re-create.
    ``delivered`` is the last delivery that succeeded, ``drift`` what the last look at its clusters found.
    """

    phase: Phase | Literal[""] = ""
    revision: str = ""
    latest_delivery: int = 0
    latest_revision: int = 0
    revision_digest: str = ""
    delivery: DeliveryRecord | None = None
    delivered: DeliveryRecord | None = None
    drift: DriftRecord | None = None
    events: list[AuditEvent] = Field(default=[])

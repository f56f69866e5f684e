"""What is said about drift: clusters that no longer have what was delivered, or that joined or left since.

Only names of objects and paths of fields, never a value: these records travel through Temporal's histories.
"""

from __future__ import annotations

from typing import Literal

from lateen.model.base import Record

DriftMode = Literal["report", "repair", "off"]
"""What the schedule does about drift: tell it, deliver again what was delivered, or not look at all."""

DriftState = Literal["clean", "drifted", "busy", "undelivered", "off", "unknown", "unchecked"]
"""What a check came to. ``busy``: a delivery is open. ``undelivered``: the last delivery did not succeed, so
there is nothing to hold the clusters against. ``unchecked``: something could not be looked at, and what could
has not drifted."""

RepairState = Literal["", "asked", "withheld", "later"]
"""Whether a delivery was asked for; ``withheld`` says that one was wanted, and ``message`` why it was not."""


class DriftedObject(Record):
    """One object that is not as it was delivered: the paths of its fields, or what else is wrong."""

    cluster: str
    kind: str
    namespace: str = ""
    name: str
    component: str = ""
    missing: bool = False
    fields: list[str] = []
    note: str = ""

    @property
    def title(self) -> str:
        """How people read it."""
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"

    @property
    def identity(self) -> tuple[str, str]:
        """What tells it from others of the application."""
        return self.cluster, self.title


class UncheckedCluster(Record):
    """A cluster that could not be looked at, or not in full: that is no drift."""

    cluster: str
    reason: str


class PlacementChange(Record):
    """A placement that the delivered revision would be given now and wasn't, or was and would not be any more.

    ``topology`` is the policy that matches it now; empty for one that vanished.
    """

    cluster: str
    namespace: str
    change: Literal["matches", "vanished"]
    topology: str = ""


class DriftRecord(Record):
    """What the last check found, bounded; ``total`` counts also the objects that are not listed.

    It speaks of ``delivery`` only. ``since`` is when this drift was first seen. ``repairs`` counts deliveries
    that were asked for because of the very same objects, one after another.
    """

    delivery: int
    checked_at: str = ""
    since: str = ""
    total: int = 0
    objects: list[DriftedObject] = []
    unchecked: list[UncheckedCluster] = []
    placements: list[PlacementChange] = []
    repairs: int = 0

    @property
    def clusters(self) -> list[str]:
        """Where something drifted, as far as it is listed."""
        return sorted({each.cluster for each in self.objects})

"""Signatures of the activities: what workflows call and the side-effect zone implements.

The implementation subclasses ``DeliveryActivities`` and repeats each decorator; a test compares both.
Inputs and results are small on purpose: they refer to a revision and never hold a manifest or a credential.
"""

from __future__ import annotations

from temporalio import activity

from lateen.contracts.drift import CheckDrift, DeliveredShard, DriftChecked, ListDelivered
from lateen.contracts.messages import (
    ClosedDelivery,
    CloseDelivery,
    DeletionPlan,
    DeliverPlacement,
    Inspect,
    OpenDeletion,
    OpenDelivery,
    OpenedDelivery,
    PlacementResult,
    PlanStep,
    PruneCluster,
    RecordEvents,
    StepPlan,
    Vetted,
)
from lateen.model.base import Json


class DeliveryActivities:
    """Every activity of lateen."""

    @activity.defn(name="open_delivery")
    async def open_delivery(self, request: OpenDelivery) -> OpenedDelivery:
        """Check, resolve and store an application, claim a delivery number, plan the first step.

        Finds out when there is nothing to do: then nothing is written.
        """
        raise NotImplementedError

    @activity.defn(name="vet_submission")
    async def vet_submission(self, request: OpenDelivery) -> Vetted:
        """Tell whether content could be opened now: asked before it supersedes a good delivery."""
        raise NotImplementedError

    @activity.defn(name="plan_step")
    async def plan_step(self, request: PlanStep) -> StepPlan:
        """Resolve a deploy step's placements and digest what each will get."""
        raise NotImplementedError

    @activity.defn(name="deliver_placement")
    async def deliver_placement(self, request: DeliverPlacement) -> PlacementResult:
        """Apply a step's components to one cluster and namespace, and wait until they are healthy."""
        raise NotImplementedError

    @activity.defn(name="record_events")
    async def record_events(self, request: RecordEvents) -> None:
        """Append to the audit: decisions, waiting, a changed phase."""
        raise NotImplementedError

    @activity.defn(name="prune_cluster")
    async def prune_cluster(self, request: PruneCluster) -> PlacementResult:
        """Delete recorded objects from one cluster; forget them once they are gone."""
        raise NotImplementedError

    @activity.defn(name="close_delivery")
    async def close_delivery(self, request: CloseDelivery) -> ClosedDelivery:
        """Record how a delivery ended; before that, say what is to be pruned if anything is."""
        raise NotImplementedError

    @activity.defn(name="open_deletion")
    async def open_deletion(self, request: OpenDeletion) -> DeletionPlan:
        """Claim a delivery number and list the clusters that still hold objects of an application."""
        raise NotImplementedError

    @activity.defn(name="inspect")
    async def inspect(self, request: Inspect) -> Json:
        """Read from the hub, and live from the clusters, how applications are."""
        raise NotImplementedError

    @activity.defn(name="list_delivered")
    async def list_delivered(self, request: ListDelivered) -> DeliveredShard:
        """List a shard of the applications that the hub stores."""
        raise NotImplementedError

    @activity.defn(name="check_drift")
    async def check_drift(self, request: CheckDrift) -> DriftChecked:
        """Look whether an application's clusters still have what was delivered, and record it.

        Writes to no cluster. Says what to submit if a delivery would mend it and is wanted.
        """
        raise NotImplementedError

"""Types of the errors that cross Temporal's boundary. Workflows and clients match on these names."""

from __future__ import annotations

INVALID_APPLICATION = "InvalidApplication"
"""The input can't be delivered as it is; message and details name path and value."""

DELIVERY_FAILED = "DeliveryFailed"
"""A step failed; details hold the result with every placement."""

REJECTED = "Rejected"
"""Someone rejected a step; details hold who and why."""

SUPERSEDED = "Superseded"
"""A newer delivery holds the inventory: this attempt wrote nothing more."""

PLAN_CHANGED = "PlanChanged"
"""What would be applied is not what was planned; the step plans again."""

UNHEALTHY = "Unhealthy"
"""Objects were applied but failed or did not become healthy in time."""

REFUSED = "Refused"
"""A rule forbids it: ownership, cross-namespace, credentials, a missing namespace."""

WRONG_HUB = "WrongHub"
"""The run belongs to another hub than the worker's."""

NOT_WAITING = "NotWaiting"
"""A decision came for nothing that waits for it."""

HUB_UNAVAILABLE = "HubUnavailable"
"""The hub's API server can't be reached or refuses; retried."""

CLUSTER_UNREACHABLE = "ClusterUnreachable"
"""A target's API server can't be reached; retried until the placement's deadline."""

"""Names that Temporal sees: workflow types and ids, task queue, messages. They live in histories for ever."""

from __future__ import annotations

TASK_QUEUE = "lateen"
"""The default task queue; a worker and its clients may agree on another."""

APPLICATION = "Application"
INSPECTION = "Inspection"
SHARD = "Shard"
DRIFT = "Drift"

SUBMIT = "submit"
APPROVE = "approve"
REJECT = "reject"
SUSPEND = "suspend"
RESUME = "resume"
STATE = "state"

DRIFT_SCHEDULE = "lateen-drift"
"""Id of the Temporal Schedule that looks for drift."""


def drift_schedule(task_queue: str) -> str:
    """Return the id of the Schedule for a task queue: each has its own hub, and so its own look."""
    return DRIFT_SCHEDULE if task_queue == TASK_QUEUE else f"{DRIFT_SCHEDULE}-{task_queue}"


def workflow_id(namespace: str, name: str) -> str:
    """Build the id of an application's workflow: the id is the mutual exclusion of its deliveries."""
    return f"{namespace}/{name}"


def application_of(workflow_id: str) -> tuple[str, str]:
    """Return namespace and name of the application that a workflow id means.

    Raises ``ValueError`` when the id isn't ``<namespace>/<name>``.
    """
    namespace, separator, name = workflow_id.partition("/")
    if not separator or not namespace or not name or "/" in name:
        raise ValueError(f"workflow id {workflow_id!r} is not <namespace>/<name>")
    return namespace, name

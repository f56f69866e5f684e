"""How one run ended, from what Temporal keeps of it: no worker is needed to read that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from temporalio.client import Client, WorkflowContinuedAsNewError, WorkflowFailureError
from temporalio.exceptions import ApplicationError, CancelledError, TerminatedError
from temporalio.exceptions import TimeoutError as RunTimeout
from temporalio.service import RPCError

from lateen.client.failures import is_missing
from lateen.client.outcomes import Outcome
from lateen.client.results import Ending
from lateen.contracts import errors
from lateen.model.base import Json
from lateen.model.json_values import as_object


@dataclass(frozen=True)
class RunEnd:
    """The end of a run.

    ``next_run`` is the run that follows when this one continued as new; then the next run knows how this one
    ended. ``result`` is what the run said at its end, empty when it could not say anything.
    """

    phase: Ending
    message: str = ""
    result: Json | None = None
    next_run: str = ""

    def outcome(self, application: str, *, run_id: str) -> Outcome:
        """Return the end as the outcome of a submission."""
        said = self.result or {}
        return Outcome.model_validate(
            {
                **said,
                "application": application,
                "runId": run_id,
                "phase": self.phase,
                "message": self.message or str(said.get("message", "")),
            }
        )


async def end_of(client: Client, application: str, *, run_id: str) -> RunEnd:
    """Wait until a run ends, and say how. Waits for as long as that takes."""
    handle = client.get_workflow_handle(application, run_id=run_id)
    try:
        result: Any = await handle.result(follow_runs=False)
    except WorkflowContinuedAsNewError as error:
        return RunEnd("superseded", next_run=error.new_execution_run_id)
    except WorkflowFailureError as error:
        return _failure(error)
    said = as_object(result) or {}
    phase = said.get("phase")
    return RunEnd(phase if phase in {"unchanged", "deleted"} else "delivered", result=said)


async def end_if_known(client: Client, application: str, *, run_id: str) -> RunEnd | None:
    """Return how a closed run ended; None when its history is gone."""
    try:
        return await end_of(client, application, run_id=run_id)
    except RPCError as error:
        if is_missing(error):
            return None
        raise


def _failure(error: WorkflowFailureError) -> RunEnd:
    match error.cause:
        case ApplicationError() as cause:
            details = as_object(cause.details[0]) if cause.details else None
            result = details if details and "phase" in details else None
            phase: Ending = "rejected" if cause.type == errors.REJECTED else "failed"
            return RunEnd(phase, cause.message, result)
        case CancelledError():
            return RunEnd("cancelled", "cancelled from outside; what was delivered stays")
        case TerminatedError() as cause:
            return RunEnd("terminated", f"terminated from outside: {cause.message}")
        case RunTimeout():
            return RunEnd("timed-out", "the run exceeded the time that Temporal gives it")
        case cause:
            return RunEnd("failed", str(cause))

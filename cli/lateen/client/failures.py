"""Temporal's errors in lateen's words."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from lateen.client.errors import NotWaiting, Refused, TemporalUnavailable
from lateen.contracts import errors
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication, LateenError, Problem
from lateen.model.json_values import as_list, as_object

_NO_NAMESPACE = "NamespaceNotFoundFailure"
_NOT_READY = "WorkflowNotReadyFailure"
_GONE = frozenset(
    {RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED}
)


@contextmanager
def translated(client: Client) -> Generator[None]:
    """Raise ``TemporalUnavailable`` for a server that went away or refuses, with its own words."""
    try:
        yield
    except RPCError as error:
        target = client.service_client.config.target_host
        if error.status in _GONE:
            message = f"the Temporal server at {target} does not answer; what runs goes on there"
            raise TemporalUnavailable(message) from error
        hint = _hint(error)
        message = f"the Temporal server at {target} refuses: {error.message.rstrip('.')}{hint}"
        raise TemporalUnavailable(message) from error


def is_missing(error: RPCError) -> bool:
    """Whether there is no such workflow, or it has ended."""
    return error.status == RPCStatusCode.NOT_FOUND and not _tells(error, _NO_NAMESPACE)


def _hint(error: RPCError) -> str:
    if _tells(error, _NO_NAMESPACE):
        return "; check TEMPORAL_NAMESPACE"
    if _tells(error, _NOT_READY):
        return "; the run can't go on, and the worker's log and the Temporal UI say why"
    return ""


def _tells(error: RPCError, detail: str) -> bool:
    return any(found.type_url.endswith(f".{detail}") for found in error.grpc_status.details)


def refusal(error: WorkflowUpdateFailedError, *, application: str) -> LateenError | None:
    """Return our error for an update that the workflow refused; None when it was not refused."""
    cause = error.cause
    if not isinstance(cause, ApplicationError):
        return None
    match cause.type:
        case errors.INVALID_APPLICATION:
            return invalid(cause, application=application)
        case errors.NOT_WAITING:
            return NotWaiting(f"{application}: {cause.message}")
        case errors.REFUSED:
            return Refused(f"{application}: {cause.message}")
        case _:
            return None


def invalid(cause: ApplicationError, *, application: str) -> InvalidApplication:
    """Rebuild ``InvalidApplication`` with the paths that the server found."""
    problems = [
        Problem(
            str(item.get("path", "")),
            str(item.get("message", "")),
            hint=str(item.get("hint") or ""),
        )
        for item in _problems(cause)
    ]
    return InvalidApplication(
        problems or [Problem("", cause.message)], subject=f"Application {application}"
    )


def _problems(cause: ApplicationError) -> list[Json]:
    details = as_object(cause.details[0]) if cause.details else None
    items = as_list((details or {}).get("problems")) or []
    return [problem for problem in map(as_object, items) if problem]

"""Where our errors become Temporal's: decided once, whether trying again can help."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar, cast

from temporalio.exceptions import ApplicationError

from lateen.activities.rooms import WrongHub
from lateen.contracts import errors
from lateen.hub.audits import SupersededDelivery
from lateen.hub.cluster_errors import RegistryError
from lateen.kube.errors import (
    KubeError,
    TooManyRequests,
    Unauthorized,
    Unhealthy,
    Unreachable,
    Vanished,
)
from lateen.model.errors import InvalidApplication, LateenError
from lateen.model.labels import LOCAL

_LONGEST = 2000
"""Temporal cuts a failure at 4 KiB; we cut earlier, at the end of a text that stays readable."""

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])


def edge(activity: F) -> F:
    """Translate what an activity raises; everything else is a bug and retried as Temporal does."""

    @functools.wraps(activity)
    async def translated(*args: Any, **kwargs: Any) -> Any:
        try:
            return await activity(*args, **kwargs)
        except LateenError as error:
            raise to_failure(error) from None

    return cast("F", translated)


def to_failure(error: LateenError) -> ApplicationError:
    """Return the application error for one of ours. The cause is left out: its text is not checked."""
    kind, retryable = _classify(error)
    details = [error.to_json()] if isinstance(error, InvalidApplication) else []
    delay = error.retry_after if isinstance(error, TooManyRequests) else None
    return ApplicationError(
        shorten_text(str(error)),
        *details,
        type=kind,
        non_retryable=not retryable,
        next_retry_delay=timedelta(seconds=delay) if delay else None,
    )


def _classify(error: LateenError) -> tuple[str, bool]:
    for kind, name, retryable in _TABLE:
        if isinstance(error, kind):
            return name, retryable
    if isinstance(error, KubeError):
        unavailable = (
            errors.HUB_UNAVAILABLE if error.cluster == LOCAL else errors.CLUSTER_UNREACHABLE
        )
        if isinstance(error, Unauthorized) or (isinstance(error, Unreachable) or error.retryable):
            return unavailable, True
        return errors.REFUSED, False
    return errors.REFUSED, False


def shorten_text(text: str) -> str:
    """Cut a long text."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


class PlanChanged(LateenError):
    """What would be applied is not what the plan said."""


class Refused(LateenError):
    """A rule forbids it, and trying again changes nothing."""


class Overtaken(LateenError):
    """Another attempt, or another run, claimed a delivery number meanwhile: look again."""


class TimedOut(LateenError):
    """The placement's time is over; the message says what is not healthy and why."""


_TABLE: tuple[tuple[type[LateenError], str, bool], ...] = (
    (InvalidApplication, errors.INVALID_APPLICATION, False),
    (SupersededDelivery, errors.SUPERSEDED, False),
    (Overtaken, errors.SUPERSEDED, True),
    (PlanChanged, errors.PLAN_CHANGED, False),
    (TimedOut, errors.UNHEALTHY, False),
    (Vanished, errors.UNHEALTHY, True),
    (Unhealthy, errors.UNHEALTHY, False),
    (WrongHub, errors.WRONG_HUB, True),
    (RegistryError, errors.REFUSED, False),
    (Refused, errors.REFUSED, False),
)
"""In the order of asking. A wrong hub is retryable: another worker of the queue may be of the right one."""

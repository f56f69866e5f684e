"""What can go wrong between lateen and an API server.

::

    KubeError
     ├─ Unreachable             no connection, no TLS, no answer in time
     ├─ ApiError                the API server said no
     │   ├─ NotFound, AlreadyExists, Conflict, Expired
     │   ├─ Unauthorized, Forbidden
     │   ├─ Invalid             field paths and reasons
     │   └─ TooManyRequests, ServerError
     ├─ UnknownKind             the cluster doesn't serve this kind
     ├─ Unhealthy               an object failed, or (Vanished) went away while it was waited for
     └─ CredentialsError        UnsafeCredentials, InvalidCredentials, HubNotConfigured

Texts hold names, reasons and field paths only. What a server wrote in its own words may quote the
value of a Secret, so it never gets here (``answers`` decides what does).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lateen.model.errors import LateenError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lateen.model.objects import ObjectRef

_SHOWN = 10


class KubeError(LateenError):
    """The root of this room's errors. ``retryable``: the same call may succeed later by itself."""

    retryable: bool = False

    def __init__(self, message: str, *, cluster: str = "") -> None:
        self.cluster = cluster
        super().__init__(f"cluster {cluster}: {message}" if cluster else message)


class Unreachable(KubeError):
    """No answer: no route, refused, TLS not agreed, or too late."""

    retryable = True


class CredentialsError(KubeError):
    """Credentials can't be used as they are."""


class UnsafeCredentials(CredentialsError):
    """Credentials that would run a program, read a file or skip a check, which nobody allowed."""


class InvalidCredentials(CredentialsError):
    """Credentials that are incomplete or malformed."""


class HubNotConfigured(CredentialsError):
    """No credentials of the hub cluster were found in any of the usual places."""


class UnknownKind(KubeError):
    """The cluster doesn't serve this kind: mostly a CRD that isn't installed there."""

    def __init__(self, api_version: str, kind: str, *, cluster: str) -> None:
        self.api_version = api_version
        self.kind = kind
        super().__init__(
            f"{kind} ({api_version}) is not served; is the CRD installed there?", cluster=cluster
        )


class Unhealthy(KubeError):
    """An object has failed: waiting longer won't make it healthy."""

    def __init__(self, ref: ObjectRef, message: str, *, cluster: str) -> None:
        self.ref = ref
        self.message = message
        super().__init__(f"{ref}: {message}", cluster=cluster)


class Vanished(Unhealthy):
    """Somebody deleted or replaced an object that was waited for; applying it again may help."""

    retryable = True


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """A field that the server refused: its path and why, never its value."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


@dataclass(frozen=True, slots=True)
class Target:
    """What a request was about, as errors show it."""

    cluster: str
    action: str
    path: str
    ref: ObjectRef | None = None

    def __str__(self) -> str:
        return f"{self.action} {self.ref or self.path}"


class ApiError(KubeError):
    """The API server answered with an error.

    ``reason`` is Kubernetes' own word (``Invalid``); ``detail`` names other objects that are part
    of it, such as the admission webhook that said no.
    """

    title: ClassVar[str] = "error"

    def __init__(
        self,
        target: Target,
        *,
        status: int,
        reason: str = "",
        problems: Sequence[FieldProblem] = (),
        detail: str = "",
        retryable: bool | None = None,
    ) -> None:
        self.status = status
        self.reason = reason
        self.problems = tuple(problems)
        self.detail = detail
        self.ref = target.ref
        self.kind = target.ref.kind if target.ref else ""
        self.name = target.ref.name if target.ref else ""
        if retryable is not None:
            self.retryable = retryable
        super().__init__(f"{target}: {self._describe()}", cluster=target.cluster)

    @property
    def fields(self) -> tuple[str, ...]:
        """The paths of the fields that the server complained about."""
        return tuple(problem.path for problem in self.problems if problem.path)

    def _describe(self) -> str:
        shown = [str(problem) for problem in self.problems[:_SHOWN]]
        if len(self.problems) > _SHOWN:
            shown.append(f"and {len(self.problems) - _SHOWN} more")
        parts = [f"{self.title} ({self.status})", self.detail, "; ".join(shown)]
        return ": ".join(part for part in parts if part)


class NotFound(ApiError):
    """The object, or the namespace it should live in (``detail`` says so), does not exist.

    Without a ``reason`` the path itself is unknown to the server: the kind isn't served (any more).
    """

    title = "not found"


class AlreadyExists(ApiError):
    """An object of this name exists already."""

    title = "already exists"


class Conflict(ApiError):
    """Somebody else got there first.

    With ``managers`` the conflict is about ownership: those field managers own ``fields``, and
    only ``force`` or a changed manifest helps. Without, the object moved on since it was read:
    read it again.
    """

    title = "conflict"

    def __init__(
        self,
        target: Target,
        *,
        status: int,
        reason: str = "",
        problems: Sequence[FieldProblem] = (),
        managers: Sequence[str] = (),
    ) -> None:
        self.managers = tuple(managers)
        super().__init__(
            target,
            status=status,
            reason=reason,
            problems=problems,
            detail="" if managers else "the object has changed since it was read",
            retryable=not managers,
        )


class Expired(ApiError):
    """The resource version or continue token is too old: read again."""

    title = "too old"
    retryable = True


class Unauthorized(ApiError):
    """The cluster doesn't accept the credentials (any more)."""

    title = "credentials not accepted"


class Forbidden(ApiError):
    """The credentials lack a right, or an admission control refused the object.

    ``retryable`` when the server was only starting, and had not read the roles yet.
    """

    title = "forbidden"


class Invalid(ApiError):
    """The object is not valid: ``problems`` has the fields and why."""

    title = "invalid"


class TooManyRequests(ApiError):
    """The server asks for patience; ``retry_after`` is in seconds when it said how much."""

    title = "too many requests"
    retryable = True

    def __init__(self, target: Target, *, status: int, retry_after: float | None) -> None:
        self.retry_after = retry_after
        super().__init__(target, status=status, reason="TooManyRequests")


class ServerError(ApiError):
    """The server failed, or answered something that is no Kubernetes answer."""

    title = "server error"
    retryable = True

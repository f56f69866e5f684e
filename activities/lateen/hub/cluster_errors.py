"""Why the cluster registry refuses.

::

    RegistryError(LateenError)
     ├─ UnknownCluster             no such cluster is registered ├─ ReservedCluster
     `local` is the hub; it can't be joined, changed or detached ├─ InvalidRegistration        a
     name, label or endpoint that can't be registered ├─ ClusterExists              the name is
     taken; overwriting has to be asked for ├─ AlreadyJoined              the same cluster is known
     already, under another name or as the hub ├─ ClusterIdentityMismatch    credentials lead to
     another cluster than the registered one ├─ ClusterInUse               something still refers
     to the cluster; lists what and where └─ UnusableCluster            a registration that lateen
     can't, or must not, connect with

None of them is cured by trying again; all of them name the cluster and the way out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.model.errors import LateenError, nearest, shorten
from lateen.model.labels import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LISTED = 20

REJOIN = (
    "if it was rebuilt, `lateen cluster detach --force` it and join it again; if not, join it with"
    " --overwrite and the right credentials"
)


class RegistryError(LateenError):
    """The root of what the cluster registry refuses."""


class UnknownCluster(RegistryError):
    """No cluster of that name is registered."""

    def __init__(self, name: str, *, known: Iterable[str]) -> None:
        self.name = name
        hint = nearest(name, known)
        super().__init__(
            f"cluster {shorten(name)} is not registered; {hint or 'see `lateen cluster list`'}"
        )


class ReservedCluster(RegistryError):
    """``local`` stands for the hub itself, which no registration describes."""

    def __init__(self, doing: str) -> None:
        super().__init__(
            f"cannot {doing} `{LOCAL}`: the name is reserved for the hub cluster itself;"
            " choose another name"
        )


class InvalidRegistration(RegistryError):
    """A name, label, alias or endpoint that can't be stored."""


class ClusterExists(RegistryError):
    """The name is registered with other credentials; replacing them has to be asked for."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"cluster {name!r} already exists; pass --overwrite to replace its credentials"
            " (same cluster only), or join under another --name"
        )


class AlreadyJoined(RegistryError):
    """The same cluster is known under another name; twice would mean delivering everything twice."""

    def __init__(self, name: str, *, other: str, evidence: str) -> None:
        self.name = name
        self.other = other
        way_out = (
            f"it is the hub: use `{LOCAL}`"
            if other == LOCAL
            else f"use that name, or `lateen cluster rename {other} {name}`"
        )
        super().__init__(
            f"cannot join {name!r}: the cluster is already joined as {other!r} ({evidence});"
            f" {way_out}"
        )


class ClusterIdentityMismatch(RegistryError):
    """The registered cluster is not the one that answers, or that the new credentials lead to."""

    def __init__(self, name: str, *, recorded: str, found: str, way_out: str) -> None:
        self.name = name
        self.recorded = recorded
        self.found = found
        super().__init__(
            f"cluster {name!r} was joined with kube-system UID {recorded}, but the cluster that"
            f" answers has UID {shorten(found)}; {way_out}"
        )


class ClusterInUse(RegistryError):
    """Something still refers to the cluster; ``users`` says what and where, one line each."""

    def __init__(self, name: str, *, doing: str, users: Sequence[str], way_out: str) -> None:
        self.name = name
        self.users = tuple(users)
        shown = [f"  {user}" for user in users[:_LISTED]]
        if len(users) > _LISTED:
            shown.append(f"  … and {len(users) - _LISTED} more")
        listed = "\n".join(shown)
        super().__init__(f"cannot {doing} cluster {name!r}: it is in use by\n{listed}\n{way_out}")


class UnusableCluster(RegistryError):
    """A registration that lateen can't, or must not, connect with."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        super().__init__(f"cluster {name!r} can't be used: {reason}")


class AccountNotReady(RegistryError):
    """lateen's ServiceAccount in a member can't be used, and waiting didn't help."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        super().__init__(f"cluster {name!r} was not joined: {reason}")


class NoAccount(RegistryError):
    """A token is to be ended, but the cluster was joined with credentials that lateen did not make."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"cluster {name!r} was not joined with --service-account, so there is no token to"
            " revoke; nothing was changed. Detach it without --revoke, and end its credentials where"
            " they came from"
        )


class HubNotUsable(RegistryError):
    """The hub has kinds of these names that lateen did not create and can't work with."""

    def __init__(self, obstacles: Sequence[str]) -> None:
        self.obstacles = tuple(obstacles)
        listed = "\n".join(f"  {obstacle}" for obstacle in obstacles)
        super().__init__(
            f"the hub can't be used; nothing of this was changed:\n{listed}\n"
            "upgrade what installed these kinds (KubeVela 1.6 or later), or choose another hub"
        )

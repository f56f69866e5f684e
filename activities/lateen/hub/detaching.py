"""Removing a cluster's registration, unless something still lives in the cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lateen.hub.accounts import close_account
from lateen.hub.cluster_errors import ClusterInUse, NoAccount, ReservedCluster, UnusableCluster
from lateen.hub.cluster_users import applications_in
from lateen.hub.installing import SYSTEM_NAMESPACE
from lateen.hub.membership import decide, remove_registration
from lateen.kube.errors import KubeError
from lateen.model.labels import LOCAL

if TYPE_CHECKING:
    from lateen.hub.clusters import ClusterRegistry
    from lateen.hub.registrations import RegisteredCluster, Registration


@dataclass(frozen=True)
class Detached:
    """A cluster that is no longer registered; ``left`` names the applications whose objects stay there.

    ``revoked`` says that its token was ended, too. ``unrevoked`` says why that could not be done.
    """

    cluster: RegisteredCluster
    left: tuple[str, ...] = ()
    revoked: bool = False
    unrevoked: str = ""


async def detach(
    registry: ClusterRegistry, name: str, *, force: bool = False, revoke: bool = False
) -> Detached:
    """Remove a cluster's registration, and nothing else unless its token is to be revoked.

    Refused while applications have objects there. With ``force`` these objects, and the record of
    them, stay as they are: join the cluster again to go on managing them. ``revoke`` ends the token
    of a cluster that was joined with a ServiceAccount, after the hub has forgotten it: a cluster
    that can't be reached is detached all the same.
    """
    if name == LOCAL:
        raise ReservedCluster("detach")

    async def attempt() -> Detached:
        registration = await registry.registration(name, fresh=True)
        if revoke and not registration.token_secret:
            raise NoAccount(name)
        users = await applications_in(registry.hub, name)
        if users and not force:
            raise ClusterInUse(
                name,
                doing="detach",
                users=users,
                way_out=(
                    "deliver them elsewhere or delete them first; --force removes the"
                    " registration only"
                    " and leaves their objects in the cluster alone"
                ),
            )
        await remove_registration(registry, registration)
        detached = Detached(registration.describe(), left=tuple(users))
        return await _revoke(registry, registration, detached) if revoke else detached

    return await decide(name, attempt)


async def _revoke(
    registry: ClusterRegistry, registration: Registration, detached: Detached
) -> Detached:
    """End the token with the token itself: nobody else's rights are at hand, or needed."""
    try:
        async with registry.dial(registration.name, registry.usable(registration)) as member:
            await close_account(member, registration.token_secret)
    except (KubeError, UnusableCluster) as error:
        way_out = f"delete Secret {registration.token_secret!r} in its {SYSTEM_NAMESPACE} yourself"
        return replace(detached, unrevoked=f"{error}; {way_out}")
    return replace(detached, revoked=True)

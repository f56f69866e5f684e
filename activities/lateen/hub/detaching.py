"""Removing a cluster's registration, unless something still lives in the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.hub.cluster_errors import ClusterInUse, ReservedCluster
from lateen.hub.cluster_users import applications_in
from lateen.hub.membership import decide, remove_registration
from lateen.model.labels import LOCAL

if TYPE_CHECKING:
    from lateen.hub.clusters import ClusterRegistry
    from lateen.hub.registrations import RegisteredCluster


@dataclass(frozen=True)
class Detached:
    """A cluster that is no longer registered; ``left`` names the applications whose objects stay there."""

    cluster: RegisteredCluster
    left: tuple[str, ...] = ()


async def detach(registry: ClusterRegistry, name: str, *, force: bool = False) -> Detached:
    """Remove a cluster's registration, and nothing else.

    Refused while applications have objects there. With ``force`` these objects, and the record of
    them, stay as they are: join the cluster again to go on managing them.
    """
    if name == LOCAL:
        raise ReservedCluster("detach")

    async def attempt() -> Detached:
        registration = await registry.registration(name, fresh=True)
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
        return Detached(registration.describe(), left=tuple(users))

    return await decide(name, attempt)

"""What a revision would hold, read with the caller's own rights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.cli.types import types_of
from lateen.hub.applications import Applications
from lateen.hub.definitions import Definitions
from lateen.hub.references import References
from lateen.hub.sourcing import Sources
from lateen.planning.resolving import Resolved
from lateen.rendering.plugins import installed
from lateen.sources.addresses import Allowed
from lateen.sources.fetching import Fetcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lateen.hub.clusters import ClusterRegistry
    from lateen.model.application import Application
    from lateen.model.base import Json
    from lateen.model.records import Snapshot


class Snapshots:
    """Reads what applications refer to: Policies, Workflows, definitions, and objects to be copied.

    Documents in ``given`` count as if they were stored. Objects of other namespaces are read if the caller
    may; whether a worker would is a warning of planning. What ``allowed_urls`` begin is fetched; contents of
    Secrets in it are refused unless ``allow_secrets``, as a worker refuses them.
    """

    def __init__(
        self,
        registry: ClusterRegistry,
        *,
        given: Sequence[Json],
        allowed_urls: tuple[str, ...] = (),
        allow_secrets: bool = True,
    ) -> None:
        self._applications = Applications(registry.hub)
        sources = Sources(
            registry.hub,
            fetcher=Fetcher(Allowed(allowed_urls)),
            allow_foreign=True,
            allow_secrets=allow_secrets,
        )
        self._references = References(registry, allow_foreign=True, sources=sources)
        self._definitions = Definitions(registry.hub, system_namespace=registry.namespace)
        self._given = given

    async def read(self, application: Application) -> Snapshot:
        """Return what a revision would hold. Raises ``InvalidApplication`` for what does not exist."""
        snapshot = await self._applications.snapshot(application, given=self._given)
        completed = await self._definitions.complete(snapshot, installed(), given=self._given)
        types = types_of(completed.snapshot)
        resolved = Resolved(completed.snapshot, types)
        snapshot, _ = await self._references.complete(completed.snapshot, resolved, types)
        return snapshot

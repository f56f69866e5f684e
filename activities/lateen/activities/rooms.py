"""What every activity works with, put together once by the worker; and revisions ready to deliver."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from lateen.contracts.messages import Request, RunOptions
from lateen.definitions.evaluating import CueEvaluator, Evaluator
from lateen.definitions.registering import with_definitions
from lateen.hub.applications import Applications
from lateen.hub.audits import Audits
from lateen.hub.clusters import ClusterRegistry
from lateen.hub.definitions import Definitions
from lateen.hub.inventories import Inventories
from lateen.hub.references import References
from lateen.hub.revisions import Revisions
from lateen.hub.sourcing import Sources
from lateen.kube.cluster import Cluster
from lateen.kube.shapes import as_text
from lateen.model.application import Application
from lateen.model.base import Json
from lateen.model.drift import DriftMode
from lateen.model.errors import LateenError
from lateen.model.labels import LOCAL
from lateen.model.records import RevisionRef, Snapshot
from lateen.planning.resolving import Resolved
from lateen.policies.topology import ClusterInfo
from lateen.rendering.registry import Registry
from lateen.sources.addresses import Allowed
from lateen.sources.fetching import Fetcher

_REMEMBERED = 200

_T = TypeVar("_T")


class WrongHub(LateenError):
    """The run belongs to another hub: its records are not here."""


@dataclass(frozen=True)
class DeliverySettings:
    """What the operator of a worker decides."""

    options: RunOptions = field(default_factory=RunOptions)
    allow_cross_namespace: bool = True
    allow_foreign_references: bool = False
    allow_inline_secrets: bool = False
    allowed_urls: tuple[str, ...] = ()
    drift: DriftMode = "report"


@dataclass
class Rooms:
    """The hub's stores, the clusters, the installed types, what evaluates definitions, the settings."""

    hub: Cluster
    clusters: ClusterRegistry
    types: Registry
    settings: DeliverySettings
    evaluator: Evaluator = field(default_factory=CueEvaluator)
    audits: Audits = field(init=False)
    revisions: Revisions = field(init=False)
    inventories: Inventories = field(init=False)
    applications: Applications = field(init=False)
    references: References = field(init=False)
    definitions: Definitions = field(init=False)
    _resolved: OrderedDict[tuple[str, str, str], Resolved] = field(
        default_factory=OrderedDict[tuple[str, str, str], Resolved], init=False
    )

    def __post_init__(self) -> None:
        self.audits = Audits(self.hub)
        self.revisions = Revisions(self.hub)
        self.inventories = Inventories(self.hub, self.audits)
        self.applications = Applications(self.hub)
        foreign = self.settings.allow_foreign_references
        sources = Sources(
            self.hub,
            fetcher=Fetcher(Allowed(self.settings.allowed_urls)),
            allow_foreign=foreign,
            allow_secrets=self.settings.allow_inline_secrets,
        )
        self.references = References(self.clusters, allow_foreign=foreign, sources=sources)
        self.definitions = Definitions(self.hub, system_namespace=self.clusters.namespace)

    async def check_hub(self, request: Request) -> str:
        """Return the hub's UID. Raises ``WrongHub`` when the run was opened in another one."""
        uid = await self.hub.connection.uid()
        if request.hub_uid and request.hub_uid != uid:
            raise WrongHub(
                f"the run of {request.application} belongs to hub {request.hub_uid}, this worker to {uid}; "
                "stop this worker, or give it a task queue of its own"
            )
        return uid

    async def resolve(self, namespace: str, ref: RevisionRef) -> Resolved:
        """Return a revision ready to deliver; loaded, parsed and rendered once."""
        key = (namespace, ref.name, ref.digest)
        known = self._resolved.get(key)
        if known is None:
            snapshot = await self.revisions.load(namespace, ref)
            known = Resolved(snapshot, self.registry(snapshot))
            self.remember(namespace, ref, known)
        await self.introduce(known)
        return known

    def registry(self, snapshot: Snapshot, *, mentioned: Iterable[str] = ()) -> Registry:
        """Return the types that a revision may use. Raises ``InvalidApplication``."""
        return with_definitions(
            self.types, snapshot.definitions, self.evaluator, mentioned=mentioned
        )

    async def freeze(
        self, application: Application, *, given: Sequence[Json] = ()
    ) -> tuple[Snapshot, Resolved]:
        """Read all that an application refers to, as a revision would keep it; ready to render.

        Documents in ``given`` count as if they were stored. Raises ``InvalidApplication``.
        """
        snapshot = await self.applications.snapshot(application, given=given)
        completed = await self.definitions.complete(snapshot, self.types, given=given)
        types = self.registry(completed.snapshot, mentioned=completed.mentioned)
        resolved = Resolved(completed.snapshot, types)
        return await self.references.complete(completed.snapshot, resolved, types)

    async def introduce(
        self, resolved: Resolved, clusters: Sequence[ClusterInfo] | None = None
    ) -> None:
        """Tell a revision about the clusters, if its types ask for them; do this before rendering."""
        if resolved.reads_targets:
            resolved.see(clusters or await self.cluster_infos())
            version = as_text((await self.hub.connection.version()).get("gitVersion"))
            resolved.see([ClusterInfo(name=LOCAL, git_version=version)])

    def remember(self, namespace: str, ref: RevisionRef, resolved: Resolved) -> None:
        """Keep a revision at hand for the activities that follow."""
        self._resolved[namespace, ref.name, ref.digest] = resolved
        if len(self._resolved) > _REMEMBERED:
            self._resolved.popitem(last=False)

    async def cluster_infos(self) -> list[ClusterInfo]:
        """List the clusters that selectors can match, ``local`` among them."""
        return [
            ClusterInfo(name=cluster.name, labels=cluster.labels, git_version=cluster.version)
            for cluster in await self.clusters.list()
        ]


async def off_loop(blocking: bool, function: Callable[[], _T]) -> _T:
    """Call what renders: where definitions are evaluated, beside the event loop, so that heartbeats go on."""
    return await asyncio.to_thread(function) if blocking else function()

"""Writing a placement's objects: who owns what is there, then server-side apply, stage by stage.

Nothing is written before every object has been looked at and dry-run: an application that can't be applied as
a whole is not applied in part.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Protocol

from lateen.activities.edges import Refused
from lateen.hub.kubevela import handover
from lateen.kube.cluster import Applied, Cluster
from lateen.kube.errors import ApiError, Conflict, KubeError, NotFound, UnknownKind, Unreachable
from lateen.kube.shapes import as_object
from lateen.model.base import Json
from lateen.model.errors import LateenError
from lateen.model.labels import APP_NAME, APP_NAMESPACE
from lateen.model.objects import ObjectRef
from lateen.rendering.ordering import stage_of

_MOST_TRIES = 10
_AT_ONCE = 10


@dataclass(frozen=True)
class Found:
    """What the look before the write saw: nothing, or an object of ours at a resource version.

    ``live`` is that object, ``planned`` what the server says the apply will make of it; nothing is planned
    where a dry run can't know yet: the application itself brings the namespace or the kind.
    ``handover`` are the steps that make it ours field by field, where KubeVela delivered it.
    """

    manifest: Json
    resource_version: str = ""
    live: Json | None = None
    planned: Json | None = None
    handover: Sequence[Json] = ()


def field_manager(application: str) -> str:
    """Return the field manager of an application: one each, so that its claims are told apart."""
    return f"lateen:{application}"[:128]


class Lease(Protocol):
    """A delivery's hold on what it writes."""

    async def check(self, *, fresh: bool = False) -> None:
        """Raise ``SupersededDelivery`` when a newer delivery took over; ``fresh`` looks in any case."""
        ...

    def expired(self) -> bool:
        """Whether the last look is too long ago to write without another one."""
        ...


class Applier:
    """Applies manifests to one cluster on behalf of one application, for as long as its lease holds.

    An update is fenced exactly: its resource version was read before the lease was checked, so whatever a
    newer delivery wrote meanwhile is a conflict. A creation has no version to name; its lease is looked at
    once more at the very moment of sending, so that a worker that was frozen in between sends nothing.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        application: str,
        lease: Lease,
    ) -> None:
        self._cluster = cluster
        self._application = application
        self._manager = field_manager(application)
        self._lease = lease
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def look(self, manifests: Sequence[Json]) -> list[Found]:
        """Check every object: may it be written, and would the API server take it? Writes nothing."""
        own = provided(manifests)
        return list(await asyncio.gather(*(self._look(m, own) for m in manifests)))

    async def foresee(self, manifests: Sequence[Json]) -> None:
        """Check whose the objects are of which the content is not known yet. Writes nothing."""

        async def one(manifest: Json) -> None:
            async with self._slots:
                await self._owned(manifest)

        await asyncio.gather(*map(one, manifests))

    async def survey(
        self, manifests: Sequence[Json], *, coming: Collection[str] = ()
    ) -> list[Found | LateenError]:
        """Look as ``look`` does; what is wrong with an object stands in its place and hides no other.

        ``coming`` are namespaces that are not there and that the delivery would create.
        """
        own = provided(manifests, coming=coming)
        looks = (self._look(manifest, own) for manifest in manifests)
        found: list[Found | LateenError] = []
        for result in await asyncio.gather(*looks, return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, LateenError):
                raise result
            found.append(result)
        return found

    async def write(self, found: Sequence[Found]) -> list[Json]:
        """Apply what was looked at, a stage at a time; returns the objects as they are then."""
        written: list[Json] = []
        for _, stage in groupby(found, key=lambda each: stage_of(each.manifest)):
            await self._lease.check()
            written += await _settled(self._write(each) for each in stage)
        return written

    async def _look(self, manifest: Json, own: Provided) -> Found:
        """Dry-run an object as new. An answer other than "created" says that something is there."""
        async with self._slots:
            if own.covers(manifest):
                return await self._owned(manifest)
            try:
                applied = await self._dry_run(manifest, force=False)
                if applied.created:
                    return Found(manifest, planned=applied.object)
            except Conflict as error:
                if not error.managers:
                    raise
                found = await self._owned(manifest)
                applied = await self._dry_run(manifest, force=True)
                return replace(found, planned=applied.object)
            except NotFound as error:
                namespace = manifest["metadata"].get("namespace", "")
                raise missing_namespace(error, namespace, self._cluster.name) from error
            return replace(await self._owned(manifest), planned=applied.object)

    async def _dry_run(self, manifest: Json, *, force: bool) -> Applied:
        return await self._cluster.apply(
            manifest, field_manager=self._manager, force=force, dry_run=True
        )

    async def _owned(self, manifest: Json) -> Found:
        """Return where an object is; raises ``Refused`` when it belongs to somebody else."""
        ref = ObjectRef.of(manifest)
        try:
            live = await self._cluster.get(ref)
        except UnknownKind:
            return Found(manifest)  # Its CRD comes with the application.
        if live is None:
            return Found(manifest)
        check_owner(live, ref, application=self._application, cluster=self._cluster.name)
        return Found(
            manifest,
            live["metadata"]["resourceVersion"],
            live=live,
            handover=handover(live, manager=self._manager, api_version=ref.api_version),
        )

    async def _write(self, found: Found) -> Json:
        """Apply an object as it was looked at; when it moved on, look again."""
        async with self._slots:
            for _ in range(_MOST_TRIES):
                try:
                    return await self._apply(found)
                except Conflict:
                    # Its status was updated, or another application or delivery won the race. First
                    # the version, then the lease: only this order fences a newer delivery's write.
                    found = await self._owned(found.manifest)
                    await self._lease.check(fresh=True)
            return await self._apply(found)

    async def _apply(self, found: Found) -> Json:
        if not found.resource_version:
            return await self._create(found.manifest)
        version = found.resource_version
        if found.handover:
            # Before the apply: what it leaves out of KubeVela's fields is then removed by it.
            owned = await self._cluster.patch_steps(
                ObjectRef.of(found.manifest), found.handover, field_manager=self._manager
            )
            version = owned["metadata"]["resourceVersion"]
        metadata = {**found.manifest["metadata"], "resourceVersion": version}
        manifest = {**found.manifest, "metadata": metadata}
        applied = await self._cluster.apply(manifest, field_manager=self._manager, force=True)
        return applied.object

    async def _create(self, manifest: Json) -> Json:
        for _ in range(_MOST_TRIES):
            await self._lease.check()
            try:
                applied = await self._cluster.apply(
                    manifest, field_manager=self._manager, guard=self._refuse_expired
                )
            except Unreachable:
                if not self._lease.expired():
                    raise
                continue
            return applied.object
        await self._lease.check(fresh=True)
        applied = await self._cluster.apply(manifest, field_manager=self._manager)
        return applied.object

    def _refuse_expired(self) -> None:
        if self._lease.expired():
            raise ConnectionAbortedError("the lease was not looked at for too long")


async def _settled(writes: Iterable[Coroutine[Any, Any, Json]]) -> list[Json]:
    """Let every write end before the first error is raised: none is under way when the attempt is over."""
    results = await asyncio.gather(*writes, return_exceptions=True)
    written: list[Json] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        written.append(result)
    return written


@dataclass(frozen=True)
class Provided:
    """Namespaces and kinds that the application itself brings: a dry run can't know them yet."""

    namespaces: frozenset[str]
    groups: frozenset[str]

    def covers(self, manifest: Json) -> bool:
        """Tell whether an object can only be there after others of the application."""
        ref = ObjectRef.of(manifest)
        return ref.namespace in self.namespaces or ref.group in self.groups


def provided(manifests: Sequence[Json], *, coming: Collection[str] = ()) -> Provided:
    """Return what an application's own manifests make exist, and the namespaces that are ``coming``."""
    own = frozenset(m["metadata"]["name"] for m in manifests if m["kind"] == "Namespace")
    return Provided(
        namespaces=own.union(coming),
        groups=frozenset(
            m.get("spec", {}).get("group", "")
            for m in manifests
            if m["kind"] == "CustomResourceDefinition"
        )
        - {""},
    )


def check_owner(live: Json, ref: ObjectRef, *, application: str, cluster: str) -> None:
    """Raise ``Refused`` unless an existing object carries the application's labels."""
    labels = as_object(as_object(live.get("metadata")).get("labels"))
    if APP_NAME not in labels and APP_NAMESPACE not in labels:
        raise Refused(
            f"cluster {cluster}: {ref} exists but is not managed by any application; delete it, name the "
            "component differently, or adopt it"
        )
    owner = f"{labels.get(APP_NAMESPACE, '')}/{labels.get(APP_NAME, '')}"
    if owner != application:
        raise Refused(
            f"cluster {cluster}: {ref} is managed by application {owner}; only one application can "
            "deliver an object"
        )


def missing_namespace(error: KubeError, namespace: str, cluster: str) -> Exception:
    """Return the clear error for an apply into a namespace that isn't there."""
    if not namespace or (isinstance(error, ApiError) and error.kind == "Namespace"):
        return error
    return Refused(
        f"cluster {cluster}: namespace {namespace!r} does not exist there; create it, or ask lateen to: "
        "`lateen up --create-namespace`, or the annotation lateen.dev/create-namespace: 'true'"
    )

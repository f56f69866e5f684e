"""Writing a placement's objects: who owns what is there, then server-side apply, stage by stage.

Nothing is written before every object has been looked at and dry-run: an application that can't be applied as
a whole is not applied in part.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Protocol

from lateen.activities.edges import Refused
from lateen.hub.kubevela import handover
from lateen.kube.cluster import Applied, Cluster
from lateen.kube.errors import (
    ApiError,
    Conflict,
    Invalid,
    KubeError,
    NotFound,
    UnknownKind,
    Unreachable,
)
from lateen.model.base import Json
from lateen.model.errors import LateenError
from lateen.model.objects import ObjectRef
from lateen.planning.ownership import joining
from lateen.planning.writing import Way, decide_write, is_recreated, mends_refusal
from lateen.policies.rules.field_paths import FieldPath, parse_path
from lateen.policies.rules.treatments import PLAIN, Treatment
from lateen.rendering.ordering import stage_of

_MOST_TRIES = 10
_AT_ONCE = 10
_POLL = (0.05, 2.0)
"""Seconds between looks at an object that has to be gone first: the first, and the longest."""

_UNCHANGEABLE = ("immutable", "may not", "forbidden")
"""Words by which an API server refuses a change, and not the new value in itself."""


@dataclass(frozen=True)
class Found:
    """What the look before the write saw: nothing, or an object at a resource version.

    ``manifest`` is the object as rendered, ``sent`` what of it is written (the same by default), and ``way``
    how. ``live`` is that object, ``planned`` what the server says the write will make of it; nothing is planned
    where a dry run can't know yet: the application itself brings the namespace or the kind. ``handover`` are
    the steps that make it ours field by field, where KubeVela delivered it.
    """

    manifest: Json
    resource_version: str = ""
    way: Way = "apply"
    sent: Json | None = None
    live: Json | None = None
    planned: Json | None = None
    handover: Sequence[Json] = ()

    @property
    def content(self) -> Json:
        """What is written."""
        return self.manifest if self.sent is None else self.sent

    @property
    def versioned(self) -> Json:
        """What is written, valid only for the version that was looked at."""
        metadata = {**self.content["metadata"], "resourceVersion": self.resource_version}
        return {**self.content, "metadata": metadata}


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


def plainly(_: Json) -> Treatment:
    """Treat an object like any other: no rule is for it."""
    return PLAIN


class Applier:
    """Applies manifests to one cluster on behalf of one application, for as long as its lease holds.

    An update is fenced exactly: its resource version was read before the lease was checked, so whatever a
    newer delivery wrote meanwhile is a conflict. A creation has no version to name; its lease is looked at
    once more at the very moment of sending, so that a worker that was frozen in between sends nothing.
    ``treat`` says what the application's rule policies want done with each object.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        application: str,
        lease: Lease,
        treat: Callable[[Json], Treatment] = plainly,
    ) -> None:
        self._cluster = cluster
        self._application = application
        self._manager = field_manager(application)
        self._lease = lease
        self._treat = treat
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._stopping = False

    def stop(self) -> None:
        """Wait no longer for anything that has to be gone before it is created again."""
        self._stopping = True

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
        """Dry-run an object as new. An answer other than "created" says that something is there.

        What a rule is for is looked at first: it may not even be ours to apply.
        """
        async with self._slots:
            if own.covers(manifest):
                found = await self._owned(manifest)
                recreated = found.live is not None and self._treat(manifest).recreate
                return await self._tried(found) if recreated else found
            try:
                if not self._treat(manifest).plain:
                    return await self._tried(await self._owned(manifest))
                applied = await self._dry_run(manifest, force=False)
                if applied.created:
                    return Found(manifest, planned=applied.object)
            except Conflict as error:
                if not error.managers:
                    raise
                return await self._tried(await self._owned(manifest))
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
            live = None  # Its CRD comes with the application.
        write = decide_write(
            manifest, live, application=self._application, treatment=self._treat(manifest)
        )
        if write.refusal:
            raise Refused(f"cluster {self._cluster.name}: {ref} {write.refusal}")
        found = Found(manifest, way=write.way, sent=write.manifest, live=live)
        if live is None:
            return found
        steps = handover(live, manager=self._manager, api_version=ref.api_version)
        return replace(
            found,
            resource_version=live["metadata"]["resourceVersion"],
            handover=steps if write.way in ("apply", "replace") else (),
        )

    async def _tried(self, found: Found) -> Found:
        """Dry-run what would be written; it may turn out that the object has to be recreated."""
        if found.way in ("join", "leave", "recreate"):
            return found
        if found.way == "replace":
            return replace(found, planned=await self._replace(found, dry_run=True))
        treatment = self._treat(found.manifest)
        live = found.live
        if live is None or not treatment.recreate:
            applied = await self._dry_run(found.content, force=live is not None)
            return replace(found, planned=applied.object)
        try:
            applied = await self._dry_run(found.content, force=True)
        except Invalid as error:
            if not mends_refusal(live, found.content, _unchangeable(error), treatment):
                raise
            return replace(found, way="recreate")
        changed = is_recreated(live, applied.object, treatment)
        return replace(found, planned=applied.object, way="recreate" if changed else found.way)

    async def _write(self, found: Found) -> Json:
        """Write an object as it was looked at; when it moved on, look again."""
        async with self._slots:
            for _ in range(_MOST_TRIES):
                try:
                    return await self._send(found)
                except Conflict:
                    # Its status was updated, or another application or delivery won the race. First
                    # the version, then the lease: only this order fences a newer delivery's write.
                    found = await self._owned(found.manifest)
                    if self._treat(found.manifest).recreate:
                        found = await self._tried(found)
                    await self._lease.check(fresh=True)
            return await self._send(found)

    async def _send(self, found: Found) -> Json:
        if not found.resource_version:
            return await self._create(found.content)
        if found.way == "leave":
            return found.live or found.manifest
        if found.way == "join":
            return await self._join(found)
        if found.way == "recreate":
            return await self._recreate(found)
        if found.handover:
            # Before the write: what it leaves out of KubeVela's fields is then removed by it.
            owned = await self._cluster.patch_steps(
                ObjectRef.of(found.manifest), found.handover, field_manager=self._manager
            )
            found = replace(found, resource_version=owned["metadata"]["resourceVersion"])
        if found.way == "replace":
            return await self._replace(found)
        applied = await self._cluster.apply(
            found.versioned, field_manager=self._manager, force=True
        )
        return applied.object

    async def _join(self, found: Found) -> Json:
        change = joining(found.live or found.manifest, self._application)
        return await self._cluster.patch(
            ObjectRef.of(found.manifest), change, field_manager=self._manager
        )

    async def _replace(self, found: Found, *, dry_run: bool = False) -> Json:
        return await self._cluster.replace(
            found.versioned, field_manager=self._manager, dry_run=dry_run
        )

    async def _recreate(self, found: Found) -> Json:
        """Delete the version that was looked at, wait until it is gone, create."""
        ref = ObjectRef.of(found.manifest)
        metadata: Json = (found.live or found.manifest)["metadata"]
        if not metadata.get("deletionTimestamp"):
            await self._lease.check()
            await self._cluster.delete(
                ref,
                uid=metadata["uid"],
                resource_version=found.resource_version,
                propagation="Foreground",
            )
        pause, longest = _POLL
        while await self._is_there(ref, uid=metadata["uid"]):
            if self._stopping:
                raise Refused(f"cluster {self._cluster.name}: {ref} is still being deleted")
            await asyncio.sleep(pause)
            pause = min(longest, pause * 2)
        return await self._create(found.content)

    async def _is_there(self, ref: ObjectRef, *, uid: str) -> bool:
        live = await self._cluster.get(ref)
        return live is not None and live["metadata"]["uid"] == uid

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


def _unchangeable(error: Invalid) -> list[FieldPath]:
    """Return the fields that may not be changed; none if the new content itself is wrong somewhere."""
    fields: list[FieldPath] = []
    for problem in error.problems:
        if not any(word in problem.reason for word in _UNCHANGEABLE):
            return []
        try:
            fields.append(parse_path(problem.path))
        except ValueError:
            return []
    return fields


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


def missing_namespace(error: KubeError, namespace: str, cluster: str) -> Exception:
    """Return the clear error for an apply into a namespace that isn't there."""
    if not namespace or (isinstance(error, ApiError) and error.kind == "Namespace"):
        return error
    return Refused(
        f"cluster {cluster}: namespace {namespace!r} does not exist there; create it, or ask lateen to: "
        "`lateen up --create-namespace`, or the annotation lateen.dev/create-namespace: 'true'"
    )

"""Objects that an application refers to: read once for a revision, the content of Secrets at each delivery."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lateen.hub.cluster_errors import RegistryError
from lateen.hub.sourcing import Sources
from lateen.kube.discovering import AmbiguousResource, UnknownResource
from lateen.kube.errors import Forbidden, KubeError, UnknownKind, Unreachable
from lateen.kube.shapes import as_object, as_text
from lateen.model.errors import InvalidApplication, LateenError, Problem, nearest
from lateen.model.json_values import canonical_json
from lateen.model.labels import LOCAL, WITHHELD
from lateen.model.objects import ObjectRef
from lateen.model.references import FoundObjects
from lateen.planning.copying import (
    content_digest,
    copied,
    never_copied,
    with_content,
    withheld,
)
from lateen.planning.fetched_objects import fetches
from lateen.planning.referenced_objects import is_secret, references
from lateen.planning.resolving import Resolved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lateen.hub.clusters import ClusterRegistry
    from lateen.kube.cluster import Cluster
    from lateen.model.base import Json
    from lateen.model.fetched import FetchedObjects
    from lateen.model.records import Snapshot
    from lateen.model.references import ObjectSelector, WithheldContent
    from lateen.planning.referenced_objects import Reference
    from lateen.rendering.registry import Registry

LARGEST = 512 * 1024
"""Bytes that all objects of a revision may have together, those of charts compressed: etcd keeps them beside
the application."""

MOST_OBJECTS = 200
"""Objects that one selector may find."""

_AT_ONCE = 16
_LISTED = 500
_EVERYWHERE = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
"""What every namespace has of its own: labels never mean it."""


class ContentChanged(LateenError):
    """A Secret is not what it was when the revision was made: only a new revision can deliver it."""


class References:
    """Reads the objects that ``ref-objects`` components copy, and has ``sources`` fetch the others.

    Unless ``allow_foreign``, an application may only refer to its own namespace, in whatever cluster. The
    hub's cluster credentials are never copied. Without ``sources`` nothing is fetched from any URL.
    """

    def __init__(
        self,
        clusters: ClusterRegistry,
        *,
        allow_foreign: bool = False,
        sources: Sources | None = None,
    ) -> None:
        self._clusters = clusters
        self._allow_foreign = allow_foreign
        self._sources = sources or Sources(clusters.hub, allow_foreign=allow_foreign)

    async def complete(
        self, snapshot: Snapshot, resolved: Resolved, types: Registry
    ) -> tuple[Snapshot, Resolved]:
        """Return a snapshot with all that its components refer to, ready to deliver with its types.

        Raises ``InvalidApplication`` with everything that can't be found or must not be copied.
        """
        steps = resolved.deploy_steps
        components = [resolved.components(step) for step in steps]
        wanted = references(resolved.application, components, types)
        namespaces = map(resolved.namespaces, steps)
        fetching = fetches(resolved.application, zip(components, namespaces, strict=True), types)
        if not wanted and not fetching:
            return snapshot, resolved
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(reference: Reference) -> FoundObjects | Problem:
            async with slots:
                return await self._find(reference, home=resolved.namespace)

        answers, (fetched, failed) = await asyncio.gather(
            asyncio.gather(*map(one, wanted)),
            self._sources.fetch(fetching, held=snapshot.fetched, home=resolved.namespace),
        )
        problems = [each for each in answers if isinstance(each, Problem)] + failed
        found = [each for each in answers if isinstance(each, FoundObjects)]
        if not problems:
            problems += _too_large(found, fetched)
        if problems:
            raise InvalidApplication(problems, subject=f"Application {resolved.application.id}")
        snapshot = snapshot.model_copy(update={"references": found, "fetched": fetched})
        return snapshot, Resolved(snapshot, types)

    async def reveal(self, resolved: Resolved, manifests: Sequence[Json]) -> list[Json]:
        """Return manifests with the content of their Secrets, as it is now.

        Raises ``ContentChanged`` when it isn't what the revision was made with.
        """
        return [await self._revealed(resolved, manifest) for manifest in manifests]

    async def _revealed(self, resolved: Resolved, manifest: Json) -> Json:
        if not is_secret(manifest):
            return manifest
        annotations = as_object(as_object(manifest["metadata"]).get("annotations"))
        source = resolved.withheld.get(as_text(annotations.get(WITHHELD)))
        if source is None:
            return manifest
        return with_content(manifest, await self._read_secret(source))

    async def _read_secret(self, source: WithheldContent) -> Json:
        cluster = await self._clusters.connect(source.cluster)
        ref = ObjectRef(
            api_version="v1", kind="Secret", namespace=source.namespace, name=source.name
        )
        live = await cluster.get(ref)
        said = f"{ref} in cluster {source.cluster!r}"
        if live is None:
            raise ContentChanged(
                f"{said}, which is to be copied, is gone; create it, then submit again"
            )
        if content_digest(live, key=live["metadata"]["uid"]) != source.digest:
            raise ContentChanged(
                f"{said} was changed after the revision was made, which keeps no content of Secrets; "
                "submit the application again"
            )
        return live

    async def _find(self, reference: Reference, *, home: str) -> FoundObjects | Problem:
        selector, path = reference.selector, reference.path
        if selector.namespace != home and not self._allow_foreign:
            return Problem(
                f"{path}.namespace",
                "is not the application's own namespace",
                selector.namespace,
                f"refer to objects in namespace {home!r}, or let the operator allow others with "
                "lateen worker --allow-cross-namespace-references",
            )
        try:
            return await self._search(await self._clusters.connect(selector.cluster), reference)
        except RegistryError as error:
            return Problem(f"{path}.cluster", str(error), selector.cluster)
        except Unreachable as error:
            if selector.cluster == LOCAL:
                raise
            hint = "submit again when it answers, or refer to objects of the hub"
            return Problem(f"{path}.cluster", str(error), selector.cluster, hint)
        except Forbidden as error:
            hint = f"give who delivers the right to read it in cluster {selector.cluster!r}"
            return Problem(path, str(error), hint=hint)

    async def _search(self, cluster: Cluster, reference: Reference) -> FoundObjects | Problem:
        selector, path = reference.selector, reference.path
        try:
            api_version, kind, namespaced = await _kind_of(cluster, selector)
        except UnknownResource as error:
            hint = nearest(selector.resource, error.known)
            return Problem(f"{path}.resource", str(error), selector.resource, hint)
        except AmbiguousResource as error:
            return Problem(f"{path}.resource", str(error), selector.resource, "say which as group")
        except UnknownKind as error:
            return Problem(f"{path}.kind", str(error), selector.kind)
        if not namespaced and not self._allow_foreign:
            return Problem(
                path,
                f"{kind} is cluster-scoped, outside the application's namespace",
                hint="let the operator allow it with lateen worker --allow-cross-namespace-references",
            )
        search = _Search(cluster, api_version, kind, selector.namespace if namespaced else "", path)
        lives = await (search.named(selector) if selector.name else search.labelled(selector))
        if isinstance(lives, Problem):
            return lives
        for live in lives:
            if why := self._forbidden(live, selector):
                return Problem(
                    path, f"{kind} {live['metadata']['name']} {why}", hint="leave it out"
                )
        return FoundObjects(selector=selector, objects=[_kept(live) for live in lives])

    def _forbidden(self, live: Json, selector: ObjectSelector) -> str:
        registry = (LOCAL, self._clusters.namespace)
        if is_secret(live) and (selector.cluster, selector.namespace) == registry:
            return "is in the namespace of the cluster registry, whose Secrets are never copied"
        if "deletionTimestamp" in live["metadata"]:
            return "is being deleted"
        return never_copied(live)


class _Search:
    """Looks for objects of one kind in one namespace."""

    def __init__(
        self, cluster: Cluster, api_version: str, kind: str, namespace: str, path: str
    ) -> None:
        self._cluster = cluster
        self._api_version = api_version
        self._kind = kind
        self._namespace = namespace
        self._path = path

    async def named(self, selector: ObjectSelector) -> list[Json] | Problem:
        live = await self._cluster.get(
            ObjectRef(
                api_version=self._api_version,
                kind=self._kind,
                namespace=self._namespace,
                name=selector.name,
            )
        )
        if live is not None:
            return [live]
        hint = nearest(selector.name, await self._names())
        message = f"no {self._kind} of this name {self._where}"
        return Problem(f"{self._path}.name", message, selector.name, hint or self._nothing)

    async def labelled(self, selector: ObjectSelector) -> list[Json] | Problem:
        lives = await self._cluster.list(
            self._api_version,
            self._kind,
            namespace=self._namespace or None,
            labels=selector.labels,
            limit=_LISTED,
        )
        lives = [
            live for live in lives if (self._kind, live["metadata"]["name"]) not in _EVERYWHERE
        ]
        lives.sort(key=lambda live: str(live["metadata"]["name"]))
        where = f"{self._path}.labelSelector"
        if not lives:
            hint = nearest("", await self._names()) or self._nothing
            return Problem(where, f"fits no {self._kind} {self._where}", selector.labels, hint)
        if len(lives) > MOST_OBJECTS:
            message = f"fits more than {MOST_OBJECTS} objects {self._where}"
            return Problem(where, message, selector.labels, "select fewer")
        return lives

    async def _names(self) -> list[str]:
        """List what there is, for a hint; nothing when that is not allowed or fails."""
        try:
            lives = await self._cluster.list(
                self._api_version, self._kind, namespace=self._namespace or None, limit=_LISTED
            )
        except KubeError:
            return []
        return [as_text(live["metadata"]["name"]) for live in lives]

    @property
    def _where(self) -> str:
        place = f"in namespace {self._namespace!r} " if self._namespace else ""
        return f"{place}of cluster {self._cluster.name!r}"

    @property
    def _nothing(self) -> str:
        return f"there is no {self._kind} at all; create it first"


async def _kind_of(cluster: Cluster, selector: ObjectSelector) -> tuple[str, str, bool]:
    """Return apiVersion, kind, and whether the kind lives in namespaces."""
    if selector.kind:
        namespaced = await cluster.is_namespaced(selector.api_version, selector.kind)
        return selector.api_version, selector.kind, namespaced
    found = await cluster.find_resource(selector.resource, group=selector.group)
    return found.api_version, found.kind, found.namespaced


def _kept(live: Json) -> Json:
    made = copied(live)
    return withheld(made, key=live["metadata"]["uid"]) if is_secret(live) else made


def _too_large(found: Sequence[FoundObjects], fetched: Sequence[FetchedObjects]) -> list[Problem]:
    copied_size = sum(len(canonical_json(each.objects)) for each in found)
    size = copied_size + sum(len(each.packed) for each in fetched)
    if size <= LARGEST:
        return []
    message = f"refer to {size:,} bytes of objects; a revision holds at most {LARGEST:,}"
    hint = "refer to fewer or smaller objects"
    if fetched:
        largest = max(fetched, key=lambda each: len(each.packed))
        hint += (
            f": {largest.origin} has {len(largest.packed):,} compressed; deliver CRDs as an application of "
            "their own (options.includeCRDs: false), or use type helm"
        )
    return [Problem("spec.components", message, hint=hint)]

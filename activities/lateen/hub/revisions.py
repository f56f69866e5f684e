"""Revisions: immutable snapshots of what was submitted, loaded once and remembered."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from lateen.hub.records import API_VERSION, FIELD_MANAGER
from lateen.kube.errors import AlreadyExists
from lateen.kube.shapes import as_object, as_text
from lateen.model.errors import LateenError
from lateen.model.labels import APP_NAME, PUBLISH_VERSION
from lateen.model.objects import ObjectRef
from lateen.model.records import KeptRevision, RevisionRef, Snapshot
from lateen.planning.publishing import Published

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lateen.kube.cluster import Cluster
    from lateen.model.base import Json

KEPT = 20
"""How many revisions of an application stay in the hub."""

_REMEMBERED = 500


class RevisionLost(LateenError):
    """A revision is not in the hub any more, or is not what it was."""


def revision_name(application: str, number: int) -> str:
    """Return the name of a revision, the way KubeVela names them."""
    return f"{application}-v{number}"


class Revisions:
    """Reads and writes revisions."""

    def __init__(self, hub: Cluster) -> None:
        self._hub = hub
        self._known: OrderedDict[tuple[str, str, str], Snapshot] = OrderedDict()

    async def create(
        self, namespace: str, application: str, *, ref: RevisionRef, snapshot: Snapshot
    ) -> bool:
        """Store a revision. False when the name is taken by another content; then take the next number."""
        manifest: Json = {
            "apiVersion": API_VERSION,
            "kind": "Revision",
            "metadata": {
                "name": ref.name,
                "namespace": namespace,
                "labels": {APP_NAME: application},
            },
            "spec": {**snapshot.to_json(), "digest": ref.digest, "number": ref.number},
        }
        version = _publish_version(manifest["spec"])
        if version:
            manifest["spec"]["publishVersion"] = version
        try:
            await self._hub.create(manifest, field_manager=FIELD_MANAGER)
        except AlreadyExists:
            live = await self._hub.get(_ref(namespace, ref.name))
            return as_object((live or {}).get("spec")).get("digest") == ref.digest
        self._remember(namespace, ref, snapshot)
        return True

    async def load(self, namespace: str, ref: RevisionRef) -> Snapshot:
        """Return what a revision holds. Raises ``RevisionLost`` when it isn't what the run was told."""
        known = self._known.get((namespace, ref.name, ref.digest))
        if known is not None:
            return known
        live = await self._hub.get(_ref(namespace, ref.name))
        spec = as_object((live or {}).get("spec"))
        if not spec or spec.get("digest") != ref.digest:
            raise RevisionLost(
                f"revision {namespace}/{ref.name} is gone from the hub or was replaced; submit again"
            )
        snapshot = Snapshot.model_validate(spec)
        self._remember(namespace, ref, snapshot)
        return snapshot

    async def find(self, namespace: str, name: str) -> tuple[RevisionRef, Snapshot] | None:
        """Return a revision by name, or None when it isn't kept any more."""
        live = await self._hub.get(_ref(namespace, name))
        spec = as_object((live or {}).get("spec"))
        if not spec:
            return None
        ref = RevisionRef(name=name, number=spec.get("number", 0), digest=spec.get("digest", ""))
        snapshot = Snapshot.model_validate(spec)
        self._remember(namespace, ref, snapshot)
        return ref, snapshot

    async def kept(self, namespace: str, application: str) -> list[KeptRevision]:
        """Return an application's revisions in the order of their numbers."""
        found = [_kept_revision(live) for live in await self._objects(namespace, application)]
        return sorted(found, key=lambda each: each.number)

    async def published(self, namespace: str, application: str) -> list[Published]:
        """Return the versions that an application's kept revisions were published as."""
        return [
            Published(each.name, each.number, each.publish_version)
            for each in await self.kept(namespace, application)
            if each.publish_version
        ]

    async def drop_old(
        self,
        namespace: str,
        application: str,
        *,
        latest: int,
        used: Collection[str],
        limit: int | None = None,
    ) -> None:
        """Delete the revision that falls out of the kept ones, unless something still uses it.

        With a ``limit`` of the application's own, all that are beyond it besides the latest: it may be
        lower than it was. Now and then all are looked at anyway: one that was in use when its turn came would
        stay for ever.
        """
        if limit is not None:
            await self._delete(namespace, application, below=latest - limit, used=used)
            return
        if latest > KEPT and latest % KEPT == 0:
            await self._delete(namespace, application, below=latest - KEPT + 1, used=used)
            return
        name = revision_name(application, latest - KEPT)
        if latest > KEPT and name not in used:
            await self._hub.delete(_ref(namespace, name))

    async def delete_all(self, namespace: str, application: str, *, latest: int) -> None:
        """Delete every revision of an application up to number ``latest``.

        A newer one stays: another delivery is being opened with it.
        """
        await self._delete(namespace, application, below=latest + 1)

    async def _delete(
        self, namespace: str, application: str, *, below: int, used: Collection[str] = ()
    ) -> None:
        for revision in await self._objects(namespace, application):
            name = revision["metadata"]["name"]
            if as_object(revision.get("spec")).get("number", 0) < below and name not in used:
                await self._hub.delete(_ref(namespace, name))

    async def _objects(self, namespace: str, application: str) -> Sequence[Json]:
        return await self._hub.list(
            API_VERSION, "Revision", namespace=namespace, labels={APP_NAME: application}
        )

    def _remember(self, namespace: str, ref: RevisionRef, snapshot: Snapshot) -> None:
        self._known[namespace, ref.name, ref.digest] = snapshot
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def _kept_revision(live: Json) -> KeptRevision:
    spec = as_object(live.get("spec"))
    return KeptRevision(
        name=live["metadata"]["name"],
        number=spec.get("number", 0),
        digest=as_text(spec.get("digest")),
        publish_version=_publish_version(spec),
        created_at=as_text(live["metadata"].get("creationTimestamp")),
    )


def _publish_version(spec: Json) -> str:
    metadata = as_object(as_object(spec.get("application")).get("metadata"))
    return as_text(as_object(metadata.get("annotations")).get(PUBLISH_VERSION))


def _ref(namespace: str, name: str) -> ObjectRef:
    return ObjectRef(api_version=API_VERSION, kind="Revision", namespace=namespace, name=name)

"""Component and trait definitions in the hub, in KubeVela's format and places.

They are looked up in the application's own namespace first, then in the system's. Types that lateen has
itself are never looked up: KubeVela keeps its own ones in the system's namespace under the same names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lateen.hub.clusters import REGISTRY_NAMESPACE
from lateen.kube.cluster import Cluster
from lateen.kube.errors import UnknownKind
from lateen.kube.shapes import as_object
from lateen.model.base import Json
from lateen.model.objects import ObjectRef
from lateen.model.parsing import parse_application, parse_policy
from lateen.model.records import Snapshot, UsedDefinition
from lateen.planning.provenance import foreign_types
from lateen.planning.references import inline_policy
from lateen.rendering.registry import Registry

API_VERSION = "core.oam.dev/v1beta1"
COMPONENT, TRAIT = "ComponentDefinition", "TraitDefinition"
_REVISION = "DefinitionRevision"
_PINNED = {COMPONENT: "componentDefinition", TRAIT: "traitDefinition"}


@dataclass(frozen=True)
class Completed:
    """A snapshot with its definitions, and the names of others, for suggestions where one is missing."""

    snapshot: Snapshot
    mentioned: tuple[str, ...] = ()


class Definitions:
    """Reads definitions from the hub; one without KubeVela's kinds has none."""

    def __init__(self, hub: Cluster, *, system_namespace: str = REGISTRY_NAMESPACE) -> None:
        self._hub = hub
        self._system = system_namespace

    async def complete(
        self, snapshot: Snapshot, types: Registry, *, given: Sequence[Json] = ()
    ) -> Completed:
        """Add the definitions that an application uses and that are no installed types.

        Those in ``given`` count as if they were stored. What is found nowhere is left out: checking then
        says so, with the names of the others.
        """
        application = parse_application(snapshot.application)
        policies = [inline_policy(parse_policy(policy)) for policy in snapshot.policies]
        components, traits = foreign_types(application, policies, types)
        if not components and not traits:
            return Completed(snapshot)
        wanted = [*((COMPONENT, name) for name in components), *((TRAIT, name) for name in traits)]
        namespace = application.metadata.namespace
        found = await asyncio.gather(
            *(self._find(kind, name, namespace, given) for kind, name in wanted)
        )
        used = [each for each in found if each is not None]
        mentioned: list[str] = []
        if len(used) < len(found):
            mentioned = [each["metadata"]["name"] for each in await self.list(namespace)]
            mentioned += [each["metadata"]["name"] for each in given if each["kind"] in _PINNED]
        completed = snapshot.model_copy(update={"definitions": used})
        return Completed(completed, tuple(mentioned))

    async def list(self, namespace: str) -> list[Json]:
        """Return the definitions that applications of a namespace can use, its own ones first."""
        found: list[Json] = []
        for place in dict.fromkeys([namespace, self._system]):
            for kind in (COMPONENT, TRAIT):
                try:
                    found += await self._hub.list(API_VERSION, kind, namespace=place)
                except UnknownKind:
                    continue
        return found

    async def _find(
        self, kind: str, pinned: str, namespace: str, given: Sequence[Json]
    ) -> UsedDefinition | None:
        name, _, version = pinned.partition("@")
        places = list(dict.fromkeys([namespace, self._system]))
        for place in places:
            document = None if version else _given(kind, name, place, given)
            if document is None:
                document = await self._read(kind, name, version, place)
            if document is not None:
                return UsedDefinition.model_validate(
                    {
                        "kind": kind,
                        "namespace": place,
                        "name": name,
                        "version": version,
                        "spec": as_object(document.get("spec")),
                    }
                )
        return None

    async def _read(self, kind: str, name: str, version: str, namespace: str) -> Json | None:
        """Read a definition, or with a version what its DefinitionRevision keeps."""
        sought = _REVISION if version else kind
        object_name = f"{name}-{version}" if version else name
        ref = ObjectRef(api_version=API_VERSION, kind=sought, namespace=namespace, name=object_name)
        try:
            live = await self._hub.get(ref)
        except UnknownKind:
            return None
        if live is None or not version:
            return live
        kept = as_object(as_object(live.get("spec")).get(_PINNED[kind]))
        return kept if kept.get("spec") else None


def _given(kind: str, name: str, namespace: str, given: Iterable[Json]) -> Json | None:
    for document in given:
        metadata = document["metadata"]
        if (document["kind"], metadata["namespace"], metadata["name"]) == (kind, namespace, name):
            return document
    return None

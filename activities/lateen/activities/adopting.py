"""What taking over from KubeVela would do to each object: asked of the API servers, nothing is written.

A takeover is two writes: the fields' owner changes, then an apply sets what the application says and removes
what it doesn't. The second is tried as a dry run before the first happens; what it could not see (what becomes
of KubeVela's own fields) is removed from its answer, and a dry run of that result tells the defaults.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from lateen.activities.applying import field_manager, provided
from lateen.activities.edges import Refused
from lateen.hub.kubevela import is_of_kubevela, kubevela_entries
from lateen.kube.cluster import Cluster
from lateen.kube.errors import KubeError, NotFound, UnknownKind
from lateen.kube.field_ownership import fields_of, remove
from lateen.kube.shapes import as_list, as_object, as_objects, as_text
from lateen.model.base import Json
from lateen.model.kubevela import ANNOTATIONS, LABELS
from lateen.model.labels import APP_CLUSTER, APP_REVISION, RESOURCE_TYPE
from lateen.model.objects import ObjectRef
from lateen.planning.writing import decide_write
from lateen.policies.rules.treatments import PLAIN

_AT_ONCE = 10
_SERVER_FIELDS = frozenset({"managedFields", "resourceVersion", "generation"})
_MEANINGLESS = frozenset({*ANNOTATIONS, *LABELS, APP_CLUSTER, APP_REVISION, RESOURCE_TYPE})
"""Labels and annotations that a takeover changes on every object."""

_POD_FIELDS = ("spec.template ", "spec.template.", "spec.template[", "spec.replicas ")
"""Begins the paths of changes (a space follows a path) that replace, add or remove pods."""

Wanted = Mapping[tuple[str, ObjectRef], Json]
"""What an application delivers: manifests by cluster and identity."""


@dataclass(frozen=True)
class Pod:
    """A pod as it was seen."""

    name: str
    restarts: int


@dataclass(frozen=True)
class Prospect:
    """What a takeover would do to one object.

    ``state`` is one of the constants below. ``changes`` are field paths, never values. ``problem`` says why an
    object is refused.
    """

    cluster: str
    ref: ObjectRef
    state: str
    uid: str = ""
    changes: Sequence[str] = ()
    problem: str = ""
    live: Json = field(default_factory=dict[str, Any], repr=False)

    @property
    def pods(self) -> list[str]:
        """The changes that replace, add or remove pods."""
        template = as_object(as_object(self.live.get("spec")).get("template"))
        if "containers" not in as_object(template.get("spec")):
            return []
        return [path for path in self.changes if f"{path} ".startswith(_POD_FIELDS)]


CREATE, TAKE_OVER, OWN, REFUSED = "create", "take over", "own", "refused"


async def look(
    clusters: Mapping[str, Cluster], wanted: Wanted, *, application: str, create_namespaces: bool
) -> list[Prospect]:
    """Say of each object what taking it over would do, in the order of ``wanted``."""
    slots = asyncio.Semaphore(_AT_ONCE)
    brought = {
        name: provided([each for (cluster, _), each in wanted.items() if cluster == name])
        for name in clusters
    }

    async def one(cluster: str, ref: ObjectRef, manifest: Json) -> Prospect:
        async with slots:
            try:
                prospect = await _look(clusters[cluster], ref, manifest, application=application)
            except (NotFound, UnknownKind) as error:
                if brought[cluster].covers(manifest) or (
                    create_namespaces and isinstance(error, NotFound)
                ):
                    return Prospect(cluster, ref, CREATE)  # Its namespace or kind comes with it.
                return Prospect(cluster, ref, REFUSED, problem=_plain(error, cluster))
            except (KubeError, Refused) as error:
                return Prospect(cluster, ref, REFUSED, problem=_plain(error, cluster))
            return prospect

    return list(await asyncio.gather(*(one(*key, manifest) for key, manifest in wanted.items())))


def _plain(error: Exception, cluster: str) -> str:
    return str(error).removeprefix(f"cluster {cluster}: ")


async def _look(cluster: Cluster, ref: ObjectRef, manifest: Json, *, application: str) -> Prospect:
    live = await cluster.get(ref)
    manager = field_manager(application)
    if live is None:
        await cluster.apply(manifest, field_manager=manager, dry_run=True)
        return Prospect(cluster.name, ref, CREATE)
    write = decide_write(manifest, live, application=application, treatment=PLAIN)
    if write.refusal:
        raise Refused(f"cluster {cluster.name}: {ref} {write.refusal}")
    metadata = as_object(live.get("metadata"))
    if metadata.get("deletionTimestamp"):
        raise Refused(f"{ref} is being deleted; wait until it is gone")
    taken = kubevela_entries(live)
    after = await _after(cluster, live, manifest, manager=manager, taken=taken)
    changes = list(changed_paths(_comparable(live), _comparable(after)))
    owned = any(entry.get("manager") == manager for entry in as_objects(metadata["managedFields"]))
    return Prospect(
        cluster.name,
        ref,
        OWN if owned and not taken else TAKE_OVER,
        uid=as_text(metadata.get("uid")),
        changes=changes,
        live=live,
    )


async def _after(
    cluster: Cluster, live: Json, manifest: Json, *, manager: str, taken: Sequence[Json]
) -> Json:
    """Return the object as a takeover would leave it."""
    applied = await cluster.apply(manifest, field_manager=manager, force=True, dry_run=True)
    after = applied.object
    if not taken:
        return after
    entries = as_objects(after["metadata"].get("managedFields"))
    kept = fields_of(entry for entry in entries if not is_of_kubevela(entry))
    left = as_object(remove(after, fields_of(taken), kept=kept))
    metadata = {**left["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
    metadata.pop("managedFields", None)
    return await cluster.replace(
        {**left, "metadata": metadata}, field_manager=manager, dry_run=True
    )


async def list_pods(cluster: Cluster, prospects: Sequence[Prospect]) -> dict[str, Pod]:
    """Return the pods of workloads, by uid; what has no selector has none."""
    found: dict[str, Pod] = {}
    for prospect in prospects:
        selector = as_object(as_object(prospect.live.get("spec")).get("selector"))
        labels = as_object(selector.get("matchLabels"))
        if not labels:
            continue
        for pod in await cluster.list("v1", "Pod", namespace=prospect.ref.namespace, labels=labels):
            found[pod["metadata"]["uid"]] = Pod(
                f"{pod['metadata']['namespace']}/{pod['metadata']['name']}", _restarts(pod)
            )
    return found


def _restarts(pod: Json) -> int:
    statuses = as_objects(as_object(pod.get("status")).get("containerStatuses"))
    return sum(int(status.get("restartCount") or 0) for status in statuses)


def _comparable(live: Json) -> Json:
    metadata: Json = {
        key: value
        for key, value in as_object(live.get("metadata")).items()
        if key not in _SERVER_FIELDS
    }
    for name in ("labels", "annotations"):
        entries = as_object(metadata.pop(name, None))
        metadata[name] = {key: text for key, text in entries.items() if key not in _MEANINGLESS}
    return {**{k: v for k, v in live.items() if k != "status"}, "metadata": metadata}


def changed_paths(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield where two JSON values differ: ``spec.template.spec.containers[web].image``; no value."""
    if isinstance(before, dict) and isinstance(after, dict):
        old, new = cast("Json", before), cast("Json", after)
        for key in dict.fromkeys([*old, *new]):
            yield from _entry(old, new, key, _below(path, key))
    elif isinstance(before, list) and isinstance(after, list):
        old, new = _keyed(as_list(before)), _keyed(as_list(after))
        for key in dict.fromkeys([*old, *new]):
            yield from _entry(old, new, key, f"{path}[{key}]")
        if old.keys() == new.keys() and list(old) != list(new):
            yield f"{path} (reordered)"  # The same to people, another template to a controller.
    elif before != after:
        yield path


def _entry(old: Mapping[Any, Any], new: Mapping[Any, Any], key: Any, path: str) -> Iterator[str]:
    if key not in new:
        yield f"{path} (removed)"
    elif key not in old:
        yield f"{path} (added)"
    else:
        yield from changed_paths(old[key], new[key], path)


def _below(path: str, key: str) -> str:
    if not key.replace("_", "").replace("-", "").isalnum():
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def _keyed(items: Sequence[Any]) -> Json:
    """Return a list's items by name where each has one of its own, otherwise by position."""
    names = [as_text(as_object(item).get("name")) for item in items]
    if all(names) and len(set(names)) == len(names):
        return dict(zip(names, items, strict=True))
    return {str(index): item for index, item in enumerate(items)}

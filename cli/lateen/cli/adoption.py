"""What is known of an application that is to be taken over, and how it is told."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lateen.activities.adopting import (
    CREATE,
    OWN,
    REFUSED,
    TAKE_OVER,
    Pod,
    Prospect,
    list_pods,
    look,
)
from lateen.activities.planning import plan_all
from lateen.cli.output import print_table, say
from lateen.hub.kubevela import has_tracker_finalizer
from lateen.hub.trackers import Tracked, Tracker, list_trackers
from lateen.kube.errors import KubeError, UnknownKind
from lateen.model.errors import LateenError
from lateen.model.labels import CREATE_NAMESPACE
from lateen.model.objects import ObjectRef
from lateen.model.placement import Placement

if TYPE_CHECKING:
    from lateen.activities.adopting import Wanted
    from lateen.activities.rooms import Rooms
    from lateen.kube.cluster import Cluster
    from lateen.model.application import Application
    from lateen.model.base import Json

_RECORDS = "component-revision"
"""Trackers of this type hold KubeVela's own records, nothing that an application delivers."""


class NotAdoptable(LateenError):
    """The application can't be taken over as it is; nothing was written."""


@dataclass(frozen=True)
class Adoption:
    """An application as its clusters have it: each object's prospect, its pods, and what is left aside."""

    content: Application
    prospects: Sequence[Prospect]
    trackers: Sequence[Tracker] = ()
    left: Sequence[str] = ()
    pods: dict[str, Pod] = field(default_factory=dict[str, Pod])
    recorded: bool = False

    @property
    def adopted(self) -> bool:
        """Whether everything is lateen's already."""
        return self.recorded and all(prospect.state == OWN for prospect in self.prospects)


async def survey(rooms: Rooms, content: Application) -> Adoption:
    """Look at everything that taking over concerns; write nothing.

    Raises ``NotAdoptable`` where a cluster can't be asked, and ``KubeVelaIsActive``.
    """
    await rooms.applications.refuse_beside_kubevela(content)
    metadata = content.metadata
    stored = await rooms.applications.read(metadata.namespace, metadata.name) or {}
    if stored.get("metadata", {}).get("deletionTimestamp"):
        raise NotAdoptable(
            f"Application {content.id} is being deleted, and only KubeVela's controller ends that: let it, or "
            "remove the application's finalizers, which leaves its objects in the clusters, and store it again"
        )
    wanted = await _wanted(rooms, content)
    clusters = await _connect(rooms, sorted({cluster for cluster, _ in wanted}))
    prospects = await look(
        clusters,
        wanted,
        application=content.id,
        create_namespaces=metadata.annotations.get(CREATE_NAMESPACE) == "true",
    )
    trackers = await list_trackers(rooms.hub, metadata.namespace, metadata.name)
    return Adoption(
        content=content,
        prospects=prospects,
        trackers=trackers,
        left=await _left_aside(rooms, trackers, wanted),
        pods=await _pods(clusters, prospects),
        recorded=not has_tracker_finalizer(stored) and await _recorded(rooms, content, wanted),
    )


async def _wanted(rooms: Rooms, content: Application) -> Wanted:
    """Render what each cluster would get; where several steps write one object, the last has the word."""
    clusters = await rooms.cluster_infos()
    _, resolved = await rooms.freeze(content)
    await rooms.introduce(resolved, clusters)
    wanted: dict[tuple[str, ObjectRef], Json] = {}
    for plan in plan_all(rooms, resolved, clusters):
        for placed in plan.placements:
            place = Placement(cluster=placed.cluster, namespace=placed.namespace)
            revision = f"{content.metadata.name}-v1"
            for manifest in resolved.manifests(resolved.step(plan.step), place, revision=revision):
                wanted[placed.cluster, ObjectRef.of(manifest)] = manifest
    return wanted


async def _connect(rooms: Rooms, names: Sequence[str]) -> dict[str, Cluster]:
    """Connect to every cluster. Raises ``NotAdoptable`` naming all that don't answer."""
    clusters: dict[str, Cluster] = {}
    silent: list[str] = []
    for name in names:
        try:
            clusters[name] = await rooms.clusters.connect(name)
            await clusters[name].connection.version()
        except LateenError as error:
            silent.append(f"  {name}: {str(error).removeprefix(f'cluster {name}: ')}")
    if silent:
        raise NotAdoptable(
            "nothing was written: these clusters can't be asked what they have\n"
            + "\n".join(silent)
        )
    return clusters


async def _left_aside(rooms: Rooms, trackers: Sequence[Tracker], wanted: Wanted) -> list[str]:
    """Return what KubeVela still tracks and the application no longer renders, as far as it exists."""
    known = {(cluster, ref.key) for cluster, ref in wanted}
    tracked = {
        (each.cluster, each.ref.key): each
        for tracker in trackers
        if tracker.type != _RECORDS
        for each in tracker.objects
    }
    others = [each for key, each in tracked.items() if key not in known]
    return [line for line in [await _left(rooms, each) for each in others] if line]


async def _left(rooms: Rooms, each: Tracked) -> str:
    try:
        cluster = await rooms.clusters.connect(each.cluster)
        live = await cluster.get(each.ref)
    except UnknownKind:
        return ""
    except LateenError:
        return f"cluster {each.cluster}: {each.ref} (the cluster can't be asked)"
    return "" if live is None else f"cluster {each.cluster}: {each.ref}"


async def _pods(clusters: dict[str, Cluster], prospects: Sequence[Prospect]) -> dict[str, Pod]:
    found: dict[str, Pod] = {}
    for name, cluster in clusters.items():
        try:
            found |= await list_pods(cluster, [each for each in prospects if each.cluster == name])
        except KubeError as error:
            say(f"warning: pods are not compared: {error}")
    return found


async def _recorded(rooms: Rooms, content: Application, wanted: Wanted) -> bool:
    metadata = content.metadata
    inventories = await rooms.inventories.list(metadata.namespace, metadata.name)
    held = {(each.cluster, entry.ref.key) for each in inventories for entry in each.entries}
    return {(cluster, ref.key) for cluster, ref in wanted} <= held


def show(found: Adoption) -> None:
    """Print what taking over would do to each object, and what is left alone."""
    print_table(
        ["CLUSTER", "OBJECT", "WHAT", "CHANGES"],
        [
            (each.cluster, str(each.ref), each.state, each.problem or ", ".join(each.changes))
            for each in found.prospects
        ],
    )
    if found.left:
        say(
            "left alone, since the application no longer has them (delete by hand what nobody needs):"
        )
        for line in found.left:
            say(f"  {line}")


def refuse(found: Adoption, *, allow_restarts: bool) -> None:
    """Raise ``NotAdoptable`` when an object can't be taken over, or pods would not survive it."""
    application = found.content.id
    refused = [each for each in found.prospects if each.state == REFUSED]
    if refused:
        lines = [f"  cluster {each.cluster}: {each.problem}" for each in refused]
        raise NotAdoptable(
            f"{application} can't be adopted; nothing was written\n" + "\n".join(lines)
        )
    restarting = [each for each in found.prospects if each.pods and each.state in {TAKE_OVER, OWN}]
    if restarting and not allow_restarts:
        lines = [f"  cluster {e.cluster}: {e.ref}: {', '.join(e.pods)}" for e in restarting]
        raise NotAdoptable(
            f"adopting {application} would replace, add or remove pods; nothing was written\n"
            + "\n".join(lines)
            + "\nchange the application so that it says what is there, or use --allow-restarts"
        )


def comparison(before: Adoption, after: Adoption) -> tuple[str, list[str]]:
    """Say what came of it: a line, and hints about what changed beside it."""
    objects = len(after.prospects)
    clusters = len({each.cluster for each in after.prospects})
    made = sum(each.state == CREATE for each in before.prospects)
    kept = sum(
        after.pods[uid].restarts == pod.restarts
        for uid, pod in before.pods.items()
        if uid in after.pods
    )
    line = f"adopted {_count(objects, 'object')} in {_count(clusters, 'cluster')}"
    if made:
        line += f", {made} of them new"
    if before.pods:
        line += f"; {kept} of {_count(len(before.pods), 'pod')} untouched"
    gone = sorted(pod.name for uid, pod in before.pods.items() if uid not in after.pods)
    hints = [f"  gone since: pod {name}" for name in gone]
    uids = {(each.cluster, each.ref.key): each.uid for each in before.prospects if each.uid}
    hints += [
        f"  cluster {each.cluster}: {each.ref} is another object than before"
        for each in after.prospects
        if uids.get((each.cluster, each.ref.key), each.uid) != each.uid
    ]
    return line, hints


def show_trackers(found: Adoption) -> None:
    """Say what to do about KubeVela's records: lateen never writes them."""
    if not found.trackers:
        return
    names = shlex.join(tracker.name for tracker in found.trackers)
    metadata = found.content.metadata
    say(
        f"KubeVela still records {found.content.id}. Keep its controller off, or the application paused:\n"
        f"  kubectl -n {metadata.namespace} label applications.core.oam.dev {metadata.name} "
        "controller.core.oam.dev/pause=true\n"
        "When the takeover is final, remove the records. Their finalizer goes first, so that no controller\n"
        "deletes what they list:\n"
        f"  kubectl patch resourcetrackers.core.oam.dev {names} --type=merge "
        """-p '{"metadata":{"finalizers":null}}'\n"""
        f"  kubectl delete resourcetrackers.core.oam.dev {names}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

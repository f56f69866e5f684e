"""Saying in words why an object isn't healthy, from its conditions, pods and events.

Only single-word reasons, names of objects and images get through: the messages beside them are
written by anybody and may quote the value of a Secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.kube.errors import KubeError
from lateen.kube.health import conditions, evaluate, word
from lateen.kube.shapes import as_number, as_object, as_objects, as_text
from lateen.model.objects import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lateen.kube.cluster import Cluster
    from lateen.model.base import Json

_PODS = 50
"""Pods that are read."""

_EVENTS = 50
"""Events that are read of each object."""

_SHOWN = 3
"""Pods, and events of an object, that are told."""

_EVENTS_TOLD = 5
"""Events of an object that are told in detail."""

_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:@-]{0,255}")
_MISSING = re.compile(
    r"\b(secret|configmap|serviceaccount|persistentvolumeclaim)"
    r' "([a-z0-9/.-]{1,253})" not found',
    re.IGNORECASE,
)
_MISSING_KEY = re.compile(
    r"couldn't find key ([A-Za-z0-9._-]{1,253}) in (Secret|ConfigMap) ([a-z0-9/.-]{1,317})"
)
_SCHEDULING = re.compile(
    r"[0-9]+ (Insufficient [a-z0-9./-]{1,63}|node\(s\) [A-Za-z'/ -]{1,80}?)(?=[:,.{]|$)"
)
_IMAGE_REASONS = {"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"}
_WORKLOADS = {
    "DaemonSet",
    "Deployment",
    "Job",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
}


async def explain(cluster: Cluster, live: Json) -> str:
    """Return why it is unhealthy, as in ``Deployment default/web: Ready:0/1; pod web-5c ...``.

    Makes at most three requests, and never raises a ``KubeError``: where the cluster doesn't
    answer, it says that and what is known without.
    """
    ref = ObjectRef.of(live)
    parts = [evaluate(live).message, *_from_conditions(live)]
    try:
        pods = await _pods_of(cluster, live)
        troubled = [(pod, list(_from_pod(pod))) for pod in _newest_first(pods)]
        troubled = [(pod, reasons) for pod, reasons in troubled if reasons]
        for pod, reasons in troubled[:_SHOWN]:
            parts.append(f"pod {_name(pod)} {', '.join(reasons)}")
        if len(troubled) > _SHOWN:
            parts.append(f"and {len(troubled) - _SHOWN} more pods")
        for suspect in [live, *(pod for pod, _ in troubled[:1])]:
            parts.extend(await _from_events(cluster, suspect))
    except KubeError as error:
        parts.append(f"more could not be read ({type(error).__name__})")
    return f"{ref}: {'; '.join(dict.fromkeys(part for part in parts if part))}"


def _from_conditions(live: Json) -> Iterator[str]:
    """Tell conditions that are bad news; which those are depends on their kind of word."""
    for condition in conditions(live):
        bad_when = "True" if re.search(r"Fail|Stalled|Pressure|Error", condition.type) else "False"
        if condition.status == bad_when and condition.type:
            yield f"{condition.type}={condition.status} ({condition.reason or 'no reason'})"


async def _pods_of(cluster: Cluster, live: Json) -> list[Json]:
    """Return the pods of a workload (or the pod itself)."""
    if live.get("kind") == "Pod":
        return [live]
    if live.get("kind") not in _WORKLOADS:
        return []
    metadata, selector = (
        as_object(live.get("metadata")),
        as_object(live.get("spec")).get("selector"),
    )
    labels = as_object(as_object(selector).get("matchLabels", selector))
    if not labels or not all(isinstance(value, str) for value in labels.values()):
        return []
    namespace = as_text(metadata.get("namespace"))
    return await cluster.list("v1", "Pod", namespace=namespace, labels=labels, limit=_PODS)


def troubles_of(pod: Json) -> list[str]:
    """Return what keeps a pod from being ready, in words; nothing for one that is ready or done."""
    return list(_from_pod(pod))


@dataclass(frozen=True, slots=True)
class Happening:
    """An event about an object: its type and its word for why, how often and when last."""

    type: str
    reason: str
    count: int
    last_seen: str
    note: str


async def recent_events(cluster: Cluster, live: Json) -> list[Happening]:
    """Return what was told about an object lately, the newest first, each reason once.

    Raises what the cluster raises.
    """
    events = await _events_of(cluster, live)
    told: dict[tuple[str, str], Happening] = {}
    for event in events:
        kind, reason = word(event.get("type")), word(event.get("reason"))
        if reason and (kind, reason) not in told:
            told[kind, reason] = Happening(
                type=kind,
                reason=reason,
                count=as_number(event.get("count"))
                or as_number(as_object(event.get("series")).get("count"))
                or 1,
                last_seen=_last_seen(event),
                note=_missing(event.get("message")),
            )
    return list(told.values())[:_EVENTS_TOLD]


def _newest_first(pods: list[Json]) -> list[Json]:
    """Sort pods so that those of the new template, which is what matters, come first."""
    return sorted(
        (pod for pod in pods if not as_object(pod.get("metadata")).get("deletionTimestamp")),
        key=lambda pod: as_text(as_object(pod.get("metadata")).get("creationTimestamp")),
        reverse=True,
    )


def _from_pod(pod: Json) -> Iterator[str]:
    """Tell what keeps a pod from being ready; nothing for a pod that is ready or done."""
    status = as_object(pod.get("status"))
    if status.get("phase") == "Succeeded":
        return
    if status.get("phase") == "Failed":
        yield f"failed: {word(status.get('reason')) or 'Error'}"
    for item in as_objects(status.get("conditions")):
        if item.get("type") == "PodScheduled" and item.get("status") == "False":
            found = _SCHEDULING.findall(as_text(item.get("message")))
            why = dict.fromkeys(reason.strip() for reason in found)
            told = f" ({', '.join(why)})" if why else ""
            yield f"not scheduled: {word(item.get('reason'))}{told}"
    unready = False
    for key in ("initContainerStatuses", "containerStatuses"):
        for container in as_objects(status.get(key)):
            reasons = list(_from_container(container))
            unready = unready or (key == "containerStatuses" and container.get("ready") is not True)
            yield from reasons
            if reasons:
                unready = False
    if unready:
        yield "running, but not ready"


def _from_container(container: Json) -> Iterator[str]:
    state, last = as_object(container.get("state")), as_object(container.get("lastState"))
    waiting, ended = as_object(state.get("waiting")), as_object(state.get("terminated"))
    reason = word(waiting.get("reason"))
    if reason and reason not in {"ContainerCreating", "PodInitializing"}:
        image = as_text(container.get("image"))
        if reason in _IMAGE_REASONS and _IMAGE.fullmatch(image):
            yield f"waiting: {reason} (image {image})"
        elif missing := _missing(waiting.get("message")):
            yield f"waiting: {reason} ({missing})"
        else:
            yield f"waiting: {reason}{_exit(as_object(last.get('terminated')))}"
    elif reason:
        yield f"waiting: {reason}"
    elif ended and as_number(ended.get("exitCode")):
        yield f"ended: {word(ended.get('reason')) or 'Error'}{_exit(ended)}"


def _exit(terminated: Json) -> str:
    """Say how a container ended last."""
    if not terminated:
        return ""
    reason = word(terminated.get("reason"))
    shown = f"{reason}, " if reason and reason != "Error" else ""
    return f" ({shown}exit code {as_number(terminated.get('exitCode'))})"


async def _from_events(cluster: Cluster, live: Json) -> list[str]:
    """Tell the last warnings about an object, each reason once."""
    ref = ObjectRef.of(live)
    events = await _events_of(cluster, live, only="type=Warning,")
    told: dict[str, str] = {}
    for event in events:
        reason = word(event.get("reason"))
        if reason and reason not in told:
            missing = _missing(event.get("message"))
            told[reason] = f"{reason} ({missing})" if missing else reason
    shown = list(told.values())[:_SHOWN]
    return [f"events of {ref.kind} {ref.name}: {', '.join(shown)}"] if shown else []


async def _events_of(cluster: Cluster, live: Json, *, only: str = "") -> list[Json]:
    """List events about an object, the newest first."""
    ref = ObjectRef.of(live)
    uid = as_text(as_object(live.get("metadata")).get("uid"))
    fields = f"involvedObject.uid={uid}" if uid else f"involvedObject.name={ref.name}"
    events = await cluster.list(
        "v1",
        "Event",
        namespace=ref.namespace or "default",
        fields=f"{only}{fields}",
        limit=_EVENTS,
    )
    return sorted(events, key=_last_seen, reverse=True)


def _last_seen(event: Json) -> str:
    for key in ("lastTimestamp", "eventTime", "firstTimestamp"):
        if seen := as_text(event.get(key)):
            return seen
    return ""


def _missing(message: object) -> str:
    """Recognise what a message says is missing, which is what people need to know most."""
    if match := _MISSING.search(as_text(message)):
        return f"{match[1].lower()} {match[2]} not found"
    if match := _MISSING_KEY.search(as_text(message)):
        return f"key {match[1]} not in {match[2]} {match[3]}"
    return ""


def _name(live: Json) -> str:
    return as_text(as_object(live.get("metadata")).get("name"))

"""Pods as people who look into them need them: containers, readiness, ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.kube.diagnosing import troubles_of
from lateen.kube.shapes import as_number, as_object, as_objects, as_text
from lateen.model.objects import ObjectRef

if TYPE_CHECKING:
    from lateen.model.base import Json

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a pod, of whatever sort, and how it is."""

    name: str
    sort: str
    state: str
    reason: str
    instance: str
    restarted: bool
    restarts: int
    ready: bool
    ports: Mapping[str, int]

    @property
    def has_log(self) -> bool:
        """Tell whether it has written, or could have: it runs, or did."""
        return self.state in {"running", "terminated"} or self.restarted


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod, read leniently. ``host`` is its node's address; ``troubles`` say why it is not ready."""

    ref: ObjectRef
    uid: str
    phase: str
    ready: bool
    leaving: bool
    labels: Mapping[str, str]
    default_container: str
    containers: tuple[Container, ...]
    node: str = ""
    host: str = ""
    created_at: str = ""
    troubles: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The pod's name."""
        return self.ref.name

    @property
    def finished(self) -> bool:
        """Tell whether none of its containers will ever run again."""
        return self.phase in {"Succeeded", "Failed"}

    @property
    def main_containers(self) -> tuple[Container, ...]:
        """Its ordinary containers, the default one first."""
        ordinary = [container for container in self.containers if container.sort == "container"]
        return tuple(sorted(ordinary, key=lambda each: each.name != self.default_container))

    def container(self, name: str) -> Container | None:
        """Return the container of a name, of whatever sort."""
        return next((each for each in self.containers if each.name == name), None)

    def port(self, name: str) -> int | None:
        """Return the number of a named port."""
        return next((each.ports[name] for each in self.containers if name in each.ports), None)


def read_pod(live: Json) -> Pod:
    """Read a pod as an API server returns it."""
    metadata, spec = as_object(live.get("metadata")), as_object(live.get("spec"))
    status = as_object(live.get("status"))
    annotations = as_object(metadata.get("annotations"))
    conditions = as_objects(status.get("conditions"))
    return Pod(
        ref=ObjectRef(
            api_version="v1",
            kind="Pod",
            namespace=as_text(metadata.get("namespace")),
            name=as_text(metadata.get("name")),
        ),
        uid=as_text(metadata.get("uid")),
        phase=as_text(status.get("phase")),
        ready=any(
            each.get("type") == "Ready" and each.get("status") == "True" for each in conditions
        ),
        leaving=bool(metadata.get("deletionTimestamp")),
        labels={k: as_text(v) for k, v in as_object(metadata.get("labels")).items()},
        default_container=as_text(annotations.get(DEFAULT_CONTAINER)),
        containers=tuple(_containers(spec, status)),
        node=as_text(spec.get("nodeName")),
        host=as_text(status.get("hostIP")),
        created_at=as_text(metadata.get("creationTimestamp")),
        troubles=tuple(troubles_of(live)),
    )


def most_usable(pods: tuple[Pod, ...] | list[Pod]) -> list[Pod]:
    """Order pods by how well one can talk to them: ready first, going or finished ones last."""
    return sorted(pods, key=lambda pod: (pod.leaving, pod.finished, not pod.ready, pod.name))


_SORTS = (
    ("init container", "initContainers", "initContainerStatuses"),
    ("container", "containers", "containerStatuses"),
    ("ephemeral container", "ephemeralContainers", "ephemeralContainerStatuses"),
)


def _containers(spec: Json, status: Json) -> list[Container]:
    found: list[Container] = []
    for sort, declared, reported in _SORTS:
        states = {as_text(each.get("name")): each for each in as_objects(status.get(reported))}
        found += [
            _container(each, states.get(as_text(each.get("name")), {}), sort)
            for each in as_objects(spec.get(declared))
        ]
    return found


def _container(declared: Json, status: Json, sort: str) -> Container:
    states = as_object(status.get("state"))
    state = next((each for each in ("running", "terminated", "waiting") if each in states), "")
    restarts = as_number(status.get("restartCount"))
    return Container(
        name=as_text(declared.get("name")),
        sort=sort,
        state=state,
        reason=as_text(as_object(states.get(state)).get("reason")),
        restarts=restarts,
        ready=status.get("ready") is True,
        instance=f"{restarts}/{as_text(status.get('containerID'))}",
        restarted=bool(as_object(as_object(status.get("lastState")).get("terminated"))),
        ports={
            as_text(port.get("name")): as_number(port.get("containerPort"))
            for port in as_objects(declared.get("ports"))
            if port.get("name") and port.get("containerPort")
        },
    )

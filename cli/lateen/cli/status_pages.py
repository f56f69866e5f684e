"""What ``lateen status`` shows for each of its options, as one text. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.cli.output import clean, table_text, whole_text
from lateen.cli.status_text import status_text
from lateen.cli.status_tree import detail_lines, pods_of, resource_line, status_tree
from lateen.cli.times import age

if TYPE_CHECKING:
    from lateen.client.results import ApplicationStatus
    from lateen.contracts.looks import ResourceSeen

_PODS = (
    "CLUSTER",
    "NAMESPACE",
    "COMPONENT",
    "POD",
    "PHASE",
    "READY",
    "RESTARTS",
    "NODE",
    "AGE",
    "REASON",
)
_ENDPOINTS = ("CLUSTER", "COMPONENT", "REF(KIND/NAMESPACE/NAME)", "ENDPOINT", "INNER", "NOTE")


@dataclass(frozen=True)
class Views:
    """Which parts of a status are wanted; none is the status in words."""

    tree: bool = False
    pods: bool = False
    endpoints: bool = False
    details: bool = False

    @property
    def only_parts(self) -> bool:
        """Whether the status in words is not wanted."""
        return self.tree or self.pods or self.endpoints


def status_pages(status: ApplicationStatus, views: Views) -> str:
    """Write the wanted parts, one below the other."""
    return "\n\n".join(part for part in _parts(status, views) if part)


def notes_of(status: ApplicationStatus) -> Iterator[str]:
    """Yield what could not be found out."""
    if status.note:
        yield status.note
    for each in status.unseen:
        yield f"cluster {each.cluster}: {each.message}"
    if status.omitted:
        yield f"{status.omitted} more were found than are listed"


def _parts(status: ApplicationStatus, views: Views) -> Iterator[str]:
    if views.tree:
        yield whole_text(status_tree(status, details=views.details))
    if not views.only_parts:
        yield clean(status_text(status), lines=True)
        if views.details:
            yield "\n".join(_objects(status))
    if views.pods:
        yield _pods(status)
    if views.endpoints:
        yield _endpoints(status)


def _pods(status: ApplicationStatus) -> str:
    if not status.pods:
        return "no pods"
    return table_text(
        _PODS,
        [
            (
                pod.cluster,
                pod.namespace,
                pod.component,
                pod.name,
                pod.phase,
                f"{pod.ready}/{pod.containers}",
                pod.restarts,
                pod.node or "-",
                age(pod.created_at),
                pod.reason,
            )
            for pod in status.pods
        ],
    )


def _endpoints(status: ApplicationStatus) -> str:
    if not status.endpoints:
        return "no endpoints"
    return table_text(
        _ENDPOINTS,
        [
            (
                each.cluster,
                each.component,
                "/".join(part for part in (each.kind, each.namespace, each.name) if part),
                each.endpoint or "-",
                each.inner,
                ", ".join(part for part in (each.port_name, each.message) if part),
            )
            for each in status.endpoints
        ],
    )


def _objects(status: ApplicationStatus) -> Iterator[str]:
    """List every object with all that is known of it."""
    if not status.resources:
        return
    yield "Objects:"
    by_place: dict[str, list[ResourceSeen]] = {}
    for resource in status.resources:
        place = f"{resource.cluster}/{resource.placement}"
        by_place.setdefault(place, []).append(resource)
    for place, resources in by_place.items():
        yield ""
        yield clean(f"  {place}")
        for resource in resources:
            yield clean(f"    {resource_line(resource, latest=status.revision)}")
            for line in detail_lines(resource, pods_of(resource, status.pods)):
                yield clean(f"         {line}")

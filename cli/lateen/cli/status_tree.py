"""The tree of ``lateen status --tree``: application, steps, placements, components, objects. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lateen.cli.output import clean
from lateen.cli.times import age
from lateen.cli.verdicts import reason, retrying

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from lateen.client.results import ApplicationStatus
    from lateen.contracts.looks import PodSeen, ResourceSeen
    from lateen.contracts.messages import PlacementOutcome, StepOutcome

Place = tuple[str, str]

_MARKS = {
    "healthy": "✅",
    "progressing": "❌",
    "failed": "❌",
    "missing": "❌",
    "unknown": "❔",
}


def status_tree(status: ApplicationStatus, *, details: bool = False) -> Tree:
    """Draw where everything is and how it does; ``details`` adds conditions, pods and events."""
    from rich.tree import Tree

    return _Drawing(status, details).draw(Tree)


def detail_lines(resource: ResourceSeen, pods: Iterable[PodSeen]) -> Iterator[str]:
    """Yield what else is known of an object: conditions, its pods, what was told about it lately."""
    if resource.conditions:
        told = (
            f"{each.type}={each.status}" + (f" ({each.reason})" if each.reason else "")
            for each in resource.conditions
        )
        yield f"conditions: {', '.join(told)}"
    for pod in pods:
        yield pod_line(pod)
    for event in resource.events:
        times = f" x{event.count}" if event.count > 1 else ""
        note = f" ({event.note})" if event.note else ""
        ago = f", {age(event.last_seen)} ago" if event.last_seen else ""
        yield f"event: {event.type} {event.reason}{times}{note}{ago}".replace("  ", " ")


def pod_line(pod: PodSeen) -> str:
    """Say in a line how a pod is."""
    restarts = f", {pod.restarts} restarts" if pod.restarts else ""
    why = f": {pod.reason}" if pod.reason else ""
    return f"pod {pod.name} {pod.phase} {pod.ready}/{pod.containers}{restarts}{why}"


def resource_line(resource: ResourceSeen, *, latest: str) -> str:
    """Say in a line how an object is; one that an earlier revision wrote is told as that."""
    words = [_MARKS.get(resource.state, "❔"), resource.title]
    if resource.trait and resource.trait != resource.kind:
        words.append(f"({resource.trait})")
    state = resource.state if resource.state not in {"healthy", "unknown"} else ""
    message = resource.message or ("not looked at" if resource.state == "unknown" else "")
    if resource.state == "missing":
        message = "does not exist"
        state = ""
    said = ": ".join(part for part in (state, message) if part)
    if resource.outdated:
        said = ", ".join(part for part in (f"of {resource.revision}, not {latest}", said) if part)
    return " ".join([*words, *([f" {said}"] if said else [])])


_TROUBLES = frozenset({"progressing", "failed", "missing"})


class _Drawing:
    """Puts every object under the last step that delivers its placement."""

    def __init__(self, status: ApplicationStatus, details: bool) -> None:
        self._status = status
        self._details = details
        self._policies = {step.name: step.policies for step in status.plan}
        self._groups = {step.name: step.group for step in status.plan if step.group}
        self._retries = {retry.subject: retry for retry in status.retries}
        self._unseen = {each.cluster: each.message for each in status.unseen}
        self._last = {
            (placement.cluster, placement.namespace): step.name
            for step in status.steps
            for placement in step.placements
        }
        self._resources: dict[Place, list[ResourceSeen]] = {}
        for resource in status.resources:
            place = resource.cluster, resource.placement
            self._resources.setdefault(place, []).append(resource)

    def draw(self, tree: type[Tree]) -> Tree:
        status = self._status
        about = ", ".join(part for part in (status.phase or "unknown", status.revision) if part)
        why = "" if status.steps else _why(status.message)  # Else a step says it.
        root = tree(_text(f"{status.application}  {about}{why}"))
        nodes = {"": root}
        for step in status.steps:
            parent = nodes.get(self._groups.get(step.name, ""), root)
            nodes[step.name] = parent.add(_text(self._step_line(step)))
            for placement in step.placements:
                self._placement(nodes[step.name], step, placement)
        rest = [place for place in self._resources if place not in self._last]
        if rest:
            side = root.add(_text("delivered earlier, in no step now")) if status.steps else root
            for place in rest:
                self._objects(side.add(_text("/".join(place))), place)
        if not root.children:
            root.add(_text("nothing is delivered (yet)"))
        if status.omitted:
            root.add(_text(f"… {status.omitted} more objects"))
        return root

    def _step_line(self, step: StepOutcome) -> str:
        policies = self._policies.get(step.name) or []
        about = f" ({', '.join(policies)})" if policies else f" ({step.type})"
        said = any(placement.message for placement in step.placements)
        return f"{step.name}{about}  {step.phase}{'' if said else _why(step.message)}"

    def _placement(self, parent: Tree, step: StepOutcome, placement: PlacementOutcome) -> None:
        place = placement.cluster, placement.namespace
        subject = "/".join(place)
        retry = self._retries.get(subject)
        why = retrying(retry) if retry else reason(placement.message, at=subject)
        if any(each.state in _TROUBLES for each in self._resources.get(place, [])):
            why = why.partition(": ")[0]  # The objects below say the rest.
        again = self._last[place] != step.name
        line = f"{subject}  {placement.phase}{_why(why)}"
        node = parent.add(_text(f"{line}; objects: see {self._last[place]}" if again else line))
        if not again:
            self._objects(node, place)

    def _objects(self, node: Tree, place: Place) -> None:
        if place[0] in self._unseen:
            node.add(_text(f"❔ {self._unseen[place[0]]}; what is recorded:"))
        by_component: dict[str, list[ResourceSeen]] = {}
        for resource in self._resources.get(place, []):
            by_component.setdefault(resource.component, []).append(resource)
        for component, resources in by_component.items():
            branch = node.add(_text(component or "(no component)"))
            for resource in resources:
                leaf = branch.add(_text(resource_line(resource, latest=self._status.revision)))
                for line in self._more(resource) if self._details else ():
                    leaf.add(_text(line))

    def _more(self, resource: ResourceSeen) -> Iterator[str]:
        return detail_lines(resource, pods_of(resource, self._status.pods))


def pods_of(resource: ResourceSeen, pods: Iterable[PodSeen]) -> list[PodSeen]:
    """Return the pods of an object."""
    owner = resource.cluster, resource.namespace, f"{resource.kind}/{resource.name}"
    return [pod for pod in pods if (pod.cluster, pod.namespace, pod.owner) == owner]


def _why(message: str) -> str:
    return f": {' '.join(message.split())}" if message else ""


def _text(line: str) -> Text:
    from rich.text import Text

    return Text(clean(line), no_wrap=True, overflow="ignore")

"""What an application's components take from URLs and charts: to be fetched before a revision is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from lateen.model.base import Record
from lateen.model.fetched import ChartRequest, url_key
from lateen.model.json_values import json_digest
from lateen.rendering.components.helmchart import Helmchart
from lateen.rendering.components.ref_objects import RefObjects
from lateen.rendering.context import RenderContext, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lateen.model.application import Application, Component
    from lateen.model.base import Json
    from lateen.model.records import Snapshot
    from lateen.rendering.definitions import ComponentType
    from lateen.rendering.parameters import Parameters
    from lateen.rendering.registry import Registry

P = TypeVar("P", bound="Parameters")


class Fetch(Record):
    """Something to be fetched, a URL or a chart; ``path`` is where the application asks for it.

    ``remarks`` name what the application says about it in vain.
    """

    path: str
    url: str = ""
    chart: ChartRequest | None = None
    remarks: list[str] = []

    @property
    def key(self) -> str:
        """What two wishes for the same have in common."""
        return self.chart.key if self.chart else url_key(self.url)


def fetches(
    application: Application,
    deliveries: Iterable[tuple[Sequence[Component], Sequence[str]]],
    registry: Registry,
) -> list[Fetch]:
    """Return what an application takes from outside clusters, everything once.

    ``deliveries`` are the components of each step, after its overrides, and the namespaces they go to: a
    chart's templates see theirs. Those whose properties are invalid, which rendering reports, take nothing.
    """
    written = {
        component.name: f"spec.components[{index}]"
        for index, component in enumerate(application.spec.components)
    }
    context = RenderContext.of(application)
    found: dict[str, Fetch] = {}
    for components, namespaces in deliveries:
        for component in components:
            path = written.get(component.name, f"components[{component.name}]")
            inside = context.inside(component)
            for namespace in namespaces:
                there = inside.at(Target(cluster="", namespace=namespace))
                for fetch in _wanted(component, there, registry, f"{path}.properties"):
                    found.setdefault(fetch.key, fetch)
    return list(found.values())


def _wanted(
    component: Component, context: RenderContext, registry: Registry, path: str
) -> Iterator[Fetch]:
    kind = registry.find_component(component.type)
    if isinstance(kind, Helmchart):
        chart = _read(kind, component)
        if chart is not None:
            request = chart.request(context)
            yield Fetch(path=f"{path}.chart", chart=request, remarks=list(chart.remarks()))
    elif isinstance(kind, RefObjects):
        copied = _read(kind, component)
        for index, url in enumerate((copied and copied.urls) or ()):
            yield Fetch(path=f"{path}.urls[{index}]", url=url)


def _read(kind: ComponentType[P], component: Component) -> P | None:
    try:
        return kind.parameters.model_validate(component.properties or {})
    except ValidationError:
        return None


def objects_by_key(snapshot: Snapshot) -> dict[str, Sequence[Json]]:
    """Return what a snapshot holds of other objects, by the key under which templates look for it."""
    copied = {each.selector.key: each.objects for each in snapshot.references}
    return {**copied, **{each.key: each.objects for each in snapshot.fetched}}


def fetched_digest(snapshot: Snapshot) -> str:
    """Digest the objects that a snapshot holds, however they are packed."""
    return json_digest(sorted([each.key, json_digest(each.objects)] for each in snapshot.fetched))


def fetched_warnings(snapshot: Snapshot) -> list[str]:
    """Say what of charts and URLs is not as their authors may think."""
    return list(dict.fromkeys(line for each in snapshot.fetched for line in each.warnings))

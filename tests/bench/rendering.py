"""How fast rendering is in one process, and how it grows with the placements."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from bench.applications import NAMESPACE
from bench.report import Column, Section
from lateen.model.application import Application
from lateen.model.base import Json
from lateen.model.parsing import parse_application
from lateen.model.placement import Placement
from lateen.model.records import Snapshot
from lateen.planning.resolving import Resolved
from lateen.rendering.context import RenderContext
from lateen.rendering.registry import builtin
from lateen.rendering.render import place, render

_CASES = Path(__file__).parents[1] / "conformance" / "data" / "render"
_COMPONENTS = (
    ("webservice, plain", "ws-minimal"),
    ("webservice, all parameters", "ws-full"),
    ("webservice, ten traits", "tr-stack-10"),
)


def measure(*, placements: Sequence[int], seconds: float) -> Iterable[Section]:
    """Measure components a second, and the time of a placement among many."""
    return [_components(seconds), _placements(placements)]


def _components(seconds: float) -> Section:
    columns = (
        Column("rendering, one process"),
        Column("components/s", "{:,.0f}"),
        Column("a component", "{:.3f} ms"),
        Column("parsed too", "{:.3f} ms"),
    )
    rows: list[list[str | float]] = []
    for what, case in _COMPONENTS:
        document = _document(case)
        application = parse_application(document)
        each = _each(partial(_render, application), seconds)
        whole = _each(partial(_parse_and_render, document), seconds)
        rows.append([what, 1 / each, each * 1000, whole * 1000])
    return Section("Rendering", columns, rows)


def _render(application: Application) -> None:
    context = RenderContext.of(application)
    objects = render(application.spec.components, context, builtin())
    place(objects, cluster="one", namespace=NAMESPACE, revision="v1")


def _parse_and_render(document: Json) -> None:
    _render(parse_application(document))


def _each(action: Callable[[], None], seconds: float) -> float:
    """Return the CPU seconds of one action, done again and again for about ``seconds``."""
    action()
    done, began = 0, time.process_time()
    while time.process_time() - began < seconds:
        action()
        done += 1
    return (time.process_time() - began) / done


def _placements(counts: Sequence[int]) -> Section:
    columns = (
        Column("placements of one application"),
        Column("planned", "{:.1f} ms"),
        Column("each", "{:.1f} µs"),
        Column("manifests made", "{:.1f} ms"),
        Column("each ", "{:.1f} µs"),
    )
    rows: list[list[str | float]] = []
    for count in counts:
        snapshot = Snapshot(application=parse_application(_document("tr-stack-10")).to_json())
        where = [Placement(cluster=f"cluster-{n}", namespace=NAMESPACE) for n in range(count)]
        began = time.process_time()
        resolved = Resolved(snapshot, builtin())
        step = resolved.deploy_steps[0]
        for placement in where:
            resolved.placement_digest(step, placement)
        planned = time.process_time() - began
        for placement in where:
            resolved.manifests(step, placement, revision="v1")
        made = time.process_time() - began - planned
        rows.append(
            [f"{count:,}", planned * 1e3, planned / count * 1e6, made * 1e3, made / count * 1e6]
        )
    note = "planned: parsed, rendered and digested; ten traits; what placements share is done once"
    return Section("Growth", columns, rows, (note,))


def _document(case: str) -> Any:
    return yaml.safe_load((_CASES / case / "app.yaml").read_text())

"""What an application would send where: planned and rendered exactly as a delivery does. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lateen.cli.types import types_of, with_given
from lateen.model.application import Definition
from lateen.model.base import Json, Record
from lateen.model.errors import InvalidApplication, nearest
from lateen.model.json_values import as_list
from lateen.model.labels import LOCAL
from lateen.model.parsing import parse_workflow
from lateen.model.records import Snapshot
from lateen.planning.checking import located
from lateen.planning.component_graph import graph_findings
from lateen.planning.component_links import read_outputs
from lateen.planning.referenced_objects import outside_warnings
from lateen.planning.references import external_references, inline_names, policy_references
from lateen.planning.resolving import Resolved
from lateen.planning.step_types import DEPLOY
from lateen.policies.topology import TOPOLOGY, ClusterInfo, TopologyProperties, read_topology

if TYPE_CHECKING:
    from lateen.cli.gathering import Documents
    from lateen.model.application import Application, Policy, Workflow
    from lateen.model.placement import Placement
    from lateen.planning.plan import PlannedStep


_SELECTED = "<clusters with "
"""Begins the stand-in of all clusters that a selector may fit; no cluster's name begins so."""


class PlacementPreview(Record):
    """What one namespace of one cluster would be sent, in the order of applying.

    Objects that a read-only policy is for are not among it.
    ``inputs`` say, by component, which of its values are read from clusters when it is delivered. Where its
    API server was asked, the manifests are what it would store; ``refused`` says what it would not take and
    why, ``unasked`` of which objects it could not know yet.
    """

    cluster: str
    namespace: str
    manifests: list[Json] = []
    inputs: dict[str, list[str]] = {}
    refused: list[str] = []
    unasked: list[str] = []


class StepPreview(Record):
    """A step, in the order of the workflow. ``note`` says what one should know of it."""

    name: str
    type: str
    policies: tuple[str, ...] = ()
    note: str = ""
    placements: list[PlacementPreview] = []


class Preview(Record):
    """What delivering an application would do."""

    application: str
    steps: list[StepPreview] = []
    warnings: list[str] = []


def preview_all(
    documents: Documents,
    *,
    clusters: Sequence[ClusterInfo],
    snapshots: Sequence[Snapshot] | None = None,
    offline: bool = False,
) -> list[Preview]:
    """Preview each application; without ``snapshots`` all that they refer to must be in the documents.

    Raises ``InvalidApplication``.
    """
    previews: list[Preview] = []
    for index, application in enumerate(documents.applications):
        try:
            if snapshots is None:
                snapshot = offline_snapshot(application, documents.external)
            else:
                snapshot = snapshots[index]
            previews.append(preview(snapshot, clusters=clusters, offline=offline))
        except InvalidApplication as error:
            subject = error.subject or f"Application {application.id}"
            problems = located(error.problems, application)
            raise InvalidApplication(problems, subject=subject) from None
    return previews


def preview(snapshot: Snapshot, *, clusters: Sequence[ClusterInfo], offline: bool) -> Preview:
    """Resolve and render one application.

    ``offline``, a cluster that a topology names exists, and a selector that fits none of the ``clusters``
    stands for itself. Raises ``InvalidApplication``.
    """
    resolved = Resolved(snapshot, types_of(snapshot))
    resolved.see(clusters)
    warnings = [*resolved.warnings, *outside_warnings(snapshot)]
    selections: dict[str, Sequence[Placement]] = {}
    steps: list[StepPreview] = []
    for step in resolved.plan.leaves:
        note = "waits for approval" if not step.auto or _suspends(step) else ""
        shown = StepPreview(name=step.name, type=step.type, policies=step.policies, note=note)
        if step.type == DEPLOY:
            known = _imagined(resolved, step, clusters) if offline else clusters
            selection = resolved.select(step, known)
            warnings += selection.warnings
            selections[step.name] = selection.placements
            name = f"{resolved.application.metadata.name}-preview"
            placements = [
                PlacementPreview(
                    cluster=placement.cluster,
                    namespace=placement.namespace,
                    manifests=[
                        manifest
                        for manifest in resolved.manifests(step, placement, revision=name)
                        if not resolved.treatment(manifest).read_only
                    ],
                    inputs=inputs_of(resolved, step),
                )
                for placement in selection.placements
            ]
            notes = "; ".join(part for part in (note, _remark(placements)) if part)
            shown = shown.model_copy(update={"placements": placements, "note": notes})
        steps.append(shown)
    problems, said = graph_findings(resolved, selections)
    if problems:
        raise InvalidApplication(problems)
    warnings += said
    return Preview(
        application=resolved.application.id, steps=steps, warnings=list(dict.fromkeys(warnings))
    )


def inputs_of(resolved: Resolved, step: PlannedStep) -> dict[str, list[str]]:
    """Tell where the values come from for which the manifests of a step have placeholders."""
    outputs = read_outputs(resolved.application.spec.components)
    return {
        component: [
            f"{each.key.text} is input {each.name!r}: {outputs[each.name].value_from}"
            f" of component {outputs[each.name].component!r}"
            for each in inputs
            if each.name in outputs
        ]
        for component, inputs in resolved.graph(step).links.inputs.items()
    }


def offline_snapshot(
    application: Application, external: Iterable[Definition | Policy | Workflow]
) -> Snapshot:
    """Collect what an application refers to from the documents given with it.

    Raises ``InvalidApplication`` for what is not among them.
    """
    external = list(external)
    namespace = application.metadata.namespace
    given: dict[tuple[str, str], Json] = {
        (document.kind, document.metadata.name): document.to_json()
        for document in external
        if document.metadata.namespace == namespace
    }

    def find(kind: str, name: str, *, path: str) -> Json:
        document = given.get((kind, name))
        if document is None:
            known = [other for known_kind, other in given if known_kind == kind]
            raise InvalidApplication.at(
                path,
                f"no {kind} of this name in namespace {namespace!r} of the given files",
                name,
                nearest(name, known) if known else "give its file too, or leave --offline away",
            )
        return document

    references = external_references(application)
    names = list(references.policies)
    workflow: Json | None = None
    if references.workflow:
        workflow = find("Workflow", references.workflow, path="spec.workflow.ref")
        names += policy_references(parse_workflow(workflow), inline_names(application))
    policies = [find("Policy", name, path="spec.workflow") for name in dict.fromkeys(names)]
    snapshot = Snapshot(application=application.to_json(), policies=policies, workflow=workflow)
    definitions = [each for each in external if isinstance(each, Definition)]
    return with_given(snapshot, application, definitions)


def _remark(placements: Sequence[PlacementPreview]) -> str:
    if not placements:
        return "delivers to no cluster"
    if any(placement.cluster.startswith(_SELECTED) for placement in placements):
        return "a hub knows which clusters have such labels; declare some with --cluster NAME:K=V"
    return ""


def _suspends(step: PlannedStep) -> bool:
    return step.type == "suspend" and step.duration is None


def _imagined(
    resolved: Resolved, step: PlannedStep, clusters: Sequence[ClusterInfo]
) -> list[ClusterInfo]:
    """Add the clusters that a step needs and that nobody declared."""
    known = {cluster.name: cluster for cluster in (ClusterInfo(name=LOCAL), *clusters)}
    topologies = [policy for policy in resolved.policies_of(step) if policy.type == TOPOLOGY]
    for properties in map(read_topology, topologies):
        for name in as_list(properties.clusters) or ():
            known.setdefault(name, ClusterInfo(name=name))
        stand_in = _stand_in(properties, known.values())
        if stand_in is not None:
            known[stand_in.name] = stand_in
    return list(known.values())


def _stand_in(
    properties: TopologyProperties, clusters: Iterable[ClusterInfo]
) -> ClusterInfo | None:
    """Return a cluster in the place of all that a selector may fit, if it fits none that is known."""
    selector = properties.selector
    if properties.clusters is not None or not selector:
        return None
    if any(selector.items() <= cluster.labels.items() for cluster in clusters):
        return None
    words = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    return ClusterInfo(name=f"{_SELECTED}{words}>", labels=selector)

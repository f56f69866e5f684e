"""What an application would send where: planned and rendered exactly as a delivery does. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lateen.model.base import Json, Record
from lateen.model.errors import InvalidApplication, nearest
from lateen.model.json_values import as_list
from lateen.model.labels import LOCAL
from lateen.model.parsing import parse_workflow
from lateen.model.records import Snapshot
from lateen.planning.references import external_references, inline_names, policy_references
from lateen.planning.resolving import Resolved
from lateen.planning.step_types import DEPLOY
from lateen.policies.topology import TOPOLOGY, ClusterInfo, TopologyProperties, read_topology
from lateen.rendering.plugins import installed

if TYPE_CHECKING:
    from lateen.cli.gathering import Documents
    from lateen.model.application import Application, Policy, Workflow
    from lateen.planning.plan import PlannedStep


_SELECTED = "<clusters with "
"""Begins the stand-in of all clusters that a selector may fit; no cluster's name begins so."""


class PlacementPreview(Record):
    """What one namespace of one cluster would be sent, in the order of applying.

    Objects that a read-only policy is for are not among it.
    """

    cluster: str
    namespace: str
    manifests: list[Json] = []


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
            raise InvalidApplication(error.problems, subject=subject) from None
    return previews


def preview(snapshot: Snapshot, *, clusters: Sequence[ClusterInfo], offline: bool) -> Preview:
    """Resolve and render one application.

    ``offline``, a cluster that a topology names exists, and a selector that fits none of the ``clusters``
    stands for itself. Raises ``InvalidApplication``.
    """
    resolved = Resolved(snapshot, installed())
    warnings = list(resolved.plan.warnings)
    steps: list[StepPreview] = []
    for step in resolved.plan.leaves:
        note = "waits for approval" if not step.auto or _suspends(step) else ""
        shown = StepPreview(name=step.name, type=step.type, policies=step.policies, note=note)
        if step.type == DEPLOY:
            known = _imagined(resolved, step, clusters) if offline else clusters
            selection = resolved.select(step, known)
            warnings += selection.warnings
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
                )
                for placement in selection.placements
            ]
            notes = "; ".join(part for part in (note, _remark(placements)) if part)
            shown = shown.model_copy(update={"placements": placements, "note": notes})
        steps.append(shown)
    return Preview(
        application=resolved.application.id, steps=steps, warnings=list(dict.fromkeys(warnings))
    )


def offline_snapshot(application: Application, external: Iterable[Policy | Workflow]) -> Snapshot:
    """Collect what an application refers to from the documents given with it.

    Raises ``InvalidApplication`` for what is not among them.
    """
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
    return Snapshot(application=application.to_json(), policies=policies, workflow=workflow)


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

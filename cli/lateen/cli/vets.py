"""What is wrong with documents, each by itself and all together, with a hub or without. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lateen.cli.definition_vets import check_definition
from lateen.cli.preview import offline_snapshot
from lateen.cli.types import types_of
from lateen.model.application import Application, Definition, Policy
from lateen.model.base import Record
from lateen.model.errors import InvalidApplication, InvalidManifest, Problem
from lateen.model.labels import LOCAL
from lateen.model.placement import Placement
from lateen.planning.checking import check_application, located
from lateen.planning.component_graph import graph_findings
from lateen.planning.external_checking import check_policy_object, check_workflow_object
from lateen.planning.fetched_objects import fetches
from lateen.planning.inline_secrets import (
    credential_variables,
    inline_secrets,
    policy_object_secrets,
)
from lateen.planning.referenced_objects import outside_warnings, references
from lateen.planning.resolving import Resolved

if TYPE_CHECKING:
    from lateen.client.documents import Document, Reading
    from lateen.model.records import Snapshot
    from lateen.planning.plan import PlannedStep
    from lateen.policies.topology import ClusterInfo
    from lateen.rendering.registry import Registry


class VettedProblem(Record):
    """One thing that is wrong: where in the document, what, and the way out."""

    path: str = ""
    message: str
    value: Any = None
    hint: str = ""

    def __str__(self) -> str:
        return str(Problem(self.path, self.message, self.value, self.hint))


class Vetted(Record):
    """What is known of one document; ``place`` says which document of which file it is.

    ``summary`` says what it would do, ``note`` what could not be looked at.
    """

    file: str
    place: str
    kind: str = ""
    name: str = ""
    namespace: str = ""
    problems: list[VettedProblem] = []
    warnings: list[str] = []
    summary: str = ""
    note: str = ""

    @property
    def title(self) -> str:
        """What the document is called; empty for one that could not be read."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.name else ""


@dataclass(frozen=True)
class HubView:
    """What the hub knows: its clusters, and what each application by its id refers to."""

    clusters: Sequence[ClusterInfo]
    snapshots: Mapping[str, Snapshot | InvalidApplication]


def vet_all(
    readings: Sequence[Reading],
    registry: Registry,
    *,
    hub: HubView | None = None,
    allow_inline_secrets: bool = False,
) -> list[Vetted]:
    """Check every document; without a hub, what only it knows is noted instead."""
    documents = [each.document for each in readings if each.document is not None]
    vetting = _Vetting(documents, registry, hub, allow_inline_secrets)
    first: dict[tuple[str, str, str], str] = {}
    found: list[Vetted] = []
    for reading in readings:
        vetted = vetting.vet(reading)
        if vetted.name:
            key = (vetted.kind, vetted.namespace, vetted.name)
            earlier = first.setdefault(key, reading.place)
            if earlier != reading.place:
                twice = VettedProblem(
                    path="metadata.name",
                    message=f"this {vetted.kind} is given twice",
                    value=vetted.name,
                    hint=f"see {earlier}",
                )
                vetted = vetted.model_copy(update={"problems": [*vetted.problems, twice]})
        found.append(vetted)
    return found


@dataclass(frozen=True)
class _Vetting:
    """Checks documents in the light of all that were given with them."""

    documents: Sequence[Document]
    registry: Registry
    hub: HubView | None
    allow_inline_secrets: bool

    def vet(self, reading: Reading) -> Vetted:
        """Check what was read, and what of it nobody else should read."""
        vetted = self._vet(reading)
        document = reading.document
        warnings = credential_variables(document) if isinstance(document, Application) else []
        problems = [] if self.allow_inline_secrets else _told(_secrets(document))
        if not problems:
            return vetted.model_copy(update={"warnings": [*vetted.warnings, *warnings]})
        return vetted.model_copy(
            update={
                "problems": [*vetted.problems, *problems],
                "warnings": [*vetted.warnings, *warnings],
                "summary": "",
            }
        )

    def _vet(self, reading: Reading) -> Vetted:
        document = reading.document
        bare = Vetted(file=reading.source, place=reading.place)
        if document is None:
            return bare.model_copy(update={"problems": _unread(reading)})
        named = bare.model_copy(
            update={
                "kind": document.kind,
                "name": document.metadata.name,
                "namespace": document.metadata.namespace,
            }
        )
        if isinstance(document, Application):
            return self._application(document, named)
        try:
            if isinstance(document, Policy):
                warnings = check_policy_object(document, self._types)
            elif isinstance(document, Definition):
                warnings = check_definition(document, self.registry)
            else:
                warnings = check_workflow_object(document)
        except InvalidApplication as error:
            return named.model_copy(update={"problems": _told(error.problems)})
        return named.model_copy(update={"warnings": warnings})

    def _application(self, application: Application, named: Vetted) -> Vetted:
        try:
            warnings = check_application(application, self._types)
        except InvalidApplication as error:
            return named.model_copy(update={"problems": _told(error.problems)})
        snapshot = self._snapshot(application)
        if isinstance(snapshot, InvalidApplication):
            missing = _told(snapshot.problems)
            if self.hub is None:
                listed = ", ".join(str(problem.value) for problem in missing)
                note = f"not looked at without a hub: {listed}"
                return named.model_copy(update={"warnings": warnings, "note": note})
            return named.model_copy(update={"warnings": warnings, "problems": missing})
        return self._resolved(snapshot, named.model_copy(update={"warnings": warnings}))

    @property
    def _types(self) -> Registry:
        """The types for checks of one document: others may come from the hub or from its neighbours."""
        defined = any(isinstance(each, Definition) for each in self.documents)
        return self.registry.opened() if self.hub is not None or defined else self.registry

    def _snapshot(self, application: Application) -> Snapshot | InvalidApplication:
        if self.hub is not None:
            return self.hub.snapshots[application.id]
        external = [each for each in self.documents if not isinstance(each, Application)]
        try:
            return offline_snapshot(application, external)
        except InvalidApplication as error:
            return error

    def _resolved(self, snapshot: Snapshot, vetted: Vetted) -> Vetted:
        """Plan, select and render each step, as a delivery would."""
        try:
            types = types_of(snapshot) if snapshot.definitions else self.registry
            resolved = Resolved(snapshot, types)
            if self._types is not self.registry:
                check_application(resolved.application, types)
        except InvalidApplication as error:
            return vetted.model_copy(update={"problems": _told(error.problems)})
        problems: list[Problem] = []
        warnings = [*vetted.warnings, *resolved.warnings]
        selections: dict[str, Sequence[Placement]] = {}
        copies: list[str] = []
        anywhere = Placement(cluster=LOCAL, namespace=resolved.namespace)
        for step in resolved.deploy_steps:
            selections[step.name] = (anywhere,)
            unseen = self._unseen(resolved, step)
            if unseen and self.hub is None:
                copies += unseen
                continue
            try:
                resolved.object_count(step, anywhere)
                if self.hub is not None:
                    selection = resolved.select(step, self.hub.clusters)
                    selections[step.name] = selection.placements
                    warnings += selection.warnings
            except InvalidApplication as error:
                problems += located(error.problems, resolved.application)
        if not problems:
            problems, said = graph_findings(resolved, selections)
            warnings += said
        summary = _count(len(resolved.plan.leaves), "step")
        if self.hub is not None:
            placements = sum(map(len, selections.values()))
            summary += f", {_count(placements, 'placement')}"
        return vetted.model_copy(
            update={
                "problems": _told(problems),
                "warnings": list(dict.fromkeys([*warnings, *outside_warnings(snapshot)])),
                "summary": "" if problems else summary,
                "note": _unlooked(copies),
            }
        )

    def _unseen(self, resolved: Resolved, step: PlannedStep) -> list[str]:
        """Return where a step takes what is in clusters, at URLs, or in charts."""
        components = resolved.components(step)
        delivery = (components, resolved.namespaces(step))
        copied = references(resolved.application, [components], self.registry)
        fetched = fetches(resolved.application, [delivery], self.registry)
        return [*(each.path for each in copied), *(each.path for each in fetched)]


def _unlooked(paths: Iterable[str]) -> str:
    listed = ", ".join(dict.fromkeys(paths))
    return f"not looked at without a hub: {listed}" if listed else ""


def _secrets(document: Document | None) -> list[Problem]:
    if isinstance(document, Application):
        return inline_secrets(document)
    return policy_object_secrets(document) if isinstance(document, Policy) else []


def _unread(reading: Reading) -> list[VettedProblem]:
    error = reading.error
    if isinstance(error, InvalidApplication):
        return _told(error.problems)
    if isinstance(error, InvalidManifest):
        message = str(error).removeprefix(f"{reading.source}: ").removeprefix(f"{reading.source}, ")
        return [VettedProblem(message=message)]
    return []


def _told(problems: Iterable[Problem]) -> list[VettedProblem]:
    """Return problems without repetition: several steps may stumble over the same."""
    distinct = {(each.path, each.message): each for each in problems}
    return [
        VettedProblem(path=each.path, message=each.message, value=each.value, hint=each.hint)
        for each in distinct.values()
    ]


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"

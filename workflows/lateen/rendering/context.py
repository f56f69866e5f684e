"""What a template may know about the application that it belongs to."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lateen.model import kubevela
from lateen.model.labels import (
    APP_COMPONENT,
    APP_NAME,
    APP_NAMESPACE,
    PUBLISH_VERSION,
    REPLICA_KEY,
    WORKFLOW_NAME,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lateen.model.application import Application, Component
    from lateen.model.base import Json

_FILTERED_LABELS = "filter.oam.dev/label-keys"
_FILTERED_ANNOTATIONS = "filter.oam.dev/annotation-keys"
_NEVER_INHERITED = (
    _FILTERED_LABELS,
    _FILTERED_ANNOTATIONS,
    "app.oam.dev/in-place-upgrade",
    "kubectl.kubernetes.io/last-applied-configuration",
    *kubevela.ANNOTATIONS,
)
_LABELS_NEVER_INHERITED = (kubevela.PAUSE, *kubevela.LABELS)
_OWN_PREFIX = "lateen.dev/"
_REVISION = re.compile(r"-v([0-9]+)$")


@dataclass(frozen=True)
class Target:
    """Where manifests go, and as part of which revision.

    ``git_version`` is what the cluster's API server says of itself (``v1.36.3``); empty when nobody
    knows. ``revision`` is empty while it has no name yet: in plans and their digests.
    """

    cluster: str
    namespace: str
    git_version: str = ""
    revision: str = ""

    @property
    def revision_number(self) -> int:
        """The number of the revision: 3 of ``shop-v3``; 0 while it has no name yet."""
        found = _REVISION.search(self.revision)
        return int(found[1]) if found else 0


@dataclass(frozen=True)
class RenderContext:
    """The application, and inside a template the component.

    ``labels`` and ``annotations`` are those that delivered objects inherit. ``replica_key`` tells
    the copies of a component apart that a replication policy makes; it is empty without one.
    ``outputs`` are, for a trait, the component's further objects so far by output name; a trait may change
    them in place. ``target`` is None where one rendering serves all placements: only types that declare
    ``reads_target`` may look at it. ``application_labels`` and ``application_annotations`` are all that
    the application has; ``components`` are the names of those that are delivered together.
    ``references`` are the objects that a revision holds for each selector
    of ``ref-objects``, by the selector's key.
    """

    application: str
    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    component: Component | None = None
    replica_key: str = ""
    target: Target | None = None
    application_labels: Mapping[str, str] = field(default_factory=dict[str, str])
    application_annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    publish_version: str = ""
    workflow_name: str = ""
    components: tuple[str, ...] = ()
    references: Mapping[str, Sequence[Json]] = field(default_factory=dict[str, "Sequence[Json]"])
    outputs: Mapping[str, Json] = field(default_factory=dict[str, "Json"])

    @classmethod
    def of(cls, application: Application) -> RenderContext:
        """Return the context of an application, with its inheritance filters applied.

        Labels and annotations that steer lateen, kubectl or KubeVela itself are not handed down.
        """
        metadata = application.metadata
        filtered_labels = _keys(metadata.annotations.get(_FILTERED_LABELS, ""))
        unwanted_labels = {*_LABELS_NEVER_INHERITED, *filtered_labels}
        unwanted = {*_NEVER_INHERITED, *_keys(metadata.annotations.get(_FILTERED_ANNOTATIONS, ""))}
        return cls(
            application=metadata.name,
            namespace=metadata.namespace,
            labels={
                key: value for key, value in metadata.labels.items() if key not in unwanted_labels
            },
            annotations={
                key: value
                for key, value in metadata.annotations.items()
                if key not in unwanted and not key.startswith(_OWN_PREFIX)
            },
            application_labels=metadata.labels,
            application_annotations=metadata.annotations,
            publish_version=metadata.annotations.get(PUBLISH_VERSION, ""),
            workflow_name=_workflow_name(application),
            components=tuple(component.name for component in application.spec.components),
        )

    def inside(self, component: Component, *, replica_key: str = "") -> RenderContext:
        """Return the context of one component's templates, or of one of its copies'."""
        return replace(self, component=component, replica_key=replica_key)

    def among(self, components: Iterable[Component]) -> RenderContext:
        """Return the context of a step that delivers these components."""
        return replace(self, components=tuple(component.name for component in components))

    def beside(self, outputs: Mapping[str, Json]) -> RenderContext:
        """Return the context of a trait, beside what the component has so far."""
        return replace(self, outputs=outputs)

    def at(self, target: Target) -> RenderContext:
        """Return the context of a rendering for one placement."""
        return replace(self, target=target)

    @property
    def target_namespace(self) -> str:
        """The namespace that objects end up in: the placement's, or the application's own."""
        return (self.target and self.target.namespace) or self.namespace

    @property
    def name(self) -> str:
        """The component's name."""
        return self.component.name if self.component else ""

    @property
    def component_revision(self) -> str:
        """A short digest of the component as written: changes when, and only when, it changes."""
        written = self.component.to_json() if self.component else {}
        text = json.dumps(written, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def pod_labels(self) -> dict[str, str]:
        """Return the labels by which a component's pods are found."""
        return {APP_NAME: self.application, APP_COMPONENT: self.name}

    def object_labels(self) -> dict[str, str]:
        """Return the labels of every object of the component, inherited ones first."""
        labels = {
            **self.labels,
            APP_NAME: self.application,
            APP_NAMESPACE: self.namespace,
            APP_COMPONENT: self.name,
        }
        if self.replica_key:
            labels[REPLICA_KEY] = self.replica_key
        return labels


def _workflow_name(application: Application) -> str:
    """Return the Workflow object that an application uses, or what an annotation calls its workflow."""
    workflow = application.spec.workflow
    named = application.metadata.annotations.get(WORKFLOW_NAME, "")
    return (workflow and workflow.ref) or named


def _keys(listed: str) -> set[str]:
    return {key.strip() for key in listed.split(",") if key.strip()}

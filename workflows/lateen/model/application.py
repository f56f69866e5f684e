"""What users write: ``Application``, and the ``Policy`` and ``Workflow`` objects it can refer to.

The shapes are KubeVela's (``core.oam.dev``), field by field, so that its documents can be used as they are.
``properties`` stay JSON here: the room that owns a type (policies, rendering, planning) checks them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from lateen.model.base import Json, Model
from lateen.model.durations import parse_duration
from lateen.model.names import ApplicationName, DnsLabel, Subdomain


def _duration(text: str) -> str:
    parse_duration(text)
    return text


Duration = Annotated[str, AfterValidator(_duration)]
"""A Go duration such as ``30s``; ``lateen.model.durations.parse_duration`` reads it."""


class _ServerMetadata(Model):
    """Fields that an API server adds; accepted, so that ``kubectl get -o yaml`` can be fed back."""

    uid: Any = None
    resource_version: Any = None
    generation: Any = None
    creation_timestamp: Any = None
    deletion_timestamp: Any = None
    deletion_grace_period_seconds: Any = None
    managed_fields: Any = None
    owner_references: Any = None
    finalizers: Any = None
    self_link: Any = None


class ApplicationMetadata(_ServerMetadata):
    """Name, namespace, and the labels and annotations that every delivered object inherits."""

    name: ApplicationName
    namespace: DnsLabel = "default"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class ObjectMetadata(_ServerMetadata):
    """Metadata of a ``Policy`` or ``Workflow`` object."""

    name: Subdomain
    namespace: DnsLabel = "default"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Trait(Model):
    """An operational capability of a component.

    ``name`` is lateen's own: it tells two traits of one type apart, so that an override can name one.
    """

    type: str = Field(min_length=1)
    name: str | None = None
    properties: Json | None = None


class Component(Model):
    """One deployable part of an application."""

    name: DnsLabel
    type: str = Field(min_length=1)
    properties: Json | None = None
    traits: list[Trait] | None = None
    depends_on: list[str] | None = None
    inputs: list[Json] | None = None
    outputs: list[Json] | None = None
    external_revision: str | None = None
    scopes: Json | None = None

    @property
    def trait_list(self) -> list[Trait]:
        """The traits in the order written; a missing list is an empty one."""
        return self.traits or []


class InlinePolicy(Model):
    """A policy inside an application. Without a name it is called ``<type>-auto-gen-<index>``."""

    name: str = ""
    type: str = Field(min_length=1)
    properties: Json | None = None


class StepMeta(Model):
    """How a step is shown."""

    alias: str = ""


class Step(Model):
    """A workflow step, or a ``step-group`` that holds others."""

    name: str = Field(min_length=1)
    type: str = Field(min_length=1)
    meta: StepMeta | None = None
    if_: str | None = Field(default=None, alias="if")
    timeout: Duration | None = None
    depends_on: list[str] | None = None
    inputs: list[Json] | None = None
    outputs: list[Json] | None = None
    properties: Json | None = None
    mode: Literal["DAG", "StepByStep"] | None = None
    sub_steps: list[Step] | None = None


class Mode(Model):
    """Whether steps run one after the other or as soon as what they depend on is done."""

    steps: Literal["DAG", "StepByStep"] | None = None
    sub_steps: Literal["DAG", "StepByStep"] | None = None


class WorkflowSpec(Model):
    """The workflow inside an application: its own steps, or a reference to a ``Workflow`` object."""

    ref: str | None = None
    mode: Mode | None = None
    steps: list[Step] | None = None


class ApplicationSpec(Model):
    """Components, and how and where they are delivered."""

    components: list[Component]
    policies: list[InlinePolicy] | None = None
    workflow: WorkflowSpec | None = None


class Application(Model):
    """An application as a user writes it (``core.oam.dev/v1beta1``)."""

    api_version: Literal["core.oam.dev/v1beta1"]
    kind: Literal["Application"]
    metadata: ApplicationMetadata
    spec: ApplicationSpec
    status: Any = Field(default=None, exclude=True)

    @property
    def id(self) -> str:
        """``<namespace>/<name>``: also the id of its Temporal workflow."""
        return f"{self.metadata.namespace}/{self.metadata.name}"


class Policy(Model):
    """A policy object of its own (``core.oam.dev/v1alpha1``); ``type`` and ``properties`` at the top."""

    api_version: Literal["core.oam.dev/v1alpha1"]
    kind: Literal["Policy"]
    metadata: ObjectMetadata
    type: str = Field(min_length=1)
    properties: Json | None = None
    status: Any = Field(default=None, exclude=True)


class Definition(Model):
    """A component or trait type of the hub (``core.oam.dev/v1beta1``), whose template is in CUE.

    What stands in ``spec`` is KubeVela's; whoever evaluates it knows what of it matters.
    """

    api_version: Literal["core.oam.dev/v1beta1"]
    kind: Literal["ComponentDefinition", "TraitDefinition"]
    metadata: ObjectMetadata
    spec: Json
    status: Any = Field(default=None, exclude=True)


class Workflow(Model):
    """A workflow object of its own (``core.oam.dev/v1alpha1``)."""

    api_version: Literal["core.oam.dev/v1alpha1"]
    kind: Literal["Workflow"]
    metadata: ObjectMetadata
    mode: Mode | None = None
    steps: list[Step]
    status: Any = Field(default=None, exclude=True)

"""``helmchart``: a Helm chart, rendered when the revision is made."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import override

from lateen.model.application import Duration
from lateen.model.fetched import ChartRequest, ValuesSource
from lateen.model.names import DnsLabel
from lateen.rendering.definitions import ComponentType, Rendered
from lateen.rendering.parameters import Named, Parameters, TemplateError
from lateen.rendering.scopes import group_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lateen.model.base import Json
    from lateen.rendering.context import RenderContext

_WORKLOADS = frozenset(
    {
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("apps", "DaemonSet"),
        ("batch", "Job"),
        ("batch", "CronJob"),
    }
)
_LATEST, _VALUES_KEY = "latest", "values.yaml"
_RELEASE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_WITHOUT_EFFECT = "Accepted without effect: "


def _refused(unless: Any, why: str) -> Callable[[Any], Any]:
    """Return a check that refuses what lateen does not do, and says what it does instead."""

    def check(value: Any) -> Any:
        if value is not None and value != unless:
            raise ValueError(why)
        return value

    return check


def _release_name(name: str) -> str:
    if len(name) > 53 or not _RELEASE.fullmatch(name):
        raise ValueError("expected at most 53 lower-case letters, digits, '-' and '.'")
    return name


_NoRollback = Annotated[
    bool, AfterValidator(_refused(False, "is not supported: a failed delivery stays as it is"))
]
_NoForce = Annotated[
    bool,
    AfterValidator(
        _refused(False, "is not supported: use a resource-update policy, which recreates objects")
    ),
]
_Tests = Annotated[
    bool, AfterValidator(_refused(True, "must be true: tests are hooks, which lateen does not run"))
]


class ChartSource(Parameters):
    """Where the chart is."""

    source: Named = Field(
        description="`oci://…`, the URL of an archive (`https://…/app-1.0.0.tgz`), or with repoURL the "
        "chart's name."
    )
    repo_url: Named | None = Field(
        default=None, alias="repoURL", description="URL of the Helm repository."
    )
    version: Named = Field(
        default=_LATEST,
        description="Version, or a range of them; the newest by default. A URL's archive has its own.",
    )
    auth: Annotated[
        Any,
        AfterValidator(_refused(None, "is not supported: charts are fetched without credentials")),
    ] = Field(default=None, description="Not supported: charts are fetched without credentials.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        by_name = not self.source.startswith(("oci://", "http://", "https://"))
        if by_name and self.repo_url is None:
            raise ValueError("expected repoURL beside the name of a chart, or a URL as source")
        if not by_name and self.repo_url is not None:
            raise ValueError("expected repoURL with the name of a chart only; source is a URL")
        return self


class Release(Parameters):
    """What the chart's templates see as their release."""

    name: Annotated[str, AfterValidator(_release_name)] | None = Field(
        default=None, description="Name of the release; the component's by default."
    )
    namespace: DnsLabel | None = Field(
        default=None, description="Namespace of the release; the placement's by default."
    )


class ValuesFrom(Parameters):
    """Values from an object of the hub."""

    kind: Literal["ConfigMap", "Secret", "OCIRepository"] = Field(
        description="Kind of the object; a Secret needs --allow-inline-secrets."
    )
    name: Named = Field(description="Name of the object.")
    namespace: Named | None = Field(
        default=None,
        description="Its namespace in the hub; that of the release if written, else the application's.",
    )
    key: Named | None = Field(default=None, description="Its key; `values.yaml` by default.")
    url: str | None = Field(default=None, description="Not supported, as OCIRepository.")
    tag: str | None = Field(default=None, description="Not supported, as OCIRepository.")
    optional: bool = Field(
        default=False, description="Whether the object or the key may be missing."
    )

    @model_validator(mode="after")
    def _of_the_hub(self) -> Self:
        if self.kind == "OCIRepository" or self.url is not None or self.tag is not None:
            raise ValueError("expected a ConfigMap or Secret: OCIRepository is not supported")
        return self

    def source(self, namespace: str) -> ValuesSource:
        """Return what is to be read; ``namespace`` is the default."""
        kind: Literal["ConfigMap", "Secret"] = "Secret" if self.kind == "Secret" else "ConfigMap"
        return ValuesSource(
            kind=kind,
            namespace=self.namespace or namespace,
            name=self.name,
            key=self.key or _VALUES_KEY,
            optional=self.optional,
        )


class HealthyResource(Parameters):
    """An object of the chart."""

    kind: Named = Field(description="Its kind.")
    name: Named | None = Field(default=None, description="Its name.")


class HealthyCondition(Parameters):
    """A condition of an object."""

    type: Named = Field(description="Its type.")
    status: Literal["True", "False"] | None = Field(default=None, description="Its status.")


class HealthCriterion(Parameters):
    """What KubeVela would wait for."""

    resource: HealthyResource = Field(description="Which object.")
    condition: HealthyCondition = Field(description="Which condition.")


class ChartCache(Parameters):
    """How long KubeVela keeps charts."""

    key: str | None = Field(default=None, description=f"{_WITHOUT_EFFECT}see cache.")
    ttl: str | None = Field(default=None, description=f"{_WITHOUT_EFFECT}see cache.")
    immutable_ttl: str | None = Field(
        default=None, alias="immutableTTL", description=f"{_WITHOUT_EFFECT}see cache."
    )
    mutable_ttl: str | None = Field(
        default=None, alias="mutableTTL", description=f"{_WITHOUT_EFFECT}see cache."
    )


class ChartOptions(Parameters):
    """How the chart is rendered; what is about Helm's releases has no meaning here."""

    include_crds: bool = Field(
        default=True, alias="includeCRDs", description="Whether the chart's CRDs are delivered."
    )
    skip_tests: _Tests = Field(default=True, description="Tests are left out, always.")
    skip_hooks: bool = Field(
        default=False,
        description="Leave out the chart's hooks, which lateen does not run; without it they are an error.",
    )
    create_namespace: bool = Field(
        default=True,
        description=f"{_WITHOUT_EFFECT}`lateen up --create-namespace` creates namespaces.",
    )
    timeout: Duration = Field(
        default="5m", description=f"{_WITHOUT_EFFECT}rendering may take a minute."
    )
    max_history: int = Field(default=10, description=f"{_WITHOUT_EFFECT}lateen keeps revisions.")
    atomic: _NoRollback = Field(default=False, description="Not supported.")
    wait: bool = Field(default=False, description=f"{_WITHOUT_EFFECT}lateen always waits.")
    wait_timeout: Duration = Field(
        default="10m", description=f"{_WITHOUT_EFFECT}a placement has its deadline."
    )
    force: _NoForce = Field(default=False, description="Not supported.")
    recreate_pods: _NoForce = Field(default=False, description="Not supported.")
    cleanup_on_fail: _NoRollback = Field(default=False, description="Not supported.")
    cache: ChartCache | None = Field(
        default=None, description=f"{_WITHOUT_EFFECT}a revision keeps what was rendered."
    )
    post_render: Annotated[
        Any, AfterValidator(_refused(None, "is not supported: use traits such as json-patch"))
    ] = Field(default=None, description="Not supported: use traits such as json-patch.")


class HelmchartParameters(Parameters):
    """Parameters of ``helmchart``."""

    chart: ChartSource = Field(description="Where the chart is.")
    release: Release | None = Field(default=None, description="Name and namespace of the release.")
    values: dict[str, Any] | None = Field(
        default=None, description="Values of the chart; they win over valuesFrom."
    )
    values_from: list[ValuesFrom] | None = Field(
        default=None, description="Values from objects of the hub, merged in order."
    )
    health_status: list[HealthCriterion] | None = Field(
        default=None, description=f"{_WITHOUT_EFFECT}health is judged by kind."
    )
    options: ChartOptions | None = Field(default=None, description="How the chart is rendered.")

    def request(self, context: RenderContext) -> ChartRequest:
        """Return what is to be rendered for a component, where it goes."""
        release, options = self.release or Release(), self.options or ChartOptions()
        stored_in = release.namespace or context.namespace
        return ChartRequest(
            source=self.chart.source,
            repo_url=self.chart.repo_url or "",
            version=self.chart.version,
            release=release.name or context.name,
            namespace=release.namespace or context.target_namespace,
            values=self.values or {},
            values_from=[each.source(stored_in) for each in self.values_from or ()],
            include_crds=options.include_crds,
            skip_hooks=options.skip_hooks,
        )

    def remarks(self) -> Iterator[str]:
        """Name what is written and has no effect."""
        options = self.options.model_fields_set if self.options else set[str]()
        if self.options and "create_namespace" in options and self.options.create_namespace:
            yield (
                "options.createNamespace has no effect; namespaces are created with "
                "`lateen up --create-namespace`"
            )
        if self.health_status:
            yield "healthStatus has no effect: health is judged by the kind of each object"


class Helmchart(ComponentType[HelmchartParameters]):
    """The objects of a Helm chart, rendered when the revision is made and frozen in it."""

    type = "helmchart"
    parameters = HelmchartParameters
    reads_target = True
    reads_references = True

    @override
    def render(self, parameters: HelmchartParameters, context: RenderContext) -> Rendered:
        """Copy what was rendered; the first Deployment or the like is the component's workload."""
        objects = context.references.get(parameters.request(context).key)
        if objects is None:
            raise _unknown(context)
        if not objects:
            raise TemplateError("chart", "makes no objects with these values")
        made = copy.deepcopy(list(objects))
        first = next((index for index, each in enumerate(made) if _is_workload(each)), 0)
        outputs = {
            f"helm-resource-{index}": each for index, each in enumerate(made) if index != first
        }
        return Rendered(made[first], outputs)


def _is_workload(manifest: Json) -> bool:
    return (group_of(manifest["apiVersion"]), manifest["kind"]) in _WORKLOADS


def _unknown(context: RenderContext) -> TemplateError:
    if context.component is not None and context.component.inputs:
        return TemplateError(
            "chart",
            "is rendered when the revision is made, before inputs have values",
            hint="let inputs change traits only, or write the values out",
        )
    return TemplateError(
        "chart",
        "can't be rendered offline: it has to be fetched, and rendered by the program helm",
        hint="leave --offline away, and allow its URL with --allow-url",
    )

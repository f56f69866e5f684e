"""``k8s-update-strategy``: how old pods make way for new ones."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters, TemplateError
from lateen.rendering.shapes.workloads import spec_of

Share: TypeAlias = Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern="^[0-9]+%?$")]
"""A number of pods or a percentage; quotes around a number don't matter."""


class RollingStrategy(Parameters):
    """How fast pods are replaced."""

    max_surge: Share = Field(default="25%", description="How many pods may be added.")
    max_unavailable: Share = Field(default="25%", description="How many pods may be missing.")
    partition: int = Field(
        default=0, ge=0, description="Pods with a lower ordinal stay; StatefulSets only."
    )


class Strategy(Parameters):
    """What happens on an update."""

    type: Literal["RollingUpdate", "Recreate", "OnDelete"] = Field(
        default="RollingUpdate",
        description="`Recreate` is for Deployments, `OnDelete` for the other kinds.",
    )
    rolling_strategy: RollingStrategy = Field(
        default=RollingStrategy(), description="Details of `RollingUpdate`."
    )


class K8sUpdateStrategyParameters(Parameters):
    """Parameters of ``k8s-update-strategy``."""

    target_api_version: Named = Field(
        default="apps/v1", alias="targetAPIVersion", description="API version of the workload."
    )
    target_kind: Literal["Deployment", "StatefulSet", "DaemonSet"] | None = Field(
        default=None, description="Kind of the workload; its own by default."
    )
    strategy: Strategy = Field(default=Strategy(), description="What happens on an update.")


_FIELDS = {
    "Deployment": ("strategy", "OnDelete"),
    "StatefulSet": ("updateStrategy", "Recreate"),
    "DaemonSet": ("updateStrategy", "Recreate"),
}
"""By kind: the field that holds the strategy, and the type that the kind doesn't know."""


class K8sUpdateStrategy(TraitType[K8sUpdateStrategyParameters]):
    """Sets the update strategy of a Deployment, StatefulSet or DaemonSet."""

    type = "k8s-update-strategy"
    parameters = K8sUpdateStrategyParameters

    @override
    def apply(
        self, parameters: K8sUpdateStrategyParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Replace the strategy; one that the kind doesn't know is refused."""
        kind: str = workload["kind"]
        if kind not in _FIELDS:
            raise TemplateError("", f"doesn't fit a {kind}: it has no update strategy")
        if parameters.target_kind not in (None, kind):
            raise TemplateError(
                "targetKind",
                f"the workload is a {kind}",
                value=parameters.target_kind,
                hint=f"write {kind} or leave it out",
            )
        field, unknown = _FIELDS[kind]
        if parameters.strategy.type == unknown:
            raise TemplateError("strategy.type", f"a {kind} doesn't know it", value=unknown)
        spec_of(workload)[field] = _strategy(kind, parameters.strategy)
        return {}


def _strategy(kind: str, strategy: Strategy) -> Json:
    if strategy.type != "RollingUpdate":
        return {"type": strategy.type}
    rolling = strategy.rolling_strategy
    if kind == "StatefulSet":
        return {"type": strategy.type, "rollingUpdate": {"partition": rolling.partition}}
    surge = rolling.max_surge
    if kind == "DaemonSet" and "max_surge" not in rolling.model_fields_set:
        surge = 0  # API servers refuse a DaemonSet with both
    details: dict[str, Any] = {
        "maxSurge": _share(surge),
        "maxUnavailable": _share(rolling.max_unavailable),
    }
    return {"type": strategy.type, "rollingUpdate": details}


def _share(share: int | str) -> int | str:
    return int(share) if isinstance(share, str) and share.isdecimal() else share

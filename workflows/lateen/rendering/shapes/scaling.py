"""Autoscalers of a workload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from lateen.rendering.parameters import Named, Parameters, TemplateError
from lateen.rendering.shapes.workloads import refuse_kinds

if TYPE_CHECKING:
    from lateen.model.base import Json
    from lateen.rendering.context import RenderContext


class ScalingParameters(Parameters):
    """Parameters of every autoscaler."""

    min: int = Field(default=1, ge=0, description="The fewest replicas.")
    max: int = Field(default=10, ge=1, description="The most replicas.")
    target_api_version: Named | None = Field(
        default=None,
        alias="targetAPIVersion",
        description="API version of what is scaled; the workload's own by default.",
    )
    target_kind: Named | None = Field(
        default=None, description="Kind of what is scaled; the workload's own by default."
    )


def autoscaler(
    api_version: str, parameters: ScalingParameters, *, workload: Json, context: RenderContext
) -> Json:
    """Return a HorizontalPodAutoscaler without its metrics."""
    refuse_kinds(workload, "DaemonSet", "Job", "CronJob", "Pod", because="has no replicas")
    if parameters.min > parameters.max:
        raise TemplateError("min", f"must be at most max, {parameters.max}", value=parameters.min)
    return {
        "apiVersion": api_version,
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": context.name},
        "spec": {
            "scaleTargetRef": {
                "apiVersion": parameters.target_api_version or workload["apiVersion"],
                "kind": parameters.target_kind or workload["kind"],
                "name": context.name,
            },
            "minReplicas": parameters.min,
            "maxReplicas": parameters.max,
        },
    }

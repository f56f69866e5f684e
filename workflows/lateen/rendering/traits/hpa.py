"""``hpa``: as many replicas as the load needs."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters
from lateen.rendering.shapes.scaling import ScalingParameters, autoscaler


class ResourceTarget(Parameters):
    """The load that the autoscaler aims at."""

    type: Literal["Utilization", "AverageValue"] = Field(
        default="Utilization", description="Percent of the request, or an absolute value."
    )
    value: int = Field(default=50, ge=1, description="The percentage or value.")


class PodMetric(Parameters):
    """A metric of one's own."""

    name: Named = Field(description="Name of the metric.")
    value: Named = Field(description="Average value a pod, as a quantity.")


class HpaParameters(ScalingParameters):
    """Parameters of ``hpa``."""

    cpu: ResourceTarget = Field(default=ResourceTarget(), description="Load of CPU.")
    mem: ResourceTarget | None = Field(default=None, description="Load of memory.")
    pod_custom_metrics: list[PodMetric] | None = Field(default=None, description="Further metrics.")


class Hpa(TraitType[HpaParameters]):
    """Adds a HorizontalPodAutoscaler for the workload."""

    type = "hpa"
    parameters = HpaParameters

    @override
    def apply(
        self, parameters: HpaParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Make the autoscaler; the workload stays as it is."""
        metrics = [_resource("cpu", parameters.cpu)]
        if parameters.mem is not None:
            metrics.append(_resource("memory", parameters.mem))
        metrics += [_pods(metric) for metric in parameters.pod_custom_metrics or ()]
        made = autoscaler("autoscaling/v2", parameters, workload=workload, context=context)
        made["spec"]["metrics"] = metrics
        return {"hpa": made}


def _resource(name: str, target: ResourceTarget) -> Json:
    key = "averageUtilization" if target.type == "Utilization" else "averageValue"
    return {
        "type": "Resource",
        "resource": {"name": name, "target": {"type": target.type, key: target.value}},
    }


def _pods(metric: PodMetric) -> Json:
    target = {"type": "AverageValue", "averageValue": metric.value}
    return {"type": "Pods", "pods": {"metric": {"name": metric.name}, "target": target}}

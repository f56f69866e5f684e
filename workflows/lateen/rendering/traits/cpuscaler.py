"""``cpuscaler``: as many replicas as the load of CPU needs."""

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.shapes.scaling import ScalingParameters, autoscaler


class CpuscalerParameters(ScalingParameters):
    """Parameters of ``cpuscaler``."""

    cpu_util: int = Field(default=50, ge=1, description="Load of CPU to aim at, in percent.")


class Cpuscaler(TraitType[CpuscalerParameters]):
    """Adds a HorizontalPodAutoscaler for the workload."""

    type = "cpuscaler"
    parameters = CpuscalerParameters

    @override
    def apply(
        self, parameters: CpuscalerParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Make the autoscaler; the workload stays as it is."""
        made = autoscaler("autoscaling/v1", parameters, workload=workload, context=context)
        made["spec"]["targetCPUUtilizationPercentage"] = parameters.cpu_util
        return {"cpuscaler": made}

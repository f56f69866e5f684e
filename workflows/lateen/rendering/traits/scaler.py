"""``scaler``: how many replicas run."""

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Parameters
from lateen.rendering.shapes.workloads import refuse_kinds, spec_of


class ScalerParameters(Parameters):
    """Parameters of ``scaler``."""

    replicas: int = Field(default=1, ge=0, description="Number of replicas; 0 stops the workload.")


class Scaler(TraitType[ScalerParameters]):
    """Sets the workload's number of replicas."""

    type = "scaler"
    parameters = ScalerParameters

    @override
    def apply(
        self, parameters: ScalerParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Set ``spec.replicas``; kinds that have none (DaemonSet, Job) are refused."""
        refuse_kinds(workload, "DaemonSet", "Job", "CronJob", "Pod", because="has no replicas")
        spec_of(workload)["replicas"] = parameters.replicas
        return {}

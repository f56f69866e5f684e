"""Types of the company Acme: a component ``rabbitmq`` and a trait ``cost-center``."""

from typing import Any

from pydantic import Field
from typing_extensions import override

from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import ComponentType, Rendered, TraitType
from lateen.rendering.parameters import Parameters, TemplateError


class RabbitmqParameters(Parameters):
    """Parameters of ``rabbitmq``; users write them in camelCase."""

    replicas: int = Field(default=3, ge=1, description="Number of nodes.")
    storage_size: str = Field(description="Disk of each node, such as `10Gi`.")


class Rabbitmq(ComponentType[RabbitmqParameters]):
    """A RabbitMQ cluster; the target cluster needs RabbitMQ's operator."""

    type = "rabbitmq"
    parameters = RabbitmqParameters

    @override
    def render(self, parameters: RabbitmqParameters, context: RenderContext) -> Rendered:
        """Make the custom resource. lateen adds labels, annotations and the namespace."""
        if parameters.replicas % 2 == 0:
            raise TemplateError("replicas", "must be odd", value=parameters.replicas)
        return Rendered(
            {
                "apiVersion": "rabbitmq.com/v1beta1",
                "kind": "RabbitmqCluster",
                "metadata": {"name": context.name},
                "spec": {
                    "replicas": parameters.replicas,
                    "persistence": {"storage": parameters.storage_size},
                },
            }
        )


class CostCenterParameters(Parameters):
    """Parameters of ``cost-center``."""

    number: int = Field(description="Number of the cost center.")


class CostCenter(TraitType[CostCenterParameters]):
    """Labels the workload with who pays for it."""

    type = "cost-center"
    parameters = CostCenterParameters

    @override
    def apply(
        self, parameters: CostCenterParameters, workload: dict[str, Any], context: RenderContext
    ) -> dict[str, dict[str, Any]]:
        """Change the workload in place; further objects would be returned by name."""
        labels = workload["metadata"].setdefault("labels", {})
        labels["acme.example/cost-center"] = str(parameters.number)
        return {}


TYPES = [Rabbitmq, CostCenter]

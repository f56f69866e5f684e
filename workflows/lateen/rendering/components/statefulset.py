"""``statefulset``: a service whose pods keep their names and volumes."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import ComponentType, Rendered
from lateen.rendering.shapes.ports import Port, exposed_ports
from lateen.rendering.shapes.serving import ServingParameters, serving_workload, with_service


class StatefulsetParameters(ServingParameters):
    """Parameters of ``statefulset``."""

    ports: list[Port] | None = Field(default=None, description="Ports of the container.")
    expose_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = Field(
        default="ClusterIP", description="Type of the Service for ports with `expose`."
    )
    args: list[str] | None = Field(default=None, description="Arguments of the command.")


class Statefulset(ComponentType[StatefulsetParameters]):
    """A StatefulSet, and a Service when a port has ``expose``."""

    type = "statefulset"
    parameters = StatefulsetParameters

    @override
    def render(self, parameters: StatefulsetParameters, context: RenderContext) -> Rendered:
        """Make the StatefulSet and, for exposed ports, the Service."""
        workload = serving_workload(
            "StatefulSet",
            parameters,
            context=context,
            ports=parameters.ports,
            args=parameters.args,
        )
        return with_service(
            workload,
            "statefulsetsExpose",
            context=context,
            ports=exposed_ports(parameters.ports, parameters.expose_type),
            service_type=parameters.expose_type,
        )

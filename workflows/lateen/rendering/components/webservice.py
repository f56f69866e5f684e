"""``webservice``: a long-running service with network ports."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import ComponentType, Rendered
from lateen.rendering.shapes.ports import Port, exposed_ports
from lateen.rendering.shapes.resources import Limit
from lateen.rendering.shapes.serving import ServingParameters, serving_workload, with_service


class WebserviceParameters(ServingParameters):
    """Parameters of ``webservice``."""

    ports: list[Port] | None = Field(default=None, description="Ports of the container.")
    expose_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = Field(
        default="ClusterIP", description="Type of the Service for ports with `expose`."
    )
    args: list[str] | None = Field(default=None, description="Arguments of the command.")
    limit: Limit | None = Field(default=None, description="Limits that differ from the requests.")


class Webservice(ComponentType[WebserviceParameters]):
    """A Deployment, and a Service when a port has ``expose``."""

    type = "webservice"
    parameters = WebserviceParameters

    @override
    def render(self, parameters: WebserviceParameters, context: RenderContext) -> Rendered:
        """Make the Deployment and, for exposed ports, the Service."""
        workload = serving_workload(
            "Deployment",
            parameters,
            context=context,
            ports=parameters.ports,
            args=parameters.args,
            limit=parameters.limit,
        )
        return with_service(
            workload,
            "webserviceExpose",
            context=context,
            ports=exposed_ports(parameters.ports, parameters.expose_type),
            service_type=parameters.expose_type,
        )

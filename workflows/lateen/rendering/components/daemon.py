"""``daemon``: one pod on every node."""

from typing import Any

from pydantic import Field
from typing_extensions import override

from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import ComponentType, Rendered
from lateen.rendering.shapes.ports import HostPort, ServiceType, port_name
from lateen.rendering.shapes.serving import ServingParameters, serving_workload, with_service


class DaemonParameters(ServingParameters):
    """Parameters of ``daemon``."""

    ports: list[HostPort] | None = Field(default=None, description="Ports of the container.")
    expose_type: ServiceType = Field(
        default="ClusterIP", description="Type of the Service for ports with `expose`."
    )


class Daemon(ComponentType[DaemonParameters]):
    """A DaemonSet, and a Service when a port has ``expose``."""

    type = "daemon"
    parameters = DaemonParameters

    @override
    def render(self, parameters: DaemonParameters, context: RenderContext) -> Rendered:
        """Make the DaemonSet and, for exposed ports, the Service."""
        ports = _named(parameters.ports)
        workload = serving_workload("DaemonSet", parameters, context=context, ports=ports)
        return with_service(
            workload,
            "webserviceExpose",
            context=context,
            ports=[_service_port(port) for port in ports or () if port.expose],
            service_type=parameters.expose_type,
        )


def _named(ports: list[HostPort] | None) -> list[HostPort] | None:
    """Name ports as KubeVela's daemon does, by the number alone; the protocol only tells two apart."""
    if ports is None:
        return None
    named: list[HostPort] = []
    for port in ports:
        name = port.name or port_name(port.port)
        if not port.name and any(name == other.name for other in named):
            name = port_name(port.port, port.protocol)
        named.append(port.model_copy(update={"name": name}))
    return named


def _service_port(port: HostPort) -> dict[str, Any]:
    listed: dict[str, Any] = {"port": port.port, "targetPort": port.port, "name": port.name}
    if port.protocol != "TCP":
        listed["protocol"] = port.protocol
    return listed

"""``container-ports``: ports of containers, on the node if wanted."""

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Parameters, PortNumber
from lateen.rendering.shapes.ports import Protocol
from lateen.rendering.shapes.targets import ContainerTarget, targets
from lateen.rendering.shapes.workloads import entries


class PortBinding(Parameters):
    """A port of a container."""

    container_port: PortNumber = Field(description="Number of the port.")
    protocol: Protocol = Field(default="TCP", description="Protocol of the port.")
    host_port: PortNumber | None = Field(default=None, description="Port on the node.")
    host_ip: str | None = Field(
        default=None, alias="hostIP", description="Address on the node; all by default."
    )


class PortsPatch(ContainerTarget):
    """Ports of one container."""

    ports: list[PortBinding] = Field(default=[], description="Ports to add or to bind.")


class ContainerPortsParameters(PortsPatch):
    """Parameters of ``container-ports``."""

    containers: list[PortsPatch] | None = Field(
        default=None, description="Several containers; excludes the other parameters."
    )


class ContainerPorts(TraitType[ContainerPortsParameters]):
    """Adds ports; one that exists, by number and protocol, is only bound to the node."""

    type = "container-ports"
    parameters = ContainerPortsParameters

    @override
    def apply(
        self, parameters: ContainerPortsParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Merge ``ports`` of each container that is meant."""
        single: PortsPatch = parameters
        for patch, container, _ in targets(
            single, parameters.containers, workload=workload, context=context
        ):
            container["ports"] = _merged(entries(container, "ports"), patch.ports)
        return {}


def _merged(existing: list[Json], added: list[PortBinding]) -> list[Json]:
    ports = {(port.get("containerPort"), port.get("protocol", "TCP")): port for port in existing}
    for binding in added:
        key = (binding.container_port, binding.protocol)
        port = ports.setdefault(
            key, {"containerPort": binding.container_port, "protocol": binding.protocol}
        )
        if binding.host_port is not None:
            port["hostPort"] = binding.host_port
        if binding.host_ip is not None:
            port["hostIP"] = binding.host_ip
    return list(ports.values())

"""Ports of containers, and the Services that expose them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import Field

from lateen.model.labels import APP_COMPONENT
from lateen.rendering.parameters import Named, Parameters, PortNumber

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lateen.model.base import Json

Protocol: TypeAlias = Literal["TCP", "UDP", "SCTP"]
ServiceType: TypeAlias = Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]


class NamedPort(Parameters):
    """A port, and what it is called."""

    port: PortNumber = Field(description="Number of the port.")
    name: Named | None = Field(
        default=None, description="Name of the port; `port-<number>` by default."
    )
    protocol: Protocol = Field(default="TCP", description="Protocol of the port.")

    @property
    def target(self) -> int:
        """The port that the container listens on."""
        return self.port


class ServicePort(NamedPort):
    """A port of a Service."""

    node_port: PortNumber | None = Field(
        default=None, description="Port on every node; only with the Service type `NodePort`."
    )


class HostPort(NamedPort):
    """A port of a container that listens on every node."""

    expose: bool = Field(default=False, description="Whether a Service exposes the port.")


class Port(ServicePort):
    """A port of a container, exposed by a Service on request."""

    container_port: PortNumber | None = Field(
        default=None, description="Port of the container; the same as `port` by default."
    )
    expose: bool = Field(default=False, description="Whether a Service exposes the port.")

    @property
    def target(self) -> int:
        """The port that the container listens on."""
        return self.port if self.container_port is None else self.container_port


def port_name(number: int, protocol: Protocol = "TCP") -> str:
    """Return the name of a port that has none of its own."""
    return f"port-{number}" if protocol == "TCP" else f"port-{number}-{protocol.lower()}"


def container_ports(ports: Sequence[NamedPort]) -> list[Json]:
    """Return the ports as a container lists them."""
    return [
        {
            "containerPort": port.target,
            "name": port.name or port_name(port.target, port.protocol),
            "protocol": port.protocol,
        }
        for port in ports
    ]


def service_ports(ports: Sequence[ServicePort], service_type: ServiceType) -> list[Json]:
    """Return ports as a Service lists them; node ports count for the type ``NodePort`` only."""
    listed: list[Json] = []
    for port in ports:
        entry: dict[str, Any] = {
            "port": port.port,
            "targetPort": port.target,
            "name": port.name or port_name(port.target, port.protocol),
            "protocol": port.protocol,
        }
        if port.node_port is not None and service_type == "NodePort":
            entry["nodePort"] = port.node_port
        listed.append(entry)
    return listed


def exposed_ports(ports: Sequence[Port] | None, service_type: ServiceType) -> list[Json]:
    """Return those ports that a Service shall expose, as the Service lists them."""
    return service_ports([port for port in ports or () if port.expose], service_type)


def service(
    name: str,
    *,
    selector: Mapping[str, str],
    ports: list[Json],
    service_type: ServiceType | None = None,
) -> Json:
    """Return a Service; without a type the API server chooses ClusterIP."""
    spec: dict[str, Any] = {"selector": dict(selector)}
    if ports:
        spec["ports"] = ports
    if service_type is not None:
        spec["type"] = service_type
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def component_selector(component: str) -> dict[str, str]:
    """Select the pods of a component."""
    return {APP_COMPONENT: component}

"""``expose``: a Service in front of the component."""

from typing import Any

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Parameters, PortNumber
from lateen.rendering.shapes.ports import (
    ServicePort,
    ServiceType,
    component_selector,
    port_name,
    service,
    service_ports,
)


class ExposeParameters(Parameters):
    """Parameters of ``expose``."""

    port: list[PortNumber] | None = Field(
        default=None, description="Deprecated, use `ports`: the numbers of the ports."
    )
    ports: list[ServicePort] | None = Field(default=None, description="Ports of the Service.")
    annotations: dict[str, str] | None = Field(
        default=None, description="Annotations of the Service."
    )
    match_labels: dict[str, str] | None = Field(
        default=None, description="Labels of the pods behind it; the component's pods by default."
    )
    type: ServiceType = Field(default="ClusterIP", description="Type of the Service.")


class Expose(TraitType[ExposeParameters]):
    """Adds a Service with the component's name."""

    type = "expose"
    parameters = ExposeParameters
    after_dispatch = True

    @override
    def apply(
        self, parameters: ExposeParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Make the Service; the workload stays as it is."""
        selector = parameters.match_labels
        made = service(
            context.name,
            selector=component_selector(context.name) if selector is None else selector,
            ports=_ports(parameters),
            service_type=parameters.type,
        )
        if parameters.annotations is not None:
            made["metadata"]["annotations"] = dict(parameters.annotations)
        return {"service": made}


def _ports(parameters: ExposeParameters) -> list[dict[str, Any]]:
    if parameters.ports is not None:
        return service_ports(parameters.ports, parameters.type)
    return [
        {"name": port_name(number), "port": number, "targetPort": number}
        for number in parameters.port or ()
    ]

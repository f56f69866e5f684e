"""``webservice``: a long-running service with network ports."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from lateen.model.labels import COMPONENT_REVISION
from lateen.rendering.context import RenderContext
from lateen.rendering.registry import ComponentType, Rendered
from lateen.rendering.shapes.base import PortNumber
from lateen.rendering.shapes.containers import (
    ContainerParameters,
    HostAlias,
    PodLabels,
    add_ports,
    add_resources,
    container,
    pod_metadata,
    pod_spec,
)
from lateen.rendering.shapes.ports import (
    Port,
    component_selector,
    exposed_ports,
    service,
)
from lateen.rendering.shapes.resources import Limit
from lateen.rendering.shapes.volumes import VolumeMounts


class WebserviceParameters(ContainerParameters, PodLabels):
    """Parameters of ``webservice``."""

    ports: list[Port] | None = Field(default=None, description="Ports of the container.")
    port: PortNumber | None = Field(
        default=None, description="Deprecated, use `ports`: the only port."
    )
    expose_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = Field(
        default="ClusterIP", description="Type of the Service for ports with `expose`."
    )
    add_revision_label: bool = Field(
        default=False,
        description="Label the pods with the component's revision, "
        "so that every change of the component restarts them.",
    )
    args: list[str] | None = Field(default=None, description="Arguments of the command.")
    limit: Limit | None = Field(default=None, description="Limits that differ from the requests.")
    volume_mounts: VolumeMounts | None = Field(default=None, description="Volumes by kind.")
    host_aliases: list[HostAlias] | None = Field(
        default=None, description="Entries of the pods' hosts file."
    )


class Webservice(ComponentType[WebserviceParameters]):
    """A Deployment, and a Service when a port has ``expose``.

    The number of replicas is left to the API server and to traits.
    """

    type = "webservice"
    parameters = WebserviceParameters

    @override
    def render(self, parameters: WebserviceParameters, context: RenderContext) -> Rendered:
        """Make the Deployment and, for exposed ports, the Service."""
        made = container(parameters, context.name)
        if parameters.args is not None:
            made["args"] = list(parameters.args)
        add_ports(made, parameters.ports, parameters.port)
        add_resources(made, parameters, limit=parameters.limit)
        labels = context.pod_labels()
        if parameters.add_revision_label:
            labels[COMPONENT_REVISION] = context.component_revision
        workload = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": context.name},
            "spec": {
                "selector": {"matchLabels": component_selector(context.name)},
                "template": {
                    "metadata": pod_metadata(parameters, labels),
                    "spec": pod_spec(
                        made,
                        parameters,
                        mounts=parameters.volume_mounts,
                        host_aliases=parameters.host_aliases,
                    ),
                },
            },
        }
        ports = exposed_ports(parameters.ports or (), parameters.expose_type)
        if not ports:
            return Rendered(workload)
        exposed = service(
            context.name,
            selector=component_selector(context.name),
            ports=ports,
            service_type=parameters.expose_type,
        )
        return Rendered(workload, {"webserviceExpose": exposed})

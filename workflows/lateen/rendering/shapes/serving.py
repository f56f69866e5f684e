"""What the component types that serve traffic have in common: webservice, statefulset, daemon."""

from collections.abc import Sequence

from pydantic import Field

from lateen.model.base import Json
from lateen.model.labels import COMPONENT_REVISION
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import Rendered
from lateen.rendering.parameters import PortNumber
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
from lateen.rendering.shapes.ports import NamedPort, ServiceType, component_selector, service
from lateen.rendering.shapes.resources import Limit
from lateen.rendering.shapes.volumes import VolumeMounts


class ServingParameters(ContainerParameters, PodLabels):
    """Parameters of every serving component."""

    port: PortNumber | None = Field(
        default=None, description="Deprecated, use `ports`: the only port."
    )
    add_revision_label: bool = Field(
        default=False,
        description="Label the pods with the component's revision, "
        "so that every change of the component restarts them.",
    )
    volume_mounts: VolumeMounts | None = Field(default=None, description="Volumes by kind.")
    host_aliases: list[HostAlias] | None = Field(
        default=None, description="Entries of the pods' hosts file."
    )


def serving_workload(
    kind: str,
    parameters: ServingParameters,
    *,
    context: RenderContext,
    ports: Sequence[NamedPort] | None,
    args: list[str] | None = None,
    limit: Limit | None = None,
) -> Json:
    """Return a workload of the group ``apps``.

    The number of replicas is left to the API server and to traits.
    """
    made = container(parameters, context.name)
    if args is not None:
        made["args"] = list(args)
    add_ports(made, ports, parameters.port)
    add_resources(made, parameters, limit=limit)
    labels = context.pod_labels()
    if parameters.add_revision_label:
        labels[COMPONENT_REVISION] = context.component_revision
    return apps_workload(
        kind,
        context=context,
        template={
            "metadata": pod_metadata(parameters, labels),
            "spec": pod_spec(
                made,
                parameters,
                mounts=parameters.volume_mounts,
                host_aliases=parameters.host_aliases,
            ),
        },
    )


def apps_workload(kind: str, *, context: RenderContext, template: Json) -> Json:
    """Return a Deployment, StatefulSet or DaemonSet of a component's pods."""
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": context.name},
        "spec": {
            "selector": {"matchLabels": component_selector(context.name)},
            "template": template,
        },
    }


def with_service(
    workload: Json,
    output: str,
    *,
    context: RenderContext,
    ports: list[Json],
    service_type: ServiceType,
) -> Rendered:
    """Return the workload, with a Service in front of it when there are ports to expose."""
    if not ports:
        return Rendered(workload)
    exposed = service(
        context.name,
        selector=component_selector(context.name),
        ports=ports,
        service_type=service_type,
    )
    return Rendered(workload, {output: exposed})

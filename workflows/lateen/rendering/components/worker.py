"""``worker``: a long-running process without network ports."""

from pydantic import Field
from typing_extensions import override

from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import ComponentType, Rendered
from lateen.rendering.shapes.containers import (
    ContainerParameters,
    add_resources,
    container,
    pod_spec,
)
from lateen.rendering.shapes.serving import apps_workload
from lateen.rendering.shapes.volumes import VolumeMounts


class WorkerParameters(ContainerParameters):
    """Parameters of ``worker``."""

    volume_mounts: VolumeMounts | None = Field(default=None, description="Volumes by kind.")


class Worker(ComponentType[WorkerParameters]):
    """A Deployment that nothing connects to."""

    type = "worker"
    parameters = WorkerParameters

    @override
    def render(self, parameters: WorkerParameters, context: RenderContext) -> Rendered:
        """Make the Deployment."""
        made = container(parameters, context.name)
        add_resources(made, parameters)
        template = {
            "metadata": {"labels": context.pod_labels()},
            "spec": pod_spec(made, parameters, mounts=parameters.volume_mounts),
        }
        return Rendered(apps_workload("Deployment", context=context, template=template))

"""``configmap``: mounted ConfigMaps; deprecated in favour of ``storage``."""

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters
from lateen.rendering.shapes.workloads import first_container, pod_of, put


class MountedConfigMap(Parameters):
    """A ConfigMap and where it is mounted."""

    name: Named = Field(description="Name of the ConfigMap.")
    mount_path: Named = Field(description="Path in the container.")
    read_only: bool = Field(default=False, description="Whether the mount is read-only.")
    data: dict[str, str] | None = Field(
        default=None, description="Content; without it the ConfigMap has to exist."
    )


class ConfigmapParameters(Parameters):
    """Parameters of ``configmap``."""

    volumes: list[MountedConfigMap] = Field(description="The ConfigMaps.")


class Configmap(TraitType[ConfigmapParameters]):
    """Mounts ConfigMaps in the first container, and makes those with content."""

    type = "configmap"
    parameters = ConfigmapParameters

    @override
    def apply(
        self, parameters: ConfigmapParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Patch pod and container; the outputs are ConfigMaps."""
        container, pod = first_container(workload), pod_of(workload)
        mounts: list[Json] = [
            {
                "name": f"volume-{each.name}",
                "mountPath": each.mount_path,
                "readOnly": each.read_only,
            }
            for each in parameters.volumes
        ]
        volumes: list[Json] = [
            {"name": f"volume-{each.name}", "configMap": {"name": each.name}}
            for each in parameters.volumes
        ]
        put(container, "volumeMounts", mounts, key="mountPath")
        put(pod, "volumes", volumes)
        return {
            each.name: {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": each.name},
                "data": dict(each.data),
            }
            for each in parameters.volumes
            if each.data is not None
        }

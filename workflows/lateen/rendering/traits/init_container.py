"""``init-container``: a container that prepares a volume before the component starts."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters
from lateen.rendering.shapes.env import EnvVar, env_list
from lateen.rendering.shapes.workloads import container_named, entries, pod_of, put


class ExtraMount(Parameters):
    """A further volume of the pod that the init container mounts."""

    name: Named = Field(description="Name of the volume.")
    mount_path: Named = Field(description="Path in the init container.")


class InitContainerParameters(Parameters):
    """Parameters of ``init-container``."""

    name: Named = Field(description="Name of the container.")
    image: Named = Field(description="Image of the container.")
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = Field(
        default="IfNotPresent", description="When nodes pull the image."
    )
    cmd: list[str] | None = Field(default=None, description="Command of the container.")
    args: list[str] | None = Field(default=None, description="Arguments of the command.")
    env: list[EnvVar] | None = Field(default=None, description="Environment variables.")
    mount_name: Named = Field(default="workdir", description="Name of the shared volume.")
    app_mount_path: Named = Field(description="Where the component's container mounts it.")
    init_mount_path: Named = Field(description="Where the init container mounts it.")
    extra_volume_mounts: list[ExtraMount] = Field(
        default=[], description="Further volumes of the init container."
    )


class InitContainer(TraitType[InitContainerParameters]):
    """Adds an init container, and an empty volume that it shares with the component."""

    type = "init-container"
    parameters = InitContainerParameters

    @override
    def apply(
        self, parameters: InitContainerParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Add container, volume and mount; a container of the same name is replaced."""
        pod = pod_of(workload)
        container = container_named(workload, context.name, path="")
        shared = {"name": parameters.mount_name, "mountPath": parameters.app_mount_path}
        put(container, "volumeMounts", [shared], key="mountPath")
        volumes = entries(pod, "volumes")
        if all(volume.get("name") != parameters.mount_name for volume in volumes):
            put(pod, "volumes", [{"name": parameters.mount_name, "emptyDir": {}}])
        put(pod, "initContainers", [_container(parameters)])
        return {}


def _container(parameters: InitContainerParameters) -> Json:
    made: Json = {
        "name": parameters.name,
        "image": parameters.image,
        "imagePullPolicy": parameters.image_pull_policy,
        "volumeMounts": [
            {"name": parameters.mount_name, "mountPath": parameters.init_mount_path},
            *(
                {"name": extra.name, "mountPath": extra.mount_path}
                for extra in parameters.extra_volume_mounts
            ),
        ],
    }
    if parameters.cmd is not None:
        made["command"] = list(parameters.cmd)
    if parameters.args is not None:
        made["args"] = list(parameters.args)
    if parameters.env is not None:
        made["env"] = env_list(parameters.env)
    return made

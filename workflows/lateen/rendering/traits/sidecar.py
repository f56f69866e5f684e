"""``sidecar``: a further container in the component's pods."""

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters, TemplateError
from lateen.rendering.shapes.env import EnvVar, env_list
from lateen.rendering.shapes.probes import HealthProbe, probe
from lateen.rendering.shapes.workloads import containers_of


class SharedVolume(Parameters):
    """A volume of the pod that the sidecar mounts too."""

    name: Named = Field(description="Name of the volume.")
    path: Named = Field(description="Path in the sidecar.")


class SidecarParameters(Parameters):
    """Parameters of ``sidecar``."""

    name: Named = Field(description="Name of the container.")
    image: Named = Field(description="Image of the container.")
    cmd: list[str] | None = Field(default=None, description="Command of the container.")
    args: list[str] | None = Field(default=None, description="Arguments of the command.")
    env: list[EnvVar] | None = Field(default=None, description="Environment variables.")
    volumes: list[SharedVolume] | None = Field(default=None, description="Volumes to mount.")
    liveness_probe: HealthProbe | None = Field(
        default=None, description="How to find out that the container must be restarted."
    )
    readiness_probe: HealthProbe | None = Field(
        default=None, description="How to find out that the container can serve."
    )


class Sidecar(TraitType[SidecarParameters]):
    """Adds a container; its name must be free."""

    type = "sidecar"
    parameters = SidecarParameters

    @override
    def apply(
        self, parameters: SidecarParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Append the container."""
        containers = containers_of(workload)
        if any(container.get("name") == parameters.name for container in containers):
            raise TemplateError(
                "name",
                "is the name of another container",
                value=parameters.name,
                hint="choose another name",
            )
        containers.append(_container(parameters))
        return {}


def _container(parameters: SidecarParameters) -> Json:
    made: Json = {"name": parameters.name, "image": parameters.image}
    if parameters.cmd is not None:
        made["command"] = list(parameters.cmd)
    if parameters.args is not None:
        made["args"] = list(parameters.args)
    if parameters.env is not None:
        made["env"] = env_list(parameters.env)
    if parameters.volumes is not None:
        made["volumeMounts"] = [
            {"name": volume.name, "mountPath": volume.path} for volume in parameters.volumes
        ]
    if parameters.liveness_probe is not None:
        made["livenessProbe"] = probe(parameters.liveness_probe)
    if parameters.readiness_probe is not None:
        made["readinessProbe"] = probe(parameters.readiness_probe)
    return made

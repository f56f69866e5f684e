"""The container and the pod that most component types have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import Field

from lateen.rendering.parameters import Named, Parameters, PortNumber, Quantity
from lateen.rendering.shapes.env import EnvVar, env_list
from lateen.rendering.shapes.ports import NamedPort, container_ports
from lateen.rendering.shapes.probes import HealthProbe, probe
from lateen.rendering.shapes.resources import Limit, resources
from lateen.rendering.shapes.volumes import (
    Volume,
    VolumeMounts,
    container_mounts,
    pod_volumes,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lateen.model.base import Json

PullPolicy: TypeAlias = Literal["Always", "Never", "IfNotPresent"]


class ContainerParameters(Parameters):
    """What every component type says about its container."""

    image: Named = Field(description="Image of the container.")
    image_pull_policy: PullPolicy | None = Field(
        default=None, description="When nodes pull the image."
    )
    image_pull_secrets: list[str] | None = Field(
        default=None, description="Secrets with credentials of the registry."
    )
    cmd: list[str] | None = Field(default=None, description="Command of the container.")
    env: list[EnvVar] | None = Field(default=None, description="Environment variables.")
    cpu: Quantity | None = Field(
        default=None, description="CPU requested and limit: `500m` or `0.5` is half a core."
    )
    memory: Quantity | None = Field(
        default=None, description="Memory requested and limit, such as `512Mi`."
    )
    volumes: list[Volume] | None = Field(
        default=None,
        description="Deprecated, use `volumeMounts`: volumes with their type inside.",
    )
    liveness_probe: HealthProbe | None = Field(
        default=None, description="How to find out that the container must be restarted."
    )
    readiness_probe: HealthProbe | None = Field(
        default=None, description="How to find out that the container can serve."
    )


class HostAlias(Parameters):
    """An entry of the pod's hosts file."""

    ip: Named = Field(description="The address.")
    hostnames: list[str] = Field(description="Its names.")


class PodLabels(Parameters):
    """Labels and annotations of the pods."""

    labels: dict[str, str] | None = Field(default=None, description="Labels of the pods.")
    annotations: dict[str, str] | None = Field(default=None, description="Annotations of the pods.")


def container(parameters: ContainerParameters, name: str) -> Json:
    """Return the container with all that its parameters say themselves."""
    made: dict[str, Any] = {"name": name, "image": parameters.image}
    if parameters.image_pull_policy is not None:
        made["imagePullPolicy"] = parameters.image_pull_policy
    if parameters.cmd is not None:
        made["command"] = list(parameters.cmd)
    if parameters.env is not None:
        made["env"] = env_list(parameters.env)
    if parameters.liveness_probe is not None:
        made["livenessProbe"] = probe(parameters.liveness_probe)
    if parameters.readiness_probe is not None:
        made["readinessProbe"] = probe(parameters.readiness_probe)
    return made


def add_ports(made: Json, ports: Sequence[NamedPort] | None, port: PortNumber | None) -> None:
    """Add ports; the deprecated single ``port`` counts only without ``ports``."""
    if ports is not None:
        made["ports"] = container_ports(ports)
    elif port is not None:
        made["ports"] = [{"containerPort": port}]


def add_resources(
    made: Json, parameters: ContainerParameters, *, limit: Limit | None = None
) -> None:
    """Add requests and limits, if there are any."""
    if parameters.cpu is not None or parameters.memory is not None:
        made["resources"] = resources(parameters.cpu, parameters.memory, limit=limit)


def pod_spec(
    made: Json,
    parameters: ContainerParameters,
    *,
    mounts: VolumeMounts | None = None,
    host_aliases: list[HostAlias] | None = None,
) -> Json:
    """Return the pod of one container, with volumes mounted in it.

    ``mounts`` win over the deprecated ``volumes`` of the parameters.
    """
    spec: dict[str, Any] = {"containers": [made]}
    if mounts is not None:
        listed = mounts.all()
        made["volumeMounts"] = container_mounts(listed)
        spec["volumes"] = pod_volumes(listed)
    elif parameters.volumes is not None:
        made["volumeMounts"] = container_mounts(parameters.volumes)
        spec["volumes"] = pod_volumes(parameters.volumes)
    if parameters.image_pull_secrets is not None:
        spec["imagePullSecrets"] = [{"name": name} for name in parameters.image_pull_secrets]
    if host_aliases is not None:
        spec["hostAliases"] = host_alias_list(host_aliases)
    return spec


def host_alias_list(aliases: list[HostAlias]) -> list[Json]:
    """Return the aliases as a pod lists them: an address once, with all its names."""
    names: dict[str, list[str]] = {}
    for alias in aliases:
        known = names.setdefault(alias.ip, [])
        known += [name for name in alias.hostnames if name not in known]
    return [{"ip": ip, "hostnames": hostnames} for ip, hostnames in names.items()]


def pod_metadata(parameters: PodLabels, labels: dict[str, str]) -> Json:
    """Return the pod's metadata; the labels by which pods are found win over the user's."""
    metadata: dict[str, Any] = {
        "labels": {**parameters.labels, **labels} if parameters.labels else labels
    }
    if parameters.annotations is not None:
        metadata["annotations"] = dict(parameters.annotations)
    return metadata

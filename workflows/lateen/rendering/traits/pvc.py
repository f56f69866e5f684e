"""``pvc``: a PersistentVolumeClaim, mounted; deprecated in favour of ``storage``."""

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters, TemplateError
from lateen.rendering.shapes.claims import Claim, StorageResources, claim_object
from lateen.rendering.shapes.workloads import first_container, pod_of, put


class ClaimedVolume(Parameters):
    """Where the claim is mounted."""

    name: Named = Field(description="Name of the volume.")
    mount_path: Named | None = Field(default=None, description="Path; for mode `Filesystem`.")
    device_path: Named | None = Field(default=None, description="Device; for mode `Block`.")


class PvcParameters(Claim):
    """Parameters of ``pvc``."""

    claim_name: Named = Field(description="Name of the claim.")
    access_modes: list[str] = Field(description="How nodes may mount the volume.")
    resources: StorageResources = Field(description="Capacity.")
    volumes_to_mount: list[ClaimedVolume] = Field(description="Where the claim is mounted.")


class Pvc(TraitType[PvcParameters]):
    """Makes a claim and mounts it in the first container."""

    type = "pvc"
    parameters = PvcParameters

    @override
    def apply(
        self, parameters: PvcParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Patch pod and container; the output is the claim."""
        container, pod = first_container(workload), pod_of(workload)
        block = parameters.volume_mode == "Block"
        field, key = ("volumeDevices", "devicePath") if block else ("volumeMounts", "mountPath")
        mounts: list[Json] = []
        for index, volume in enumerate(parameters.volumes_to_mount):
            path = volume.device_path if block else volume.mount_path
            if path is None:
                raise TemplateError(f"volumesToMount[{index}].{key}", "is required")
            mounts.append({"name": volume.name, key: path})
        put(container, field, mounts, key=key)
        source = {"persistentVolumeClaim": {"claimName": parameters.claim_name}}
        volumes = [{"name": volume.name, **source} for volume in parameters.volumes_to_mount]
        put(pod, "volumes", volumes)
        claim = claim_object(
            parameters.claim_name,
            parameters,
            access_modes=parameters.access_modes,
            resources=parameters.resources,
        )
        return {"claim": claim}

"""``volumes``: volumes of the pods, without mounts; deprecated in favour of ``storage``."""

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Parameters
from lateen.rendering.shapes.volumes import BareVolume
from lateen.rendering.shapes.workloads import pod_of, put


class VolumesParameters(Parameters):
    """Parameters of ``volumes``."""

    volumes: list[BareVolume] = Field(default=[], description="The volumes.")


class Volumes(TraitType[VolumesParameters]):
    """Adds volumes to the pods; those of the same name are replaced."""

    type = "volumes"
    parameters = VolumesParameters

    @override
    def apply(
        self, parameters: VolumesParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Merge ``volumes`` of the pods."""
        added = [{"name": volume.name, **volume.source()} for volume in parameters.volumes]
        put(pod_of(workload), "volumes", added)
        return {}

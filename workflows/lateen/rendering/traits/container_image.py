"""``container-image``: the image of containers."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, TemplateError
from lateen.rendering.shapes.targets import ContainerTarget, targets


class ImagePatch(ContainerTarget):
    """The image of one container."""

    image: Named | None = Field(default=None, description="The image; required.")
    image_pull_policy: Literal["", "IfNotPresent", "Always", "Never"] = Field(
        default="", description="When nodes pull the image; unchanged by default."
    )


class ContainerImageParameters(ImagePatch):
    """Parameters of ``container-image``."""

    containers: list[ImagePatch] | None = Field(
        default=None, description="Several containers; excludes the other parameters."
    )


class ContainerImage(TraitType[ContainerImageParameters]):
    """Replaces images."""

    type = "container-image"
    parameters = ContainerImageParameters

    @override
    def apply(
        self, parameters: ContainerImageParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Set ``image`` of each container that is meant."""
        single: ImagePatch = parameters
        for patch, container, path in targets(
            single, parameters.containers, workload=workload, context=context
        ):
            if patch.image is None:
                raise TemplateError(f"{path}image", "is required")
            container["image"] = patch.image
            if patch.image_pull_policy:
                container["imagePullPolicy"] = patch.image_pull_policy
        return {}

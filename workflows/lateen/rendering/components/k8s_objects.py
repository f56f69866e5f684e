"""``k8s-objects``: objects of any kind, written out."""

from pydantic import Field
from typing_extensions import override

from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import ComponentType, Rendered
from lateen.rendering.parameters import Parameters
from lateen.rendering.shapes.manifests import Manifest


class K8sObjectsParameters(Parameters):
    """Parameters of ``k8s-objects``."""

    objects: list[Manifest] = Field(
        min_length=1,
        description="The objects; the first is the component's workload and gets its name "
        "if it has none.",
    )


class K8sObjects(ComponentType[K8sObjectsParameters]):
    """The objects as they are written, in the application's namespace unless they name another."""

    type = "k8s-objects"
    parameters = K8sObjectsParameters

    @override
    def render(self, parameters: K8sObjectsParameters, context: RenderContext) -> Rendered:
        """Copy the objects."""
        workload, *others = (written.fresh() for written in parameters.objects)
        return Rendered(
            workload, {f"objects-{index}": other for index, other in enumerate(others, 1)}
        )

"""``raw``: one object of any kind, written out; deprecated in favour of ``k8s-objects``."""

from typing_extensions import override

from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import ComponentType, Rendered
from lateen.rendering.shapes.manifests import Manifest


class RawParameters(Manifest):
    """Parameters of ``raw``: the object itself."""


class Raw(ComponentType[RawParameters]):
    """The object as it is written."""

    type = "raw"
    parameters = RawParameters

    @override
    def render(self, parameters: RawParameters, context: RenderContext) -> Rendered:
        """Copy the object."""
        return Rendered(parameters.fresh())

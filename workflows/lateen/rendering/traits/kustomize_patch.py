"""``kustomize-patch``: patches, as text, for what a ``kustomize`` component applies."""

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters
from lateen.rendering.shapes.kustomizations import PatchTarget, add_patches


class TextPatch(Parameters):
    """A patch and what it is for."""

    patch: Named = Field(
        description="The patch as YAML: a strategic merge, or operations of JSON Patch."
    )
    target: PatchTarget = Field(description="Which objects it is for.")


class KustomizePatchParameters(Parameters):
    """Parameters of ``kustomize-patch``."""

    patches: list[TextPatch] = Field(description="The patches, in order.")


class KustomizePatch(TraitType[KustomizePatchParameters]):
    """Adds patches, written as text, to the Flux Kustomization."""

    type = "kustomize-patch"
    parameters = KustomizePatchParameters

    @override
    def apply(
        self, parameters: KustomizePatchParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Append the patches."""
        return add_patches(workload, ((each.patch, each.target) for each in parameters.patches))

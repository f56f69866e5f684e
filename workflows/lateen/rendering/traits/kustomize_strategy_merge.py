"""``kustomize-strategy-merge``: partial objects merged into what a ``kustomize`` component applies."""

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Parameters
from lateen.rendering.shapes.kustomizations import add_patches, patch_text


class KustomizeStrategyMergeParameters(Parameters):
    """Parameters of ``kustomize-strategy-merge``."""

    patches_strategic_merge: list[Json] = Field(
        description="Partial objects; each finds its own by apiVersion, kind and name."
    )


class KustomizeStrategyMerge(TraitType[KustomizeStrategyMergeParameters]):
    """Adds strategic merge patches to the Flux Kustomization."""

    type = "kustomize-strategy-merge"
    parameters = KustomizeStrategyMergeParameters

    @override
    def apply(
        self, parameters: KustomizeStrategyMergeParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Append the patches as text: Flux has read nothing else since version 2."""
        return add_patches(
            workload, ((patch_text(each), None) for each in parameters.patches_strategic_merge)
        )

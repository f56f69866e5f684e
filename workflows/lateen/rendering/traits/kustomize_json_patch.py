"""``kustomize-json-patch``: JSON patches for what a ``kustomize`` component applies."""

from typing import Any, Literal

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters
from lateen.rendering.shapes.kustomizations import PatchTarget, add_patches, patch_text


class JsonOperation(Parameters):
    """One operation of RFC 6902."""

    op: Literal["add", "remove", "replace", "move", "copy", "test"] = Field(
        description="What to do."
    )
    path: Named = Field(description="Where, such as `/spec/replicas`.")
    from_: Named | None = Field(
        default=None, alias="from", description="Where from, for `move` and `copy`."
    )
    value: Any = Field(default=None, description="The value, for `add`, `replace` and `test`.")


class JsonPatchItem(Parameters):
    """Operations and what they are for."""

    target: PatchTarget = Field(description="Which objects they are for.")
    patch: list[JsonOperation] = Field(description="The operations, in order.")


class KustomizeJsonPatchParameters(Parameters):
    """Parameters of ``kustomize-json-patch``."""

    patches_json: list[JsonPatchItem] = Field(description="The patches, in order.")


class KustomizeJsonPatch(TraitType[KustomizeJsonPatchParameters]):
    """Adds JSON patches to the Flux Kustomization."""

    type = "kustomize-json-patch"
    parameters = KustomizeJsonPatchParameters

    @override
    def apply(
        self, parameters: KustomizeJsonPatchParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Append the patches as text: Flux has read nothing else since version 2."""
        return add_patches(
            workload, ((_text(each), each.target) for each in parameters.patches_json)
        )


def _text(item: JsonPatchItem) -> str:
    return patch_text(
        [operation.model_dump(by_alias=True, exclude_unset=True) for operation in item.patch]
    )

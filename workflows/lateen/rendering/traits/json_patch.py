"""``json-patch``: any change of the workload, as RFC 6902."""

from typing import Any, Literal

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Parameters, TemplateError
from lateen.rendering.shapes.manifests import check_manifest
from lateen.rendering.shapes.patches import PatchError, patch_once


class Operation(Parameters):
    """One operation; paths are JSON pointers such as ``/spec/replicas``."""

    op: Literal["add", "remove", "replace", "move", "copy", "test"] = Field(
        description="What to do."
    )
    path: str = Field(description="Where.")
    from_: str | None = Field(
        default=None, alias="from", description="Where `move` and `copy` take the value."
    )
    value: Any = Field(default=None, description="The value of `add`, `replace` and `test`.")


class JsonPatchParameters(Parameters):
    """Parameters of ``json-patch``."""

    operations: list[Operation] = Field(description="The operations, in order.")


class JsonPatch(TraitType[JsonPatchParameters]):
    """Applies the operations one after another."""

    type = "json-patch"
    parameters = JsonPatchParameters

    @override
    def apply(
        self, parameters: JsonPatchParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Patch the workload, which must stay an object with kind and metadata."""
        for index, each in enumerate(parameters.operations):
            path = f"operations[{index}]"
            try:
                patch_once(workload, each.op, each.path, source=each.from_, value=each.value)
            except PatchError as error:
                raise TemplateError(path, str(error), value=each.path) from None
            check_manifest(workload, path=path)
        return {}

"""``json-merge-patch``: any change of the workload, as RFC 7396."""

from typing import Any

from pydantic import ConfigDict
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Parameters
from lateen.rendering.shapes.manifests import check_manifest
from lateen.rendering.shapes.patches import merge_patch


class JsonMergePatchParameters(Parameters):
    """Parameters of ``json-merge-patch``: the patch itself."""

    model_config = ConfigDict(extra="allow")


class JsonMergePatch(TraitType[JsonMergePatchParameters]):
    """Merges objects, replaces everything else; ``null`` removes."""

    type = "json-merge-patch"
    parameters = JsonMergePatchParameters

    @override
    def apply(
        self, parameters: JsonMergePatchParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Patch the workload, which must stay an object with kind and metadata."""
        patch: dict[str, Any] = parameters.model_extra or {}
        merge_patch(workload, patch)
        check_manifest(workload, path="")
        return {}

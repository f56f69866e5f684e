"""``annotations``: annotations of the workload, its jobs and its pods."""

from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.shapes.metadata import EntryPatch, patch_entries, templates_of


class AnnotationsParameters(EntryPatch):
    """Parameters of ``annotations``: each key is an annotation."""


class Annotations(TraitType[AnnotationsParameters]):
    """Adds annotations; ``null`` removes one."""

    type = "annotations"
    parameters = AnnotationsParameters

    @override
    def apply(
        self, parameters: AnnotationsParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Patch the metadata of the workload and of everything that it makes."""
        patch = parameters.entries()
        for owner in (workload, *templates_of(workload)):
            patch_entries(owner, "annotations", patch)
        return {}

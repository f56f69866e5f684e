"""``labels``: labels of the workload and its pods."""

from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.shapes.metadata import EntryPatch, patch_entries, templates_of


class LabelsParameters(EntryPatch):
    """Parameters of ``labels``: each key is a label."""


class Labels(TraitType[LabelsParameters]):
    """Adds labels; ``null`` removes one.

    The jobs of a ``cron-task`` and their pods keep their labels, as in KubeVela.
    """

    type = "labels"
    parameters = LabelsParameters

    @override
    def apply(
        self, parameters: LabelsParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Patch the metadata of the workload and of its pods."""
        patch = parameters.entries()
        patch_entries(workload, "labels", patch)
        if workload.get("kind") != "CronJob":
            for template in templates_of(workload):
                patch_entries(template, "labels", patch)
        return {}

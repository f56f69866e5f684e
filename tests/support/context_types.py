"""A type for tests that writes down all that a template may know."""

from __future__ import annotations

from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import ComponentType, Rendered
from lateen.rendering.parameters import Parameters


class NoParameters(Parameters):
    """No parameters at all."""


class Know(ComponentType[NoParameters]):
    """A ConfigMap with everything of the context, rendered for each placement."""

    type = "know"
    parameters = NoParameters
    reads_target = True

    def render(self, parameters: NoParameters, context: RenderContext) -> Rendered:
        """Write it down."""
        target = context.target
        data = {
            "componentRevision": context.component_revision,
            "publishVersion": context.publish_version,
            "workflow": context.workflow_name,
            "components": " ".join(context.components),
            "team": context.application_labels.get("team", ""),
            "note": context.application_annotations.get("note", ""),
            "revision": target.revision if target else "",
            "number": str(target.revision_number) if target else "",
            "cluster": target.cluster if target else "",
        }
        return Rendered({"apiVersion": "v1", "kind": "ConfigMap", "data": data})

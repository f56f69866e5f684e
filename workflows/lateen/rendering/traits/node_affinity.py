"""``node-affinity``: on which nodes the pods run; deprecated in favour of ``affinity``."""

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Parameters
from lateen.rendering.shapes.workloads import child, entries, pod_of


class NodeAffinityParameters(Parameters):
    """Parameters of ``node-affinity``."""

    affinity: dict[str, list[str]] | None = Field(
        default=None, description="Labels of the nodes with their possible values."
    )
    tolerations: dict[str, str] | None = Field(
        default=None, description="Taints that are tolerated, with their value."
    )


class NodeAffinity(TraitType[NodeAffinityParameters]):
    """Requires labels of nodes, and adds tolerations of ``NoSchedule`` taints."""

    type = "node-affinity"
    parameters = NodeAffinityParameters

    @override
    def apply(
        self, parameters: NodeAffinityParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Patch ``affinity`` and ``tolerations`` of the pods."""
        pod = pod_of(workload)
        if parameters.affinity is not None:
            expressions = [
                {"key": key, "operator": "In", "values": list(values)}
                for key, values in sorted(parameters.affinity.items())
            ]
            terms = {"nodeSelectorTerms": [{"matchExpressions": expressions}]}
            rules = child(child(pod, "affinity"), "nodeAffinity")
            rules["requiredDuringSchedulingIgnoredDuringExecution"] = terms
        if parameters.tolerations is not None:
            added = [
                {"effect": "NoSchedule", "key": key, "operator": "Equal", "value": value}
                for key, value in sorted(parameters.tolerations.items())
            ]
            pod["tolerations"] = [*entries(pod, "tolerations"), *added]
        return {}

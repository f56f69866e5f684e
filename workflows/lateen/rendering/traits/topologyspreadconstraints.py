"""``topologyspreadconstraints``: how evenly pods are spread over zones and nodes."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters, to_json
from lateen.rendering.shapes.selectors import LabelSelector
from lateen.rendering.shapes.workloads import pod_of


class Constraint(Parameters):
    """How evenly pods are spread over one topology."""

    max_skew: int = Field(ge=1, description="How many pods one domain may be ahead.")
    topology_key: Named = Field(description="Label of the nodes that make a domain.")
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = Field(
        default="DoNotSchedule", description="What happens to a pod that fits nowhere."
    )
    label_selector: LabelSelector = Field(description="The pods that are counted.")
    min_domains: int | None = Field(default=None, ge=1, description="Least number of domains.")
    match_label_keys: list[str] | None = Field(
        default=None, description="Labels in which counted pods equal the new one."
    )
    node_affinity_policy: Literal["Honor", "Ignore"] | None = Field(
        default=None, description="Whether only nodes that fit the pod's affinity count."
    )
    node_taints_policy: Literal["Honor", "Ignore"] | None = Field(
        default=None, description="Whether only nodes whose taints are tolerated count."
    )


class TopologyspreadconstraintsParameters(Parameters):
    """Parameters of ``topologyspreadconstraints``."""

    constraints: list[Constraint] = Field(description="The constraints; all have to hold.")


class Topologyspreadconstraints(TraitType[TopologyspreadconstraintsParameters]):
    """Sets the constraints of the pods."""

    type = "topologyspreadconstraints"
    parameters = TopologyspreadconstraintsParameters

    @override
    def apply(
        self,
        parameters: TopologyspreadconstraintsParameters,
        workload: Json,
        context: RenderContext,
    ) -> dict[str, Json]:
        """Replace ``topologySpreadConstraints`` of the pods."""
        constraints = [to_json(constraint) for constraint in parameters.constraints]
        pod_of(workload)["topologySpreadConstraints"] = constraints
        return {}

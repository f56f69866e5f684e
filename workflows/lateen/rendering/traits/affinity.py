"""``affinity``: on which nodes, and near which pods, the component's pods run."""

from typing import Any, Literal, TypeAlias

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters, to_json
from lateen.rendering.shapes.selectors import LabelSelector
from lateen.rendering.shapes.workloads import child, entries, pod_of

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


class PodAffinityTerm(Parameters):
    """Pods, and the topology in which near is measured."""

    label_selector: LabelSelector | None = Field(default=None, description="Labels of the pods.")
    namespace: str | None = Field(default=None, description="Same as one entry of `namespaces`.")
    namespaces: list[str] | None = Field(default=None, description="Namespaces of the pods.")
    topology_key: Named = Field(description="Label of nodes that are near each other.")
    namespace_selector: LabelSelector | None = Field(
        default=None, description="Labels of the namespaces."
    )


class WeightedPodTerm(Parameters):
    """A wish about pods."""

    weight: int = Field(ge=1, le=100, description="How much it counts.")
    pod_affinity_term: PodAffinityTerm = Field(description="The pods.")


class PodAffinity(Parameters):
    """Rules about the pods nearby."""

    required: list[PodAffinityTerm] | None = Field(default=None, description="Must hold.")
    preferred: list[WeightedPodTerm] | None = Field(default=None, description="Should hold.")


class NodeExpression(Parameters):
    """A condition on one label or field of a node."""

    key: Named = Field(description="The label or field.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] = Field(
        default="In", description="How its value is compared."
    )
    values: list[str] | None = Field(default=None, description="The values to compare with.")


class NodeSelectorTerm(Parameters):
    """Conditions on a node; all have to hold."""

    match_expressions: list[NodeExpression] | None = Field(default=None, description="On labels.")
    match_fields: list[NodeExpression] | None = Field(default=None, description="On fields.")


class NodeSelector(Parameters):
    """Alternatives; one has to hold."""

    node_selector_terms: list[NodeSelectorTerm] = Field(description="The alternatives.")


class WeightedNodeTerm(Parameters):
    """A wish about nodes."""

    weight: int = Field(ge=1, le=100, description="How much it counts.")
    preference: NodeSelectorTerm = Field(description="The nodes.")


class NodeAffinity(Parameters):
    """Rules about the nodes."""

    required: NodeSelector | None = Field(default=None, description="Must hold.")
    preferred: list[WeightedNodeTerm] | None = Field(default=None, description="Should hold.")


class Toleration(Parameters):
    """A taint that the pods put up with."""

    key: str | None = Field(default=None, description="The taint; all with `Exists`.")
    operator: Literal["Equal", "Exists"] = Field(
        default="Equal", description="Whether the value counts."
    )
    value: str | None = Field(default=None, description="Value of the taint.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Effect of the taint; all by default."
    )
    toleration_seconds: int | None = Field(
        default=None, description="Seconds for which it is tolerated; for ever by default."
    )


class AffinityParameters(Parameters):
    """Parameters of ``affinity``."""

    pod_affinity: PodAffinity | None = Field(default=None, description="Run near these pods.")
    pod_anti_affinity: PodAffinity | None = Field(
        default=None, description="Run far from these pods."
    )
    node_affinity: NodeAffinity | None = Field(default=None, description="Run on these nodes.")
    tolerations: list[Toleration] | None = Field(default=None, description="Tolerated taints.")


_Rules: TypeAlias = dict[str, Any]


class Affinity(TraitType[AffinityParameters]):
    """Sets the rules that are given, and adds tolerations."""

    type = "affinity"
    parameters = AffinityParameters

    @override
    def apply(
        self, parameters: AffinityParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Patch ``affinity`` and ``tolerations`` of the pods."""
        pod = pod_of(workload)
        for key, rules in (
            ("podAffinity", _pod_rules(parameters.pod_affinity)),
            ("podAntiAffinity", _pod_rules(parameters.pod_anti_affinity)),
            ("nodeAffinity", _node_rules(parameters.node_affinity)),
        ):
            if rules is not None:
                child(pod, "affinity")[key] = rules
        if parameters.tolerations is not None:
            added = [to_json(toleration) for toleration in parameters.tolerations]
            pod["tolerations"] = [*entries(pod, "tolerations"), *added]
        return {}


def _pod_rules(affinity: PodAffinity | None) -> _Rules | None:
    if affinity is None:
        return None
    rules: _Rules = {}
    if affinity.required is not None:
        rules[_REQUIRED] = [_term(term) for term in affinity.required]
    if affinity.preferred is not None:
        rules[_PREFERRED] = [
            {"weight": wish.weight, "podAffinityTerm": _term(wish.pod_affinity_term)}
            for wish in affinity.preferred
        ]
    return rules


def _term(term: PodAffinityTerm) -> _Rules:
    """Kubernetes knows ``namespaces`` only."""
    written = to_json(term)
    if "namespace" in written:
        written["namespaces"] = [*written.get("namespaces", []), written.pop("namespace")]
    return written


def _node_rules(affinity: NodeAffinity | None) -> _Rules | None:
    if affinity is None:
        return None
    rules: _Rules = {}
    if affinity.required is not None:
        rules[_REQUIRED] = to_json(affinity.required)
    if affinity.preferred is not None:
        rules[_PREFERRED] = [to_json(wish) for wish in affinity.preferred]
    return rules

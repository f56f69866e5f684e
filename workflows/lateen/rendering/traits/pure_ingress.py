"""``pure-ingress``: an Ingress without a Service."""

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters, PortNumber
from lateen.rendering.shapes.ingresses import ingress


class PureIngressParameters(Parameters):
    """Parameters of ``pure-ingress``."""

    domain: Named = Field(description="Host name.")
    http: dict[str, PortNumber] = Field(description="Port of the component, by path.")


class PureIngress(TraitType[PureIngressParameters]):
    """Adds an Ingress to the Service with the component's name."""

    type = "pure-ingress"
    parameters = PureIngressParameters

    @override
    def apply(
        self, parameters: PureIngressParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Make the objects; the workload stays as it is."""
        made = ingress(
            context.name, service=context.name, domain=parameters.domain, http=parameters.http
        )
        return {
            "ingress": made,
        }

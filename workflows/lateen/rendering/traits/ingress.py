"""``ingress``: an Ingress with a Service; deprecated in favour of ``gateway``."""

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters, PortNumber
from lateen.rendering.shapes.ingresses import ingress, routed_service


class IngressParameters(Parameters):
    """Parameters of ``ingress``."""

    domain: Named = Field(description="Host name.")
    http: dict[str, PortNumber] = Field(description="Port of the component, by path.")


class Ingress(TraitType[IngressParameters]):
    """Adds an Ingress and its Service."""

    type = "ingress"
    parameters = IngressParameters

    @override
    def apply(
        self, parameters: IngressParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Make the objects; the workload stays as it is."""
        made = ingress(
            context.name, service=context.name, domain=parameters.domain, http=parameters.http
        )
        return {
            "service": routed_service(context.name, component=context.name, http=parameters.http),
            "ingress": made,
        }

"""``ingress-1-20``: an Ingress with a Service and a class; deprecated in favour of ``gateway``."""

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters, PortNumber
from lateen.rendering.shapes.ingresses import CLASS_ANNOTATION, ingress, routed_service


class Ingress120Parameters(Parameters):
    """Parameters of ``ingress-1-20``."""

    domain: Named = Field(description="Host name.")
    http: dict[str, PortNumber] = Field(description="Port of the component, by path.")
    class_: Named = Field(default="nginx", alias="class", description="Class of the Ingress.")


class Ingress120(TraitType[Ingress120Parameters]):
    """Adds an Ingress and its Service."""

    type = "ingress-1-20"
    parameters = Ingress120Parameters

    @override
    def apply(
        self, parameters: Ingress120Parameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Make the objects; the workload stays as it is."""
        made = ingress(
            context.name, service=context.name, domain=parameters.domain, http=parameters.http
        )
        made["metadata"]["annotations"] = {CLASS_ANNOTATION: parameters.class_}
        return {
            "service": routed_service(
                context.name, component=context.name, http=parameters.http, named=False
            ),
            "ingress": made,
        }

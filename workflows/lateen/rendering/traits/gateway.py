"""``gateway``: an Ingress that routes traffic from outside to the component."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters, PortNumber
from lateen.rendering.shapes.ingresses import CLASS_ANNOTATION, ingress, routed_service


class GatewayParameters(Parameters):
    """Parameters of ``gateway``."""

    domain: Named | None = Field(default=None, description="Host name; any by default.")
    http: dict[str, PortNumber] = Field(description="Port of the component, by path.")
    class_: Named = Field(default="nginx", alias="class", description="Class of the Ingress.")
    class_in_spec: bool = Field(
        default=False, description="Name the class in the spec instead of in an annotation."
    )
    secret_name: Named | None = Field(
        default=None, description="Secret with the certificate; switches TLS on."
    )
    gateway_host: Named | None = Field(
        default=None, description="Host of the gateway, for finding endpoints."
    )
    name: Named | None = Field(
        default=None, description="Tells several gateways of one component apart."
    )
    path_type: Literal["ImplementationSpecific", "Prefix", "Exact"] = Field(
        default="ImplementationSpecific", description="How paths are compared."
    )
    annotations: dict[str, str] | None = Field(
        default=None, description="Annotations of the Ingress."
    )
    labels: dict[str, str] | None = Field(default=None, description="Labels of the Ingress.")
    existing_service_name: Named | None = Field(
        default=None, description="Use this Service instead of making one."
    )


class Gateway(TraitType[GatewayParameters]):
    """Adds an Ingress, and a Service for it unless there is one."""

    type = "gateway"
    parameters = GatewayParameters

    @override
    def apply(
        self, parameters: GatewayParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Make the Service and the Ingress; the workload stays as it is."""
        suffix = f"-{parameters.name}" if parameters.name else ""
        name = context.name + suffix
        outputs: dict[str, Json] = {}
        if parameters.existing_service_name is None:
            outputs[f"service{suffix}"] = routed_service(
                name, component=context.name, http=parameters.http
            )
        outputs[f"ingress{suffix}"] = _ingress(name, parameters)
        return outputs


def _ingress(name: str, parameters: GatewayParameters) -> Json:
    made = ingress(
        name,
        service=parameters.existing_service_name or name,
        domain=parameters.domain,
        http=parameters.http,
        path_type=parameters.path_type,
    )
    annotations: dict[str, str] = {}
    if parameters.class_in_spec:
        made["spec"]["ingressClassName"] = parameters.class_
    else:
        annotations[CLASS_ANNOTATION] = parameters.class_
    if parameters.gateway_host is not None:
        annotations["ingress.controller/host"] = parameters.gateway_host
    made["metadata"]["annotations"] = {**annotations, **(parameters.annotations or {})}
    made["metadata"]["labels"] = dict(parameters.labels or {})
    if parameters.secret_name is not None:
        hosts = [parameters.domain] if parameters.domain else []
        made["spec"]["tls"] = [{"hosts": hosts, "secretName": parameters.secret_name}]
    return made

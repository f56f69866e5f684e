"""``startup-probe``: how to find out that containers have started."""

from typing import Literal

from pydantic import Field, model_validator
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Parameters, PortNumber, TemplateError
from lateen.rendering.shapes.probes import ExecAction, HttpHeader
from lateen.rendering.shapes.targets import ContainerTarget, targets


class HttpStart(Parameters):
    """Send an HTTP GET request to the container."""

    path: str | None = Field(default=None, description="Path of the request.")
    port: PortNumber = Field(description="Port of the container.")
    host: str | None = Field(default=None, description="Host to ask; the pod's IP by default.")
    scheme: Literal["HTTP", "HTTPS"] | None = Field(default=None, description="HTTP by default.")
    http_headers: list[HttpHeader] | None = Field(default=None, description="Additional headers.")


class GrpcStart(Parameters):
    """Ask the gRPC health service of the container."""

    port: PortNumber = Field(description="Port of the container.")
    service: str | None = Field(default=None, description="Name of the service to ask about.")


class TcpStart(Parameters):
    """Open a TCP connection to the container."""

    port: PortNumber = Field(description="Port of the container.")
    host: str | None = Field(default=None, description="Host; the pod's IP by default.")


class StartupPatch(ContainerTarget):
    """How to find out that one container has started: by exactly one of four actions."""

    initial_delay_seconds: int = Field(
        default=0, ge=0, description="Seconds between the container's start and the first probe."
    )
    period_seconds: int = Field(default=10, ge=1, description="Seconds between two probes.")
    timeout_seconds: int = Field(default=1, ge=1, description="Seconds until a probe times out.")
    success_threshold: int = Field(default=1, ge=1, description="Successes after which it is up.")
    failure_threshold: int = Field(
        default=3, ge=1, description="Failures after which the container is restarted."
    )
    termination_grace_period_seconds: int | None = Field(
        default=None, ge=1, description="Seconds that a restarted container has to end."
    )
    exec: ExecAction | None = Field(default=None, description="Run a command.")
    http_get: HttpStart | None = Field(default=None, description="Send a GET request.")
    grpc: GrpcStart | None = Field(default=None, description="Ask the gRPC health service.")
    tcp_socket: TcpStart | None = Field(default=None, description="Open a connection.")

    @model_validator(mode="after")
    def _one_action(self) -> "StartupPatch":
        actions = (self.exec, self.http_get, self.grpc, self.tcp_socket)
        if sum(action is not None for action in actions) > 1:
            raise ValueError("needs exactly one of exec, httpGet, grpc and tcpSocket")
        return self


class StartupProbeParameters(StartupPatch):
    """Parameters of ``startup-probe``."""

    probes: list[StartupPatch] | None = Field(
        default=None, description="Several containers; excludes the other parameters."
    )


class StartupProbe(TraitType[StartupProbeParameters]):
    """Sets the startup probe of containers."""

    type = "startup-probe"
    parameters = StartupProbeParameters

    @override
    def apply(
        self, parameters: StartupProbeParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Set ``startupProbe`` of each container that is meant."""
        single: StartupPatch = parameters
        for patch, container, path in targets(
            single, parameters.probes, workload=workload, context=context, key="probes"
        ):
            container["startupProbe"] = _probe(patch, path=path.rstrip("."))
        return {}


def _probe(patch: StartupPatch, *, path: str) -> Json:
    made = patch.model_dump(by_alias=True, exclude_none=True, exclude={"container_name", "probes"})
    if not {"exec", "httpGet", "grpc", "tcpSocket"} & made.keys():
        raise TemplateError(path, "needs one of exec, httpGet, grpc and tcpSocket")
    return made

"""``lifecycle``: what containers do after their start and before their end."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Parameters, PortNumber, to_json
from lateen.rendering.shapes.probes import ExecAction, HttpHeader
from lateen.rendering.shapes.workloads import child, containers_of


class HttpHook(Parameters):
    """Send an HTTP GET request to the container."""

    path: str | None = Field(default=None, description="Path of the request.")
    port: PortNumber = Field(description="Port of the container.")
    host: str | None = Field(default=None, description="Host to ask; the pod's IP by default.")
    scheme: Literal["HTTP", "HTTPS"] = Field(default="HTTP", description="HTTP or HTTPS.")
    http_headers: list[HttpHeader] | None = Field(default=None, description="Additional headers.")


class TcpHook(Parameters):
    """Open a TCP connection to the container."""

    port: PortNumber = Field(description="Port of the container.")
    host: str | None = Field(default=None, description="Host; the pod's IP by default.")


class Hook(Parameters):
    """What to do."""

    exec: ExecAction | None = Field(default=None, description="Run a command.")
    http_get: HttpHook | None = Field(default=None, description="Send a GET request.")
    tcp_socket: TcpHook | None = Field(default=None, description="Open a connection.")


class LifecycleParameters(Parameters):
    """Parameters of ``lifecycle``."""

    post_start: Hook | None = Field(default=None, description="Right after the start.")
    pre_stop: Hook | None = Field(default=None, description="Before the container is stopped.")


class Lifecycle(TraitType[LifecycleParameters]):
    """Sets the hooks of every container, also of those that other traits add."""

    type = "lifecycle"
    parameters = LifecycleParameters
    about_all_containers = True

    @override
    def apply(
        self, parameters: LifecycleParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Set ``lifecycle``, keeping a hook that is not given."""
        for container in containers_of(workload):
            child(container, "lifecycle").update(to_json(parameters))
        return {}

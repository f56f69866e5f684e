"""Health probes of a container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from lateen.rendering.parameters import Named, Parameters, PortNumber

if TYPE_CHECKING:
    from lateen.model.base import Json


class ExecAction(Parameters):
    """Run a command inside the container."""

    command: list[str] = Field(description="The command and its arguments; exit code 0 is healthy.")


class HttpHeader(Parameters):
    """A header of a request."""

    name: Named = Field(description="Name of the header.")
    value: str = Field(description="Its value.")


class HttpGetAction(Parameters):
    """Send an HTTP GET request to the container."""

    path: str = Field(description="Path of the request.")
    port: PortNumber = Field(description="Port of the container.")
    host: str | None = Field(default=None, description="Host to ask; the pod's IP by default.")
    scheme: Literal["HTTP", "HTTPS"] | None = Field(default=None, description="HTTP by default.")
    http_headers: list[HttpHeader] | None = Field(default=None, description="Additional headers.")


class TcpSocketAction(Parameters):
    """Open a TCP connection to the container."""

    port: PortNumber = Field(description="Port of the container.")


class HealthProbe(Parameters):
    """How to find out whether a container is alive or ready: by exactly one of three actions."""

    exec: ExecAction | None = Field(default=None, description="Run a command.")
    http_get: HttpGetAction | None = Field(default=None, description="Send a GET request.")
    tcp_socket: TcpSocketAction | None = Field(default=None, description="Open a connection.")
    initial_delay_seconds: int = Field(
        default=0, ge=0, description="Seconds between the container's start and the first probe."
    )
    period_seconds: int = Field(default=10, ge=1, description="Seconds between two probes.")
    timeout_seconds: int = Field(default=1, ge=1, description="Seconds until a probe times out.")
    success_threshold: int = Field(
        default=1, ge=1, description="Successes in a row after which it counts as healthy again."
    )
    failure_threshold: int = Field(
        default=3, ge=1, description="Failures in a row after which it counts as unhealthy."
    )

    @model_validator(mode="after")
    def _one_action(self) -> HealthProbe:
        actions = (self.exec, self.http_get, self.tcp_socket)
        if sum(action is not None for action in actions) != 1:
            raise ValueError("needs exactly one of exec, httpGet and tcpSocket")
        return self


def probe(health: HealthProbe) -> Json:
    """Return the probe as a container states it."""
    stated: dict[str, Any] = {
        "initialDelaySeconds": health.initial_delay_seconds,
        "periodSeconds": health.period_seconds,
        "timeoutSeconds": health.timeout_seconds,
        "successThreshold": health.success_threshold,
        "failureThreshold": health.failure_threshold,
    }
    if health.exec is not None:
        stated["exec"] = {"command": list(health.exec.command)}
    if health.http_get is not None:
        stated["httpGet"] = health.http_get.model_dump(by_alias=True, exclude_none=True)
    if health.tcp_socket is not None:
        stated["tcpSocket"] = {"port": health.tcp_socket.port}
    return stated

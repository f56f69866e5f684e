"""CPU and memory of a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from lateen.rendering.parameters import Parameters, Quantity

if TYPE_CHECKING:
    from lateen.model.base import Json


class Limit(Parameters):
    """Upper limits that differ from the requests."""

    cpu: Quantity | None = Field(default=None, description="Limit of CPU; the request by default.")
    memory: Quantity | None = Field(
        default=None, description="Limit of memory; the request by default."
    )


def resources(cpu: str | None, memory: str | None, *, limit: Limit | None = None) -> Json:
    """Request CPU and memory, with the same limits unless ``limit`` says otherwise.

    A limit without its request has no effect, as in KubeVela. Returns an empty object when nothing
    is requested.
    """
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    if cpu is not None:
        requests["cpu"] = cpu
        limits["cpu"] = limit.cpu if limit and limit.cpu is not None else cpu
    if memory is not None:
        requests["memory"] = memory
        limits["memory"] = limit.memory if limit and limit.memory is not None else memory
    return {"requests": requests, "limits": limits} if requests else {}

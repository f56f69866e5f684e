"""``resource``: CPU and memory of the component's container."""

from typing import TypeAlias

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Amount, Parameters, Quantity
from lateen.rendering.shapes.workloads import child, first_container

Cpu: TypeAlias = int | float | Quantity
"""CPU as a number of cores or as a quantity."""


class Amounts(Parameters):
    """CPU and memory."""

    cpu: Cpu = Field(default=1, description="CPU: `0.5` and `500m` are half a core.")
    memory: Amount = Field(default="2048Mi", description="Memory, such as `512Mi`.")


class ResourceParameters(Parameters):
    """Parameters of ``resource``."""

    cpu: Cpu | None = Field(default=None, description="CPU, for requests and limits.")
    memory: Amount | None = Field(default=None, description="Memory, for requests and limits.")
    requests: Amounts | None = Field(default=None, description="Requests only.")
    limits: Amounts | None = Field(default=None, description="Limits only.")


class Resource(TraitType[ResourceParameters]):
    """Sets requests and limits: ``requests`` and ``limits`` win over ``cpu`` and ``memory``."""

    type = "resource"
    parameters = ResourceParameters

    @override
    def apply(
        self, parameters: ResourceParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Replace the requests and limits that are given, on the first container."""
        resources = child(first_container(workload), "resources")
        if parameters.requests is None and parameters.limits is None:
            given = {"cpu": parameters.cpu, "memory": parameters.memory}
            both = {key: value for key, value in given.items() if value is not None}
            if both:
                resources.update(requests=both, limits=dict(both))
        for key, amounts in (("requests", parameters.requests), ("limits", parameters.limits)):
            if amounts is not None:
                resources[key] = {"cpu": amounts.cpu, "memory": amounts.memory}
        return {}

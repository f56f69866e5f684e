"""``service-binding``: environment variables from Secrets."""

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters
from lateen.rendering.shapes.workloads import container_named, put


class KeySecret(Parameters):
    """A key of a Secret."""

    secret: Named = Field(description="Name of the Secret.")
    key: Named | None = Field(default=None, description="The key; the variable's name by default.")


class ServiceBindingParameters(Parameters):
    """Parameters of ``service-binding``."""

    env_mappings: dict[str, KeySecret] = Field(description="Where each variable comes from.")


class ServiceBinding(TraitType[ServiceBindingParameters]):
    """Sets variables of the component's container; they replace those of the same name."""

    type = "service-binding"
    parameters = ServiceBindingParameters

    @override
    def apply(
        self, parameters: ServiceBindingParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Merge the variables into the container with the component's name."""
        variables: list[Json] = [
            {
                "name": name,
                "valueFrom": {"secretKeyRef": {"name": source.secret, "key": source.key or name}},
            }
            for name, source in parameters.env_mappings.items()
        ]
        put(container_named(workload, context.name, path=""), "env", variables)
        return {}

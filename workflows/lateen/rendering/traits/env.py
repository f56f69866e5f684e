"""``env``: environment variables of containers."""

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.shapes.targets import ContainerTarget, targets
from lateen.rendering.shapes.workloads import entries


class EnvPatch(ContainerTarget):
    """Variables of one container."""

    replace: bool = Field(default=False, description="Drop the variables that exist already.")
    env: dict[str, str] = Field(default={}, description="Variables to set, by name.")
    unset: list[str] = Field(default=[], description="Names of variables to remove.")


class EnvParameters(EnvPatch):
    """Parameters of ``env``."""

    containers: list[EnvPatch] | None = Field(
        default=None, description="Several containers; excludes the other parameters."
    )


class Env(TraitType[EnvParameters]):
    """Sets and removes variables; what exists keeps its place."""

    type = "env"
    parameters = EnvParameters

    @override
    def apply(
        self, parameters: EnvParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Rewrite ``env`` of each container that is meant."""
        single: EnvPatch = parameters
        for patch, container, _ in targets(
            single, parameters.containers, workload=workload, context=context
        ):
            container["env"] = _merged(entries(container, "env"), patch)
        return {}


def _merged(existing: list[Json], patch: EnvPatch) -> list[Json]:
    kept = [] if patch.replace else existing
    merged = {variable.get("name", ""): variable for variable in kept}
    merged |= {name: {"name": name, "value": value} for name, value in patch.env.items()}
    return [variable for name, variable in merged.items() if name not in patch.unset]

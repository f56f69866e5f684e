"""``hostalias``: entries of the pods' hosts file."""

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Parameters
from lateen.rendering.shapes.containers import HostAlias, host_alias_list
from lateen.rendering.shapes.workloads import pod_of, put


class HostaliasParameters(Parameters):
    """Parameters of ``hostalias``."""

    host_aliases: list[HostAlias] = Field(description="The entries; an address appears once.")


class Hostalias(TraitType[HostaliasParameters]):
    """Adds entries; those with a known address replace it."""

    type = "hostalias"
    parameters = HostaliasParameters

    @override
    def apply(
        self, parameters: HostaliasParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Merge the entries by their address."""
        added = host_alias_list(parameters.host_aliases)
        put(pod_of(workload), "hostAliases", added, key="ip")
        return {}

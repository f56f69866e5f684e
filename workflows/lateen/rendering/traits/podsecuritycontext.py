"""``podsecuritycontext``: as whom the pods run."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters, to_json
from lateen.rendering.shapes.workloads import child, pod_of


class Profile(Parameters):
    """A profile of AppArmor or seccomp."""

    type: Literal["RuntimeDefault", "Unconfined", "Localhost"] = Field(
        description="Which profile; `Localhost` is one of the node."
    )
    localhost_profile: Named | None = Field(
        default=None, description="Its name on the node, with `Localhost`."
    )


class PodsecuritycontextParameters(Parameters):
    """Parameters of ``podsecuritycontext``."""

    app_armor_profile: Profile | None = Field(default=None, description="Profile of AppArmor.")
    fs_group: int | None = Field(default=None, ge=0, description="Group that owns the volumes.")
    run_as_group: int | None = Field(default=None, ge=0, description="Id of the group.")
    run_as_user: int | None = Field(default=None, ge=0, description="Id of the user.")
    run_as_non_root: bool = Field(default=True, description="Refuse to run as root.")
    seccomp_profile: Profile | None = Field(default=None, description="Profile of seccomp.")


class Podsecuritycontext(TraitType[PodsecuritycontextParameters]):
    """Sets the security context of the pods."""

    type = "podsecuritycontext"
    parameters = PodsecuritycontextParameters

    @override
    def apply(
        self, parameters: PodsecuritycontextParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Merge into ``securityContext`` of the pods."""
        child(pod_of(workload), "securityContext").update(to_json(parameters))
        return {}

"""``securitycontext``: what the processes of containers may do."""

from typing import Any

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.shapes.targets import ContainerTarget, targets


class SecurityPatch(ContainerTarget):
    """What the processes of one container may do."""

    add_capabilities: list[str] | None = Field(default=None, description="Capabilities to add.")
    allow_privilege_escalation: bool = Field(
        default=False, description="Whether a process may gain more rights than its parent."
    )
    drop_capabilities: list[str] | None = Field(default=None, description="Capabilities to drop.")
    privileged: bool = Field(default=False, description="Whether it is as root on the node.")
    read_only_root_filesystem: bool = Field(
        default=False, description="Whether its own file system is read-only."
    )
    run_as_non_root: bool = Field(default=True, description="Refuse to run as root.")
    run_as_user: int | None = Field(default=None, ge=0, description="Id of the user.")
    run_as_group: int | None = Field(default=None, ge=0, description="Id of the group.")


class SecuritycontextParameters(SecurityPatch):
    """Parameters of ``securitycontext``."""

    containers: list[SecurityPatch] | None = Field(
        default=None, description="Several containers; excludes the other parameters."
    )


class Securitycontext(TraitType[SecuritycontextParameters]):
    """Sets the security context of containers."""

    type = "securitycontext"
    parameters = SecuritycontextParameters

    @override
    def apply(
        self, parameters: SecuritycontextParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Replace ``securityContext`` of each container that is meant."""
        single: SecurityPatch = parameters
        for patch, container, _ in targets(
            single, parameters.containers, workload=workload, context=context
        ):
            container["securityContext"] = _context(patch)
        return {}


def _context(patch: SecurityPatch) -> Json:
    capabilities: dict[str, list[str]] = {}
    if patch.add_capabilities is not None:
        capabilities["add"] = list(patch.add_capabilities)
    if patch.drop_capabilities is not None:
        capabilities["drop"] = list(patch.drop_capabilities)
    made: dict[str, Any] = {
        "capabilities": capabilities,
        "allowPrivilegeEscalation": patch.allow_privilege_escalation,
        "readOnlyRootFilesystem": patch.read_only_root_filesystem,
        "privileged": patch.privileged,
        "runAsNonRoot": patch.run_as_non_root,
    }
    if patch.run_as_user is not None:
        made["runAsUser"] = patch.run_as_user
    if patch.run_as_group is not None:
        made["runAsGroup"] = patch.run_as_group
    return made

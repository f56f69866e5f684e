"""``command``: command and arguments of containers."""

from typing import Any, cast

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import TemplateError
from lateen.rendering.shapes.targets import ContainerTarget, targets


class CommandPatch(ContainerTarget):
    """Command and arguments of one container."""

    command: list[str] | None = Field(default=None, description="Replaces the command.")
    args: list[str] | None = Field(default=None, description="Replaces the arguments.")
    add_args: list[str] | None = Field(
        default=None, description="Arguments to add, unless they are there; not with `args`."
    )
    del_args: list[str] | None = Field(
        default=None, description="Arguments to remove; not with `args`."
    )


class CommandParameters(CommandPatch):
    """Parameters of ``command``."""

    containers: list[CommandPatch] | None = Field(
        default=None, description="Several containers; excludes the other parameters."
    )


class Command(TraitType[CommandParameters]):
    """Replaces the command, and replaces or edits the arguments."""

    type = "command"
    parameters = CommandParameters

    @override
    def apply(
        self, parameters: CommandParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Rewrite ``command`` and ``args`` of each container that is meant."""
        single: CommandPatch = parameters
        for patch, container, path in targets(
            single, parameters.containers, workload=workload, context=context
        ):
            if patch.command is not None:
                container["command"] = list(patch.command)
            container["args"] = _arguments(container.get("args"), patch, path=path)
        return {}


def _arguments(written: Any, patch: CommandPatch, *, path: str) -> list[str]:
    if patch.args is not None:
        for key, edits in (("addArgs", patch.add_args), ("delArgs", patch.del_args)):
            if edits is not None:
                raise TemplateError(f"{path}{key}", "can't be used with args", hint="leave one out")
        return list(patch.args)
    existing = cast("list[str]", written) if isinstance(written, list) else []
    removed = patch.del_args or ()
    added = [argument for argument in patch.add_args or () if argument not in existing]
    return [argument for argument in (*existing, *added) if argument not in removed]

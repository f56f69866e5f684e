"""What every parameter model starts from, and the error for what only rendering can find out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field

from lateen.model.base import Model
from lateen.model.errors import LateenError, Problem

if TYPE_CHECKING:
    from pydantic import BaseModel


class Parameters(Model):
    """Properties of a component or trait, or a part of them, exactly as users write them."""

    model_config = ConfigDict(populate_by_name=False)


class TemplateError(LateenError):
    """The parameters are well-formed, but don't fit this component.

    ``path`` is relative to the properties; whoever knows where those stand completes it.
    """

    def __init__(self, path: str, message: str, *, value: Any = None, hint: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(path, message, value, hint)

    def at(self, properties: str) -> Problem:
        """Return the problem with its full path; ``properties`` is where the properties stand."""
        inner = self.problem
        separator = "." if inner.path and not inner.path.startswith("[") else ""
        return Problem(
            f"{properties}{separator}{inner.path}", inner.message, inner.value, inner.hint
        )


def to_json(value: BaseModel) -> dict[str, Any]:
    """Return the JSON of what the user wrote and of what has a default; never a null."""
    return value.model_dump(by_alias=True, exclude_none=True)


PortNumber = Annotated[int, Field(ge=1, le=65535)]
"""A TCP, UDP or SCTP port."""

Quantity = Annotated[
    str,
    Field(pattern=r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?$"),
]
"""A Kubernetes quantity in quotes: ``500m``, ``0.5``, ``512Mi``."""

Named = Annotated[str, Field(min_length=1)]
"""A name or path that must not be empty."""

"""What every parameter model starts from, and the error for what only rendering can find out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

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

_QUANTITY = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?")
_AMOUNT = re.compile(r"[1-9][0-9]{0,63}([EPTGMK]i?)")


def _quantity(text: str) -> str:
    if not _QUANTITY.fullmatch(text):
        raise ValueError("expected a quantity such as 500m, 0.5 or 512Mi")
    return text


def _amount(text: str) -> str:
    if not _AMOUNT.fullmatch(text):
        raise ValueError("expected an amount with its unit, such as 512Mi")
    return text


Quantity = Annotated[str, AfterValidator(_quantity)]
"""A Kubernetes quantity in quotes: ``500m``, ``0.5``, ``512Mi``."""

Amount = Annotated[str, AfterValidator(_amount)]
"""A whole number of bytes with a unit: ``512Mi``, ``8G``."""

Named = Annotated[str, Field(min_length=1)]
"""A name or path that must not be empty."""

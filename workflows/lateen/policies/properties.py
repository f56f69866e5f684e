"""Reading a policy's properties into the model of its type."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from lateen.model.base import Model
from lateen.model.errors import InvalidApplication
from lateen.model.validation import problems_of

if TYPE_CHECKING:
    from lateen.model.application import InlinePolicy

_Properties = TypeVar("_Properties", bound=Model)


def properties_path(policy: InlinePolicy) -> str:
    """Return how errors call a policy's properties where its place in a document isn't known."""
    return f"policies[{policy.name}].properties"


def read_properties(
    policy: InlinePolicy, model: type[_Properties], *, path: str | None = None
) -> _Properties:
    """Read the properties of a policy.

    A null at the top counts as an absent key, as it does for Kubernetes. Raises
    ``InvalidApplication`` with paths below ``path``.
    """
    where = properties_path(policy) if path is None else path
    if policy.properties is None:
        message = f"a {policy.type} policy needs properties"
        raise InvalidApplication.at(where, message, hint=f"policy {policy.name!r} has none")
    present = {key: value for key, value in policy.properties.items() if value is not None}
    try:
        return model.model_validate(present)
    except ValidationError as error:
        raise InvalidApplication(problems_of(error, model, path=where)) from None

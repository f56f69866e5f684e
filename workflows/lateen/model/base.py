"""The base of every model: strict, frozen, camelCase outside and snake_case inside."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

Json = dict[str, Any]
"""A JSON object as it came from YAML, an API server or a payload."""


class Model(BaseModel):
    """A value with a fixed shape.

    Unknown keys are errors, types are not coerced (``"80"`` is no integer), instances never change.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        strict=True,
    )

    def to_json(self) -> Json:
        """Return the JSON form with camelCase keys, without what is unset or None."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")


class Record(Model):
    """A value that lateen itself wrote: read leniently, so that older readers survive new fields."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        strict=False,
    )

"""Environment variables of a container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from lateen.rendering.parameters import Named, Parameters, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lateen.model.base import Json


class KeyRef(Parameters):
    """One key of a Secret or ConfigMap in the pod's namespace."""

    name: Named = Field(description="Name of the Secret or ConfigMap.")
    key: Named = Field(description="The key in it.")
    optional: bool | None = Field(default=None, description="Start even when the key is missing.")


class FieldRef(Parameters):
    """A field of the pod itself."""

    field_path: Named = Field(description="Path of the field, such as `status.podIP`.")
    api_version: str | None = Field(default=None, description="Version of the schema of the path.")


class ResourceFieldRef(Parameters):
    """A resource limit or request of a container."""

    resource: Named = Field(description="Such as `limits.memory`.")
    container_name: str | None = Field(default=None, description="Container, if it is another one.")
    divisor: str | None = Field(default=None, description="Unit of the value, such as `1Mi`.")


class EnvSource(Parameters):
    """Where the value of a variable comes from; exactly one source."""

    secret_key_ref: KeyRef | None = Field(default=None, description="A key of a Secret.")
    config_map_key_ref: KeyRef | None = Field(default=None, description="A key of a ConfigMap.")
    field_ref: FieldRef | None = Field(default=None, description="A field of the pod.")
    resource_field_ref: ResourceFieldRef | None = Field(
        default=None, description="A resource limit or request of a container."
    )


class EnvVar(Parameters):
    """One environment variable: a value, or where to take it from."""

    name: Named = Field(description="Name of the variable.")
    value: str | None = Field(default=None, description="Its value.")
    value_from: EnvSource | None = Field(default=None, description="Where its value comes from.")

    @model_validator(mode="after")
    def _one_value(self) -> EnvVar:
        if self.value is not None and self.value_from is not None:
            raise ValueError("has both value and valueFrom; leave one out")
        return self


def env_list(variables: Iterable[EnvVar]) -> list[Json]:
    """Return the variables as a container lists them."""
    listed: list[Json] = []
    for variable in variables:
        entry: dict[str, Any] = {"name": variable.name}
        if variable.value is not None:
            entry["value"] = variable.value
        if variable.value_from is not None:
            entry["valueFrom"] = to_json(variable.value_from)
        listed.append(entry)
    return listed

"""Objects that users write out themselves, checked as far as lateen relies on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ConfigDict, Field, ValidationError

from lateen.model.validation import problems_of
from lateen.rendering.parameters import Named, Parameters, TemplateError

if TYPE_CHECKING:
    from lateen.model.base import Json


class ManifestMetadata(Parameters):
    """Metadata of an object; further fields are passed on."""

    model_config = ConfigDict(extra="allow")

    name: Named | None = Field(default=None, description="Name of the object.")
    namespace: str | None = Field(default=None, description="Its namespace.")
    labels: dict[str, str] | None = Field(default=None, description="Its labels.")
    annotations: dict[str, str] | None = Field(default=None, description="Its annotations.")


class Manifest(Parameters):
    """A Kubernetes object; further fields are passed on as they are."""

    model_config = ConfigDict(extra="allow")

    api_version: Named = Field(description="API group and version.")
    kind: Named = Field(description="Kind of the object.")
    metadata: ManifestMetadata | None = Field(default=None, description="Name, labels and so on.")

    def fresh(self) -> Json:
        """Return the object as written, in a copy of one's own."""
        return self.model_dump(by_alias=True, exclude_unset=True)


def check_manifest(workload: Json, *, path: str) -> None:
    """Make sure that a patched workload still is an object.

    Raises ``TemplateError`` at ``path``, the parameter that broke it.
    """
    try:
        Manifest.model_validate(workload)
    except ValidationError as error:
        problem = problems_of(error, Manifest, path="")[0]
        raise TemplateError(
            path, f"leaves an invalid object: {problem.path} {problem.message}"
        ) from None

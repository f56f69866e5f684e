"""Flux's sources: where its controllers in the target cluster fetch charts and manifests from.

The API versions are those that KubeVela's add-on ``fluxcd`` (3.x) installs and uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import Field

from lateen.model.application import Duration
from lateen.rendering.parameters import Named, Parameters, TemplateError, to_json

if TYPE_CHECKING:
    from lateen.model.base import Json

SOURCE = "source.toolkit.fluxcd.io"
GIT, OSS, OCI = "git", "oss", "oci"

CloudProvider: TypeAlias = Literal["generic", "azure", "aws", "gcp"]
"""Who answers for a client without credentials of its own."""


class GitReference(Parameters):
    """What to take from a Git repository; ``commit`` wins over ``name``, ``semver``, ``tag``, ``branch``."""

    branch: Named | None = Field(default=None, description="Branch to follow.")
    commit: Named | None = Field(default=None, description="Commit to take; wins over all others.")
    name: Named | None = Field(
        default=None, description="Reference to follow, such as `refs/pull/420/head`."
    )
    semver: Named | None = Field(
        default=None, description="Range of versions whose newest tag is taken."
    )
    tag: Named | None = Field(default=None, description="Tag to take.")

    def reference(self) -> Json:
        """Return the reference as a GitRepository has it."""
        return to_json(self)


class Bucket(Parameters):
    """A bucket of an object store; ``url`` is the store's address."""

    bucket_name: Named = Field(description="Name of the bucket.")
    provider: CloudProvider = Field(
        default="generic", description="Kind of store; `generic` is any that speaks S3."
    )
    region: Named | None = Field(default=None, description="Region of the bucket.")


class SourceParameters(Parameters):
    """Where something is fetched from."""

    url: Named | None = Field(
        default=None,
        description="Address of the repository, or of the object store; required without `sourceName`.",
    )
    source_name: Named | None = Field(
        default=None, description="Use this source of the namespace instead of making one."
    )
    secret_ref: str | None = Field(
        default=None, description="Secret with the credentials of the source."
    )
    pull_interval: Duration = Field(
        default="5m", description="How often the source is looked at, such as `5m`."
    )
    timeout: Duration | None = Field(
        default=None, description="How long fetching may take, such as `60s`."
    )
    oss: Bucket | None = Field(
        default=None, description="The bucket; required for `repoType: oss`."
    )


def source(kind: str, name: str, *, version: str, spec: Json) -> Json:
    """Return a source object."""
    return {
        "apiVersion": f"{SOURCE}/{version}",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def git_repository(
    name: str, parameters: SourceParameters, *, reference: GitReference | None
) -> Json:
    """Return a GitRepository; without a reference Flux follows its own default branch."""
    spec: dict[str, Any] = {"url": address(parameters)}
    ref = reference.reference() if reference else {}
    if ref:
        spec["ref"] = ref
    return source("GitRepository", name, version="v1", spec={**spec, **fetching(parameters)})


def bucket(name: str, parameters: SourceParameters) -> Json:
    """Return a Bucket. Raises ``TemplateError`` when the parameters name none."""
    chosen = parameters.oss
    if chosen is None:
        raise TemplateError("oss", "is required for repoType oss", hint="name the bucket")
    spec = {"endpoint": address(parameters), **to_json(chosen), **fetching(parameters)}
    return source("Bucket", name, version="v1beta2", spec=spec)


def address(parameters: SourceParameters) -> str:
    """Return the address of a source that is to be made. Raises ``TemplateError`` without one."""
    if parameters.url is None:
        raise TemplateError("url", "is required", hint="or name an existing source in sourceName")
    return parameters.url


def fetching(parameters: SourceParameters) -> Json:
    """Return what every source says about fetching."""
    spec: dict[str, Any] = {"interval": parameters.pull_interval}
    if parameters.secret_ref:
        spec["secretRef"] = {"name": parameters.secret_ref}
    if parameters.timeout is not None:
        spec["timeout"] = parameters.timeout
    return spec

"""``kustomize``: a directory of manifests, applied by Flux in the target cluster."""

from typing import Any, Literal

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import ComponentType, Rendered
from lateen.rendering.parameters import Named, Parameters, TemplateError, to_json
from lateen.rendering.shapes.flux import (
    GIT,
    OSS,
    CloudProvider,
    GitReference,
    SourceParameters,
    address,
    bucket,
    fetching,
    git_repository,
    source,
)
from lateen.rendering.shapes.image_updates import ImageUpdates, image_updates

_KINDS = {"git": "GitRepository", "oss": "Bucket", "oci": "OCIRepository"}


class ManifestsReference(GitReference):
    """What to take from a Git repository; ``commit`` wins over ``name``, ``semver``, ``tag``, ``branch``."""

    provider: Literal["GitHub", "AzureDevOps"] | None = Field(
        default=None,
        exclude=True,
        description="Deprecated and without effect: Flux chooses how to speak Git.",
    )


class OciReference(Parameters):
    """What to take from an OCI repository; ``digest`` wins over ``semver``, and that over ``tag``."""

    provider: CloudProvider = Field(
        default="generic", description="Who authenticates; `generic` takes the Secret, if any."
    )
    tag: Named | None = Field(default=None, description="Tag to take; Flux's default is `latest`.")
    semver: Named | None = Field(
        default=None, description="Range of versions whose newest tag is taken."
    )
    digest: Named | None = Field(default=None, description="Digest to take; wins over all others.")


class DecryptionSecret(Parameters):
    """The Secret with the keys."""

    name: Named = Field(description="Name of the Secret.")


class Decryption(Parameters):
    """How encrypted manifests are read."""

    provider: Named = Field(default="sops", description="What they are encrypted with.")
    secret_ref: DecryptionSecret = Field(description="The Secret with the keys.")


class KustomizeParameters(SourceParameters):
    """Parameters of ``kustomize``."""

    repo_type: Literal["git", "oss", "oci"] = Field(
        default="git", description="What `url` is: a Git or OCI repository, or a bucket."
    )
    path: Named = Field(
        description="Directory of the source with a `kustomization.yaml`, or with manifests."
    )
    git: ManifestsReference | None = Field(
        default=None, description="What to take from Git, for `repoType: git`."
    )
    oci: OciReference | None = Field(
        default=None, description="What to take from an OCI repository, for `repoType: oci`."
    )
    prune: bool = Field(
        default=True, description="Whether objects that left the directory are deleted."
    )
    suspend: bool = Field(default=False, description="Start no further runs.")
    force: bool = Field(
        default=False, description="Recreate objects whose immutable fields have changed."
    )
    target_namespace: Named | None = Field(
        default=None, description="Namespace that all objects are put into."
    )
    decryption: Decryption | None = Field(
        default=None, description="How encrypted manifests are read."
    )
    image_repository: ImageUpdates | None = Field(
        default=None, description="An image whose new tags are written to the Git repository."
    )


class Kustomize(ComponentType[KustomizeParameters]):
    """A Flux Kustomization and its source; the target cluster needs Flux (KubeVela's add-on fluxcd).

    The reference to the source names no namespace, unlike KubeVela's: Flux takes the Kustomization's own,
    which is right also where a topology has moved both into another one.
    """

    type = "kustomize"
    parameters = KustomizeParameters

    @override
    def render(self, parameters: KustomizeParameters, context: RenderContext) -> Rendered:
        """Make the Kustomization, its source unless there is one, and the image automation."""
        outputs: dict[str, Json] = {}
        if parameters.source_name is None:
            outputs["repo"] = _source(parameters, context.name)
        outputs |= _updates(parameters, context.name)
        kustomization = {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": context.name},
            "spec": _kustomization(parameters, context.name),
        }
        return Rendered(kustomization, outputs)


def _source(parameters: KustomizeParameters, name: str) -> Json:
    if parameters.repo_type == GIT:
        return git_repository(name, parameters, reference=parameters.git)
    if parameters.repo_type == OSS:
        return bucket(name, parameters)
    spec: dict[str, Any] = {"url": address(parameters)}
    if parameters.oci is not None:
        ref = to_json(parameters.oci)
        spec["provider"] = ref.pop("provider")
        if ref:
            spec["ref"] = ref
    spec |= fetching(parameters)
    return source("OCIRepository", name, version="v1beta2", spec=spec)


def _kustomization(parameters: KustomizeParameters, name: str) -> Json:
    spec: dict[str, Any] = {
        "interval": parameters.pull_interval,
        "sourceRef": {
            "kind": _KINDS[parameters.repo_type],
            "name": parameters.source_name or name,
        },
        "path": parameters.path,
        "suspend": parameters.suspend,
        "prune": parameters.prune,
        "force": parameters.force,
    }
    if parameters.decryption is not None:
        spec["decryption"] = to_json(parameters.decryption)
    if parameters.target_namespace is not None:
        spec["targetNamespace"] = parameters.target_namespace
    return spec


def _updates(parameters: KustomizeParameters, name: str) -> dict[str, Json]:
    if parameters.image_repository is None:
        return {}
    if parameters.repo_type != GIT:
        raise TemplateError(
            "imageRepository", "needs repoType git: new tags are written to the Git repository"
        )
    if parameters.git is None or parameters.git.branch is None:
        raise TemplateError(
            "git.branch", "is required by imageRepository", hint="name the branch to write to"
        )
    try:
        return image_updates(
            parameters.image_repository,
            name=name,
            source=parameters.source_name or name,
            branch=parameters.git.branch,
            path=parameters.path,
        )
    except TemplateError as error:
        problem = error.problem
        path = f"imageRepository.{problem.path}"
        raise TemplateError(path, problem.message, hint=problem.hint) from None

"""``helm``: a Helm chart, released by Flux in the target cluster."""

import copy
from typing import Any, Literal

from pydantic import Field
from typing_extensions import override

from lateen.model.application import Duration
from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import ComponentType, Rendered
from lateen.rendering.parameters import Named, Parameters, to_json
from lateen.rendering.shapes.flux import (
    GIT,
    OCI,
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

_KINDS = {GIT: "GitRepository", OSS: "Bucket"}


class HelmRepositoryOptions(Parameters):
    """How a Helm repository is spoken to."""

    provider: CloudProvider = Field(
        default="generic", description="Who authenticates; `generic` takes the Secret, if any."
    )


class ValuesReference(Parameters):
    """Values of the chart from an object of the target cluster."""

    kind: Literal["Secret", "ConfigMap"] = Field(description="Kind of the object.")
    name: Named = Field(description="Name of the object.")
    values_key: Named | None = Field(
        default=None, description="Key of the object; `values.yaml` by default."
    )
    target_path: Named | None = Field(
        default=None, description="Where in the values it goes; by default it is merged at the top."
    )
    optional: bool | None = Field(
        default=None, description="Whether the object or the key may be missing."
    )


class HelmParameters(SourceParameters):
    """Parameters of ``helm``."""

    repo_type: Literal["helm", "git", "oss", "oci"] = Field(
        default="helm", description="What `url` is: a Helm, Git or OCI repository, or a bucket."
    )
    chart: Named = Field(
        description="Name of the chart in a Helm repository, or its path in Git or a bucket."
    )
    version: Named = Field(default="*", description="Version or range of versions of the chart.")
    git: GitReference | None = Field(
        default=None, description="What to take from Git, for `repoType: git`."
    )
    helmrepository: HelmRepositoryOptions | None = Field(
        default=None, description="Options for `repoType: helm` and `oci`."
    )
    interval: Duration = Field(default="30s", description="How often the release is looked at.")
    install_timeout: Duration = Field(
        default="10m", description="How long each Helm action may take."
    )
    retries: int = Field(
        default=3, ge=-1, description="Retries of a failed install or upgrade; -1 is no limit."
    )
    target_namespace: Named | None = Field(
        default=None, description="Namespace of the release; the placement's by default."
    )
    release_name: Named | None = Field(default=None, description="Name of the release.")
    values: Json | None = Field(default=None, description="Values of the chart.")
    values_from: list[ValuesReference] | None = Field(
        default=None, description="Values from ConfigMaps and Secrets, merged in order."
    )
    values_files: list[str] | None = Field(
        default=None, description="Files of the source that replace the chart's `values.yaml`."
    )
    upgrade_crd: bool = Field(
        default=False, alias="upgradeCRD", description="Whether upgrades replace the chart's CRDs."
    )


class Helm(ComponentType[HelmParameters]):
    """A Flux HelmRelease and its source; the target cluster needs Flux (KubeVela's add-on fluxcd)."""

    type = "helm"
    parameters = HelmParameters

    @override
    def render(self, parameters: HelmParameters, context: RenderContext) -> Rendered:
        """Make the HelmRelease and, unless there is one, its source."""
        outputs: dict[str, Json] = {}
        if parameters.source_name is None:
            outputs["repo"] = _source(parameters, context.name)
        release = {
            "apiVersion": "helm.toolkit.fluxcd.io/v2beta1",
            "kind": "HelmRelease",
            "metadata": {"name": context.name},
            "spec": _release(parameters, context.name),
        }
        return Rendered(release, outputs)


def _source(parameters: HelmParameters, name: str) -> Json:
    if parameters.repo_type == GIT:
        return git_repository(name, parameters, reference=parameters.git)
    if parameters.repo_type == OSS:
        return bucket(name, parameters)
    spec: dict[str, Any] = {"url": address(parameters)}
    if parameters.repo_type == OCI:
        spec["type"] = OCI
    if parameters.helmrepository is not None:
        spec["provider"] = parameters.helmrepository.provider
    spec |= fetching(parameters)
    return source("HelmRepository", name, version="v1beta2", spec=spec)


def _release(parameters: HelmParameters, name: str) -> Json:
    chart: dict[str, Any] = {
        "chart": parameters.chart,
        "version": parameters.version,
        "sourceRef": {
            "kind": _KINDS.get(parameters.repo_type, "HelmRepository"),
            "name": parameters.source_name or name,
        },
        "interval": parameters.pull_interval,
    }
    if parameters.values_files is not None:
        chart["valuesFiles"] = list(parameters.values_files)
    crds = {"crds": "CreateReplace"} if parameters.upgrade_crd else {}
    spec: dict[str, Any] = {
        "timeout": parameters.install_timeout,
        "interval": parameters.interval,
        "chart": {"spec": chart},
        "install": {"remediation": {"retries": parameters.retries}},
        "upgrade": {"remediation": {"retries": parameters.retries}, **crds},
    }
    if parameters.values is not None:
        # As written, nulls too: they remove a default of the chart.
        spec["values"] = copy.deepcopy(parameters.values)
    if parameters.values_from is not None:
        spec["valuesFrom"] = [to_json(reference) for reference in parameters.values_from]
    if parameters.target_namespace is not None:
        spec["targetNamespace"] = parameters.target_namespace
    if parameters.release_name is not None:
        spec["releaseName"] = parameters.release_name
    return spec

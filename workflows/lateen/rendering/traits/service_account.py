"""``service-account``: as which account the pods call the API server, and what it may do."""

from typing import Any, Literal

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters
from lateen.rendering.shapes.workloads import pod_of

_GROUP = "rbac.authorization.k8s.io"


class Privilege(Parameters):
    """What the account may do."""

    verbs: list[str] = Field(description="The verbs, such as `get`.")
    api_groups: list[str] | None = Field(default=None, description="API groups of the resources.")
    resources: list[str] | None = Field(default=None, description="The resources, as plurals.")
    resource_names: list[str] | None = Field(default=None, description="Only these objects.")
    non_resource_urls: list[str] | None = Field(
        default=None, alias="nonResourceURLs", description="Paths of the API server."
    )
    scope: Literal["namespace", "cluster"] = Field(
        default="namespace", description="Where it holds."
    )

    def rule(self) -> Json:
        """Return the rule of a Role."""
        return self.model_dump(by_alias=True, exclude_none=True, exclude={"scope"})


class ServiceAccountParameters(Parameters):
    """Parameters of ``service-account``."""

    name: Named = Field(description="Name of the account.")
    create: bool = Field(default=False, description="Make the account.")
    privileges: list[Privilege] | None = Field(default=None, description="What it may do.")


class ServiceAccount(TraitType[ServiceAccountParameters]):
    """Sets the account of the pods; makes the account and its roles on request."""

    type = "service-account"
    parameters = ServiceAccountParameters
    reads_target = True  # Bindings name the namespace that the account ends up in.

    @override
    def apply(
        self, parameters: ServiceAccountParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Patch the pods; the outputs are the account, roles and bindings."""
        pod_of(workload)["serviceAccountName"] = parameters.name
        outputs: dict[str, Json] = {}
        if parameters.create:
            outputs["service-account"] = {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": parameters.name},
            }
        subject = {
            "kind": "ServiceAccount",
            "name": parameters.name,
            "namespace": context.target_namespace,
        }
        outputs |= _cluster_role(parameters, subject)
        outputs |= _role(parameters, subject)
        return outputs


def _rules(parameters: ServiceAccountParameters, scope: str) -> list[Json]:
    return [each.rule() for each in parameters.privileges or () if each.scope == scope]


def _cluster_role(parameters: ServiceAccountParameters, subject: dict[str, str]) -> dict[str, Json]:
    rules = _rules(parameters, "cluster")
    if not rules:
        return {}
    name = f"{subject['namespace']}:{parameters.name}"
    return {
        "cluster-role": _object("ClusterRole", name, rules=rules),
        "cluster-role-binding": _binding("ClusterRole", name, subject),
    }


def _role(parameters: ServiceAccountParameters, subject: dict[str, str]) -> dict[str, Json]:
    rules = _rules(parameters, "namespace")
    if not rules:
        return {}
    return {
        "role": _object("Role", parameters.name, rules=rules),
        "role-binding": _binding("Role", parameters.name, subject),
    }


def _binding(kind: str, name: str, subject: dict[str, str]) -> Json:
    role = {"apiGroup": _GROUP, "kind": kind, "name": name}
    return _object(f"{kind}Binding", name, roleRef=role, subjects=[subject])


def _object(kind: str, name: str, **content: Any) -> Json:
    return {"apiVersion": f"{_GROUP}/v1", "kind": kind, "metadata": {"name": name}, **content}

"""Where kinds live in a cluster's API: their paths and whether they are namespaced.

Kubernetes' own kinds are known by heart, so that the common case needs no request. Everything else
is discovered once per group and version.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from lateen.kube.errors import FieldProblem, Invalid, NotFound, Target, UnknownKind
from lateen.kube.shapes import as_objects, as_text

if TYPE_CHECKING:
    from lateen.kube.connection import Connection
    from lateen.model.base import Json
    from lateen.model.objects import ObjectRef

_NAMESPACED = {
    "v1": "ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate"
    " ReplicationController ResourceQuota Secret Service ServiceAccount",
    "apps/v1": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "batch/v1": "CronJob Job",
    "coordination.k8s.io/v1": "Lease",
    "discovery.k8s.io/v1": "EndpointSlice",
    "events.k8s.io/v1": "Event",
    "networking.k8s.io/v1": "Ingress NetworkPolicy",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "Role RoleBinding",
}
_CLUSTER_SCOPED = {
    "v1": "Namespace Node PersistentVolume",
    "admissionregistration.k8s.io/v1": "MutatingWebhookConfiguration ValidatingWebhookConfiguration"
    " ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition",
    "apiregistration.k8s.io/v1": "APIService",
    "networking.k8s.io/v1": "IngressClass",
    "node.k8s.io/v1": "RuntimeClass",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding",
    "scheduling.k8s.io/v1": "PriorityClass",
    "storage.k8s.io/v1": "CSIDriver CSINode StorageClass VolumeAttachment",
}


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as a cluster serves it."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return the URL path of an object or, without a name, of the collection."""
        root = "/apis" if "/" in self.api_version else "/api"
        place = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        item = f"/{quote(name, safe='')}" if name else ""
        return f"{root}/{self.api_version}{place}/{self.plural}{item}"


def plural_of(kind: str) -> str:
    """Return the plural that Kubernetes' own kinds use."""
    lower = kind.lower()
    if lower == "endpoints":
        return lower
    if lower.endswith("s"):
        return f"{lower}es"
    return f"{lower[:-1]}ies" if lower.endswith("y") else f"{lower}s"


BUILT_IN: dict[tuple[str, str], Resource] = {
    (api_version, kind): Resource(api_version, kind, plural_of(kind), namespaced)
    for table, namespaced in ((_NAMESPACED, True), (_CLUSTER_SCOPED, False))
    for api_version, kinds in table.items()
    for kind in kinds.split()
}


class Resources:
    """The kinds of one cluster."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._discovered: dict[str, dict[str, Resource]] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def find(self, api_version: str, kind: str) -> Resource:
        """Return where a kind lives; discovers its group when it isn't known (any more).

        Raises ``UnknownKind`` when the cluster doesn't serve it now.
        """
        if known := BUILT_IN.get((api_version, kind)):
            return known
        if known := self._discovered.get(api_version, {}).get(kind):
            return known
        async with self._locks[api_version]:
            known = self._discovered.get(api_version, {}).get(kind)
            if known is None:
                self._discovered[api_version] = await self._discover(api_version, kind)
                known = self._discovered[api_version].get(kind)
        if known is None:
            raise UnknownKind(api_version, kind, cluster=self._connection.cluster)
        return known

    async def locate(self, ref: ObjectRef, *, action: str) -> tuple[Resource, str]:
        """Return an object's resource and path.

        Raises ``Invalid``, without a request, when its namespace doesn't go with its kind.
        """
        resource = await self.find(ref.api_version, ref.kind)
        if resource.namespaced == bool(ref.namespace):
            return resource, resource.path(ref.namespace, ref.name)
        why = (
            f"required: {ref.kind} is namespaced"
            if resource.namespaced
            else f"must be left out: {ref.kind} is cluster-scoped"
        )
        target = Target(self._connection.cluster, action, resource.path("", ref.name), ref)
        problem = FieldProblem("metadata.namespace", why)
        raise Invalid(target, status=422, reason="Invalid", problems=[problem])

    def forget(self, api_version: str) -> None:
        """Discover a group again when it is asked for next."""
        self._discovered.pop(api_version, None)

    async def _discover(self, api_version: str, kind: str) -> dict[str, Resource]:
        root = "/apis" if "/" in api_version else "/api"
        path = f"{root}/{quote(api_version, safe='/')}"
        try:
            answer = await self._connection.request("GET", path)
        except NotFound as error:
            raise UnknownKind(api_version, kind, cluster=self._connection.cluster) from error
        return dict(_read(api_version, entry) for entry in as_objects(answer.get("resources")))


def _read(api_version: str, entry: Json) -> tuple[str, Resource]:
    """Read an entry of an ``APIResourceList``; subresources get a key that no kind has."""
    plural, kind = as_text(entry.get("name")), as_text(entry.get("kind"))
    key = kind if "/" not in plural else plural
    return key, Resource(api_version, kind, plural, entry.get("namespaced") is True)

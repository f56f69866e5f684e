"""In which order objects are applied, so that each finds what it needs; and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.rendering.scopes import group_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lateen.model.base import Json

_STAGES: tuple[tuple[tuple[str, str], ...], ...] = (
    (("", "Namespace"),),
    (("apiextensions.k8s.io", "CustomResourceDefinition"),),
    (
        ("", "ServiceAccount"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("rbac.authorization.k8s.io", "Role"),
        ("rbac.authorization.k8s.io", "RoleBinding"),
    ),
    (
        ("", "ConfigMap"),
        ("", "LimitRange"),
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
        ("", "ResourceQuota"),
        ("", "Secret"),
        ("networking.k8s.io", "IngressClass"),
        ("node.k8s.io", "RuntimeClass"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("storage.k8s.io", "StorageClass"),
    ),
    (("", "Service"),),
    (
        ("", "Pod"),
        ("", "ReplicationController"),
        ("apps", "DaemonSet"),
        ("apps", "Deployment"),
        ("apps", "ReplicaSet"),
        ("apps", "StatefulSet"),
        ("batch", "CronJob"),
        ("batch", "Job"),
    ),
)

_STAGE_OF: dict[tuple[str, str], int] = {
    kind: stage for stage, kinds in enumerate(_STAGES) for kind in kinds
}


def apply_order(manifests: Iterable[Json]) -> list[Json]:
    """Return namespaces first, then CRDs, RBAC, configuration, Services, workloads, the rest.

    Within a stage the given order stays.
    """
    return sorted(manifests, key=stage_of)


def delete_order(manifests: Iterable[Json]) -> list[Json]:
    """Return the exact reverse of the order of applying."""
    return apply_order(manifests)[::-1]


def stage_of(manifest: Json) -> int:
    """Return the stage in which an object is applied; stages can be applied one after another."""
    kind: tuple[str, str] = (group_of(manifest["apiVersion"]), manifest["kind"])
    return _STAGE_OF.get(kind, len(_STAGES))

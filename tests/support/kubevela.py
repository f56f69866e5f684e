"""KubeVela as clusters know it: what its controller writes, and how, put there without its program.

Objects, labels, annotations and the order of writes are those of recorded deliveries: the controller creates
and patches on the client's side, as field manager ``kubevela``, and keeps ResourceTrackers in the hub.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from typing import Any

import zstandard

from lateen.model.objects import ObjectRef
from lateen.model.placement import Placement
from lateen.model.records import Snapshot
from lateen.planning.resolving import Resolved
from lateen.policies.topology import ClusterInfo
from lateen.rendering.registry import builtin
from support.platforms import Platform, identity

Json = dict[str, Any]

TIME = "2026-01-02T03:04:05Z"
FINALIZER = "app.oam.dev/resource-tracker-finalizer"
TRACKERS = "/apis/core.oam.dev/v1beta1/resourcetrackers"
CRD: Json = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "resourcetrackers.core.oam.dev"},
    "spec": {
        "group": "core.oam.dev",
        "scope": "Cluster",
        "names": {
            "kind": "ResourceTracker",
            "listKind": "ResourceTrackerList",
            "plural": "resourcetrackers",
            "singular": "resourcetracker",
            "shortNames": ["rt"],
        },
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}


def pack(resources: Sequence[Json], compression: str) -> Json:
    """The part of a tracker's spec that lists its resources, as KubeVela's three ways have it."""
    text = json.dumps(list(resources)).encode()
    packers = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}
    if not compression:
        return {"managedResources": list(resources)}
    data = base64.b64encode(packers[compression](text)).decode()
    return {"compression": {"type": compression, "data": data}}


class KubeVela:
    """The controller, as far as its objects tell. It runs only while it is asked to do something."""

    def __init__(self, platform: Platform, *, manager: str = "kubevela") -> None:
        self._platform = platform
        self._manager = manager

    def install(self) -> None:
        """Make the hub know ResourceTrackers."""
        crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        hub = self._platform.api("local")
        if not any(
            i["metadata"]["name"] == CRD["metadata"]["name"] for i in hub.get(crds)["items"]
        ):
            hub.post(crds, CRD)

    def deliver(
        self, application: Json, *, compression: str = "zstd", extra: Sequence[Json] = ()
    ) -> list[tuple[str, Json]]:
        """Store an application and create its objects; ``extra`` are tracked but no longer rendered."""
        self._store(application)
        objects = self._rendered(application)
        for cluster, manifest in objects:
            self._create(cluster, manifest, application)
        tracked = [_tracked(cluster, manifest) for cluster, manifest in objects]
        namespace, _, name = identity(application).partition("/")
        tracker = {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "ResourceTracker",
            "metadata": {
                "name": f"{name}-v1-{namespace}",
                "labels": {"app.oam.dev/name": name, "app.oam.dev/namespace": namespace},
                "finalizers": ["resourcetracker.core.oam.dev/finalizer"],
            },
            "spec": {
                "type": "versioned",
                "applicationGeneration": 1,
                **pack([*tracked, *extra], compression),
            },
        }
        self._platform.api("local").post(self._as_manager(TRACKERS), tracker)
        return objects

    def patch(self, cluster: str, manifest: Json, change: Json) -> None:
        """Patch an object as the controller does: strategic merge, and a new time."""
        path = f"{collection(manifest)}/{manifest['metadata']['name']}"
        noted = {"metadata": {"annotations": {"app.oam.dev/last-applied-time": TIME}}}
        self._platform.api(cluster).patch(self._as_manager(path), {**noted, **change})

    def controller(self, *, replicas: int) -> None:
        """Say that the controller's Deployment is there, with so many replicas."""
        path = "/apis/apps/v1/namespaces/vela-system/deployments"
        hub = self._platform.api("local")
        if any(i["metadata"]["name"] == "kubevela-vela-core" for i in hub.get(path)["items"]):
            hub.delete(f"{path}/kubevela-vela-core")
        labels = {"controller.oam.dev/name": "vela-core"}
        container = {"name": "core", "image": "oamdev/vela-core"}
        pod = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        metadata = {"name": "kubevela-vela-core", "namespace": "vela-system", "labels": labels}
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}
        kind = {"apiVersion": "apps/v1", "kind": "Deployment"}
        hub.post(path, {**kind, "metadata": metadata, "spec": spec})

    def _store(self, application: Json) -> None:
        namespace, _, _ = identity(application).partition("/")
        written = json.dumps(application)
        annotations = {
            "app.oam.dev/last-applied-configuration": written,
            "app.oam.dev/last-applied-time": TIME,
            "oam.dev/kubevela-version": "v1.10.0",
        }
        metadata = {
            **application["metadata"],
            "annotations": {**application["metadata"].get("annotations", {}), **annotations},
            "labels": {
                **application["metadata"].get("labels", {}),
                "oam.dev/render-hash": "b293e363948b7515",
            },
            "finalizers": [FINALIZER],
        }
        path = f"/apis/core.oam.dev/v1beta1/namespaces/{namespace}/applications"
        self._platform.api("local").post(
            self._as_manager(path), {**application, "metadata": metadata}
        )

    def _create(self, cluster: str, manifest: Json, application: Json) -> None:
        metadata = manifest["metadata"]
        labels = {
            **metadata["labels"],
            "app.oam.dev/app-revision-hash": "f47cdf1bc93d523a",
            "oam.dev/render-hash": "a91d68897a79f17",
        }
        if cluster == "local":
            labels.pop("app.oam.dev/cluster")
        annotations = {
            **metadata.get("annotations", {}),
            "app.oam.dev/last-applied-time": TIME,
            "oam.dev/kubevela-version": "v1.10.0",
        }
        bare = {**manifest, "metadata": {**metadata, "labels": labels, "annotations": annotations}}
        if manifest["kind"] not in {"ConfigMap", "Secret"}:
            annotations["app.oam.dev/last-applied-configuration"] = json.dumps(bare)
        self._platform.api(cluster).post(self._as_manager(collection(manifest)), bare)

    def _rendered(self, application: Json) -> list[tuple[str, Json]]:
        """What it would apply: the rendering is compared with the real KubeVela's elsewhere."""
        resolved = Resolved(Snapshot(application=application), builtin())
        names = ("local", "cluster-beijing", "cluster-hangzhou-1", "cluster-hangzhou-2")
        infos = [ClusterInfo(name=name) for name in names]
        revision = f"{application['metadata']['name']}-v1"
        return [
            (placement.cluster, manifest)
            for step in resolved.deploy_steps
            for placement in resolved.select(step, infos).placements
            for manifest in resolved.manifests(
                step,
                Placement(cluster=placement.cluster, namespace=placement.namespace),
                revision=revision,
            )
        ]

    def _as_manager(self, path: str) -> str:
        return f"{path}?fieldManager={self._manager}"


def _tracked(cluster: str, manifest: Json) -> Json:
    ref = ObjectRef.of(manifest)
    return {
        **({} if cluster == "local" else {"cluster": cluster}),
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "namespace": ref.namespace,
        "name": ref.name,
        "creator": "workflow",
        "component": manifest["metadata"]["labels"]["app.oam.dev/component"],
        "raw": manifest,
    }


def collection(manifest: Json) -> str:
    """The path of an object's collection."""
    version, kind = manifest["apiVersion"], manifest["kind"]
    root = "/apis" if "/" in version else "/api"
    plural = f"{kind.lower()}es" if kind.endswith("s") else f"{kind.lower()}s"
    return f"{root}/{version}/namespaces/{manifest['metadata']['namespace']}/{plural}"

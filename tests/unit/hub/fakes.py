"""An API server in memory: the methods of ``Cluster`` that the hub's rooms use, with their errors.

Like a real one it counts resource versions, checks preconditions and gives each object a UID.
"""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

from lateen.kube.cluster import Applied, Cluster, Propagation
from lateen.kube.connection import Connection, Guard
from lateen.kube.credentials import Credentials
from lateen.kube.errors import AlreadyExists, Conflict, NotFound, Target, UnknownKind
from lateen.model.base import Json
from lateen.model.objects import ObjectRef

CA = b"-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n"
SECRETS = (b"tls-key-of-member", b"token-of-member")


class FakeConnection(Connection):
    """Answers who the cluster is, without a network."""

    def __init__(self, name: str, *, uid: str, failure: Exception | None = None) -> None:
        super().__init__(name, Credentials(f"https://{name}.example:6443", ca=CA))
        self.cluster_uid = uid
        self.failure = failure
        self.silence: Exception | None = None
        self.asked = 0
        self.closed = False

    async def uid(self) -> str:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return self.cluster_uid

    async def version(self) -> Json:
        if self.silence is not None:
            raise self.silence
        return {"gitVersion": "v1.36.3", "major": "1", "minor": "36", "goVersion": "go1.26"}

    async def healthz(self) -> str:
        return "ok"

    async def close(self) -> None:
        self.closed = True


class FakeCluster(Cluster):
    """A cluster's objects in a dict; ``before_write`` runs once before the next write."""

    def __init__(
        self, name: str = "local", *, uid: str = "hub-uid", failure: Exception | None = None
    ) -> None:
        super().__init__(FakeConnection(name, uid=uid, failure=failure))
        self.objects: dict[tuple[str, str, str, str], Json] = {}
        self.missing_kinds: set[str] = set()
        self.missing_namespaces: set[str] = set()
        self.requests: list[str] = []
        self.before_write: list[Callable[[], object]] = []
        self.propagations: list[Propagation] = []
        self._version = 0

    def put(self, manifest: Json) -> Json:
        """Store an object as if somebody else had written it."""
        ref = ObjectRef.of(manifest)
        self._version += 1
        stored = copy.deepcopy(manifest)
        before = self.objects.get(ref.key, {"metadata": {}})["metadata"]
        stored["metadata"]["uid"] = before.get("uid") or f"uid-{self._version}"
        stored["metadata"]["resourceVersion"] = str(self._version)
        stored["metadata"].setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
        self.objects[ref.key] = stored
        return copy.deepcopy(stored)

    def secret(self, name: str) -> Json:
        """Return a cluster Secret as it is stored now."""
        return self.objects[("", "Secret", "vela-system", name)]

    def has_secret(self, name: str) -> bool:
        """Tell whether there is such a cluster Secret."""
        return ("", "Secret", "vela-system", name) in self.objects

    async def get(self, ref: ObjectRef) -> Json | None:
        self.requests.append(f"get {ref}")
        self._serve(ref.api_version, ref.kind)
        return copy.deepcopy(self.objects.get(ref.key))

    async def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: Mapping[str, str] | str | None = None,
        fields: str | None = None,
        limit: int | None = None,
    ) -> list[Json]:
        self.requests.append(f"list {kind}")
        self._serve(api_version, kind)
        return [
            copy.deepcopy(item)
            for key, item in self.objects.items()
            if key[1] == kind
            and namespace in (None, key[2])
            and _selected(item["metadata"].get("labels") or {}, labels)
        ]

    async def create(self, manifest: Json, *, field_manager: str) -> Json:
        ref = ObjectRef.of(manifest)
        self._begin_write(f"create {ref}")
        if ref.namespace in self.missing_namespaces:
            raise NotFound(self._target("create", ref), status=404, reason="NotFound")
        if ref.key in self.objects:
            raise AlreadyExists(self._target("create", ref), status=409)
        return self.put(manifest)

    async def replace(self, manifest: Json, *, field_manager: str, dry_run: bool = False) -> Json:
        ref = ObjectRef.of(manifest)
        if dry_run:
            return copy.deepcopy(manifest)
        self._begin_write(f"replace {ref}")
        self._check(ref, "replace", version=manifest["metadata"].get("resourceVersion"))
        return self.put(manifest)

    async def apply(
        self,
        manifest: Json,
        *,
        field_manager: str,
        force: bool = False,
        dry_run: bool = False,
        subresource: str = "",
        guard: Guard | None = None,
    ) -> Applied:
        """Merge; without ``force`` another application's labels are a conflict, as its manager owns them."""
        ref = ObjectRef.of(manifest)
        if not dry_run:
            self._begin_write(f"apply {ref}")
        live = self.objects.get(ref.key)
        if live is None:
            return Applied(manifest if dry_run else self.put(manifest), created=True)
        self._check(ref, "apply", version=manifest["metadata"].get("resourceVersion"))
        labels = [each["metadata"].get("labels") or {} for each in (live, manifest)]
        if not force and any(
            labels[0].get(key, value) != value for key, value in labels[1].items()
        ):
            raise Conflict(self._target("apply", ref), status=409, managers=["another"])
        merged = _merge(live, manifest)
        return Applied(merged if dry_run else self.put(merged), created=False)

    async def patch(
        self, ref: ObjectRef, patch: Json, *, field_manager: str, subresource: str = ""
    ) -> Json:
        self._begin_write(f"patch {ref}")
        self._check(ref, "patch", version=patch["metadata"].get("resourceVersion"))
        return self.put(_merge(self.objects[ref.key], patch))

    async def delete(
        self,
        ref: ObjectRef,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Propagation = "Background",
    ) -> bool:
        self._begin_write(f"delete {ref}")
        self.propagations.append(propagation)
        if ref.key not in self.objects:
            return False
        self._check(ref, "delete", version=resource_version, uid=uid)
        del self.objects[ref.key]
        return True

    def _begin_write(self, request: str) -> None:
        self.requests.append(request)
        if self.before_write:
            self.before_write.pop(0)()

    def _check(
        self, ref: ObjectRef, action: str, *, version: str | None, uid: str | None = None
    ) -> None:
        live = self.objects.get(ref.key)
        if live is None:
            raise NotFound(self._target(action, ref), status=404, reason="NotFound")
        metadata = live["metadata"]
        if version not in (None, metadata["resourceVersion"]) or uid not in (None, metadata["uid"]):
            raise Conflict(self._target(action, ref), status=409)

    def _serve(self, api_version: str, kind: str) -> None:
        if kind in self.missing_kinds:
            raise UnknownKind(api_version, kind, cluster=self.name)

    def _target(self, action: str, ref: ObjectRef) -> Target:
        return Target(self.name, action, "/", ref)


def _merge(live: Any, patch: Any) -> Any:
    """Merge as a JSON merge patch does."""
    if not isinstance(live, dict) or not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = {**copy.deepcopy(live)}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged


class Fleet:
    """Dials members by endpoint, and remembers every connection that was made."""

    def __init__(self) -> None:
        self.uids: dict[str, str] = {}
        self.failures: dict[str, Exception] = {}
        self.dialled: list[FakeConnection] = []

    def dial(self, name: str, credentials: Credentials) -> Cluster:
        """Return a cluster with the UID that this endpoint has."""
        endpoint = credentials.endpoint
        cluster = FakeCluster(
            name,
            uid=self.uids.get(endpoint) or uid_of(endpoint),
            failure=self.failures.get(endpoint),
        )
        connection = cluster.connection
        assert isinstance(connection, FakeConnection)
        self.dialled.append(connection)
        return cluster


def encode(data: Mapping[str, str | bytes]) -> dict[str, str]:
    """Return data as a Secret holds it."""
    return {
        key: base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
        for key, value in data.items()
    }


def cluster_secret(
    name: str = "beijing",
    *,
    kind: str = "X509Certificate",
    data: Mapping[str, str | bytes | None] | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Json:
    """Build a Secret as KubeVela writes it; None in ``data`` takes a key away."""
    credentials: Mapping[str, bytes] = {
        "X509Certificate": {"tls.crt": b"certificate", "tls.key": SECRETS[0]},
        "ServiceAccountToken": {"token": SECRETS[1]},
    }.get(kind, {})
    merged: dict[str, Any] = {
        "endpoint": f"https://{name}.example:6443",
        "ca.crt": CA,
        **credentials,
        **(data or {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": name,
            "namespace": "vela-system",
            "labels": {
                "cluster.core.oam.dev/cluster-credential-type": kind,
                **(labels or {}),
            },
            "annotations": dict(annotations or {}),
        },
        "data": encode({key: value for key, value in merged.items() if value is not None}),
    }


def _selected(labels: Mapping[str, str], selector: Mapping[str, str] | str | None) -> bool:
    if isinstance(selector, str):
        terms = [term.partition("=") for term in selector.split(",")]
        return all(key in labels and (not eq or labels[key] == value) for key, eq, value in terms)
    return all(labels.get(key) == value for key, value in (selector or {}).items())


def uid_of(endpoint: str) -> str:
    """Return the kube-system UID of the cluster that a fleet has at an endpoint."""
    return re.sub(r"[^a-z0-9]+", "-", f"uid-of-{endpoint}")

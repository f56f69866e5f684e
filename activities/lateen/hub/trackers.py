"""KubeVela's ResourceTrackers: what it delivered where. They are only ever read."""

from __future__ import annotations

import base64
import binascii
import io
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from lateen.kube.errors import UnknownKind
from lateen.kube.shapes import as_object, as_objects, as_text
from lateen.model.base import Record
from lateen.model.errors import LateenError
from lateen.model.labels import APP_NAME, APP_NAMESPACE, LOCAL
from lateen.model.objects import ObjectRef

if TYPE_CHECKING:
    from lateen.kube.cluster import Cluster
    from lateen.model.base import Json

API_VERSION = "core.oam.dev/v1beta1"
_LARGEST = 64 * 1024 * 1024
"""Bytes of a resource list once it is unpacked; etcd takes at most 1.5 MB of it packed."""

_GZIP = 16 + zlib.MAX_WBITS


class UnreadableTracker(LateenError):
    """A tracker's resource list can't be read: nobody knows what KubeVela delivered."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"ResourceTracker {name} of the hub: {why}")


class Tracked(Record):
    """An object that KubeVela delivered."""

    cluster: str
    ref: ObjectRef


class Tracker(Record):
    """One ResourceTracker: of a version, or (``root``) of what lives as long as the application."""

    name: str
    type: str = ""
    objects: list[Tracked] = []


async def list_trackers(hub: Cluster, namespace: str, name: str) -> list[Tracker]:
    """Return the trackers of an application, none where KubeVela isn't known. Raises ``UnreadableTracker``."""
    labels = {APP_NAME: name, APP_NAMESPACE: namespace}
    try:
        found = await hub.list(API_VERSION, "ResourceTracker", labels=labels)
    except UnknownKind:
        return []
    return sorted(map(read_tracker, found), key=lambda tracker: tracker.name)


def read_tracker(live: Json) -> Tracker:
    """Read a tracker; objects that KubeVela has marked as deleted are left out."""
    name = as_text(as_object(live.get("metadata")).get("name"))
    spec = as_object(live.get("spec"))
    objects = [
        Tracked(
            cluster=as_text(resource.get("cluster")) or LOCAL,
            ref=ObjectRef(
                api_version=as_text(resource.get("apiVersion")),
                kind=as_text(resource.get("kind")),
                namespace=as_text(resource.get("namespace")),
                name=as_text(resource.get("name")),
            ),
        )
        for resource in _resources(name, spec)
        if not resource.get("deleted")
    ]
    return Tracker(name=name, type=as_text(spec.get("type")), objects=objects)


def _resources(name: str, spec: Json) -> Sequence[Json]:
    compression = as_object(spec.get("compression"))
    kind = as_text(compression.get("type"))
    if not kind:
        return as_objects(spec.get("managedResources"))
    if kind not in _UNPACK:
        raise UnreadableTracker(name, f"its resource list is compressed with {kind!r}")
    try:
        packed = base64.b64decode(as_text(compression.get("data")), validate=True)
        unpacked = _UNPACK[kind](packed)
        if len(unpacked) > _LARGEST:
            raise UnreadableTracker(name, f"its resource list is larger than {_LARGEST} bytes")
        listed: Any = orjson.loads(unpacked)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise UnreadableTracker(name, f"its resource list is no valid {kind}") from error
    return as_objects(listed)


def _gunzip(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    unpacked = unpacker.decompress(packed, _LARGEST + 1)
    if not unpacker.eof and len(unpacked) <= _LARGEST:
        raise ValueError("cut off")
    return unpacked


def _unzstd(packed: bytes) -> bytes:
    import zstandard  # noqa: PLC0415 - only hubs of KubeVela hold such data

    # A stream: the size need not be in the frame, and nobody is to be believed about it.
    reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed))
    try:
        return reader.read(_LARGEST + 1)
    except zstandard.ZstdError as error:
        raise ValueError("no frame") from error


_UNPACK = {"gzip": _gunzip, "zstd": _unzstd}

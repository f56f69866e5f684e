"""Reading KubeVela's ResourceTrackers, however their list is packed."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import pytest
import zstandard

from lateen.hub.trackers import UnreadableTracker, read_tracker
from lateen.model.objects import ObjectRef
from support.kubevela import pack

Json = dict[str, Any]

RESOURCES: list[Json] = [
    {
        "cluster": "beijing",
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "namespace": "examples",
        "name": "web",
        "raw": {"spec": {"replicas": 1}},
    },
    {"apiVersion": "v1", "kind": "Namespace", "name": "examples"},
    {"apiVersion": "v1", "kind": "Service", "name": "old", "deleted": True},
]


def tracker(**spec: Any) -> Json:
    return {"metadata": {"name": "web-v1-examples"}, "spec": {"type": "versioned", **spec}}


@pytest.mark.parametrize("compression", ["", "gzip", "zstd"])
def test_the_list_is_the_same_however_it_is_packed(compression: str) -> None:
    """The hub's own objects name no cluster; what KubeVela deleted is no longer there."""
    found = read_tracker(tracker(**pack(RESOURCES, compression)))
    assert (found.name, found.type) == ("web-v1-examples", "versioned")
    assert [(each.cluster, each.ref) for each in found.objects] == [
        (
            "beijing",
            ObjectRef(api_version="apps/v1", kind="Deployment", namespace="examples", name="web"),
        ),
        ("local", ObjectRef(api_version="v1", kind="Namespace", name="examples")),
    ]


def test_an_empty_tracker_has_no_objects() -> None:
    assert read_tracker(tracker()).objects == []


def packed(kind: str, data: bytes) -> Json:
    return {"compression": {"type": kind, "data": base64.b64encode(data).decode()}}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (packed("lzma", b""), "compressed with 'lzma'"),
        (packed("gzip", b"no gzip"), "no valid gzip"),
        (packed("gzip", gzip.compress(b"[" * 1000)[:-9]), "no valid gzip"),
        (packed("zstd", b"no frame"), "no valid zstd"),
        (packed("zstd", zstandard.ZstdCompressor().compress(b"{nope")), "no valid zstd"),
        ({"compression": {"type": "zstd", "data": "%%%"}}, "no valid zstd"),
        (packed("gzip", gzip.compress(bytes(65 * 1024 * 1024))), "larger than"),
        (
            packed("zstd", zstandard.ZstdCompressor().compress(bytes(65 * 1024 * 1024))),
            "larger than",
        ),
    ],
    ids=["unknown", "no-gzip", "cut", "no-zstd", "no-json", "no-base64", "gzip-bomb", "zstd-bomb"],
)
def test_what_cannot_be_read_is_said_without_its_content(spec: Json, said: str) -> None:
    with pytest.raises(UnreadableTracker, match=said) as caught:
        read_tracker(tracker(**spec))
    assert "web-v1-examples" in str(caught.value)
    assert "nope" not in str(caught.value)

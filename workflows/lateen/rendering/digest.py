"""The digest by which two deliveries are told to be the same."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, cast

from lateen.model.labels import APP_REVISION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lateen.model.base import Json


def digest(manifests: Iterable[Json]) -> str:
    """Return the SHA-256 (hex) of manifests as canonical JSON.

    Neither the order of keys nor of the manifests matters, and the revision label is left out: a
    new revision that changes nothing has the same digest. Numbers that are equal in JSON are equal
    here (``1``, ``1.0``, ``1e0``; ``-0.0`` and ``0``). Raises ``ValueError`` for NaN and infinity,
    which JSON doesn't have.
    """
    texts = sorted(_canonical_text(manifest) for manifest in manifests)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _canonical_text(manifest: Json) -> str:
    return json.dumps(
        _canonical(_without_revision(manifest)),
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
    )


def _without_revision(manifest: Json) -> Json:
    metadata: Json = manifest.get("metadata") or {}
    labels: Json = metadata.get("labels") or {}
    if APP_REVISION not in labels:
        return manifest
    kept = {key: value for key, value in labels.items() if key != APP_REVISION}
    return {**manifest, "metadata": {**metadata, "labels": kept}}


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(entry) for key, entry in cast("Json", value).items()}
    if isinstance(value, list):
        return list(map(_canonical, cast("Iterable[Any]", value)))
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value

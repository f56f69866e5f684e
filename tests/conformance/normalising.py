"""Bringing KubeVela's manifests and ours to one form, so that only what matters is compared.

Left out: labels and annotations that name KubeVela's own revision, hashes, version or times; the
order of documents, maps, and of lists that Kubernetes treats as maps.
"""

from __future__ import annotations

import json
from typing import Any

_LEFT_OUT = {
    "app.oam.dev/app-revision-hash",
    "app.oam.dev/appRevision",
    "app.oam.dev/last-applied-configuration",
    "app.oam.dev/last-applied-time",
    "deployment.kubernetes.io/revision",
    "oam.dev/kubevela-version",
    "oam.dev/render-hash",
}
_COMPONENT_REVISION = "app.oam.dev/revision"
_MAPS = {"containers", "env", "ports", "volumeDevices", "volumeMounts", "volumes"}


def normalised(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return manifests in the form in which they are compared."""
    return sorted((_value(manifest) for manifest in manifests), key=_identity)


def _identity(manifest: dict[str, Any]) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return (manifest["kind"], metadata.get("namespace", ""), metadata["name"])


def _value(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        entries = {name: _value(entry, name) for name, entry in value.items()}
        return _metadata(entries) if {"labels", "annotations"} & entries.keys() else entries
    if isinstance(value, list):
        items = [_value(entry) for entry in value]
        return sorted(items, key=_text) if key in _MAPS else items
    return value


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    kept = dict(metadata)
    for name in ("labels", "annotations"):
        written = kept.pop(name, None) or {}
        entries = {key: value for key, value in written.items() if key not in _LEFT_OUT}
        if _COMPONENT_REVISION in entries:
            entries[_COMPONENT_REVISION] = "a revision"
        if entries:
            kept[name] = entries
    return kept

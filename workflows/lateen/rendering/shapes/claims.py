"""PersistentVolumeClaims that traits make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from lateen.rendering.parameters import Amount, Named, Parameters, to_json
from lateen.rendering.shapes.selectors import LabelSelector

if TYPE_CHECKING:
    from lateen.model.base import Json


class StorageSize(Parameters):
    """A capacity."""

    storage: Amount = Field(description="Capacity, such as `8Gi`.")


class StorageResources(Parameters):
    """How much storage a claim asks for."""

    requests: StorageSize = Field(description="At least this much.")
    limits: StorageSize | None = Field(default=None, description="At most this much.")


class DataSource(Parameters):
    """What a new volume is filled with."""

    name: Named = Field(description="Name of the source.")
    kind: Named = Field(description="Kind of the source.")
    api_group: str = Field(description="Its API group; empty for the core group.")


class Claim(Parameters):
    """What a claim asks for."""

    volume_mode: Literal["Filesystem", "Block"] = Field(
        default="Filesystem", description="`Block` for a raw device."
    )
    volume_name: Named | None = Field(default=None, description="Bind to this volume.")
    storage_class_name: str | None = Field(
        default=None, description="StorageClass; the cluster's own by default."
    )
    data_source_ref: DataSource | None = Field(default=None, description="Content of the volume.")
    data_source: DataSource | None = Field(default=None, description="Content of the volume.")
    selector: LabelSelector | None = Field(default=None, description="Labels of the volume.")


def claim_object(
    name: str, claim: Claim, *, access_modes: list[str], resources: StorageResources | None
) -> Json:
    """Return the claim as an object; without resources it asks for 8Gi."""
    spec: dict[str, Any] = {
        "accessModes": list(access_modes),
        "volumeMode": claim.volume_mode,
        "resources": to_json(resources) if resources else {"requests": {"storage": "8Gi"}},
    }
    if claim.volume_name is not None:
        spec["volumeName"] = claim.volume_name
    if claim.storage_class_name is not None:
        spec["storageClassName"] = claim.storage_class_name
    for key, part in (
        ("dataSourceRef", claim.data_source_ref),
        ("dataSource", claim.data_source),
        ("selector", claim.selector),
    ):
        if part is not None:
            spec[key] = to_json(part)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": spec,
    }

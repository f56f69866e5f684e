"""Patches that a Flux Kustomization applies to what it finds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import Field

from lateen.rendering.parameters import Parameters, TemplateError, to_json
from lateen.rendering.shapes.workloads import entries, spec_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lateen.model.base import Json


class PatchTarget(Parameters):
    """Which objects a patch is for; all that is given has to fit."""

    group: str | None = Field(default=None, description="API group of the objects.")
    version: str | None = Field(default=None, description="API version of the objects.")
    kind: str | None = Field(default=None, description="Kind of the objects.")
    namespace: str | None = Field(default=None, description="Namespace of the objects.")
    name: str | None = Field(
        default=None, description="Name of the objects, or a regular expression."
    )
    annotation_selector: str | None = Field(
        default=None, description="Annotations of the objects, such as `a=b,c in (d,e)`."
    )
    label_selector: str | None = Field(
        default=None, description="Labels of the objects, such as `a=b,c in (d,e)`."
    )


def add_patches(
    kustomization: Json, patches: Iterable[tuple[str, PatchTarget | None]]
) -> dict[str, Json]:
    """Add patches, given as text, behind those that are there; a trait's ``apply`` returns this.

    Raises ``TemplateError`` for anything but a Kustomization.
    """
    kind = kustomization.get("kind")
    if kind != "Kustomization":
        raise TemplateError("", f"doesn't fit a {kind}: it is for kustomize components")
    spec = spec_of(kustomization)
    listed = spec["patches"] = entries(spec, "patches")
    for text, target in patches:
        patch: dict[str, Any] = {"patch": text}
        if target is not None:
            patch["target"] = to_json(target)
        listed.append(patch)
    return {}


def patch_text(patch: object) -> str:
    """Write a patch as the text that Flux reads: JSON, which is YAML."""
    return json.dumps(patch, ensure_ascii=False, separators=(",", ":"))

"""Builders of Applications as users write them: plain JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lateen.model.base import Json

NAMESPACE = "default"


def application(
    name: str,
    *,
    topologies: Mapping[str, Sequence[str]] | None = None,
    steps: Sequence[Json] | None = None,
    mode: Json | None = None,
    image: str = "nginx:1",
) -> Json:
    """Build an Application of one web service.

    ``topologies`` maps names to clusters; without ``steps`` each becomes a step ``deploy-<name>``.
    """
    targets = {"here": ["local"]} if topologies is None else topologies
    spec: Json = {
        "components": [{"name": "web", "type": "webservice", "properties": {"image": image}}],
        "policies": [
            {"name": key, "type": "topology", "properties": {"clusters": list(clusters)}}
            for key, clusters in targets.items()
        ],
    }
    if steps is not None:
        spec["workflow"] = {"steps": list(steps), **({"mode": mode} if mode else {})}
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }


def deploy(name: str, *policies: str, **more: Any) -> Json:
    """Build a deploy step; ``auto`` and ``parallelism`` are its properties, the rest is the step's."""
    own = {key: more.pop(key) for key in ("auto", "parallelism") if key in more}
    step: Json = {"name": name, "type": "deploy"}
    return {**step, "properties": {"policies": list(policies), **own}, **more}


def suspend(name: str, **more: Any) -> Json:
    """Build a suspend step; ``duration`` is its property, the rest is the step's."""
    own = {key: more.pop(key) for key in ("duration",) if key in more}
    return {"name": name, "type": "suspend", **({"properties": own} if own else {}), **more}


def group(name: str, *sub_steps: Json, **more: Any) -> Json:
    """Build a step group."""
    return {"name": name, "type": "step-group", "subSteps": list(sub_steps), **more}

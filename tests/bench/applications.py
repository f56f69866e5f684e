"""The applications that are delivered, and the same objects for the bare loop."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from lateen.model.base import Json
from lateen.model.parsing import parse_application
from lateen.model.records import Snapshot
from lateen.planning.resolving import Resolved
from lateen.policies.topology import ClusterInfo
from lateen.rendering.registry import builtin

NAMESPACE = "examples"
TARGETS = ("cluster-hangzhou-1", "cluster-hangzhou-2")


def unique(prefix: str) -> str:
    """Return a name that nothing has had."""
    return f"{prefix}-{uuid.uuid4().hex[:6]}"


def application(name: str, *, topologies: Sequence[Json] | None = None, auto: bool = True) -> Json:
    """Build an application of one Deployment and one Service, for two clusters unless told."""
    where = topologies or [{"clusters": list(TARGETS)}]
    policies = [
        {"name": f"where-{index}", "type": "topology", "properties": topology}
        for index, topology in enumerate(where)
    ]
    deploy = {"policies": [policy["name"] for policy in policies], "auto": auto}
    expose = {"type": "expose", "properties": {"port": [80]}}
    component = {
        "name": name,
        "type": "webservice",
        "properties": {"image": "nginx"},
        "traits": [expose],
    }
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "components": [component],
            "policies": policies,
            "workflow": {"steps": [{"name": "deploy", "type": "deploy", "properties": deploy}]},
        },
    }


def objects_of(application: Json) -> dict[str, list[Json]]:
    """Return, by cluster, exactly the objects that lateen puts there."""
    snapshot = Snapshot(application=parse_application(application).to_json())
    resolved = Resolved(snapshot, builtin())
    clusters = [ClusterInfo(name=name) for name in ("local", *TARGETS)]
    objects: dict[str, list[Json]] = {}
    for step in resolved.deploy_steps:
        for placement in resolved.select(step, clusters).placements:
            manifests = resolved.manifests(step, placement, revision="v1")
            objects.setdefault(placement.cluster, []).extend(manifests)
    return objects

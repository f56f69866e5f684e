"""Whether two forms of an application deliver the same to the same places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.model.errors import InvalidApplication, LateenError
from lateen.model.labels import LOCAL
from lateen.model.parsing import parse_application
from lateen.model.records import Snapshot
from lateen.planning.references import external_references
from lateen.planning.resolving import Resolved
from lateen.policies.catalog import POLICY_TYPES
from lateen.policies.replication import REPLICATION
from lateen.policies.topology import TOPOLOGY, ClusterInfo, read_topology

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lateen.model.base import Json
    from lateen.planning.plan import PlannedStep
    from lateen.rendering.registry import Registry


class Difference(LateenError):
    """Two forms of an application don't do the same."""


def prove_equal(before: Json, after: Json, registry: Registry) -> list[str]:
    """Plan and render both forms: same steps, and for each the same objects in the same places.

    Neither needs a hub: clusters that are named exist, a label selector fits one cluster, and policies
    that are objects of the hub are the same for both. Returns remarks on what could only be compared
    before rendering. Raises ``Difference``, and ``InvalidApplication`` when a form can't be planned.
    """
    old, new = (Resolved(_snapshot(each), registry) for each in (before, after))
    known = set(external_references(old.application).policies)
    lost = [name for name in external_references(new.application).policies if name not in known]
    if lost:
        names = ", ".join(map(repr, lost))
        raise Difference(f"policies that are used by their number would get another: name {names}")
    steps = list(zip(old.plan.leaves, new.plan.leaves, strict=False))
    if _outline(old) != _outline(new):
        raise Difference("the steps would not be the same afterwards")
    clusters = _clusters(old, new)
    remarks: dict[str, None] = {}
    for mine, theirs in steps:
        _compare(old, new, (mine, theirs), clusters, remarks)
    return list(remarks)


def _compare(
    old: Resolved,
    new: Resolved,
    steps: tuple[PlannedStep, PlannedStep],
    clusters: Sequence[ClusterInfo],
    remarks: dict[str, None],
) -> None:
    mine, theirs = steps
    if mine not in old.deploy_steps:
        return
    places = old.select(mine, clusters).placements
    if places != new.select(theirs, clusters).placements:
        raise Difference(f"step {mine.name!r} would not deliver to the same places")
    if old.components(mine) != new.components(theirs):
        raise Difference(f"step {mine.name!r} would not deliver the same components")
    try:
        for place in places:
            sent = old.manifests(mine, place, revision="")
            if sent != new.manifests(theirs, place, revision=""):
                raise Difference(f"step {mine.name!r} would not send the same objects to {place}")
    except InvalidApplication as error:
        remarks[f"compared before rendering only, which fails both ways: {error.problems[0]}"] = (
            None
        )


def _outline(resolved: Resolved) -> Json:
    """Return all that a plan says but for the names of policies."""

    def without_policies(step: PlannedStep) -> PlannedStep:
        below = tuple(map(without_policies, step.sub_steps))
        return step.model_copy(update={"policies": (), "sub_steps": below})

    plan = resolved.plan
    steps = [without_policies(step).to_json() for step in plan.steps]
    return {"mode": plan.mode, "steps": steps}


def plannable(data: Json) -> Json:
    """Return an application in which policies that can't be planned yet do nothing, in their places.

    Those act on the whole application, and say nothing of placements and objects.
    """
    policies = parse_application(data).spec.policies or ()
    idle: Json = {"type": REPLICATION, "properties": {"keys": ["none"], "selector": ["none"]}}
    written: list[Json] = []
    for policy, raw in zip(policies, data["spec"].get("policies") or (), strict=True):
        known = POLICY_TYPES.get(policy.type)
        is_idle = known is not None and known.check is None and not known.in_steps
        written.append({**(idle if is_idle else raw), "name": policy.name})
    return {**data, "spec": {**data["spec"], "policies": written}}


def _snapshot(data: Json) -> Snapshot:
    """Return what a revision would hold; objects of the hub have stand-ins."""
    whole = plannable(data)
    policies: list[Json] = [
        {
            "apiVersion": "core.oam.dev/v1alpha1",
            "kind": "Policy",
            "metadata": {"name": name},
            "type": TOPOLOGY,
            "properties": {},
        }
        for name in external_references(parse_application(whole)).policies
    ]
    return Snapshot(application=whole, policies=policies)


def _clusters(*forms: Resolved) -> list[ClusterInfo]:
    found = {LOCAL: ClusterInfo(name=LOCAL)}
    for resolved in forms:
        policies = [each for step in resolved.deploy_steps for each in resolved.policies_of(step)]
        for properties in (read_topology(each) for each in policies if each.type == TOPOLOGY):
            for name in properties.clusters or ():
                found.setdefault(name, ClusterInfo(name=name))
            labels = properties.selector or {}
            name = "a cluster with " + ", ".join(f"{key}={labels[key]}" for key in sorted(labels))
            found.setdefault(name, ClusterInfo(name=name, labels=labels))
    return list(found.values())

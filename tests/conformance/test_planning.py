"""Cases about policies, clusters and steps, through planning and rendering, as KubeVela did them.

What KubeVela only notices in the middle of a delivery, or not at all, is refused before it.
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from conformance.normalising import normalised
from conformance.recordings import RENDER, recorded
from conformance.test_rendering import OTHER_ROOMS
from lateen.model.errors import InvalidApplication
from lateen.model.json_values import as_object
from lateen.model.objects import ObjectRef
from lateen.model.records import Snapshot
from lateen.planning.checking import check_application
from lateen.planning.component_graph import placement_graph
from lateen.planning.expressions import evaluate
from lateen.planning.resolving import Resolved
from lateen.policies.topology import ClusterInfo
from lateen.rendering.registry import builtin

CLUSTERS = [
    ClusterInfo(name="local"),
    ClusterInfo(name="cluster-beijing"),
    ClusterInfo(name="cluster-hangzhou-1", labels={"region": "hangzhou"}),
    ClusterInfo(name="cluster-hangzhou-2", labels={"region": "hangzhou"}),
]
DELIVERED = sorted(name for name in OTHER_ROOMS if name.startswith("pol-"))

LINKED = "multi-inputs"
"""The case about inputs and outputs; its dry-run does not know the values, what was applied does."""

REFUSED = {
    "err-no-match-label": "policies[t].properties.clusterLabelSelector: fits no cluster (got 'region=nope')",
    "err-topology-badkey": "spec.policies[0].properties.cluster: unknown key; did you mean 'clusters'?",
    "err-unknown-cluster": "policies[t].properties.clusters[0]: no such cluster (got 'nope')",
}
"""Beginnings of what lateen says; KubeVela tries for a minute and then fails a step."""


def resolved(name: str) -> Resolved:
    data = as_object(yaml.safe_load((RENDER / name / "app.yaml").read_text()))
    assert data is not None
    return Resolved(Snapshot(application=data), builtin())


def delivered(name: str) -> list[dict[str, Any]]:
    """Return all objects on all clusters; a later step replaces what an earlier one sent."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    subject = resolved(name)
    for step in subject.deploy_steps:
        for place in subject.select(step, CLUSTERS).placements:
            for manifest in subject.manifests(step, place, revision=f"{name}-v1"):
                metadata = manifest["metadata"]
                key = (place.cluster, metadata["namespace"], manifest["kind"], metadata["name"])
                found[key] = manifest
    return list(found.values())


@pytest.mark.parametrize("name", DELIVERED)
def test_policies_deliver_what_those_of_kubevela_deliver(name: str) -> None:
    theirs = recorded(RENDER / name)
    assert theirs
    assert normalised(delivered(name)) == normalised(theirs)


@pytest.mark.parametrize("name", DELIVERED)
def test_nothing_is_wrong_with_them(name: str) -> None:
    warnings = check_application(resolved(name).application, builtin())
    assert bool(warnings) == (name == "pol-replication")


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_wrong_policies_are_refused_before_anything_is_applied(name: str) -> None:
    with pytest.raises(InvalidApplication) as caught:
        delivered(name)
    (problem,) = caught.value.problems
    assert str(problem).startswith(REFUSED[name])
    assert problem.hint


def test_an_unknown_policy_is_one_that_the_hub_would_have_to_have() -> None:
    """Without it the plan is refused, with the policies that there are."""
    with pytest.raises(InvalidApplication) as caught:
        resolved("err-unknown-policy")
    (problem,) = caught.value.problems
    assert str(problem) == (
        "spec.workflow.steps[0].properties.policies[0]: no such policy, inline or as an object"
        " (got 'nope'); known: t"
    )


def test_every_case_of_other_rooms_is_tested_here_or_named() -> None:
    elsewhere = {"err-unknown-policy", LINKED}
    assert {*DELIVERED, *REFUSED, *elsewhere} == OTHER_ROOMS.keys()


def test_inputs_get_the_values_that_kubevela_gave_them() -> None:
    """What is applied first is what the values are read of, as a cluster would have it."""
    subject = resolved(LINKED)
    (step,) = subject.deploy_steps
    (place,) = subject.select(step, CLUSTERS).placements
    graph = placement_graph(subject, step, place, {})
    groups = subject.grouped(step, place, revision=f"{LINKED}-v1")
    live: dict[ObjectRef, dict[str, Any]] = {}
    for copy in sorted(groups, key=lambda each: len(graph.after[each])):
        values = {}
        for supply in graph.supplies[copy]:
            refs = subject.outputs_of(step, place, supply.source.copy)
            objects = {name: live[ref] for name, ref in refs.items()}
            values[supply.input.key] = evaluate(supply.output.expression, objects)
        final = subject.filled(
            step, place, copy, values=values, revision=f"{LINKED}-v1", group=groups[copy]
        )
        live.update((ObjectRef.of(manifest), manifest) for manifest in final)
    theirs = recorded(RENDER / LINKED)
    assert theirs
    assert normalised(list(live.values())) == normalised(theirs)
    assert check_application(subject.application, builtin()) == []

"""Generated applications with topologies and overrides, against what KubeVela put where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from conformance.normalising import normalised
from conformance.recordings import DIFFERENCES, PLACED, load, recorded
from lateen.model.errors import InvalidApplication
from lateen.policies.override import apply_overrides
from lateen.policies.topology import ClusterInfo, select_placements
from lateen.rendering.context import RenderContext
from lateen.rendering.registry import builtin
from lateen.rendering.render import place, render

if TYPE_CHECKING:
    from pathlib import Path

    from lateen.model.application import Application

CASES = sorted(PLACED.iterdir())
CLUSTERS = [
    ClusterInfo(name="local"),
    ClusterInfo(name="cluster-beijing"),
    ClusterInfo(name="cluster-hangzhou-1", labels={"region": "hangzhou"}),
    ClusterInfo(name="cluster-hangzhou-2", labels={"region": "hangzhou"}),
]
Target = tuple[str, str, str]


def target(manifest: dict[str, Any]) -> Target:
    """Return cluster, namespace, and kind with name."""
    metadata = manifest["metadata"]
    cluster = metadata["labels"]["app.oam.dev/cluster"]
    return (cluster, metadata["namespace"], f"{manifest['kind']} {metadata['name']}")


def delivered(application: Application) -> dict[Target, dict[str, Any]]:
    """Return what all deploy steps together put on the clusters."""
    policies = {policy.name: policy for policy in application.spec.policies or ()}
    workflow = application.spec.workflow
    assert workflow is not None
    namespace = application.metadata.namespace
    result: dict[Target, dict[str, Any]] = {}
    for step in workflow.steps or ():
        named = [policies[name] for name in (step.properties or {})["policies"]]
        components = apply_overrides(application.spec.components, named)
        objects = render(components, RenderContext.of(application), builtin())
        for placement in select_placements(named, CLUSTERS, namespace=namespace).placements:
            manifests = place(
                objects,
                cluster=placement.cluster,
                namespace=placement.namespace,
                revision=f"{application.metadata.name}-v1",
            )
            result.update((target(manifest), manifest) for manifest in manifests)
    return result


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_cluster_gets_what_kubevela_puts_there(case: Path) -> None:
    difference: dict[str, Any] = DIFFERENCES["placed"].get(case.name, {})
    theirs = {target(manifest): manifest for manifest in recorded(case) or ()}
    assert theirs
    if "refused" in difference:
        with pytest.raises(InvalidApplication) as caught:
            delivered(load(case))
        assert [problem.path for problem in caught.value.problems] == [difference["refused"]]
        return
    ours = delivered(load(case))
    assert {each[2] for each in theirs.keys() - ours.keys()} == {*difference.get("missing", [])}
    assert not ours.keys() - theirs.keys()
    differing = {each[2] for each in ours if normalised([ours[each]]) != normalised([theirs[each]])}
    assert differing == {*difference.get("changed", [])}


def test_differences_name_cases_that_exist() -> None:
    assert DIFFERENCES["placed"].keys() <= {case.name for case in CASES}

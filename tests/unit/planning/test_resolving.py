"""A revision ready to deliver: digests that prove the content, manifests, and the namespace rule."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from lateen.model.errors import InvalidApplication
from lateen.model.placement import Placement
from lateen.model.records import Snapshot
from lateen.planning.resolving import Resolved, refuse_foreign_objects, snapshot_digest
from lateen.rendering.registry import builtin

Json = dict[str, Any]

HERE = Placement(cluster="member", namespace="shop")
ELSEWHERE = Placement(cluster="other", namespace="shop")
OUTSIDE = Placement(cluster="member", namespace="backyard")


def application(**properties: Any) -> Json:
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "components": [
                {
                    "name": "web",
                    "type": "webservice",
                    "properties": {"image": "nginx", **properties},
                }
            ],
            "policies": [
                {"name": "where", "type": "topology", "properties": {"clusters": ["member"]}}
            ],
        },
    }


def workflow(mode: str = "StepByStep") -> Json:
    return {
        "apiVersion": "core.oam.dev/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "release", "namespace": "shop"},
        "mode": {"steps": mode},
        "steps": [{"name": "deploy", "type": "deploy", "properties": {"policies": ["where"]}}],
    }


def resolved(content: Json | None = None) -> Resolved:
    return Resolved(Snapshot(application=content or application()), builtin())


def test_the_digest_of_a_snapshot_is_that_of_what_people_wrote() -> None:
    plain = snapshot_digest(Snapshot(application=application()))
    stored = application()
    stored["metadata"] |= {"uid": "1", "resourceVersion": "7", "managedFields": []}
    stored["status"] = {"phase": "x"}
    assert snapshot_digest(Snapshot(application=stored)) == plain


@pytest.mark.parametrize(
    "changed",
    [
        Snapshot(application=application(image="nginx:2")),
        Snapshot(application=application(), workflow=workflow()),
        Snapshot(application=application(), plugins={"acme": "2"}),
        Snapshot(
            application=application(),
            policies=[
                {
                    "apiVersion": "core.oam.dev/v1alpha1",
                    "kind": "Policy",
                    "metadata": {"name": "p", "namespace": "shop"},
                    "type": "topology",
                    "properties": {"clusters": ["member"]},
                }
            ],
        ),
    ],
    ids=["image", "workflow", "plug-in", "policy"],
)
def test_everything_that_shapes_a_delivery_changes_the_digest(changed: Snapshot) -> None:
    assert snapshot_digest(changed) != snapshot_digest(Snapshot(application=application()))


def test_the_mode_of_an_external_workflow_counts() -> None:
    digests = {
        snapshot_digest(Snapshot(application=application(), workflow=workflow(mode)))
        for mode in ("StepByStep", "DAG")
    }
    assert len(digests) == 2


def test_a_placement_digest_tells_content_cluster_and_namespace_apart() -> None:
    one = resolved()
    step = one.deploy_steps[0]
    digests = [
        one.placement_digest(step, HERE).digest,
        one.placement_digest(step, ELSEWHERE).digest,
        one.placement_digest(step, OUTSIDE).digest,
        resolved(application(image="nginx:2")).placement_digest(step, HERE).digest,
    ]
    assert len(set(digests)) == 4
    assert resolved().placement_digest(step, HERE).digest == digests[0]


def test_manifests_of_two_placements_share_nothing_that_can_change() -> None:
    one = resolved()
    step = one.deploy_steps[0]
    before = copy.deepcopy(one.manifests(step, HERE, revision="web-v1"))
    for manifest in one.manifests(step, ELSEWHERE, revision="web-v2"):
        manifest["metadata"]["labels"]["changed"] = "yes"
    assert one.manifests(step, HERE, revision="web-v1") == before


def test_a_type_that_reads_the_target_is_rendered_for_each_placement() -> None:
    accounts = application()
    privileges = [{"scope": "cluster", "verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]
    accounts["spec"]["components"][0]["traits"] = [
        {
            "type": "service-account",
            "properties": {"name": "reader", "create": True, "privileges": privileges},
        }
    ]
    one = resolved(accounts)
    step = one.deploy_steps[0]
    assert one.reads_targets
    subjects = [
        manifest["subjects"][0]["namespace"]
        for placement in (HERE, OUTSIDE)
        for manifest in one.manifests(step, placement, revision="web-v1")
        if manifest["kind"] == "ClusterRoleBinding"
    ]
    assert subjects == ["shop", "backyard"]
    assert one.object_count(step, HERE) == 4
    digests = {one.placement_digest(step, each).digest for each in (HERE, ELSEWHERE, OUTSIDE)}
    assert len(digests) == 3
    assert not resolved().reads_targets


def test_objects_outside_the_namespace_are_refused_by_name() -> None:
    one = resolved()
    step = one.deploy_steps[0]
    refuse_foreign_objects(one.manifests(step, HERE, revision=""), namespace="shop")
    with pytest.raises(InvalidApplication, match=r"Deployment web: is in namespace 'backyard'"):
        refuse_foreign_objects(one.manifests(step, OUTSIDE, revision=""), namespace="shop")


def test_cluster_scoped_objects_are_refused_too() -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    with pytest.raises(InvalidApplication, match=r"Namespace shop: is cluster-scoped"):
        refuse_foreign_objects([namespace], namespace="shop")


def test_an_edit_of_a_rule_policy_is_another_revision_of_the_same_objects() -> None:
    """So it is delivered, although what each placement gets is the same."""
    ruled = application()
    rule = {"selector": {"componentNames": ["web"]}, "strategy": "never"}
    ruled["spec"]["policies"].append({"type": "garbage-collect", "properties": {"rules": [rule]}})
    before, after = (Snapshot(application=content) for content in (application(), ruled))
    assert snapshot_digest(before) != snapshot_digest(after)
    plain, special = (Resolved(each, builtin()) for each in (before, after))
    step = plain.deploy_steps[0]
    assert plain.placement_digest(step, HERE) == special.placement_digest(step, HERE)
    (manifest,) = special.manifests(step, HERE, revision="")
    assert plain.treatment(manifest).collect is None
    assert special.treatment(manifest).collect == "never"

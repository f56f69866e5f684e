"""The ten documents that users start from are read, checked and planned as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from lateen.client.documents import Document, read_documents, read_path, write_yaml
from lateen.model.application import Application, Policy, Workflow
from lateen.planning.checking import check_application
from lateen.planning.plan import WorkflowPlan
from lateen.planning.references import (
    external_references,
    inline_names,
    inline_policy,
    policy_references,
)
from lateen.planning.steps import plan_steps
from lateen.policies.override import apply_overrides
from lateen.policies.topology import ClusterInfo, select_placements
from lateen.rendering.registry import builtin

EXAMPLES = Path(__file__).parents[3] / "deploy" / "examples"
TOP, LOCAL = "topology-hangzhou-clusters", "topology-local"
HA = "override-high-availability-webservice"
CLUSTERS = [
    ClusterInfo(name="local", labels={"cluster.core.oam.dev/control-plane": "true"}),
    ClusterInfo(name="cluster-beijing"),
    ClusterInfo(name="cluster-hangzhou-1", labels={"region": "hangzhou"}),
    ClusterInfo(name="cluster-hangzhou-2", labels={"region": "hangzhou"}),
]
HANGZHOU = ["cluster-hangzhou-1/examples", "cluster-hangzhou-2/examples"]
ALTERNATIVE = ["local/examples-alternative"]


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return read_path(EXAMPLES)


def test_all_documents_are_read(documents: list[Document]) -> None:
    assert len(list(EXAMPLES.glob("*.yaml"))) == 10
    kinds = [type(each) for each in documents]
    assert (kinds.count(Application), kinds.count(Policy), kinds.count(Workflow)) == (9, 2, 1)


def test_written_as_yaml_they_read_the_same(documents: list[Document]) -> None:
    assert read_documents(write_yaml(documents), source="written") == documents


def find(documents: list[Document], name: str) -> Application:
    (found,) = (
        each for each in documents if isinstance(each, Application) and each.metadata.name == name
    )
    return found


def planned(application: Application, documents: list[Document]) -> WorkflowPlan:
    references = external_references(application)
    workflows = {each.metadata.name: each for each in documents if isinstance(each, Workflow)}
    workflow = workflows[references.workflow] if references.workflow else None
    names = set(references.policies)
    if workflow:
        names.update(policy_references(workflow, inline_names(application)))
    policies = [each for each in documents if isinstance(each, Policy)]
    found = {each.metadata.name: inline_policy(each) for each in policies}
    assert names <= found.keys()
    return plan_steps(
        application, policies={name: found[name] for name in sorted(names)}, workflow=workflow
    )


DELIVERIES: dict[str, list[tuple[str, bool, list[str], dict[str, str]]]] = {
    "basic-topology": [(f"deploy-{TOP}", True, HANGZHOU, {"nginx-basic": "nginx"})],
    "label-selector-topology": [
        (f"deploy-{TOP}", True, HANGZHOU, {"nginx-label-selector": "nginx"})
    ],
    "local-ns-topology": [(f"deploy-{LOCAL}", True, ALTERNATIVE, {"nginx-local-ns": "nginx"})],
    "deploy-workflowstep": [
        ("deploy-local", True, ALTERNATIVE, {"nginx-deploy-workflowstep": "nginx"}),
        ("deploy-hangzhou", False, HANGZHOU, {"nginx-deploy-workflowstep": "nginx"}),
    ],
    "deploy-concurrently": [
        ("deploy-all", True, ALTERNATIVE + HANGZHOU, {"nginx-deploy-concurrently": "nginx"})
    ],
    "deploy-with-override": [
        ("deploy-local", True, ALTERNATIVE, {"nginx-with-override": "nginx"}),
        ("deploy-hangzhou", True, HANGZHOU, {"nginx-with-override": "nginx:1.20 x3"}),
    ],
    "advance-override": [
        ("deploy-local", True, ALTERNATIVE, {"nginx-advance-override-legacy": "nginx:1.20"}),
        (
            "deploy-hangzhou",
            True,
            HANGZHOU,
            {
                "nginx-advance-override-latest": "nginx",
                "nginx-advance-override-stable": "nginx:stable",
            },
        ),
    ],
    "external-policies-and-workflow": [
        ("deploy-hangzhou", False, HANGZHOU, {"nginx-external-policies-and-workflow": "nginx x3"})
    ],
    "nginx-stable-ultra": [
        ("deploy-hangzhou", False, HANGZHOU, {"nginx-stable-ultra": "nginx:stable x5"})
    ],
}


@pytest.mark.parametrize("name", DELIVERIES)
def test_each_delivers_what_its_author_means(name: str, documents: list[Document]) -> None:
    application = find(documents, name)
    policies = {each.name: each for each in application.spec.policies or ()}
    for each in documents:
        if isinstance(each, Policy):
            policies.setdefault(each.metadata.name, inline_policy(each))
    plan = planned(application, documents)
    assert plan.mode == "StepByStep"
    assert plan.warnings == ()
    delivered: list[tuple[str, bool, list[str], dict[str, str]]] = []
    for step in plan.leaves:
        used = [policies[policy] for policy in step.policies]
        placements = select_placements(used, CLUSTERS, namespace="examples").placements
        components = apply_overrides(application.spec.components, used)
        images: dict[str, str] = {}
        for component in components:
            replicas = [
                f" x{(trait.properties or {})['replicas']}"
                for trait in component.trait_list
                if trait.type == "scaler"
            ]
            images[component.name] = (component.properties or {})["image"] + "".join(replicas)
        delivered.append((step.name, step.auto, [str(each) for each in placements], images))
    assert delivered == DELIVERIES[name]


@pytest.mark.parametrize("name", DELIVERIES)
def test_each_is_sound(name: str, documents: list[Document]) -> None:
    assert check_application(find(documents, name), builtin()) == []

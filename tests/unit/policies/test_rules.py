"""Rule policies: which objects a rule means, how policies of one type merge, what follows for an object."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.model.application import InlinePolicy
from lateen.model.errors import InvalidApplication
from lateen.policies.catalog import check_policy
from lateen.policies.rules.selectors import Facts, RuleSelector
from lateen.policies.rules.treatments import PLAIN, Rules, Treatment

Json = dict[str, Any]

WORKLOAD = Facts(
    component="web", component_type="webservice", oam_type="WORKLOAD", kind="Deployment", name="web"
)
ROUTE = Facts(component="web", oam_type="TRAIT", trait_type="gateway", kind="Ingress", name="route")
WEB: Json = {"selector": {"componentNames": ["web"]}}


def policy(kind: str, properties: Json | None) -> InlinePolicy:
    return InlinePolicy(name="p", type=kind, properties=properties)


def rules(*policies: tuple[str, Json]) -> Rules:
    return Rules.of(policy(kind, properties) for kind, properties in policies)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, []),
        ({"componentNames": []}, []),
        ({"componentNames": ["web"]}, [WORKLOAD, ROUTE]),
        ({"componentNames": ["api", "web"]}, [WORKLOAD, ROUTE]),
        ({"componentNames": ["api"]}, []),
        ({"componentTypes": ["webservice"]}, [WORKLOAD]),
        ({"oamTypes": ["COMPONENT"]}, [WORKLOAD]),
        ({"oamTypes": ["WORKLOAD"]}, [WORKLOAD]),
        ({"oamTypes": ["TRAIT"]}, [ROUTE]),
        ({"traitTypes": ["gateway"]}, [ROUTE]),
        ({"traitTypes": [""]}, []),
        ({"resourceTypes": ["Deployment", "Ingress"]}, [WORKLOAD, ROUTE]),
        ({"resourceNames": ["route"]}, [ROUTE]),
        ({"componentNames": ["web"], "resourceTypes": ["Ingress"]}, [ROUTE]),
        ({"componentNames": ["api"], "resourceTypes": ["Ingress"]}, []),
        ({"resourceTypes": ["deployment"]}, []),
    ],
    ids=str,
)
def test_a_selector_means_what_fits_every_field_given(
    selector: Json, expected: list[Facts]
) -> None:
    parsed = RuleSelector.model_validate(selector)
    assert [facts for facts in (WORKLOAD, ROUTE) if parsed.matches(facts)] == expected


def test_facts_are_read_from_the_labels_of_rendering() -> None:
    labels = {
        "app.oam.dev/component": "web",
        "trait.oam.dev/type": "expose",
        "trait.oam.dev/resource": "service",
    }
    manifest = {"kind": "Service", "metadata": {"name": "web", "labels": labels}}
    assert Facts.of(manifest) == Facts(
        component="web", oam_type="TRAIT", trait_type="expose", kind="Service", name="web"
    )


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        ("read-only", {"rules": [WEB]}, Treatment(read_only=True, exempt=((),))),
        ("take-over", {"rules": [WEB]}, Treatment(take_over=True)),
        ("shared-resource", {"rules": [WEB]}, Treatment(shared=True)),
        (
            "resource-update",
            {"rules": [{**WEB, "strategy": {"op": "replace", "recreateFields": ["spec.a[0]"]}}]},
            Treatment(op="replace", recreate=(("spec", "a", 0),)),
        ),
        (
            "garbage-collect",
            {"rules": [{**WEB, "strategy": "never"}], "order": "dependency"},
            Treatment(collect="never"),
        ),
        (
            "garbage-collect",
            {"rules": [{**WEB, "propagation": "cascading"}]},
            Treatment(collect="onAppUpdate", propagation="cascading"),
        ),
        ("apply-once", {"enable": True}, Treatment(exempt=((),))),
        ("apply-once", {"enable": False, "rules": []}, PLAIN),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_policy_says_about_an_object(
    kind: str, properties: Json, expected: Treatment
) -> None:
    assert rules((kind, properties)).treatment(WORKLOAD) == expected


@pytest.mark.parametrize(
    ("affect", "kept", "exempt"),
    [
        ("onUpdate", True, False),
        ("onStateKeep", False, True),
        ("always", True, True),
        ("", True, True),
        (None, True, True),
    ],
)
@pytest.mark.parametrize("enable", [True, False])
def test_when_apply_once_leaves_a_field_alone(
    affect: str | None, kept: bool, exempt: bool, enable: bool
) -> None:
    strategy = {"path": ["spec.replicas"], **({} if affect is None else {"affect": affect})}
    once = rules(("apply-once", {"enable": enable, "rules": [{**WEB, "strategy": strategy}]}))
    treatment = once.treatment(WORKLOAD)
    path = ("spec", "replicas")
    assert treatment.kept == ((path,) if kept and enable else ())
    assert treatment.is_exempt(path) == (exempt and enable)
    assert treatment.is_exempt((*path, "more")) == (exempt and enable)
    assert not treatment.is_exempt(("spec",))
    assert not treatment.is_exempt()


def test_the_first_rule_that_fits_counts() -> None:
    both = {
        "rules": [
            {"selector": {"resourceTypes": ["Ingress"]}, "strategy": "onAppDelete"},
            {**WEB, "strategy": "never"},
        ]
    }
    said = rules(("garbage-collect", both))
    assert [said.treatment(facts).collect for facts in (WORKLOAD, ROUTE)] == [
        "never",
        "onAppDelete",
    ]


def test_policies_of_one_type_are_merged() -> None:
    """Lists are joined, switches are on if one says so, and otherwise the first that speaks counts."""
    one = {"rules": [{**WEB, "strategy": "never"}], "applicationRevisionLimit": 3}
    two = {
        "rules": [{**WEB, "strategy": "onAppDelete"}, {"selector": {"resourceNames": ["route"]}}],
        "applicationRevisionLimit": 5,
        "continueOnFailure": True,
        "order": "dependency",
    }
    three = {"continueOnFailure": False}
    said = rules(
        *(("garbage-collect", each) for each in (one, two, three)), ("take-over", {})
    ).collect
    assert [rule.strategy for rule in said.rules] == ["never", "onAppDelete", "onAppUpdate"]
    assert (said.application_revision_limit, said.continue_on_failure) == (3, True)
    assert (said.order, said.keep_legacy_resource) == ("dependency", False)


def test_what_is_only_looked_at_is_spared_everything_else() -> None:
    said = rules(
        ("read-only", {"rules": [WEB]}),
        ("take-over", {"rules": [WEB]}),
        ("garbage-collect", {"rules": [{**WEB, "strategy": "never"}]}),
    )
    treatment = said.treatment(WORKLOAD)
    assert treatment.read_only
    assert not treatment.take_over
    assert treatment.collect is None


@pytest.mark.parametrize(
    ("kind", "properties", "path", "words"),
    [
        ("read-only", {"rules": [{}]}, ".rules[0].selector", "required"),
        ("take-over", {"rules": [{"selector": {"componentName": ["a"]}}]}, ".componentName", "componentNames"),
        ("garbage-collect", {"rules": [{**WEB, "strategy": "once"}]}, ".strategy", "onAppDelete"),
        ("garbage-collect", {"applicationRevisionLimit": -1}, "RevisionLimit", "at least 0"),
        ("garbage-collect", {"order": "any"}, ".order", "dependency"),
        ("apply-once", {"rules": [{**WEB, "strategy": {"path": ["status"]}}]}, "path[0]", "status"),
        ("apply-once", {"rules": [{**WEB, "strategy": {"path": ["a..b"]}}]}, "path[0]", "path"),
        ("apply-once", {"rules": [{**WEB, "strategy": {"path": []}}]}, ".path", "must not be empty"),
        (
            "resource-update",
            {"rules": [{**WEB, "strategy": {"recreateFields": ["metadata.name"]}}]},
            "recreateFields[0]",
            "labels and annotations",
        ),
        ("shared-resource", None, "properties", "needs properties"),
        ("debug", {"on": True}, "properties.on", "unknown"),
    ],
)  # fmt: skip
def test_what_is_written_wrongly_is_refused_with_its_path(
    kind: str, properties: Json | None, path: str, words: str
) -> None:
    problems, _ = check_policy(policy(kind, properties), path="spec.policies[0]")
    said = "\n".join(map(str, problems))
    assert path in said
    assert words in said
    if properties is not None and kind != "debug":
        with pytest.raises(InvalidApplication):
            rules((kind, properties))


@pytest.mark.parametrize(
    ("kind", "properties", "warning"),
    [
        ("read-only", {}, "has no rules and does nothing"),
        ("take-over", {"rules": [{"selector": {}}]}, "rules[0].selector is empty"),
        (
            "shared-resource",
            {"rules": [{"selector": {"componentTypes": ["worker"], "traitTypes": ["expose"]}}]},
            "rules[0].selector selects nothing",
        ),
        ("apply-once", {}, "is not enabled"),
        (
            "apply-once",
            {"enable": True, "rules": [{"strategy": {"path": ["*"]}}]},
            "rules[0].selector is empty",
        ),
        ("resource-update", {"rules": [{**WEB, "strategy": {}}]}, "is what happens anyway"),
        (
            "garbage-collect",
            {"rules": [{**WEB, "strategy": "never", "propagation": "orphan"}]},
            "has no effect",
        ),
        ("debug", None, "have no effect"),
    ],
)
def test_what_has_no_effect_is_pointed_out(
    kind: str, properties: Json | None, warning: str
) -> None:
    problems, warnings = check_policy(policy(kind, properties), path="spec.policies[0]")
    assert problems == []
    assert warning in "".join(warnings)
    assert "policy 'p'" in warnings[0]


def test_what_makes_sense_is_taken_without_a_word() -> None:
    for kind, properties in (
        ("read-only", {"rules": [WEB]}),
        ("apply-once", {"enable": True}),
        ("garbage-collect", {"keepLegacyResource": True}),
        ("resource-update", {"rules": [{**WEB, "strategy": {"op": "replace"}}]}),
    ):
        assert check_policy(policy(kind, properties), path="") == ([], [])

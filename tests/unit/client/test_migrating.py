"""Migrating texts: what is said stays, and so does everything around it."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lateen.client.migrating import MigratedText, migrate_text
from lateen.model.errors import InvalidManifest
from lateen.model.parsing import parse_application
from lateen.planning.checking import check_application
from lateen.planning.migrating import is_old
from lateen.rendering.registry import builtin
from lateen.texts.yaml_reading import read_yaml
from support.environments import applications, delivered

SHOP = """\
# The shop
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: shop
  namespace: demo   # here
spec:
  components:
    - name: web
      type: webservice
      properties:
        image:   nginx
    - {name: job, type: worker, properties: {image: busybox}}
  policies:
    # The environments
    - name: envs   # old style
      type: env-binding
      properties:
        envs:
          - name: test # by night
            placement: # at home
              namespaceSelector:
                name: test
            selector: # not all
              components:
                - job # only this

          # careful
          - name: prod
            placement:
              clusterSelector:
                name: hangzhou # near us
              namespaceSelector:
                name: 'prod'
            patch: # more
              components:
                - name: web
                  # shown to people
                  properties:
                    env:
                      - name: TEXT
                        value: |
                          # no comment

                          text
                  traits:
                    - {type: scaler, properties: {replicas: 3}}
    # Not ours
    - name: other
      type: topology
      properties: {clusters: [local]}

  workflow:
    steps:
      # first
      - name: try
        type: deploy2env
        properties:
          policy: envs
          env: test # by night
      - name: look
        type: suspend
      - type: "deploy2env"   # at last
        name: ship
        properties: {env: prod}
        timeout: 3m
"""
SHOP_AFTER = """\
# The shop
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: shop
  namespace: demo   # here
spec:
  components:
    - name: web
      type: webservice
      properties:
        image:   nginx
    - {name: job, type: worker, properties: {image: busybox}}
  policies:
    # The environments
    # old style
    # by night
    # at home
    # not all
    - name: envs-test
      type: topology
      properties:
        clusters: [local]
        namespace: test
    - name: envs-test-override
      type: override
      properties:
        selector:
          - job # only this

    # careful
    # more
    - name: envs-prod
      type: topology
      properties:
        clusters: [hangzhou]  # near us
        namespace: prod
    - name: envs-prod-override
      type: override
      properties:
        components:
          - name: web
            # shown to people
            properties:
              env:
                - name: TEXT
                  value: |
                    # no comment

                    text
            traits:
              - {type: scaler, properties: {replicas: 3}}
    # Not ours
    - name: other
      type: topology
      properties: {clusters: [local]}

  workflow:
    steps:
      # first
      - name: try
        type: deploy
        properties:
          # by night
          policies: [envs-test, envs-test-override]
      - name: look
        type: suspend
      - type: "deploy"   # at last
        name: ship
        properties: {policies: [envs-prod, envs-prod-override]}
        timeout: 3m
"""

BRIEF = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: brief}
spec:
  components: [{name: web, type: webservice, properties: {image: nginx}}]
  policies:
  - type: env-binding
    name: p
    properties: {envs: [{name: a}, {name: b, patch: {components: [{name: web, properties: {port: 80}}]}}]}
"""


def migrated(text: str | bytes) -> MigratedText:
    return migrate_text(text, source="app.yaml", registry=builtin())


def values(text: str) -> list[Any]:
    return [document.value for document in read_yaml(text)]


def refusal(text: str) -> str:
    result = migrated(text)
    assert result.text == text
    assert not result.changes
    (reason,) = result.refused
    return reason


def test_comments_order_and_layout_stay() -> None:
    result = migrated(SHOP)
    assert result.text == SHOP_AFTER
    assert result.refused == ()
    assert [change.removeprefix("Application shop: ") for change in result.changes] == [
        f"{subject} becomes {meaning}"
        for subject, meaning in (
            (
                "env 'test' of policy 'envs'",
                "topology 'envs-test' and override 'envs-test-override' (local/test)",
            ),
            (
                "env 'prod' of policy 'envs'",
                "topology 'envs-prod' and override 'envs-prod-override' (hangzhou/prod)",
            ),
            ("step 'try': deploy2env", "deploy with policies envs-test, envs-test-override"),
            ("step 'ship': deploy2env", "deploy with policies envs-prod, envs-prod-override"),
        )
    ]
    (note,) = result.notes
    assert "together" in note


def test_every_cluster_gets_the_same() -> None:
    before, after = values(SHOP)[0], values(SHOP_AFTER)[0]
    assert delivered(before) == delivered(after)
    assert check_application(parse_application(after), builtin()) == [
        "policy 'other' is not used by any deploy step"
    ]


def test_a_second_time_there_is_nothing_to_do() -> None:
    assert migrated(SHOP_AFTER) == MigratedText(SHOP_AFTER)


def test_steps_that_ran_by_default_are_written_down() -> None:
    result = migrated(BRIEF)
    assert result.text.endswith("""\
  policies:
  - name: p-a
    type: topology
    properties:
      clusters:
      - local
  - name: p-b
    type: topology
    properties:
      clusters:
      - local
  - name: p-b-override
    type: override
    properties:
      components:
      - name: web
        properties:
          port: 80
  workflow:
    steps:
    - name: deploy-p-a
      type: deploy
      properties:
        policies: [p-a]
    - name: deploy-p-b
      type: deploy
      properties:
        policies: [p-b, p-b-override]
""")
    assert delivered(values(BRIEF)[0]) == delivered(values(result.text)[0])


@pytest.mark.parametrize(
    "workflow",
    [
        "  workflow:\n    mode: {steps: DAG}\n",
        "  workflow: {mode: {steps: DAG}} # at once\n",
        "  workflow: {}\n",
        "  workflow:\n",
        "  workflow: {steps: []}\n",
    ],
)
def test_a_workflow_without_steps_gets_them(workflow: str) -> None:
    result = migrated(BRIEF + workflow)
    (after,) = values(result.text)
    assert [step["name"] for step in after["spec"]["workflow"]["steps"]] == [
        "deploy-p-a",
        "deploy-p-b",
    ]
    assert ("DAG" in workflow) == (after["spec"]["workflow"].get("mode") == {"steps": "DAG"})
    assert ("# at once" in workflow) == ("# at once" in result.text)


def test_other_documents_stay_byte_for_byte() -> None:
    others = "a:   1 # one\n---\n- [ 1,  2 ]\n---\n", "---\n# end\n\tx: 2\n".replace("\t", "")
    result = migrated(others[0] + SHOP + others[1])
    assert result.text == others[0] + SHOP_AFTER + others[1]


def test_line_ends_the_byte_order_mark_and_a_missing_last_line_end_stay() -> None:
    text = "\ufeff" + SHOP.replace("\n", "\r\n").removesuffix("\r\n")
    expected = "\ufeff" + SHOP_AFTER.replace("\n", "\r\n").removesuffix("\r\n")
    assert migrated(text.encode()).text == expected


def test_items_of_a_list_are_migrated() -> None:
    app = "\n".join(f"    {line}".rstrip() for line in SHOP.splitlines()[1:])
    text = f"apiVersion: v1\nkind: List\nitems:\n  -\n{app}\n"
    result = migrated(text)
    assert values(result.text)[0]["items"] == values(SHOP_AFTER)


@pytest.mark.parametrize("indent", [None, 2])
def test_json_stays_json(indent: int | None) -> None:
    text = json.dumps(values(SHOP)[0], indent=indent, ensure_ascii=False) + "\n"
    result = migrated(text)
    assert json.loads(result.text) == values(SHOP_AFTER)[0]
    assert len(result.text.splitlines()) > 1 or indent is None
    brief = migrated(json.dumps(values(BRIEF)[0], indent=indent))
    assert json.loads(brief.text) == values(migrated(BRIEF).text)[0]


def test_aliases_of_what_moves_keep_their_meaning() -> None:
    later = "    - {name: later, type: override, properties: {components: [*web]}}\n"
    text = SHOP.replace(
        "                - name: web\n", "                - &web\n                  name: web\n"
    )
    result = migrated(text.replace("    # Not ours\n", later))
    assert result.refused == ()
    assert later in result.text
    (after,) = values(result.text)
    policies = {
        each["name"]: each["properties"].get("components") for each in after["spec"]["policies"]
    }
    assert policies["later"] == policies["envs-prod-override"] != []


def test_an_anchor_that_would_go_is_refused() -> None:
    text = SHOP.replace("name: hangzhou # near us", "name: &there hangzhou")
    said = refusal(text.replace("clusters: [local]", "clusters: [*there]"))
    assert "anchors, aliases or merge keys" in said


def test_merged_envs_are_written_out() -> None:
    old = "            selector: # not all\n              components:\n                - job # only this\n"
    text = SHOP.replace(old, "            <<: {selector: {components: [job]}} # merged\n")
    result = migrated(text)
    assert result.refused == ()
    assert "# merged" in result.text
    assert values(result.text) == values(SHOP_AFTER)
    assert delivered(values(text)[0]) == delivered(values(result.text)[0])


def test_steps_that_share_what_changes_are_written_out() -> None:
    steps = """\
    steps:
      - &try
        name: try # once
        type: deploy2env
        properties: &target
          env: test
      - name: again
        type: deploy2env
        properties: *target
      - <<: *try # more
        name: third
"""
    text = SHOP[: SHOP.index("    steps:")] + steps
    result = migrated(text)
    assert result.refused == ()
    (before,), (after,) = values(text), values(result.text)
    assert delivered(before) == delivered(after)
    assert [step["name"] for step in after["spec"]["workflow"]["steps"]] == [
        "try",
        "again",
        "third",
    ]
    assert "name: try # once" in result.text
    assert "# more" in result.text


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        pytest.param(
            "    - name: envs   # old style\n",
            "    -\n      name: envs\n",
            ["spec.policies[0] does not begin behind its '-'"],
            id="lonely dash",
        ),
        pytest.param(
            "spec:\n",
            "metadata2: &x {name: y}\nspec:\n",
            ["metadata2", "unknown key"],
            id="unknown key",
        ),
    ],
)
def test_refuses_what_it_can_not_rewrite(old: str, new: str, words: list[str]) -> None:
    said = refusal(SHOP.replace(old, new, 1))
    assert [word for word in words if word not in said] == []


def test_refuses_policies_behind_an_alias() -> None:
    (data,) = values(SHOP)
    items = [{"kind": "x", "shared": data["spec"]["policies"]}, data]
    text = yaml.safe_dump({"kind": "List", "items": items}, sort_keys=False)
    assert "*id001" in text
    assert "spec.policies[0] is written with an alias; write it out" in refusal(text)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        pytest.param(
            "                name: hangzhou # near us\n",
            "                labels: {region: hangzhou}\n",
            ["clusterSelector.labels", "does not support label selectors"],
            id="label selector",
        ),
        pytest.param("env: prod}", "env: prd}", ["'prd'", "did you mean 'prod'"], id="env"),
        pytest.param(
            "          policy: envs\n",
            "          policy: env\n",
            ["'env'", "did you mean 'envs'"],
            id="policy",
        ),
        pytest.param("type: suspend", "type: my-step", ["'my-step'", "step type"], id="step"),
        pytest.param(
            "      type: topology\n",
            "      type: my-policy\n",
            ["'my-policy'", "policy type"],
            id="policy type",
        ),
        pytest.param("kind: Application", "kind: Workflow", ["copy its steps"], id="workflow"),
    ],
)
def test_refuses_with_the_reason(old: str, new: str, words: list[str]) -> None:
    assert SHOP.count(old) == 1
    text = SHOP.replace(old, new)
    if "Workflow" in new:
        text = "kind: Workflow\nmetadata: {name: w}\nsteps:\n- {name: a, type: deploy2env}\n"
    said = refusal(text)
    assert [word for word in words if word not in said] == []


def test_refuses_steps_of_a_workflow_object() -> None:
    said = refusal(SHOP[: SHOP.index("    steps:")] + "    ref: release\n")
    assert "spec.workflow.ref" in said
    assert "write them into spec.workflow.steps" in said


@pytest.mark.parametrize("kind", ["topology", "override"])
def test_refuses_envs_that_have_no_effect(kind: str) -> None:
    more = f"  - name: t\n    type: {kind}\n    properties: {{}}\n"
    assert "no env" in refusal(BRIEF + more)


def test_refuses_names_by_number_that_would_change() -> None:
    text = SHOP.replace("    - name: other\n      type: topology\n", "    - type: topology\n")
    text += "      - {name: z, type: deploy, properties: {policies: [topology-auto-gen-1]}}\n"
    said = refusal(text)
    assert "topology-auto-gen-1" in said


def test_one_refused_application_keeps_its_whole_file() -> None:
    bad = SHOP.replace("env: prod}", "env: prd}")
    text = f"{SHOP}---\n{bad}"
    assert "did you mean 'prod'" in refusal(text)


def test_rule_policies_and_unknown_components_do_not_matter() -> None:
    text = SHOP.replace("    # Not ours\n", "    - {type: garbage-collect, properties: {}}\n")
    result = migrated(text.replace("type: worker", "type: my-worker"))
    assert result.refused == ()
    assert "compared before rendering only" in result.notes[1]
    assert "my-worker" in result.notes[1]


def test_what_can_not_be_read_is_an_error() -> None:
    with pytest.raises(InvalidManifest, match=r"app.yaml: line 2, column 1"):
        migrated("a: [\n}")


class _Indented(yaml.SafeDumper):
    """Indents lists below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


def commented(text: str, *, seed: int) -> tuple[str, list[str]]:
    """Strew numbered comments over a block-style text."""
    chance, numbers = random.Random(seed), itertools.count()
    lines: list[str] = []
    comments: list[str] = []
    for line in text.splitlines():
        if chance.random() < 0.3:
            comments.append(f"# c{next(numbers)}")
            lines.append(
                line[: len(line) - len(line.lstrip(" -"))].replace("-", " ") + comments[-1]
            )
        lines.append(line)
        if chance.random() < 0.3:
            comments.append(f"# c{next(numbers)}")
            lines[-1] += "  " + comments[-1]
        if chance.random() < 0.1:
            lines.append("")
    return "\n".join(lines) + "\n", comments


@settings(deadline=None)  # How long an example takes is the machine's affair.
@given(
    applications(), st.sampled_from(["block", "indented", "mixed", "flow"]), st.integers(0, 2**16)
)
def test_any_application_says_the_same_afterwards(data: Any, style: str, seed: int) -> None:
    flow = {"mixed": None, "flow": True}.get(style, False)
    dumper = _Indented if style == "indented" else yaml.SafeDumper
    text = yaml.dump(data, Dumper=dumper, sort_keys=False, default_flow_style=flow, width=10**6)
    comments: list[str] = []
    if style != "flow":
        text, comments = commented(text, seed=seed)
    assert values(text) == [data]
    result = migrated(f"x:  1\n---\n{text}---\nz:  2\n")
    assert result.refused == ()
    assert result.text.startswith("x:  1\n---\n")
    assert result.text.endswith("---\nz:  2\n")
    _, after, _ = values(result.text)
    assert not is_old(after)
    assert delivered(after) == delivered(data)
    words = result.text.split()
    kept = [f"# {word}" for sign, word in itertools.pairwise(words) if sign == "#"]
    assert sorted(kept) == sorted(comments)
    assert migrated(result.text).text == result.text

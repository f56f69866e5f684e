"""From any JSON to an Application, Policy or Workflow, or to everything that is wrong with it."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.model.application import Application, Policy, Workflow
from lateen.model.errors import InvalidApplication
from lateen.model.parsing import (
    LARGEST,
    content_digest,
    parse_application,
    parse_object,
    parse_policy,
    parse_workflow,
)

WEB: dict[str, Any] = {"name": "web", "type": "webservice", "properties": {"image": "nginx"}}
DEPLOY: dict[str, Any] = {"name": "d", "type": "deploy"}


def document(**changes: Any) -> dict[str, Any]:
    """Return a sound application; keys with a dot change what is below."""
    data: dict[str, Any] = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "app", "namespace": "shop"},
        "spec": {"components": [copy.deepcopy(WEB)]},
    }
    for path, value in changes.items():
        *outer, last = path.split("__")
        target = data
        for key in outer:
            target = target[key]
        target[last] = value
    return data


def policy(**rest: Any) -> dict[str, Any]:
    return {
        "apiVersion": "core.oam.dev/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": "top"},
        "type": "topology",
        "properties": {},
        **rest,
    }


def workflow(**rest: Any) -> dict[str, Any]:
    return {
        "apiVersion": "core.oam.dev/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "release"},
        "steps": [DEPLOY],
        **rest,
    }


def said(data: Any) -> str:
    with pytest.raises(InvalidApplication) as caught:
        parse_object(data)
    return str(caught.value)


def nested(depth: int, *, leaf: Any = 1) -> Any:
    value = leaf
    for _ in range(depth):
        value = {"a": value}
    return value


def test_a_sound_application_is_read() -> None:
    found = parse_application(document())
    assert (found.id, found.spec.components[0].properties) == ("shop/app", {"image": "nginx"})


def test_objects_are_read_by_their_kind() -> None:
    assert isinstance(parse_object(document()), Application)
    assert isinstance(parse_object(policy()), Policy)
    assert isinstance(parse_object(workflow()), Workflow)


def test_the_input_is_left_alone() -> None:
    data = document(spec__policies=[{"type": "topology", "properties": {}}], status={"x": 1})
    before = copy.deepcopy(data)
    parse_application(data)
    assert data == before


def test_unnamed_policies_are_named_by_type_and_place() -> None:
    policies: list[Any] = [
        {"type": "topology", "properties": {}},
        {"name": "mine", "type": "override", "properties": {}},
        {"name": "", "type": "override", "properties": {}},
        {"name": None, "type": "topology", "properties": {}},
    ]
    found = parse_application(document(spec__policies=policies)).spec.policies or []
    assert [each.name for each in found] == [
        "topology-auto-gen-0",
        "mine",
        "override-auto-gen-2",
        "topology-auto-gen-3",
    ]


def test_what_a_server_adds_is_accepted() -> None:
    data = document(
        status={"phase": float("nan"), "deep": nested(500)},
        metadata__managedFields=[{"deep": nested(500)}],
        metadata__uid="u",
        metadata__resourceVersion="1",
        metadata__creationTimestamp=None,
        metadata__labels=None,
    )
    assert parse_application(data).metadata.labels == {}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(None, ["expected an object"], id="null"),
        pytest.param([document()], ["expected an object"], id="list"),
        pytest.param("app", ["expected an object", "app"], id="text"),
        pytest.param(
            {}, ["kind: unknown kind", "Application (core.oam.dev/v1beta1)", "Policy", "Workflow"],
            id="nothing",
        ),
        pytest.param(document(kind="Aplication"), ["did you mean 'Application'"], id="kind"),
        pytest.param(document(kind=["Application"]), ["kind: unknown kind"], id="kind's type"),
        pytest.param(document(kind="Deployment"), ["'Deployment'", "Policy (core"], id="other kind"),
        pytest.param(
            document(apiVersion="core.oam.dev/v1alpha2"),
            ["apiVersion", "'core.oam.dev/v1alpha2'", "expected 'core.oam.dev/v1beta1'"],
            id="version",
        ),
        pytest.param(document(apiVersion=None), ["expected 'core.oam.dev/v1beta1'"], id="no version"),
        pytest.param(document(metadata=None), ["metadata"], id="no metadata"),
        pytest.param(document(metadata={}), ["metadata.name", "required"], id="no name"),
        pytest.param(
            document(metadata__name="My App"), ["metadata.name", "'My App'", "lower-case"], id="name"
        ),
        pytest.param(document(metadata__name="a" * 57), ["metadata.name", "56"], id="long name"),
        pytest.param(document(metadata__namespace=7), ["metadata.namespace"], id="namespace"),
        pytest.param(
            document(metadata__labels={"tier": 1}),
            ["Application shop/app", "metadata.labels.tier", "a string"],
            id="label's type",
        ),
        pytest.param(
            document(metadata__labels={"tier": "not good"}), ["metadata.labels.tier"], id="label"
        ),
        pytest.param(document(metadata__labels={"a b": "c"}), ['labels["a b"]'], id="label's key"),
        pytest.param(
            document(metadata__annotations={"/x": "c"}), ['metadata.annotations["/x"]'], id="annotation"
        ),
        pytest.param(document(metadata__labels=["a"]), ["metadata.labels", "an object"], id="labels"),
        pytest.param(document(spec=None), ["spec"], id="no spec"),
        pytest.param(document(spec={}), ["spec.components", "required"], id="no components"),
        pytest.param(
            document(spec__components=[]), ["spec.components", "must not be empty"], id="empty"
        ),
        pytest.param(
            document(spec__components=[WEB, {**WEB, "type": "task"}]),
            ["spec.components[1].name", "taken", "'web'", "see spec.components[0]"],
            id="component twice",
        ),
        pytest.param(
            document(spec__components=[{**WEB, "name": "Web"}]), ["spec.components[0].name"], id="DNS"
        ),
        pytest.param(
            document(spec__components=[{"nmae": "web", "type": "t"}]),
            ["spec.components[0].nmae", "did you mean 'name'"],
            id="key",
        ),
        pytest.param(document(spec__polices=[]), ["spec.polices", "'policies'"], id="spec's key"),
        pytest.param(
            document(spec__policies=[{"name": "p", "type": "a"}, {"name": "p", "type": "b"}]),
            ["spec.policies[1].name", "see spec.policies[0]"],
            id="policy twice",
        ),
        pytest.param(
            document(
                spec__policies=[
                    {"name": "topology-auto-gen-1", "type": "topology"},
                    {"type": "topology"},
                ]
            ),
            ["spec.policies[1].name", "'topology-auto-gen-1'"],
            id="generated name taken",
        ),
        pytest.param(document(spec__policies=["p", 1]), ["spec.policies[0]", "[1]"], id="policies"),
        pytest.param(
            document(spec__policies=[{"name": "a\nb", "type": "t"}]),
            ["spec.policies[0].name", "one line"],
            id="policy's name",
        ),
        pytest.param(
            document(spec__workflow={"steps": [DEPLOY, {**DEPLOY, "type": "suspend"}]}),
            ["spec.workflow.steps[1].name", "see spec.workflow.steps[0]"],
            id="step twice",
        ),
        pytest.param(
            document(
                spec__workflow={
                    "steps": [{"name": "g", "type": "step-group", "subSteps": [DEPLOY]}, DEPLOY]
                }
            ),
            ["spec.workflow.steps[1].name", "see spec.workflow.steps[0].subSteps[0]"],
            id="sub-step twice",
        ),
        pytest.param(
            document(spec__workflow={"steps": [{**DEPLOY, "name": "x" * 254}]}),
            ["spec.workflow.steps[0].name", "253"],
            id="long step name",
        ),
        pytest.param(
            document(spec__workflow={"steps": [{**DEPLOY, "timeout": "soon"}]}),
            ["spec.workflow.steps[0].timeout", "'soon'", "30s"],
            id="timeout",
        ),
        pytest.param(
            document(spec__workflow={"mode": {"steps": "Dag"}}), ["spec.workflow.mode.steps"], id="mode"
        ),
        pytest.param(
            document(spec__components=[{**WEB, "properties": {"a": {"b": [math.inf]}}}]),
            ["spec.components[0].properties.a.b[0]", "finite"],
            id="infinity",
        ),
        pytest.param(
            document(spec__components=[{**WEB, "properties": {"n": 2**64}}]), ["64 bits"], id="huge"
        ),
        pytest.param(
            document(spec__components=[{**WEB, "properties": {"n": 10**5000}}]), ["64 bits"], id="vast"
        ),
        pytest.param(
            document(spec__components=[{**WEB, "properties": {"s": "\ud800"}}]),
            ["properties.s", "no Unicode text"],
            id="lone surrogate",
        ),
        pytest.param(
            document(spec__components=[{**WEB, "properties": {"\x1b[31m": 1}}]),
            ["spec.components[0].properties", "control characters"],
            id="control characters in a key",
        ),
        pytest.param(
            document(spec__components=[{**WEB, "properties": {1: 1}}]), ["keys must be"], id="no key"
        ),
        pytest.param(
            document(spec__components=[{**WEB, "properties": {"s": {1, 2}}}]),
            ["properties.s", "not JSON but a set"],
            id="no JSON",
        ),
        pytest.param(
            document(spec__components=[{**WEB, "properties": nested(98)}]), ["deeper than 100"],
            id="deep",
        ),
        pytest.param(
            document(spec__components=[{**WEB, "properties": nested(100_000)}]), ["deeper than 100"],
            id="bottomless",
        ),
        pytest.param(
            document(spec__components=[{**WEB, "properties": {"s": "x" * LARGEST}}]),
            ["bytes of JSON", "1,048,576"],
            id="too large",
        ),
        pytest.param(policy(type=""), ["Policy default/top", "type"], id="policy's type"),
        pytest.param(policy(spec={}), ["Policy default/top", "spec", "unknown key"], id="policy's key"),
        pytest.param(workflow(steps=[DEPLOY, DEPLOY]), ["steps[1].name", "see steps[0]"], id="steps"),
        pytest.param(workflow(steps=None), ["Workflow default/release", "steps"], id="no steps"),
    ],
)  # fmt: skip
def test_errors_name_the_object_the_path_the_value_and_the_way_out(
    data: Any, words: list[str]
) -> None:
    message = said(data)
    assert [word for word in words if word not in message] == []
    assert "\x1b" not in message
    message.encode()


def test_nesting_up_to_the_limit_is_fine() -> None:
    parse_application(document(spec__components=[{**WEB, "properties": nested(95)}]))


def test_deep_step_groups_are_no_trouble() -> None:
    step: dict[str, Any] = {"name": "leaf", "type": "deploy"}
    for index in range(45):
        step = {"name": f"g{index}", "type": "step-group", "subSteps": [step]}
    parse_workflow(workflow(steps=[step]))


def test_many_problems_are_cut_short() -> None:
    message = said(document(spec__components=[{"name": "X"} for _ in range(900)]))
    assert len(message.splitlines()) < 60
    assert "more problems" in message


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (document(spec__components=[{} for _ in range(1001)]), "spec.components"),
        (document(spec__policies=[{} for _ in range(1001)]), "spec.policies"),
        (document(spec__workflow={"steps": [{}] * 1001}), "spec.workflow.steps"),
        (workflow(steps=[{}] * 1001), "steps"),
        (
            workflow(
                steps=[
                    {
                        "name": "g",
                        "type": "step-group",
                        "subSteps": [
                            {"name": f"s{index}", "type": "deploy"} for index in range(1000)
                        ],
                    }
                ]
            ),
            "steps",
        ),
        (
            document(spec__components=[{**WEB, "traits": [{"type": "labels"}] * 101}]),
            "spec.components[0].traits",
        ),
    ],
)
def test_lists_are_bounded(data: Any, path: str) -> None:
    assert f"{path}: has more than 1" in said(data)


def test_all_problems_are_told_at_once() -> None:
    message = said(
        document(
            metadata__labels={"a": "b c"},
            spec__components=[WEB, WEB],
            spec__policies=[{"name": "p", "type": "t"}] * 2,
        )
    )
    assert all(path in message for path in ("metadata.labels.a", "components[1]", "policies[1]"))


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.sampled_from(["core.oam.dev/v1beta1", "Application", "topology", "step-group", "web"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "metadata",
                    "name",
                    "namespace",
                    "labels",
                    "spec",
                    "components",
                    "type",
                    "policies",
                    "workflow",
                    "steps",
                    "subSteps",
                    "properties",
                    "traits",
                    "mode",
                    "status",
                    "x y",
                ]
            )
            | st.text(st.characters(), max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(junk=JUNK, more=JUNK, kind=st.sampled_from(["Application", "Policy", "Workflow", "Other"]))
def test_nothing_but_our_own_error_ever_comes_out(junk: Any, more: Any, kind: str) -> None:
    versions = {"Application": "core.oam.dev/v1beta1"}
    head = {"apiVersion": versions.get(kind, "core.oam.dev/v1alpha1"), "kind": kind}
    candidates = [
        junk,
        {**head, "metadata": junk, "spec": more, "steps": more, "type": "t", "properties": more},
        {**head, "metadata": {"name": "app"}, "spec": {"components": junk, "policies": more}},
        {**head, "metadata": {"name": "app"}, "spec": {"components": [WEB], "workflow": junk}},
        {**head, "metadata": {"name": "app"}, "spec": {"components": [WEB], "policies": junk}},
    ]
    for read in (parse_object, parse_application, parse_policy, parse_workflow):
        for candidate in candidates:
            try:
                json.dumps(read(candidate).to_json(), allow_nan=False)
            except InvalidApplication as error:
                str(error).encode()


class TestContentDigest:
    """Equal digests mean that the same is asked for."""

    BASE = content_digest(parse_application(document()))

    @pytest.mark.parametrize(
        "changes",
        [
            {"status": {"phase": "running"}},
            {"metadata__uid": "u", "metadata__generation": 7},
            {"metadata__labels": {}, "metadata__annotations": None},
            {"metadata__annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}},
            {"spec__policies": None, "spec__workflow": None},
        ],
    )
    def test_what_servers_and_kubectl_add_does_not_matter(self, changes: dict[str, Any]) -> None:
        assert content_digest(parse_application(document(**changes))) == self.BASE

    @pytest.mark.parametrize(
        "changes",
        [
            {"metadata__labels": {"a": "b"}},
            {"metadata__annotations": {"a": "b"}},
            {"spec__components": [{**WEB, "properties": {"image": "nginx:2"}}]},
            {"spec__components": [{**WEB, "properties": {"image": "nginx", "x": None}}]},
            {"spec__policies": [{"name": "p", "type": "topology"}]},
        ],
    )
    def test_what_a_user_writes_matters(self, changes: dict[str, Any]) -> None:
        assert content_digest(parse_application(document(**changes))) != self.BASE

    def test_order_of_keys_and_notation_of_numbers_do_not_matter(self) -> None:
        one = {**WEB, "properties": {"a": 1, "b": [2.0, {"c": 1e3}]}}
        two = {**WEB, "properties": {"b": [2, {"c": 1000}], "a": 1.0}}
        digests = {
            content_digest(parse_application(document(spec__components=[each])))
            for each in (one, two)
        }
        assert len(digests) == 1

    def test_it_never_changes_between_releases(self) -> None:
        assert self.BASE == "e1fe6d152a40e721e89edf150bc5706113c82faefe0eac0943ad738eb815efa5"

"""Definitions evaluated by the real cue program: what users' templates do, and what is said of mistakes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from lateen.definitions.evaluating import BrokenTemplate, CueEvaluator
from lateen.definitions.programs import CueMissing, find_cue, run_cue
from lateen.definitions.registering import with_definitions
from lateen.definitions.values import plain
from lateen.model.application import Component
from lateen.model.errors import InvalidApplication
from lateen.model.records import UsedDefinition
from lateen.programs.running import ProgramStopped
from lateen.rendering.context import RenderContext, Target
from lateen.rendering.registry import Registry, builtin
from lateen.rendering.render import render

Json = dict[str, Any]

CUE = find_cue()
DEFINITIONS = Path(__file__).parents[2] / "support" / "definitions" / "platform.yaml"
CONTEXT = RenderContext("shop", "team").at(Target("beijing", "team", git_version="v1.31.2"))

pytestmark = pytest.mark.skipif(
    CUE is None, reason="needs the program cue: run `lateen local tools`"
)


@pytest.fixture(scope="module")
def types() -> Registry:
    """The definitions of the tests beside the built-in types."""
    used = [
        UsedDefinition(
            kind=each["kind"], namespace="team", name=each["metadata"]["name"], spec=each["spec"]
        )
        for each in yaml.safe_load_all(DEFINITIONS.read_text())
    ]
    return with_definitions(builtin(), used, CueEvaluator())


def site(*traits: Json, **properties: Any) -> Component:
    return Component.model_validate(
        {
            "name": "web",
            "type": "site",
            "properties": {"image": "nginx", **properties},
            "traits": list(traits),
        }
    )


def made(types: Registry, component: Component) -> dict[str, Json]:
    found = render([component], CONTEXT, types)
    return {each.manifest["kind"]: each.manifest for each in found}


def test_a_component_with_further_objects(types: Registry) -> None:
    """Defaults, optional fields, comprehensions, conditions and imports give what they should."""
    plainest = made(types, site())
    assert list(plainest) == ["Deployment"]
    (container,) = plainest["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container == {"name": "web", "image": "nginx", "ports": []}
    full = made(
        types,
        site(cpu="1", tier="Internal", ports=[{"port": 80}], volumes=[{"name": "t", "path": "/t"}]),
    )
    assert full["Service"]["spec"]["ports"] == [{"port": 80, "name": "port-80"}]
    template = full["Deployment"]["spec"]["template"]
    assert template["metadata"]["labels"]["tier"] == "internal"
    (container,) = template["spec"]["containers"]
    assert container["resources"] == {"limits": {"cpu": "1"}}
    assert container["volumeMounts"] == [{"name": "t", "mountPath": "/t"}]


def test_traits_of_the_hub_and_of_lateen_together(types: Registry) -> None:
    found = made(
        types,
        site(
            {"type": "sidecar", "properties": {"name": "agent", "image": "agent"}},
            {"type": "tracing", "properties": {"endpoint": "http://spans", "sampling": 0.5}},
            {
                "type": "tracing",
                "name": "other",
                "properties": {"containers": [{"containerName": "agent", "endpoint": "x"}]},
            },
            {"type": "scaler", "properties": {"replicas": 3}},
            {"type": "recreate"},
            {
                "type": "operations",
                "properties": {"operations": [{"op": "remove", "path": "/spec/replicas"}]},
            },
            ports=[{"port": 80}],
        ),
    )
    spec = found["Deployment"]["spec"]
    web, agent = spec["template"]["spec"]["containers"]
    assert web["env"] == [
        {"name": "TRACE_ENDPOINT", "value": "http://spans"},
        {"name": "TRACE_SAMPLING", "value": "0.5"},
    ]
    assert agent["env"][0] == {"name": "TRACE_ENDPOINT", "value": "x"}
    assert (spec["strategy"], "replicas" in spec) == ({"type": "Recreate"}, False)


def test_a_trait_sees_the_workload_and_the_cluster(types: Registry) -> None:
    found = made(types, site({"type": "located"}, ports=[{"port": 80}], replicas=4))
    assert found["ConfigMap"]["metadata"]["name"] == "web-note"
    assert found["ConfigMap"]["data"] == {"replicas": "4"}
    assert found["Service"]["metadata"]["labels"]["located"] == "beijing"
    annotations = found["Deployment"]["metadata"]["annotations"]
    assert annotations == {"acme.example/located": '{"cluster":"beijing","minor":31}'}


@pytest.mark.parametrize(
    ("component", "told"),
    [
        (site(prots=[]), "properties.prots: unknown key; did you mean 'ports'?"),
        (site(image=5), "properties.image: expected a string (got 5)"),
        (site(tier="Publik"), "properties.tier: expected \"Internal\" or \"Public\" (got 'Publik')"),
        (site(ports=[{"port": "80"}]), "properties.ports[0].port: expected an integer (got '80')"),
        (site(ports=[{"port": 0}]), "properties.ports[0].port: must satisfy >0 (got 0)"),
        (site(ports=[{"port": 80, "prt": 1}]), "properties.ports[0].prt: unknown key (got 1)"),
        (site(volumes=[{"name": "a"}]), "properties.volumes[0].path: is required"),
        (site({"type": "tracing"}), "traits[0].properties"),
        (
            site({"type": "tracing", "properties": {"endpoint": "x", "containerName": "nope"}}),
            "trait 'tracing' is refused by TraitDefinition team/tracing: container nope not found",
        ),
        (
            site({"type": "operations", "properties": {"operations": [{"op": "remove", "path": "/x"}]}}),
            "trait 'operations' can't patch the workload: operations[0]: remove /x: there is no 'x'",
        ),
    ],
)  # fmt: skip
def test_mistakes(types: Registry, component: Component, told: str) -> None:
    """Each names the path in the application, and where it can the value and the nearest key."""
    with pytest.raises(InvalidApplication) as caught:
        made(types, component)
    assert told in str(caught.value)


def defined(template: str) -> Registry:
    """A trait beside the built-in types."""
    spec = {"schematic": {"cue": {"template": template}}}
    used = UsedDefinition(kind="TraitDefinition", namespace="team", name="own", spec=spec)
    return with_definitions(builtin(), [used], CueEvaluator())


def web(*traits: Json) -> Component:
    side = {"type": "sidecar", "properties": {"name": "side", "image": "side"}}
    return Component.model_validate(
        {
            "name": "web",
            "type": "webservice",
            "properties": {"image": "nginx"},
            "traits": [side, *traits],
        }
    )


@pytest.mark.parametrize(
    ("items", "grace"),
    [
        ('[...{stdin: true}]', [True, True]),
        ('[{stdin: true}, ...]', [True, None]),
        ('[{stdin: true}, ...{tty: true}]', [True, None]),
    ],
)  # fmt: skip
def test_open_lists_reach_all_items(items: str, grace: list[bool | None]) -> None:
    """What an open list says of further items holds for those of the workload."""
    types = defined(f"parameter: {{}}\npatch: spec: template: spec: containers: {items}")
    containers = made(types, web({"type": "own"}))["Deployment"]["spec"]["template"]["spec"][
        "containers"
    ]
    assert [each["name"] for each in containers] == ["web", "side"]
    assert [each.get("stdin") for each in containers] == grace


def test_a_closed_list_that_is_too_short_is_refused() -> None:
    types = defined("parameter: {}\npatch: spec: template: spec: containers: [{stdin: true}]")
    with pytest.raises(InvalidApplication, match="has 2 items, the patch 1"):
        made(types, web({"type": "own"}))


def test_loops_over_optional_parameters() -> None:
    """A parameter that was not given makes no objects; it is no error."""
    types = defined(
        "parameter: maps?: [...{name: string}]\n"
        'outputs: {for m in parameter.maps {"map-\\(m.name)": '
        '{apiVersion: "v1", kind: "ConfigMap", metadata: name: m.name}}}'
    )
    assert list(made(types, web({"type": "own"}))) == ["Deployment"]
    given = {"type": "own", "properties": {"maps": [{"name": "a"}]}}
    assert list(made(types, web(given))) == ["Deployment", "ConfigMap"]


def test_objects_without_any_key_take_all() -> None:
    """Authors write ``{}`` for anything; only the parameter itself is meant to be empty then."""
    types = defined(
        'parameter: objects: [...{}]\npatch: metadata: annotations: n: "\\(len(parameter.objects))"'
    )
    given = {"type": "own", "properties": {"objects": [{"kind": "X", "deep": {"er": 1}}]}}
    assert made(types, web(given))["Deployment"]["metadata"]["annotations"] == {"n": "1"}
    empty = defined('parameter: {}\npatch: metadata: annotations: a: "b"')
    with pytest.raises(InvalidApplication, match=r"traits\[1\]\.properties\.x: unknown key"):
        made(empty, web({"type": "own", "properties": {"x": 1}}))


def test_required_parameters_are_named(types: Registry) -> None:
    bare = Component.model_validate({"name": "web", "type": "site"})
    with pytest.raises(InvalidApplication, match=r"properties\.image: is required"):
        made(types, bare)


def test_values_stay_values() -> None:
    """Whatever a user writes is data: quotes, interpolation and comments of CUE mean nothing in it."""
    text = '\\(context.name) """ #" // \x00\ufeff\u2028 \\u0041 😀'
    fields = CueEvaluator().render("parameter: x: _\npatch: x: parameter.x", {"x": text}, {})
    assert plain(fields["patch"].value) == {"x": text}


def test_what_a_template_can_not_do() -> None:
    evaluator = CueEvaluator()
    for template, message in (
        ("patch: a: strings.ToUpper(1)", 'reference "strings" not found'),
        ("patch: {a: [", "expected"),
        ("patch: a: 1\npatch: a: 2", "conflicting values"),
        ("patch: a: string", "incomplete value string"),
    ):
        with pytest.raises(BrokenTemplate, match=message):
            evaluator.render(template, {}, {})


def test_the_schema_of_a_parameter() -> None:
    schema = CueEvaluator().schema(
        "parameter: {\n// +usage=Which one\nimage: string\nkind: *\"a\" | \"b\"\ncpu?: int\n}"
    )  # fmt: skip
    assert "Which one" in str(schema)
    assert "additionalProperties" in str(schema) or "$defs" in schema


def test_what_was_evaluated_once_is_remembered(tmp_path: Path) -> None:
    """The same question costs one process; another one its own."""
    counting = tmp_path / "cue"
    counting.write_text(f'#!/bin/sh\necho run >> {tmp_path}/runs\nexec {CUE} "$@"\n')
    counting.chmod(0o755)
    evaluator = CueEvaluator(counting)
    for value in (1, 1, 2):
        evaluator.render("parameter: x: int\npatch: x: parameter.x", {"x": value}, {})
    assert (tmp_path / "runs").read_text().count("run") == 2


def test_a_program_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    slow = tmp_path / "cue"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    began = time.monotonic()
    with pytest.raises(ProgramStopped, match=r"did not finish within 0\.2 s"):
        run_cue(slow, ["export"], "", seconds=0.2)
    assert time.monotonic() - began < 20
    slow.write_text("#!/bin/sh\nexec cat /dev/zero\n")
    with pytest.raises(ProgramStopped, match="printed more than"):
        run_cue(slow, ["export"], "", seconds=60)


def test_it_runs_with_an_empty_environment(tmp_path: Path) -> None:
    shown = tmp_path / "cue"
    shown.write_text("#!/bin/sh\nenv; pwd\n")
    shown.chmod(0o755)
    output = run_cue(shown, [], "").output
    names = {line.partition("=")[0] for line in output.splitlines() if "=" in line}
    assert names <= {
        "HOME", "CUE_CACHE_DIR", "CUE_REGISTRY", "GOMAXPROCS", "GOMEMLIMIT", "PATH", "PWD", "_", "SHLVL",
        "OLDPWD", "LC_CTYPE",
    }  # fmt: skip
    assert "CUE_REGISTRY=none" in output


def test_without_the_program(tmp_path: Path) -> None:
    """Whoever uses a definition is told what is missing and how to get it."""
    nowhere = {"PATH": str(tmp_path), "LATEEN_CACHE_DIR": str(tmp_path)}
    assert find_cue(nowhere) is None
    assert find_cue({**nowhere, "LATEEN_TOOL_CUE": str(tmp_path / "cue")}) is None
    message = str(CueMissing())
    assert "lateen local tools" in message
    assert "LATEEN_TOOL_CUE" in message

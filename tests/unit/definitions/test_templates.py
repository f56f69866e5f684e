"""Texts for cue: where imports, template and values stand; what is seen of a template by looking at it."""

from __future__ import annotations

import pytest

from lateen.definitions.templates import (
    check_imports,
    check_text,
    declares,
    patch_markers,
    reads_target,
    render_text,
)


def test_the_template_keeps_its_lines() -> None:
    template = '// A comment.\nimport (\n\t"strings" // words\n\tx "list"\n)\nimport "math"\noutput: a: 1\n'
    lines = render_text(template, {"p": '\\("x")'}, {"name": "web"}).splitlines()
    assert lines[0] == 'import ("strings", x "list", "math")'
    assert lines[2:4] == ['context: {"name":"web"}', 'parameter: {"p":"\\\\(\\"x\\")"}']
    assert lines[4 + 6] == "output: a: 1"


def test_a_template_without_parameter_takes_none() -> None:
    assert "\nparameter: {}\n" in check_text("output: {}\n", {})
    assert "\nparameter: _\n" in check_text("parameter: x: int\n", {})


@pytest.mark.parametrize(
    ("written", "guarded"),
    [
        (
            "[for v in parameter.a.b {v}]",
            "[if parameter.a.b != _|_ for v in parameter.a.b {v}]",
        ),
        (
            'for k, v in parameter["a"] if v != 1 {(k): v}',
            'if parameter["a"] != _|_ for k, v in parameter["a"] if v != 1 {(k): v}',
        ),
        ("[for v in list.Sort(parameter.a) {v}]", "[for v in list.Sort(parameter.a) {v}]"),
        ("[for v in parameter.a + [1] {v}]", "[for v in parameter.a + [1] {v}]"),
    ],
)
def test_loops_over_what_was_not_given_make_nothing(written: str, guarded: str) -> None:
    assert guarded in render_text(f"patch: x: {written}", {}, {})


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('import "strings"\n', []),
        ('import (\n"kube/v1"\n"list"\n)\n', ["kube/v1"]),
        ('import op "vela/op"\n', ["vela/op"]),
        ('package x\n\nimport "example.com/a@v1:b"\n', ["example.com/a@v1"]),
        ('import "tool/exec"\n', ["tool/exec"]),
        ('a: "import \\"kube/v1\\""\n', []),
    ],
)
def test_imports(template: str, expected: list[str]) -> None:
    """Only CUE's own pure packages can be imported: nothing is fetched, nothing is run."""
    refused = check_imports(template)
    assert len(refused) == len(expected)
    for message, path in zip(refused, expected, strict=True):
        assert message.startswith(f"import {path!r} is not supported")


@pytest.mark.parametrize(
    ("template", "reads"),
    [
        ("output: name: context.name", False),
        ("// context.cluster\noutput: name: context.appName", False),
        ("output: name: context.cluster", True),
        ("if context.clusterVersion.minor < 20 {a: 1}", True),
        ("a: context.appRevision", True),
        ('a: context["cluster"]', True),
        ("let c = context", True),
        ("context: {...}\noutput: {}", False),
    ],
)
def test_what_is_rendered_for_each_placement(template: str, reads: bool) -> None:
    """Whatever could look at where it is rendered for counts as if it did."""
    assert reads_target(template) is reads


def test_markers_above_the_patch_itself() -> None:
    assert patch_markers("// +patchStrategy=jsonPatch\n\tpatch: operations: []") == {
        "patchStrategy": "jsonPatch"
    }
    assert patch_markers("// +patchStrategy=jsonPatch\nx: 1\npatch: {}") == {}


def test_declared_fields() -> None:
    template = "if parameter.x {\n\toutputs: a: 1\n}\nmy_patch: 1\nparameter: {x: bool}"
    assert declares(template, "outputs")
    assert declares(template, "parameter")
    assert not declares(template, "patch")

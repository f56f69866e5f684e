"""What the cue program prints, told in the words of who wrote the properties."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lateen.definitions.telling import parameter_problems, read_errors, template_message

PROPERTIES = {
    "kind": "C", "cpu": 5, "ports": [{"port": "80", "prot": 1}], "a.b": True, "password": 7, "n": 1,
}  # fmt: skip


def known(place: Sequence[str | int]) -> Sequence[str]:
    if place == ("free",):
        return []
    return ["port", "expose"] if place else ["image", "ports"]


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        (
            (
                "_lateenGiven.cpu: conflicting values 5 and string (mismatched types int and string):\n"
                "    -:42:8\n"
            ),
            ["properties.cpu: expected a string (got 5)"],
        ),
        (
            (
                "_lateenGiven.kind: 2 errors in empty disjunction:\n"
                '_lateenGiven.kind: conflicting values "A" and "C":\n    -:44:9\n'
                '_lateenGiven.kind: conflicting values "B" and "C":\n    -:44:15\n'
            ),
            ['properties.kind: expected "A" or "B" (got \'C\')'],
        ),
        (
            (
                "_lateenGiven.ports: 2 errors in empty disjunction:\n"
                "_lateenGiven.ports.0: field not allowed:\n    -:1:1\n"
                '_lateenGiven.ports.0.port: conflicting values "80" and int '
                "(mismatched types string and int):\n"
            ),
            ["properties.ports[0].port: expected an integer (got '80')"],
        ),
        (
            "_lateenGiven.ports.0.prot: field not allowed:\n    -:1:1\n",
            ["properties.ports[0].prot: unknown key (got 1); did you mean 'port'?"],
        ),
        (
            "_lateenGiven.image: incomplete value string:\n    -:41:9\n",
            ["properties.image: is required; expected a string"],
        ),
        (
            "_lateenGiven.n: invalid value 1 (out of bound >3):\n    -:41:9\n",
            ["properties.n: must satisfy >3 (got 1)"],
        ),
        (
            '_lateenGiven."a.b": conflicting values true and int (mismatched types bool and int):\n',
            ['properties["a.b"]: expected an integer (got True)'],
        ),
        (
            "_lateenGiven.password: conflicting values 7 and string (mismatched types int and string):\n",
            ["properties.password: expected a string"],
        ),
        ("_lateenGiven.free.key: field not allowed:\n    -:1:1\n", []),
        ("_lateenTemplate.patch.c: cannot use 3:\n    -:5:1\n", []),
    ],
)
def test_properties(printed: str, told: list[str]) -> None:
    """Path, value and the way out; what is not about the properties is left to the rendering."""
    problems = parameter_problems(read_errors(printed), PROPERTIES, path="properties", known=known)
    assert [str(problem) for problem in problems] == told


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        (
            '_lateenRun.patch.a.0: invalid operands "e" and 1 to \'+\':\n    -:9:36\n    -:5:50\n',
            "patch.a[0]: invalid operands \"e\" and 1 to '+' (line 5 of the template)",
        ),
        ("expected operand, found '}':\n    -:8:1\n", "expected operand, found '}' (line 4 of the template)"),
        ("", "it failed without a word"),
    ],
)  # fmt: skip
def test_templates(printed: str, message: str) -> None:
    """A defect of a template names the field and the line of the template."""
    assert template_message(read_errors(printed)) == message

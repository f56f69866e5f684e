"""Reading what ``cue export --out cue`` prints: values with the markers above their fields."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.definitions.values import Member, Unreadable, is_list, is_struct, plain, read_struct


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        ("{}", {}),
        ("a: 1", {"a": 1}),
        ("spec: template: spec: {\n\ta: true\n}", {"spec": {"template": {"spec": {"a": True}}}}),
        ('"a.b/c": "x": null', {"a.b/c": {"x": None}}),
        ("null1: 1\ntrue: false", {"null1": 1, "true": False}),
        ("l: [1, 2.5, -3, 1e3, 0x1F, 1_000, 1Ki, 2M]", {"l": [1, 2.5, -3, 1e3, 31, 1000, 1024, 2000000]}),
        ("l: []\nll: [[1], [{\n\ta: 1\n}], ...]", {"l": [], "ll": [[1], [{"a": 1}]]}),
        (r's: "a\tb\n\"q\" \\ \u00e9 \U0001F600 \/"', {"s": 'a\tb\n"q" \\ é 😀 /'}),
        ('s: #"a\\n \\#n ""#', {"s": 'a\\n \n "'}),
        ('s: """\n\tone\n\t  two // 2\n\n\tli"ne\\\\3\n\t"""', {"s": 'one\n  two // 2\n\nli"ne\\3'}),
        ('s: #"""\n\t"""\n\t\\#\\\n\t"""#', {"s": '"""\n\\'}),
        ("s: \"\"\nm: \"\"\"\n\n\t\"\"\"", {"s": "", "m": ""}),
        (r"b: 'a\xff\x00'", {"b": "Yf8A"}),
    ],
)  # fmt: skip
def test_values(text: str, value: Any) -> None:
    """Every form that cue prints reads as the JSON that it stands for."""
    assert plain(read_struct(text)) == value


def test_markers_stay_with_their_fields() -> None:
    text = """
// +patchStrategy=retainKeys
// +patchKey=name
volumes: [{
	name: "a" // +patchKey=trailing
	// +usage=some words
	// +patchKey = ip
	hosts: []
}]
plain: 1
"""
    found = read_struct(text)
    assert found["volumes"].tags == {"patchStrategy": "retainKeys", "patchKey": "name"}
    items = found["volumes"].value
    assert is_list(items)
    (volume,) = items
    assert is_struct(volume)
    assert volume["name"] == Member("a")
    assert volume["hosts"].tags == {"patchKey": "ip"}
    assert found["plain"].tags == {}


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a: ",
        "a: string",
        "a: [1",
        'a: "x',
        "a: {b: 1",
        "a: 1 }",
        r'a: "\q"',
        "a: " + "[" * 300,
    ],
)
def test_what_is_no_value(text: str) -> None:
    with pytest.raises(Unreadable):
        read_struct(text)

"""What ``valueFrom`` can say, and that nothing it reads shows up in an error."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.planning.expressions import (
    ExpressionError,
    MissingValue,
    evaluate,
    is_text,
    parse_expression,
    paths_of,
)

OBJECTS: dict[str, Any] = {
    "": {
        "metadata": {"name": "db", "labels": {"a.b/c": "labelled"}},
        "status": {"ips": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}], "port": 5432, "on": True},
        "nothing": None,
        "list": [1],
        "half": 0.5,
    },
    "service": {"spec": {"clusterIP": "10.1.1.1"}},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("output.metadata.name", "db"),
        ('output.metadata.labels["a.b/c"]', "labelled"),
        ('output.metadata."labels"."a.b/c"', "labelled"),
        ("output.status.ips[1].ip", "10.0.0.2"),
        ("output.status.ips[ 0 ].ip", "10.0.0.1"),
        ("outputs.service.spec.clusterIP", "10.1.1.1"),
        ('outputs["service"].spec.clusterIP', "10.1.1.1"),
        ("output.status.port", 5432),
        ("output.status.on", True),
        ("output.status.ips", [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]),
        ('"plain"', "plain"),
        (' "a" + "b" ', "ab"),
        ("1 + 2", 3),
        ("-1.5", -1.5),
        ("true", True),
        ("output.list + output.list", [1, 1]),
        (r'"pg://\(output.metadata.name):\(output.status.port)/x"', "pg://db:5432/x"),
        (r'"\(output.status.on) \(output.half)"', "true 0.5"),
        (r'"\("in" + "ner")"', "inner"),
        ('"http://" + outputs.service.spec.clusterIP + ":" + ("80")', "http://10.1.1.1:80"),
        (r'"a\n\"\\\u00e9"', 'a\n"\\é'),
        (r'"  \(output.metadata.name)  "', "  db  "),
        ('""', ""),
    ],
)
def test_values_are_read_and_joined(text: str, value: Any) -> None:
    assert evaluate(parse_expression(text), OBJECTS) == value


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("output.status.host", "output.status.host"),
        ("output.status.ips[2].ip", "output.status.ips[2].ip"),
        ("output.nothing", "output.nothing"),
        ("output.metadata.name.deeper", "output.metadata.name.deeper"),
        ("outputs.other.spec", "outputs.other.spec"),
        ('output.metadata.labels["x/y"]', 'output.metadata.labels["x/y"]'),
        (r'"a\(output.status.host)"', "output.status.host"),
    ],
)
def test_what_is_missing_is_told_by_its_path(text: str, path: str) -> None:
    with pytest.raises(MissingValue) as caught:
        evaluate(parse_expression(text), OBJECTS)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "unexpected end at position 1"),
        ("outpt.x", "unknown name 'outpt'; a value comes from output or outputs.<name>"),
        ("context.name", "unknown name 'context'"),
        ("outputs", "outputs needs the name"),
        ("outputs[0].x", "outputs needs the name"),
        ("output.", "unexpected end at position 8"),
        ("output.a-b", "unexpected '-' at position 9: write [\"a-b\"]"),
        ("output.a[b]", 'expected a number or a "key" in brackets'),
        ("output.a[1", "expected ]"),
        ("output.a b", "unexpected 'b' at position 10"),
        ("output.a +", "unexpected end at position 11"),
        ("output.a == 1", "unexpected '='"),
        ("output.a * 2", "unexpected '*'"),
        ("strconv.Atoi(output.a)", "functions are not supported"),
        ("(output.a", "expected )"),
        ('"open', "no closing quote"),
        (r'"\(output.a"', "expected )"),
        (r'"\q"', r"unknown escape \q"),
        (r'"\ud800"', r"unknown escape \u"),
        ('"""x"""', "only strings in double quotes"),
        ("'x'", "only strings in double quotes"),
        (r'output["\(output.a)"]', "a key can't be interpolated"),
        ("01", "unexpected '0'"),
        ("(" * 30 + "1" + ")" * 30, "nested deeper than 20 levels"),
        ('"' + "x" * 5000 + '"', "more than 4,096 characters"),
        ("[1]", "unexpected '['"),
        ("{a: 1}", "unexpected '{'"),
        ("!true", "unexpected '!'"),
    ],
)
def test_everything_else_is_refused_saying_what_and_where(text: str, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("output.metadata.name + 1", "a string and a number"),
        ("output.status.on + 1", "a boolean and a number"),
        ("output.metadata + output.metadata", "an object and an object"),
        (r'"\(output.list)"', "a list can't be a part of a string"),
    ],
)
def test_kinds_that_do_not_go_together_are_named_without_their_values(
    text: str, words: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(parse_expression(text), OBJECTS)
    assert words in str(caught.value)
    assert "db" not in str(caught.value)


def test_only_what_is_certain_to_be_a_string_is_one() -> None:
    certain = ['"a"', r'"\(output.a)"', 'output.a + "b"', '("a" + output.b)']
    assert all(is_text(parse_expression(text)) for text in certain)
    assert not any(is_text(parse_expression(text)) for text in ("output.a", "1", "output.a + 1"))


def test_the_paths_of_an_expression_are_all_that_it_reads() -> None:
    expression = parse_expression(r'"\(output.a)" + outputs.s.b[0]')
    assert [str(path) for path in paths_of(expression)] == ["output.a", "outputs.s.b[0]"]


keys = st.text(min_size=1, max_size=8)
trees = st.recursive(
    st.integers(-9, 9) | st.text(max_size=5) | st.booleans(),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(keys, inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(keys, trees, min_size=1, max_size=3), st.data())
def test_every_place_of_every_object_can_be_reached(tree: Any, data: st.DataObject) -> None:
    text, value = "output", tree
    while isinstance(value, dict | list) and value:
        step = data.draw(st.sampled_from(list(value) if isinstance(value, dict) else [0]))
        text += f"[{json.dumps(step)}]"
        value = value[step]
    if not any(0xD800 <= ord(character) < 0xE000 for character in text) and "\\ud" not in text:
        assert evaluate(parse_expression(text), {"": tree}) == value


@given(st.text(alphabet=st.sampled_from('output.s[]"\\()+ 01-'), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        expression = parse_expression(text)
    except ExpressionError:
        return
    with contextlib.suppress(ExpressionError, MissingValue):
        evaluate(expression, OBJECTS)
    assert isinstance(list(paths_of(expression)), list)

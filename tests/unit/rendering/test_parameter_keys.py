"""Where the values of inputs go, and the placeholders that stand there before."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.model.application import Component
from lateen.rendering.checking import check_component
from lateen.rendering.context import RenderContext
from lateen.rendering.parameter_keys import (
    KeyMismatch,
    ParameterKey,
    parse_parameter_key,
    with_values,
)
from lateen.rendering.placeholders import Expected, placeholders
from lateen.rendering.registry import builtin
from lateen.rendering.render import place, render


def component(kind: str = "webservice", **fields: Any) -> Component:
    return Component.model_validate({"name": "web", "type": kind, **fields})


def key(text: str) -> ParameterKey:
    return parse_parameter_key(text)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("image", "c.properties.image"),
        ("properties.image", "c.properties.image"),
        ("properties", "c.properties.properties"),
        ("env[0].value", "c.properties.env[0].value"),
        ('values["a.b"].c', 'c.properties.values["a.b"].c'),
        ("a[1][2]", "c.properties.a[1][2]"),
        ("my-key", "c.properties.my-key"),
        ("traits[1].properties.replicas", "c.traits[1].properties.replicas"),
        ("traits", "c.properties.traits"),
    ],
)
def test_keys_count_from_the_properties_or_from_the_component(text: str, path: str) -> None:
    assert key(text).path("c") == path


@pytest.mark.parametrize(
    "text", ["", ".a", "a.", "a..b", "a[", "a[x]", "a]b", "a.[0]", "a[0]b", "a b", "x" * 600]
)
def test_other_keys_are_refused(text: str) -> None:
    with pytest.raises(KeyMismatch):
        key(text)


def test_of_a_trait_only_properties_can_be_set() -> None:
    with pytest.raises(KeyMismatch, match="only properties can be set"):
        key("traits[0].type")


def test_what_is_missing_on_the_way_is_created_and_nothing_else_touched() -> None:
    before = component(properties={"image": "x", "env": [{"name": "A"}]})
    written = before.to_json()
    after = with_values(
        before,
        {key("env[0].value"): "1", key("env[1].name"): "B", key("a.b[0].c"): 2, key("cpu"): "1"},
    )
    assert after.properties == {
        "image": "x",
        "env": [{"name": "A", "value": "1"}, {"name": "B"}],
        "a": {"b": [{"c": 2}]},
        "cpu": "1",
    }
    assert before.to_json() == written
    assert with_values(component(), {key("image"): "y"}).properties == {"image": "y"}


def test_properties_of_traits_can_be_set() -> None:
    before = component(traits=[{"type": "scaler"}])
    after = with_values(before, {key("traits[0].properties.replicas"): 3})
    assert after.trait_list[0].properties == {"replicas": 3}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image.tag", "no object"),
        ("image[0]", "no list"),
        ("env[2].name", "only 0 items"),
        ("traits[0].properties.a", "there is no traits\\[0\\]"),
    ],
)
def test_what_is_in_the_way_is_told_without_values(text: str, words: str) -> None:
    with pytest.raises(KeyMismatch, match=words) as caught:
        with_values(component(properties={"image": "secret"}), {key(text): "hidden"})
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image", "<input v>"),
        ("env[0].value", "<input v>"),
        ("port", 1),
        ("addRevisionLabel", True),
        ("cmd", []),
        ("memory", "1"),
        ("imagePullPolicy", "Always"),
    ],
)
def test_a_placeholder_is_readable_or_of_the_kind_that_is_taken(text: str, expected: Any) -> None:
    subject = component(properties={"image": "nginx", "env": [{"name": "A"}]})
    values = placeholders(subject, [Expected("v", key(text))], builtin())
    assert values == {key(text): expected}
    assert check_component(subject, builtin(), path="c", values=values) == []


def test_what_is_certain_to_be_a_string_is_no_number() -> None:
    values = placeholders(
        component(properties={"image": "nginx"}),
        [Expected("v", key("port"), text=True)],
        builtin(),
    )
    assert values == {key("port"): "<input v>"}


def test_the_revision_of_a_component_does_not_follow_its_inputs() -> None:
    """It says what was written; a value read from a cluster must not even be a digest somewhere."""
    subject = component(properties={"addRevisionLabel": True})

    def label(image: str) -> str:
        objects = render(
            [subject],
            RenderContext("app", "shop"),
            builtin(),
            values={"web": {key("image"): image}},
        )
        (made,) = place(objects, cluster="c", namespace="", revision="r")
        found: str = made["spec"]["template"]["metadata"]["labels"]["app.oam.dev/revision"]
        return found

    assert label("a") == label("b")

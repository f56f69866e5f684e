"""Telling JSON from everything else, and writing it canonically."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.model.json_values import (
    DEEPEST,
    LONGEST_KEY,
    canonical_json,
    join_path,
    json_digest,
    json_problems,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcß "), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(value=JSON)
def test_json_is_json_and_survives_its_canonical_form(value: Any) -> None:
    assert json_problems(value) == []
    assert json.loads(canonical_json(value)) == value


@given(value=JSON)
def test_digests_do_not_depend_on_the_order_of_keys(value: Any) -> None:
    turned = json.loads(json.dumps(value), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert json_digest(turned) == json_digest(value)


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        (float("nan"), "", "must be a finite number"),
        ({"a": [1, float("-inf")]}, "a[1]", "must be a finite number"),
        ({"a": 2**64}, "a", "does not fit 64 bits"),
        ({"a": -(2**63) - 1}, "a", "does not fit 64 bits"),
        ({"a": date(2020, 1, 1)}, "a", "is not JSON but a date"),
        ({"a": {"b c": b"x"}}, 'a["b c"]', "is not JSON but a bytes"),
        ({"a": {None: 1}}, "a", "keys must be strings"),
        ({"k" * (LONGEST_KEY + 1): 1}, "", f"keys may have at most {LONGEST_KEY} characters"),
        ({"a\x00": 1}, "", "keys must not hold control characters"),
        ({"\udc00": 1}, "", "keys must not hold control characters"),
        (["\udfff"], "[0]", "is no Unicode text"),
    ],
)
def test_problems_name_the_place(value: Any, path: str, message: str) -> None:
    (problem,) = json_problems(value)
    assert (problem.path, problem.message) == (path, message)
    str(problem).encode()


@pytest.mark.parametrize("depth", [DEEPEST, DEEPEST + 1, 200_000])
def test_depth_is_bounded_without_recursion(depth: int) -> None:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    assert bool(json_problems(value)) == (depth > DEEPEST)


def test_findings_are_bounded() -> None:
    assert len(json_problems([float("nan")] * 10_000)) == 50


def test_paths_are_written_as_users_know_them() -> None:
    assert join_path("spec", "components", 0, "labels", "a.b/c") == (
        'spec.components[0].labels["a.b/c"]'
    )
    assert join_path("", "kind") == "kind"


def test_texts_are_never_shown() -> None:
    (problem,) = json_problems({"password": "hunter2\ud800"})
    assert "hunter2" not in str(problem)

"""The digest: equal for what is equal in JSON, different for everything else."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.rendering.digest import digest

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
manifests = st.dictionaries(st.text().filter(lambda key: key != "metadata"), values, max_size=4)


def shuffled(value: Any, seed: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(key, shuffled(entry, seed)) for key, entry in value.items()]
        seed.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        return [shuffled(entry, seed) for entry in value]
    return value


def labelled(**labels: str) -> dict[str, Any]:
    return {"kind": "X", "metadata": {"name": "x", "labels": labels}}


@given(st.lists(manifests, max_size=3), st.randoms(use_true_random=False))
def test_neither_the_order_of_keys_nor_of_manifests_matters(
    written: list[dict[str, Any]], seed: random.Random
) -> None:
    mixed = [shuffled(manifest, seed) for manifest in written]
    seed.shuffle(mixed)
    assert digest(mixed) == digest(written)


@given(manifests, manifests)
def test_different_manifests_have_different_digests(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert (digest([one]) == digest([other])) == (_typed(one) == _typed(other))


def _typed(value: Any) -> Any:
    """Tell true from 1, which Python holds to be equal."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, dict):
        return {key: _typed(entry) for key, entry in value.items()}
    return [_typed(entry) for entry in value] if isinstance(value, list) else value


def test_it_is_the_same_in_every_process_and_version() -> None:
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "labels": {"app.oam.dev/appRevision": "a-v1"}},
        "data": {"ü": "\u2028", "f": [0.25, 1e3, -0.0, 1e22, 5e-324, 2**70]},
    }
    assert digest([manifest]) == "e8b1f298ffb992231d4fbdf3e280a78711e8d5679d6cd69d4942a3b73fb7e22c"


def test_the_revision_label_does_not_count_and_every_other_one_does() -> None:
    first = digest([labelled(a="1", **{"app.oam.dev/appRevision": "a-v1"})])
    assert digest([labelled(a="1", **{"app.oam.dev/appRevision": "a-v2"})]) == first
    assert digest([labelled(a="1")]) == first
    assert digest([labelled(a="2")]) != first


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (1000, 1e3), (0, -0.0), (2**53, float(2**53)), (10**22, 1e22)]
)
def test_equal_numbers_are_equal(one: float, other: float) -> None:
    assert digest([{"n": one}]) == digest([{"n": other}])


@pytest.mark.parametrize(("one", "other"), [(1, "1"), (1, True), (0, False), (0, None), ([], {})])
def test_different_types_are_different(one: Any, other: Any) -> None:
    assert digest([{"n": one}]) != digest([{"n": other}])


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_numbers_that_json_does_not_have_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest([{"n": number}])


def test_the_input_is_left_alone() -> None:
    manifest = labelled(**{"app.oam.dev/appRevision": "a-v1"})
    digest([manifest])
    assert manifest == labelled(**{"app.oam.dev/appRevision": "a-v1"})

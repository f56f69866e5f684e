"""The rules of overrides, held against whatever hypothesis comes up with."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lateen.model.application import Component, InlinePolicy
from lateen.policies.override import apply_overrides, merge_properties

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"])
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4)
NAMES = st.sampled_from(["web", "api", "web-2", "db"])
TYPES = st.sampled_from(["webservice", "worker"])
TRAITS = st.fixed_dictionaries(
    {"type": st.sampled_from(["scaler", "gateway"])},
    optional={"name": st.sampled_from(["x", "y"]), "properties": OBJECTS},
)
COMPONENTS = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES, "type": TYPES},
        optional={"properties": OBJECTS, "traits": st.lists(TRAITS, max_size=3)},
    ),
    unique_by=lambda each: str(each["name"]),
    max_size=4,
).map(lambda many: [Component.model_validate(each) for each in many])
TRAIT_PATCHES = st.tuples(TRAITS, st.sampled_from([{}, {"disable": True}])).map(
    lambda pair: {**pair[0], **pair[1]}
)
PATCHES = st.fixed_dictionaries(
    {"type": TYPES},
    optional={
        "name": NAMES | st.sampled_from(["*", "web*", "?pi", "none*"]),
        "properties": OBJECTS,
        "traits": st.lists(TRAIT_PATCHES, max_size=3),
    },
)
OVERRIDES = st.fixed_dictionaries(
    {"components": st.lists(PATCHES, max_size=4)}, optional={"selector": st.lists(NAMES)}
).map(lambda properties: InlinePolicy(name="o", type="override", properties=properties))


def expected_merge(base: Any, patch: Any) -> Any:
    """The documented rule, in the plainest words: objects merge, the rest replaces."""
    if isinstance(base, dict) and isinstance(patch, dict):
        return {
            key: (
                expected_merge(base[key], patch[key])
                if key in base and key in patch
                else patch[key]
                if key in patch
                else base[key]
            )
            for key in base.keys() | patch.keys()
        }
    return patch


@given(base=OBJECTS, patch=OBJECTS)
def test_merging_follows_the_rule_and_changes_neither_side(base: Any, patch: Any) -> None:
    before = copy.deepcopy((base, patch))
    assert merge_properties(base, patch) == expected_merge(base, patch)
    assert (base, patch) == before


@given(base=OBJECTS, patch=OBJECTS)
def test_merging_twice_is_merging_once(base: Any, patch: Any) -> None:
    once = merge_properties(base, patch)
    assert merge_properties(once, patch) == once


@given(base=OBJECTS)
def test_an_empty_object_is_neutral(base: Any) -> None:
    assert merge_properties(base, {}) == base
    assert merge_properties({}, base) == base


@given(components=COMPONENTS, policies=st.lists(OVERRIDES, max_size=3))
def test_inputs_stay_names_stay_unique_and_order_is_kept(
    components: list[Component], policies: list[InlinePolicy]
) -> None:
    before = copy.deepcopy((components, policies))
    after = apply_overrides(components, policies)
    assert (components, policies) == before
    names = [each.name for each in after]
    assert len(set(names)) == len(names)
    own = [each.name for each in components]
    kept = [name for name in names if name in own]
    if not any((policy.properties or {}).get("selector") is not None for policy in policies):
        assert names[: len(own)] == own
    if len(policies) <= 1:
        assert kept == [name for name in own if name in kept]


@given(components=COMPONENTS, policy=OVERRIDES)
def test_what_no_entry_fits_is_untouched(components: list[Component], policy: InlinePolicy) -> None:
    named = {**(policy.properties or {}), "selector": None}
    patches = [each for each in named["components"] if each.get("name") == "web"]
    narrowed = InlinePolicy(name="o", type="override", properties={"components": patches})
    after = apply_overrides(components, [narrowed])
    for component in components:
        if component.name != "web":
            assert any(component is each for each in after)


@given(components=COMPONENTS, policy=OVERRIDES)
def test_only_selected_components_remain(components: list[Component], policy: InlinePolicy) -> None:
    selector = (policy.properties or {}).get("selector")
    names = {each.name for each in apply_overrides(components, [policy])}
    assert selector is None or names <= set(selector)


@given(components=COMPONENTS, added=st.lists(TRAITS, max_size=4))
def test_new_traits_are_neither_lost_nor_doubled(
    components: list[Component], added: list[dict[str, Any]]
) -> None:
    bare = [component.model_copy(update={"traits": None}) for component in components]
    policy = InlinePolicy(name="o", type="override", properties={"components": [{"traits": added}]})
    for component in apply_overrides(bare, [policy]):
        assert [each.to_json() for each in component.trait_list] == added


@given(components=COMPONENTS, kind=st.sampled_from(["scaler", "gateway"]))
def test_disabling_a_type_leaves_the_other_traits_as_they_are(
    components: list[Component], kind: str
) -> None:
    patch = {"traits": [{"type": kind, "disable": True}]}
    policy = InlinePolicy(name="o", type="override", properties={"components": [patch]})
    for before, after in zip(components, apply_overrides(components, [policy]), strict=True):
        assert after.trait_list == [each for each in before.trait_list if each.type != kind]

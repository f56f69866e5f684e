"""Overrides held against an oracle: the documented rules once more, in the plainest words, on plain JSON.

The oracle knows nothing of models. It states, rule by rule:

- entries act in order, each on the result of the one before, and the selector comes last;
- an entry with a name means the component of that name, or with ``*`` or ``?`` all whose whole name fits;
  without a name it means all components, or all of its type;
- objects merge key by key; anything else replaces, also ``0``, ``false``, ``""``, ``[]`` and null; an empty
  object changes nothing; where the kinds differ the entry wins;
- an entry with a name and another type replaces the component and keeps only its name;
- a new exact name with a type adds a component at the end;
- a trait entry changes the component's first trait of its type, or the one that it names, and is added
  otherwise; ``disable`` removes all of its type, or the one that it names;
- a missing selector keeps all components, an empty one none.
"""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lateen.model.application import Component, InlinePolicy
from lateen.model.errors import InvalidApplication
from lateen.policies.override import apply_overrides

Json = dict[str, Any]

# A busy machine is no reason to fail: the inputs are as small as the rules allow.
PATIENT = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)

SCALARS = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
    ),
    max_leaves=4,
)
PROPERTIES = st.dictionaries(st.sampled_from("pqr"), VALUES, max_size=3)
TYPES = st.sampled_from(["webservice", "worker"])
TRAIT_TYPES = st.sampled_from(["scaler", "gateway", "labels"])
NAMES = st.sampled_from(["web", "webs", "my-web", "api"])


@st.composite
def traits(draw: st.DrawFn, *, patches: bool = False) -> Json:
    trait: Json = {"type": draw(TRAIT_TYPES)}
    if draw(st.booleans()):
        trait["name"] = draw(st.sampled_from(["first", "second"]))
    if draw(st.booleans()):
        trait["properties"] = draw(PROPERTIES)
    if patches and draw(st.integers(0, 3)) == 0:
        trait["disable"] = draw(st.booleans())
    return trait


@st.composite
def components(draw: st.DrawFn) -> Json:
    component: Json = {"name": draw(NAMES), "type": draw(TYPES)}
    if draw(st.booleans()):
        component["properties"] = draw(PROPERTIES)
    if draw(st.booleans()):
        component["traits"] = draw(st.lists(traits(), min_size=1, max_size=3))
    return component


@st.composite
def entries(draw: st.DrawFn) -> Json:
    entry: Json = {}
    name = draw(
        st.none() | NAMES | st.sampled_from(["new", "*", "web*", "*web", "?pi", "w?b", "no*"])
    )
    if name is not None:
        entry["name"] = name
    if draw(st.booleans()):
        entry["type"] = draw(TYPES)
    if draw(st.booleans()):
        entry["properties"] = draw(PROPERTIES)
    if draw(st.booleans()):
        entry["traits"] = draw(st.lists(traits(patches=True), max_size=3))
    return entry


OVERRIDES = st.fixed_dictionaries(
    {"components": st.lists(entries(), max_size=3)},
    optional={"selector": st.lists(NAMES | st.just("new"), max_size=3)},
)
COMPONENTS = st.lists(components(), max_size=3, unique_by=lambda each: str(each["name"]))


class Refused(Exception):
    """The rules refuse the override."""


def merged(base: Any, patch: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(patch, dict)):
        return patch
    result = dict(base)
    for key in patch:
        result[key] = merged(base[key], patch[key]) if key in base else patch[key]
    return result


def fits(pattern: str, name: str) -> bool:
    """Match a whole name, letter by letter; a star takes any number of letters."""
    if not pattern or not name:
        return pattern.strip("*") == "" and not name
    if pattern[0] == "*":
        return fits(pattern[1:], name) or fits(pattern, name[1:])
    return pattern[0] in ("?", name[0]) and fits(pattern[1:], name[1:])


def is_meant(entry: Json, component: Json) -> bool:
    if "name" in entry:
        return fits(entry["name"], component["name"])
    return "type" not in entry or entry["type"] == component["type"]


def trait_is_meant(entry: Json, trait: Json) -> bool:
    return trait["type"] == entry["type"] and entry.get("name") in (None, trait.get("name"))


def with_traits(own: list[Json], patches: list[Json]) -> list[Json]:
    kept, added = copy.deepcopy(own), list[Json]()
    for patch in patches:
        hits = [trait for trait in kept if trait_is_meant(patch, trait)]
        if patch.get("disable"):
            kept = [trait for trait in kept if not trait_is_meant(patch, trait)]
            added = [trait for trait in added if not trait_is_meant(patch, trait)]
        elif not hits:
            added.append({key: value for key, value in patch.items() if key != "disable"})
        elif "properties" in patch:
            hits[0]["properties"] = merged(hits[0].get("properties", {}), patch["properties"])
    return kept + added


def patched(component: Json, entry: Json) -> Json:
    replaces = "name" in entry and entry.get("type", component["type"]) != component["type"]
    base = {"name": component["name"], "type": entry["type"]} if replaces else component
    result = dict(base)
    if "properties" in entry:
        result["properties"] = merged(base.get("properties", {}), entry["properties"])
    result["traits"] = with_traits(base.get("traits", []), entry.get("traits", []))
    return result


def expected(components: list[Json], override: Json) -> list[Json]:
    current = copy.deepcopy(components)
    for entry in override["components"]:
        meant = [is_meant(entry, component) for component in current]
        current = [
            patched(component, entry) if hit else component
            for component, hit in zip(current, meant, strict=True)
        ]
        name = entry.get("name", "*")
        if not any(meant) and not set(name) & set("*?"):
            if "type" not in entry:
                raise Refused(name)
            current.append(patched({"name": name, "type": entry["type"]}, entry))
    selector = override.get("selector")
    return [each for each in current if selector is None or each["name"] in selector]


def plain(component: Json) -> Json:
    """Write what is absent and what is empty the same way; properties keep every difference inside."""
    return {
        "name": component["name"],
        "type": component["type"],
        "properties": component.get("properties") or {},
        "traits": [
            {**trait, "properties": trait.get("properties") or {}}
            for trait in component.get("traits") or []
        ],
    }


def written(component: Component) -> Json:
    """Return a component as JSON; nulls inside properties count, so they are kept."""
    return {
        "name": component.name,
        "type": component.type,
        "properties": component.properties,
        "traits": [
            {
                "type": trait.type,
                **({"name": trait.name} if trait.name is not None else {}),
                "properties": trait.properties,
            }
            for trait in component.trait_list
        ],
    }


def applied(components: list[Json], *overrides: Json) -> list[Json]:
    policies = [
        InlinePolicy(name=f"o{number}", type="override", properties=override)
        for number, override in enumerate(overrides)
    ]
    models = [Component.model_validate(each) for each in components]
    return [plain(written(each)) for each in apply_overrides(models, policies)]


WEB: Json = {"name": "web", "type": "webservice", "properties": {"p": {"x": 1, "y": [1, 2]}}}
TWO: Json = {"type": "scaler", "properties": {"p": 1}}


@PATIENT
@given(components=COMPONENTS, override=OVERRIDES)
@example([WEB], {"components": [{"properties": {"p": {"y": []}}}]})
@example([WEB], {"components": [{"properties": {"p": {"x": None}}}]})
@example([WEB], {"components": [{"properties": {"p": {}}}]})
@example([WEB], {"components": [{"properties": {"p": [0, False, ""]}}]})
@example([WEB], {"components": [{"name": "eb"}]})
@example([WEB], {"components": [{"name": "w?"}]})
@example([WEB], {"components": [{"name": "web", "type": "worker", "properties": {"q": 1}}]})
@example([WEB], {"components": [{"name": "new", "type": "worker"}, {"name": "n*"}]})
@example([WEB], {"components": [], "selector": []})
@example([{**WEB, "traits": [TWO, TWO]}], {"components": [{"traits": [TWO]}]})
@example([{**WEB, "traits": [TWO, TWO]}], {"components": [{"traits": [{**TWO, "disable": True}]}]})
@example([{**WEB, "traits": [TWO]}], {"components": [{"traits": [{**TWO, "name": "x"}]}]})
def test_one_override_follows_the_rules(components: list[Json], override: Json) -> None:
    try:
        wanted = [plain(each) for each in expected(components, override)]
    except Refused as refused:
        with pytest.raises(InvalidApplication, match=str(refused)):
            applied(components, override)
        return
    assert applied(components, override) == wanted


@PATIENT
@given(components=COMPONENTS, first=OVERRIDES, second=OVERRIDES)
def test_the_second_acts_on_what_the_first_left(
    components: list[Json], first: Json, second: Json
) -> None:
    try:
        wanted = [plain(each) for each in expected(expected(components, first), second)]
    except Refused:
        with pytest.raises(InvalidApplication):
            applied(components, first, second)
        return
    assert applied(components, first, second) == wanted


@PATIENT
@given(components=COMPONENTS, override=OVERRIDES)
def test_neither_side_is_changed(components: list[Json], override: Json) -> None:
    before = copy.deepcopy((components, override))
    models = [Component.model_validate(each) for each in components]
    as_they_were = [written(each) for each in models]
    # What is refused may not have changed anything either.
    with contextlib.suppress(InvalidApplication):
        apply_overrides(models, [InlinePolicy(name="o", type="override", properties=override)])
    assert (components, override) == before
    assert [written(each) for each in models] == as_they_were

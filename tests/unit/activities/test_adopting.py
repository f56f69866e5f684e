"""What a takeover would change: told by path, never by value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.activities.adopting import TAKE_OVER, Prospect, changed_paths
from lateen.model.objects import ObjectRef

Json = dict[str, Any]

REF = ObjectRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="web")
POD: Json = {"containers": [{"name": "web", "image": "nginx"}]}


def pod(**spec: Any) -> Json:
    return {"spec": {"template": {"spec": {**POD, **spec}}}}


@pytest.mark.parametrize(
    ("after", "paths"),
    [
        (pod(), []),
        (pod(hostNetwork=True), ["spec.template.spec.hostNetwork (added)"]),
        (
            pod(containers=[{"name": "web", "image": "other"}]),
            ["spec.template.spec.containers[web].image"],
        ),
        (
            pod(containers=[{"name": "web"}, {"name": "side"}]),
            [
                "spec.template.spec.containers[web].image (removed)",
                "spec.template.spec.containers[side] (added)",
            ],
        ),
        (pod(containers=[1, 2])["spec"], ["spec (removed)", "template (added)"]),
    ],
)
def test_a_difference_is_told_by_its_path(after: Json, paths: list[str]) -> None:
    assert list(changed_paths(pod(), after)) == paths


def test_another_order_is_a_difference() -> None:
    """A controller rolls a template out whose variables only changed places."""
    before, after = ([{"name": name} for name in names] for names in ("ab", "ba"))
    assert list(changed_paths(before, after, "env")) == ["env (reordered)"]


def test_keys_with_dots_are_told_apart_from_steps_of_a_path() -> None:
    before, after = {"labels": {"a.b/c": "secret"}}, {"labels": {"a.b/c": "other"}}
    assert list(changed_paths(before, after)) == ["labels[a.b/c]"]


_leaves = st.sampled_from([None, True, 1, "a", ""])
_values = _leaves | st.lists(_leaves, max_size=2) | st.dictionaries(st.just("a.b"), _leaves)
_objects = st.dictionaries(st.sampled_from("abc"), _values)


@given(_objects)
def test_equal_values_differ_nowhere(value: Json) -> None:
    assert list(changed_paths(value, value)) == []


@given(_objects, _objects)
def test_different_values_differ_somewhere(before: Json, after: Json) -> None:
    assert bool(list(changed_paths(before, after))) is (before != after)


@pytest.mark.parametrize(
    ("change", "restarts"),
    [
        ("spec.template.spec.containers[web].image", True),
        ("spec.template.metadata.labels[app.oam.dev/revision]", True),
        ("spec.template (added)", True),
        ("spec.replicas", True),
        ("spec.replicas (removed)", True),
        ("spec.templates", False),
        ("spec.replicasOfSomething", False),
        ("spec.strategy.type", False),
        ("metadata.annotations[note]", False),
    ],
)
def test_which_changes_pods_do_not_survive(change: str, restarts: bool) -> None:
    told = Prospect("beijing", REF, TAKE_OVER, changes=[change], live=pod())
    assert told.pods == ([change] if restarts else [])


def test_what_has_no_pods_has_none_to_restart() -> None:
    template: Json = {"spec": {"template": {"metadata": {}}}}
    told = Prospect("beijing", REF, TAKE_OVER, changes=["spec.template.metadata"], live=template)
    assert told.pods == []

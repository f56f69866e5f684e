"""Order of applying and deleting."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lateen.rendering.ordering import apply_order, delete_order, stage_of

IN_ORDER = [
    ("v1", "Namespace"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("v1", "ServiceAccount"),
    ("v1", "ConfigMap"),
    ("v1", "Service"),
    ("apps/v1", "Deployment"),
    ("networking.k8s.io/v1", "Ingress"),
]


def manifest(api_version: str, kind: str, name: str = "x") -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}


@given(st.permutations(IN_ORDER))
def test_what_others_need_comes_first(kinds: list[tuple[str, str]]) -> None:
    ordered = apply_order([manifest(*kind) for kind in kinds])
    assert [(each["apiVersion"], each["kind"]) for each in ordered] == IN_ORDER


def test_the_given_order_stays_within_a_stage() -> None:
    written = [manifest("v1", "Secret", "b"), manifest("v1", "ConfigMap", "a")]
    assert apply_order(written) == written


@given(st.lists(st.sampled_from(IN_ORDER), max_size=8))
def test_deleting_is_the_exact_reverse(kinds: list[tuple[str, str]]) -> None:
    written = [manifest(*kind, name=str(index)) for index, kind in enumerate(kinds)]
    assert delete_order(written) == list(reversed(apply_order(written)))


def test_a_kind_of_another_group_is_no_service() -> None:
    assert stage_of(manifest("serving.knative.dev/v1", "Service")) == stage_of(
        manifest("example.com/v1", "Anything")
    )

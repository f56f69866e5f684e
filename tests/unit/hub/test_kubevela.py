"""Which writes are KubeVela's, and what hands its objects over."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.hub.kubevela import handover, is_of_kubevela, kubevela_entries

Json = dict[str, Any]

TIMED: Json = {
    "f:metadata": {"f:annotations": {".": {}, "f:app.oam.dev/last-applied-time": {}}},
    "f:spec": {"f:replicas": {}},
}
PLAIN: Json = {"f:spec": {"f:paused": {}}}


def entry(manager: str, fields: Json = PLAIN, **more: Any) -> Json:
    return {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1",
        "time": "2026-01-01T00:00:00Z",
        "fieldsV1": fields,
        **more,
    }


def deployment(*entries: Json, **metadata: Any) -> Json:
    return {"metadata": {"resourceVersion": "7", "managedFields": list(entries), **metadata}}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (entry("kubevela"), True),
        (entry("vela-core"), True),
        (entry("manager", TIMED), True),
        (entry("manager"), False),
        (entry("before-first-apply", TIMED), True),
        (entry("kubectl-edit", TIMED), False),
        (entry("kube-controller-manager", PLAIN, subresource="status"), False),
        (entry("kubevela", TIMED, subresource="status"), False),
        (entry("kubevela", TIMED, operation="Apply"), False),
    ],
    ids=lambda value: value["manager"] if isinstance(value, dict) else str(value),
)
def test_who_wrote_its_records_is_the_controller(written: Json, expected: bool) -> None:
    """Its name alone says it only where nobody else has that name."""
    assert is_of_kubevela(written) is expected


def test_a_handover_is_for_the_version_that_was_read_and_keeps_all_others() -> None:
    scaler = entry("kube-controller-manager", {"f:spec": {"f:replicas": {}}}, subresource="scale")
    live = deployment(entry("manager", TIMED), scaler)
    steps = handover(live, manager="lateen:shop/web", api_version="apps/v1")
    assert [(step["op"], step["path"]) for step in steps] == [
        ("replace", "/metadata/managedFields"),
        ("replace", "/metadata/resourceVersion"),
    ]
    assert steps[1]["value"] == "7"
    owners = [(e["manager"], e["operation"]) for e in steps[0]["value"]]
    assert owners == [("lateen:shop/web", "Apply"), ("kube-controller-manager", "Update")]
    assert steps[0]["value"][0]["fieldsV1"] == TIMED
    assert kubevela_entries({"metadata": {"managedFields": steps[0]["value"]}}) == []


def test_the_finalizer_goes_and_those_of_others_stay() -> None:
    live = deployment(finalizers=["app.oam.dev/resource-tracker-finalizer", "example.com/mine"])
    steps = handover(live, manager="lateen", api_version="core.oam.dev/v1beta1")
    assert steps[0] == {
        "op": "replace",
        "path": "/metadata/finalizers",
        "value": ["example.com/mine"],
    }


@pytest.mark.parametrize(
    "live",
    [
        deployment(entry("manager"), entry("lateen:shop/web", TIMED, operation="Apply")),
        deployment(
            entry("kubevela", TIMED),
            deletionTimestamp="2026-01-01T00:00:00Z",
            finalizers=["app.oam.dev/resource-tracker-finalizer"],
        ),
        {"metadata": {"resourceVersion": "7"}},
    ],
    ids=["ours", "on its way out", "nothing known"],
)
def test_nothing_is_handed_over_twice_or_too_late(live: Json) -> None:
    """Without its finalizer, what is being deleted would be gone."""
    assert handover(live, manager="lateen:shop/web", api_version="apps/v1") == []

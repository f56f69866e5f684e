"""What counts as drift, what is remembered of it, and when a repair is given up."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.model.drift import DriftedObject, DriftRecord, PlacementChange, UncheckedCluster
from lateen.model.errors import InvalidApplication
from lateen.model.parsing import parse_application
from lateen.model.placement import Placement
from lateen.model.records import Audit, AuditEvent, DeliveryRecord, Phase, Snapshot
from lateen.planning.checking import check_application
from lateen.planning.drift import (
    Delivered,
    drift_mode,
    gave_up,
    noted,
    nothing_to_hold_against,
    placement_changes,
    record_of,
    spared,
    told,
)
from lateen.planning.resolving import Resolved
from lateen.policies.rules.field_paths import parse_path
from lateen.policies.topology import ClusterInfo
from lateen.rendering.registry import builtin
from support.applications import application

NOON, LATER, NEXT_DAY = (
    "2026-01-01T12:00:00.000+00:00",
    "2026-01-01T12:10:00.000+00:00",
    "2026-01-02T12:00:00.000+00:00",
)


def thing(name: str = "web", *, cluster: str = "a", **more: Any) -> DriftedObject:
    fields = {"fields": ["spec.replicas"], **more}
    return DriftedObject(cluster=cluster, kind="Deployment", namespace="shop", name=name, **fields)


def record(*objects: DriftedObject, at: str = NOON, delivery: int = 7, **more: Any) -> DriftRecord:
    given: dict[str, Any] = {"unchecked": (), "placements": (), **more}
    return record_of(delivery=delivery, at=at, objects=objects, **given)


def audit(*, phase: Phase = "delivered", delivered: int = 7, **more: Any) -> Audit:
    return Audit(
        phase=phase,
        revision="web-v2",
        latest_delivery=7,
        delivery=DeliveryRecord(number=7, run_id="r", phase=phase),
        delivered=DeliveryRecord(number=delivered, run_id="r", phase="delivered"),
        **more,
    )


@pytest.mark.parametrize(
    ("annotation", "setting", "mode"),
    [
        ({}, "report", "report"),
        ({}, "off", "off"),
        ({"lateen.dev/drift": "repair"}, "off", "repair"),
        ({"lateen.dev/drift": "off"}, "repair", "off"),
        ({"lateen.dev/drift": "nonsense"}, "report", "report"),
    ],
)
def test_the_application_wins_over_the_operator(
    annotation: dict[str, str], setting: Any, mode: str
) -> None:
    assert drift_mode(annotation, otherwise=setting) == mode


@pytest.mark.parametrize(
    ("key", "value"), [("lateen.dev/drift", "fix"), ("lateen.dev/follow-clusters", "yes")]
)
def test_a_wrong_annotation_is_refused_with_path_and_words(key: str, value: str) -> None:
    app = application("web")
    app["metadata"]["annotations"] = {key: value}
    with pytest.raises(InvalidApplication, match="expected one of") as caught:
        check_application(parse_application(app), builtin())
    assert f'metadata.annotations["{key}"]' in str(caught.value)


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (audit(), None),
        (Audit(), "undelivered"),
        (audit(phase="delivering"), "busy"),
        (audit(phase="waiting"), "busy"),
        (audit(phase="deleting"), "busy"),
        (audit(phase="failed", delivered=6), "undelivered"),
        (audit(phase="rejected", delivered=6), "undelivered"),
        (audit(phase="cancelled", delivered=6), "undelivered"),
        (audit(phase="deleted"), "undelivered"),
    ],
)
def test_only_a_delivery_that_succeeded_says_how_clusters_should_be(
    seen: Audit, state: str | None
) -> None:
    found = nothing_to_hold_against(seen)
    assert (found[0] if found else None) == state


@pytest.mark.parametrize(
    ("path", "live", "planned"),
    [
        ("spec.replicas", {"spec": {"replicas": 3}}, {"spec": {"replicas": 1}}),
        ("spec.replicas", {"spec": {"x": 1}}, {"spec": {"x": 1, "replicas": 1}}),
        ("spec.replicas", {"spec": {"x": 1, "replicas": 1}}, {"spec": {"x": 1}}),
        (
            "metadata.annotations[a/b]",
            {"metadata": {"annotations": {"c": "d"}}},
            {"metadata": {"annotations": {"a/b": "1", "c": "d"}}},
        ),
        (
            "spec.containers[0].image",
            {"spec": {"containers": [{"name": "w", "image": "x"}]}},
            {"spec": {"containers": [{"name": "w", "image": "y"}]}},
        ),
    ],
)
def test_fields_that_are_spared_look_alike(path: str, live: Any, planned: Any) -> None:
    """Changed, removed or added by others: neither is drift."""
    before, after = spared(live, planned, [parse_path(path)])
    assert before == after


def test_what_is_not_spared_stays_different() -> None:
    live = {"spec": {"replicas": 3, "paused": True}}
    planned = {"spec": {"replicas": 1, "paused": False}}
    before, after = spared(live, planned, [parse_path("spec.replicas")])
    assert (before["spec"]["paused"], after["spec"]["paused"]) == (True, False)


# Where it was delivered, and where it would be delivered now.


def resolved() -> Resolved:
    app = application("web", topologies={"named": ["a"]})
    labels = {"clusterLabelSelector": {"tier": "one"}, "namespace": "shop"}
    app["spec"]["policies"].append({"name": "tier", "type": "topology", "properties": labels})
    return Resolved(Snapshot(application=app), builtin())


def delivered(*places: tuple[str, str, str], clusters: list[str] | None = None) -> Delivered:
    steps: dict[str, list[Any]] = {}
    for step, cluster, namespace in places:
        placement = {"cluster": cluster, "namespace": namespace, "phase": "delivered"}
        steps.setdefault(step, []).append(placement)
    return Delivered.of(
        DeliveryRecord(
            number=7,
            run_id="r",
            clusters=clusters or sorted({cluster for _, cluster, _ in places}),
            steps=[{"name": name, "placements": found} for name, found in steps.items()],
        )
    )


def changes(was: Delivered, **labels: str) -> list[tuple[str, str, str]]:
    it = resolved()
    clusters = [
        ClusterInfo(name=name, labels={"tier": labels[name]} if name in labels else {})
        for name in ("local", "a", "b", "c")
    ]
    selections = {step.name: list(it.select(step, clusters).placements) for step in it.deploy_steps}
    found = placement_changes(it, selections, clusters=clusters, delivered=was)
    return [(each.change, each.cluster, each.topology) for each in found]


BOTH = (("deploy-named", "a", "default"), ("deploy-tier", "b", "shop"))


def test_the_same_clusters_are_no_news() -> None:
    assert changes(delivered(*BOTH), b="one") == []


def test_a_cluster_that_matches_now_is_announced_with_its_topology() -> None:
    assert changes(delivered(*BOTH), b="one", c="one") == [("matches", "c", "tier")]


def test_a_cluster_of_another_step_can_match_one_too() -> None:
    assert changes(delivered(*BOTH), a="one", b="one") == [("matches", "a", "tier")]


def test_a_cluster_that_lost_its_label_vanished() -> None:
    assert changes(delivered(*BOTH), c="one") == [("matches", "c", "tier"), ("vanished", "b", "")]


def test_of_very_many_placements_only_clusters_are_compared() -> None:
    """The audit keeps only those that failed one by one."""
    was = delivered(clusters=["a", "b", "d"])
    assert was.steps is None
    assert was.reached("any", Placement(cluster="a", namespace="x"))
    assert changes(was, b="one", c="one") == [("matches", "c", "tier"), ("vanished", "d", "")]


# What is remembered.


def test_the_time_of_the_first_look_is_kept() -> None:
    first = noted(audit(), record(thing()), submitted=False)
    again = noted(first, record(thing(), thing("db"), at=LATER), submitted=False)
    assert first.drift is not None
    assert again.drift is not None
    assert (first.drift.since, again.drift.since, again.drift.checked_at) == (NOON, NOON, LATER)
    assert [event.type for event in again.events] == ["drifted", "drifted"]


def test_what_says_nothing_new_is_not_written_until_it_is_old() -> None:
    first = noted(audit(), record(thing()), submitted=False)
    assert noted(first, record(thing(), at=LATER), submitted=False) is first
    old = noted(first, record(thing(), at=NEXT_DAY), submitted=False)
    assert old.drift is not None
    assert (old.drift.checked_at, len(old.events)) == (NEXT_DAY, 1)


def test_the_end_of_drift_is_an_event_only_if_everything_was_seen() -> None:
    first = noted(audit(), record(thing()), submitted=False)
    away = [UncheckedCluster(cluster="a", reason="it does not answer")]
    unseen = noted(first, record(at=LATER, unchecked=away), submitted=False)
    assert [event.type for event in unseen.events] == ["drifted"]
    ended = noted(first, record(at=LATER), submitted=False)
    assert [event.type for event in ended.events] == ["drifted", "drift-ended"]


def test_clusters_that_match_are_an_event_once() -> None:
    new = [PlacementChange(cluster="c", namespace="shop", change="matches", topology="tier")]
    first = noted(audit(), record(placements=new), submitted=False)
    again = noted(first, record(placements=new, at=NEXT_DAY), submitted=False)
    assert [event.message for event in again.events] == ["c now matches topology tier"]


def test_events_of_drift_push_no_decision_out() -> None:
    decision = AuditEvent(at=NOON, type="approved", actor="mia")
    found = audit(events=[decision])
    for number in range(60):
        found = noted(found, record(thing(f"x{number}"), at=LATER), submitted=False)
    assert decision in found.events
    assert len(found.events) == 21
    assert "Deployment shop/x59" in found.events[-1].message


def test_a_repair_is_given_up_when_the_same_comes_back_every_time() -> None:
    found = audit()
    for number in range(3):
        assert not gave_up(found, record(thing()))
        found = noted(found, record(thing(), delivery=7 + number, at=LATER), submitted=True)
    assert gave_up(found, record(thing()))
    assert not gave_up(found, record(thing("other")))
    clean = noted(found, record(), submitted=False)
    assert not gave_up(clean, record(thing()))


def test_a_record_is_bounded_and_says_how_many_there_are() -> None:
    fields = [f"spec.x{number}" for number in range(30)]
    objects = [thing(f"o{number:03}", fields=fields) for number in range(200)]
    away = [UncheckedCluster(cluster=f"c{number}", reason="r" * 5000) for number in range(200)]
    found = record(*objects, unchecked=away)
    assert (found.total, len(found.objects), len(found.objects[0].fields)) == (200, 20, 10)
    assert len(str(found.to_json())) < 40_000
    assert told(found).endswith("; and 180 more")

"""Putting an audit trail together: from records, from events alone, and with Temporal's word on an open one."""

from __future__ import annotations

from typing import Any

from lateen.client.histories import History, history_of, open_run
from lateen.client.results import RunInfo

RUNNING = RunInfo(run_id="r3", status="running", started_at="2026-01-03T00:00:00Z")
TERMINATED = RunInfo(
    run_id="r3",
    status="terminated",
    started_at="2026-01-03T00:00:00Z",
    closed_at="2026-01-03T00:01:00Z",
)


def event(delivery: int, kind: str, at: str, **more: Any) -> dict[str, Any]:
    return {"at": f"2026-01-0{delivery}T{at}Z", "type": kind, "delivery": delivery, **more}


def past(number: int, **more: Any) -> dict[str, Any]:
    day = f"2026-01-0{number}T"
    return {
        "number": number,
        "runId": f"r{number}",
        "revision": f"web-v{number}",
        "actor": "mia",
        "startedAt": f"{day}00:00:00Z",
        "endedAt": f"{day}00:00:12Z",
        "phase": "delivered",
        "reached": 1,
        "total": {"created": 1},
        "changes": [{"cluster": "a", "created": 1}],
        **more,
    }


def told(run: RunInfo | None = None, *, stored: bool = True, **audit: Any) -> History:
    inspected = {"known": True, "stored": stored, "audit": audit}
    return history_of("shop/web", inspected, run=run)


OPEN = {"number": 3, "runId": "r3", "revision": "web-v3", "startedAt": "2026-01-03T00:00:00Z"}


def test_records_and_events_are_put_together_in_order() -> None:
    history = told(
        latestDelivery=2,
        past=[past(1), past(2, phase="rejected")],
        events=[
            event(2, "submitted", "00:00:00", actor="mia"),
            event(2, "rejected", "00:00:11", actor="bob", reason="no", step="gate"),
            event(2, "waiting", "00:00:10", step="gate"),
            event(1, "submitted", "00:00:00", actor="mia"),
        ],
    )
    assert (history.namespace, history.name, history.stored) == ("shop", "web", True)
    assert [each.number for each in history.deliveries] == [1, 2]
    second = history.deliveries[1]
    assert (second.phase, second.end, second.seconds) == ("rejected", "recorded", 12.0)
    assert [each.type for each in second.events] == ["submitted", "waiting", "rejected"]
    assert (second.events[2].actor, second.events[2].reason) == ("bob", "no")
    assert [(each.cluster, each.created) for each in second.clusters] == [("a", 1)]


def test_what_an_older_worker_recorded_is_told_as_far_as_it_goes() -> None:
    """It kept the last two deliveries, and events of all."""
    record = {key: value for key, value in past(3).items() if key not in ("changes", "total")}
    history = told(
        latestDelivery=3,
        delivery={**record, "clusters": ["a", "b"]},
        delivered={**record, "clusters": ["a", "b"]},
        events=[
            event(1, "submitted", "00:00:00", actor="mia", revision="web-v1"),
            event(1, "failed", "00:00:05", message="out of reach"),
            event(2, "deleting", "00:00:00", actor="bob"),
            event(2, "deleted", "00:00:01"),
        ],
    )
    first, second, third = history.deliveries
    assert (first.phase, first.actor, first.revision) == ("failed", "mia", "web-v1")
    assert (first.message, first.seconds) == ("out of reach", 5.0)
    assert (second.intent, second.phase, second.actor) == ("delete", "deleted", "bob")
    assert (third.reached, third.clusters, third.end) == (2, [], "recorded")


def test_one_that_goes_on_is_open() -> None:
    history = told(RUNNING, latestDelivery=3, delivery={**OPEN, "phase": "waiting"})
    (open_,) = history.deliveries
    assert (open_.end, open_.phase, open_.seconds) == ("open", "waiting", None)
    assert history.dropped == 2


def test_one_that_was_terminated_has_temporals_word() -> None:
    (ended,) = told(TERMINATED, latestDelivery=3, delivery=OPEN).deliveries
    assert (ended.end, ended.phase, ended.seconds) == ("unrecorded", "terminated", 60.0)


def test_one_without_an_end_of_which_nobody_knows_any_more() -> None:
    (ended,) = told(None, latestDelivery=3, delivery={**OPEN, "phase": "waiting"}).deliveries
    assert (ended.end, ended.phase, ended.ended_at) == ("unrecorded", "waiting", "")


def test_the_run_that_is_open_says_nothing_of_earlier_ones() -> None:
    lost = past(2, endedAt="", phase="delivering")
    first, second = told(RUNNING, latestDelivery=3, past=[lost], delivery=OPEN).deliveries
    assert (first.end, second.end) == ("unrecorded", "open")


def test_only_a_delivery_without_an_end_is_asked_about() -> None:
    assert open_run({"audit": {"delivery": OPEN}}) == "r3"
    assert open_run({"audit": {"delivery": {**OPEN, "endedAt": "t"}}}) == ""
    assert open_run({"audit": {}}) == ""


def test_what_cannot_be_read_as_a_time_has_no_duration() -> None:
    (only,) = told(latestDelivery=1, past=[past(1, startedAt="")]).deliveries
    assert only.seconds is None

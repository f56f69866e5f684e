"""The audit trail as people read it."""

from __future__ import annotations

from typing import Any

from lateen.cli.history_text import history_lines
from lateen.client.histories import History, HistoryEvent, RecordedDelivery
from lateen.model.records import ClusterChanges, ObjectCounts


def lines(*deliveries: RecordedDelivery, **more: Any) -> list[str]:
    given = {"stored": True, **more}
    history = History(
        application="shop/web",
        namespace="shop",
        name="web",
        deliveries=list(deliveries),
        **given,
    )
    return [text for _, text in history_lines(history)]


def delivery(**more: Any) -> RecordedDelivery:
    given = {
        "number": 1,
        "revision": "web-v1",
        "phase": "delivered",
        "started_at": "2026-01-02T03:04:05Z",
        "ended_at": "2026-01-02T03:05:17Z",
        "seconds": 72.0,
        **more,
    }
    return RecordedDelivery(**given)


def happened(kind: str, **more: Any) -> HistoryEvent:
    return HistoryEvent(at="2026-01-02T03:04:05Z", type=kind, **more)


def test_a_delivery_from_its_submission_to_what_it_changed() -> None:
    events = [
        happened("submitted", actor="mia"),
        happened("waiting", step="gate"),
        happened("approved", step="gate", actor="bob", reason="looks good"),
        happened("delivered"),
    ]
    clusters = [
        ClusterChanges(cluster="a", created=2, deleted=1),
        ClusterChanges(cluster="b", created=2, deleted=1),
        ClusterChanges(cluster="c", unchanged=3),
    ]
    at = "2026-01-02 03:04:05 +0000 UTC"
    assert lines(delivery(events=events, clusters=clusters, reached=3)) == [
        "shop/web: 1 delivery",
        "",
        "delivery 1: web-v1: delivered after 1m12s",
        f"  {at}  submitted by mia",
        f"  {at}  step gate waits for an approval",
        f"  {at}  step gate approved by bob: looks good",
        f"  {at}  delivered",
        "  a, b: 2 created, 1 deleted",
        "  c: 3 unchanged",
    ]


def test_what_went_wrong_is_said_once() -> None:
    message = "step 'ship': a/prod: out of reach"
    failed = delivery(
        phase="failed",
        message=message,
        events=[happened("failed", message=message)],
        clusters=[ClusterChanges(cluster="a", state="failed")],
    )
    shown = lines(failed)
    assert sum(message in line for line in shown) == 1
    assert shown[-1] == "  a: failed, nothing changed"


def test_one_without_an_end() -> None:
    ended = {"end": "unrecorded", "ended_at": "", "seconds": None}
    assert lines(delivery(phase="waiting", **ended))[2] == (
        "delivery 1: web-v1: ended without a record, last seen waiting"
    )
    terminated = delivery(phase="terminated", end="unrecorded")
    assert lines(terminated)[2] == (
        "delivery 1: web-v1: ended without a record, terminated after 1m12s"
    )
    assert lines(delivery(phase="waiting", end="open", seconds=None))[2] == (
        "delivery 1: web-v1: waiting, not finished"
    )


def test_what_is_no_longer_kept_is_said() -> None:
    total = ObjectCounts(created=5000)
    shown = lines(delivery(total=total, reached=500), dropped=7, stored=False)
    assert shown[0] == "shop/web: 1 delivery, the application is deleted"
    assert shown[1] == "7 older deliveries no longer kept"
    assert shown[-1] == "  500 clusters: 5000 created (no longer kept for each)"


def test_many_clusters_with_the_same_share_a_line() -> None:
    clusters = [ClusterChanges(cluster=f"c{i}", changed=1) for i in range(9)]
    assert lines(delivery(clusters=clusters))[-1] == "  c0, c1, c2, c3 and 5 more: 1 changed"


def test_a_deletion_and_words_that_this_version_does_not_know() -> None:
    shown = lines(
        delivery(
            intent="delete",
            phase="deleted",
            events=[
                happened("deleting", actor="dave"),
                happened("abandoned", actor="eve", message="cluster-x"),
                happened("something-new", step="s", actor="eve"),
            ],
        )
    )
    assert shown[2] == "delivery 1: deletion: deleted after 1m12s"
    assert shown[3].endswith("deletion submitted by dave")
    assert shown[4].endswith("abandoned by eve: cluster-x")
    assert shown[5].endswith("step s something-new by eve")


def test_texts_of_people_keep_their_lines_apart() -> None:
    reason = "first\nsecond"
    shown = lines(delivery(events=[happened("approved", step="gate", actor="b", reason=reason)]))
    assert shown[3].endswith("first\n    second")

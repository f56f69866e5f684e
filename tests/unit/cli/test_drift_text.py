"""What people read about drift."""

from __future__ import annotations

from lateen.cli.drift_text import drift_lines, summary_lines
from lateen.cli.status_text import status_text
from lateen.client.results import ApplicationStatus
from lateen.contracts.drift import DriftReport, DriftSummary
from lateen.model.drift import DriftedObject, DriftRecord, PlacementChange, UncheckedCluster

DRIFT = DriftRecord(
    delivery=7,
    since="2026-01-02T03:04:05+00:00",
    total=3,
    objects=[
        DriftedObject(cluster="x", kind="Deployment", namespace="shop", name="web", fields=["a.b"]),
        DriftedObject(cluster="y", kind="Service", namespace="shop", name="web", missing=True),
    ],
    unchecked=[UncheckedCluster(cluster="z", reason="it does not answer")],
    placements=[
        PlacementChange(cluster="new", namespace="shop", change="matches", topology="hangzhou"),
        PlacementChange(cluster="old", namespace="shop", change="vanished"),
    ],
)


def test_everything_is_named_with_the_way_out() -> None:
    assert list(drift_lines("shop/web", DRIFT)) == [
        "drift: 3 objects in x, y since 2026-01-02 03:04:05 +0000 UTC",
        "  x: Deployment shop/web: a.b",
        "  y: Service shop/web: is missing",
        "  and 1 more",
        "new now matches topology hangzhou: `lateen up web -n shop` delivers to it",
        "old is not selected any more, or has left: what is there stays",
        "not checked: z (it does not answer)",
    ]


def test_status_shows_it() -> None:
    status = ApplicationStatus(application="shop/web", namespace="shop", name="web", drift=DRIFT)
    text = status_text(status)
    assert "Drift:\n\n  - drift: 3 objects in x, y since" in text
    clean = status.model_copy(update={"drift": DriftRecord(delivery=7)})
    assert "Drift" not in status_text(clean)


def test_a_summary_tells_what_happens_next() -> None:
    reports = [
        DriftReport(application="shop/web", state="drifted", repair="asked"),
        DriftReport(application="shop/db", state="drifted", repair="withheld", message="why"),
        DriftReport(application="shop/mq", state="drifted", repair="later"),
        DriftReport(application="shop/ui", state="busy", message="delivery 7 is open"),
    ]
    counts = {"busy": 1, "clean": 5, "drifted": 3}
    found = DriftSummary(counts=counts, reports=reports, omitted=2)
    assert [line for _, line in summary_lines(found)] == [
        "shop/web: drifted",
        "  delivery started: `lateen status web -n shop` shows it",
        "shop/db: drifted",
        "  not delivered: why",
        "shop/mq: drifted",
        "  not delivered yet: many others are; the next check goes on",
        "shop/ui: being delivered (delivery 7 is open)",
        "and 2 more; `lateen status APP` shows each",
        "9 applications: 1 being delivered, 5 as delivered, 3 drifted",
    ]


def test_nothing_is_said_of_nothing() -> None:
    assert list(summary_lines(DriftSummary())) == [("title", "no applications")]

"""The text of `lateen status`."""

from __future__ import annotations

from typing import Any

from lateen.cli.status_text import status_text
from lateen.client.results import ApplicationStatus


def status(**more: Any) -> ApplicationStatus:
    base: dict[str, Any] = {
        "application": "prod/web",
        "namespace": "prod",
        "name": "web",
        "phase": "delivered",
        "revision": "web-v2",
        "delivery": 7,
        "actor": "mia",
        "mode": "StepByStep",
        "created_at": "2022-04-08T14:37:54Z",
    }
    return ApplicationStatus.model_validate({**base, **more})


def step(name: str = "ship", phase: str = "succeeded", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "deploy", "phase": phase, **more}


DELIVERED = status(
    healthy=True,
    steps=[step()],
    services=[
        {
            "name": "nginx",
            "cluster": "hangzhou-1",
            "namespace": "prod",
            "type": "webservice",
            "healthy": True,
            "message": "Ready:1/1",
            "traits": [{"type": "expose", "healthy": True}],
        }
    ],
)


def test_has_kubevelas_sections() -> None:
    assert status_text(DELIVERED) == (
        "About:\n\n"
        "  Name:         web\n"
        "  Namespace:    prod\n"
        "  Created at:   2022-04-08 14:37:54 +0000 UTC\n"
        "  Healthy:      ✅\n"
        "  Status:       delivered\n"
        "  Revision:     web-v2 (delivery 7, by mia)\n\n"
        "Workflow:\n\n"
        "  mode: StepByStep\n"
        "  finished: true\n"
        "  Suspend: false\n"
        "  Terminated: false\n"
        "  Steps\n"
        "  - name: ship\n"
        "    type: deploy\n"
        "    phase: succeeded\n\n"
        "Services:\n\n"
        "  - Name: nginx\n"
        "    Cluster: hangzhou-1  Namespace: prod\n"
        "    Type: webservice\n"
        "    Healthy Ready:1/1\n"
        "    Traits:\n"
        "      ✅ expose"
    )


def test_waiting_says_since_when_and_what_to_type() -> None:
    text = status_text(
        status(
            phase="waiting",
            steps=[step(phase="waiting")],
            waiting=[{"step": "ship", "since": "2026-01-02T03:04:05+00:00", "message": "look"}],
        )
    )
    assert "  finished: false\n  Suspend: true\n" in text
    assert "  - step ship, since 2026-01-02 03:04:05 +0000 UTC: look" in text
    assert "  approve: lateen approve web -n prod" in text


def test_stopped_from_outside_is_neither_finished_nor_running() -> None:
    text = status_text(status(phase="terminated", steps=[step(phase="delivering")]))
    assert "  Status:       terminated" in text
    assert "  finished: false\n  Suspend: false\n  Terminated: true\n" in text


def test_placements_are_listed_when_one_is_not_delivered() -> None:
    placements = [
        {"cluster": "a", "namespace": "prod", "phase": "delivered"},
        {"cluster": "b", "namespace": "prod", "phase": "failed", "message": "cluster b: no room"},
        {"cluster": "c", "namespace": "prod", "phase": "delivering"},
    ]
    retry = {"subject": "c/prod", "attempt": 4, "message": "cluster c: no connection"}
    text = status_text(
        status(phase="delivering", steps=[step(placements=placements)], retries=[retry])
    )
    assert "    - a/prod: delivered\n" in text
    assert "    - b/prod: failed (no room)\n" in text
    assert "    - c/prod: delivering (attempt 4: no connection)" in text


def test_a_cluster_that_cannot_be_looked_at() -> None:
    lost = {"name": "", "cluster": "b", "namespace": "prod", "message": "cluster b: no answer"}
    text = status_text(status(healthy=False, services=[lost]))
    assert "  - Cluster: b  Namespace: prod\n    ❌ no answer" in text


def test_who_decided_what_and_why() -> None:
    """The end of the delivery, which is also called `rejected`, is no decision of its own."""
    events = [
        {"at": "2026-01-02T03:04:05Z", "type": "submitted", "actor": "mia"},
        {
            "at": "2026-01-02T03:05:05Z",
            "type": "rejected",
            "actor": "ann",
            "reason": "too soon",
            "step": "ship",
            "delivery": 7,
        },
        {"at": "2026-01-02T03:05:06Z", "type": "rejected", "message": "step 'ship': …"},
    ]
    text = status_text(status(phase="rejected", events=events))
    decisions = text.partition("Decisions:\n\n")[2]
    assert decisions == (
        "  - 2026-01-02 03:05:05 +0000 UTC  ship rejected by ann: too soon (delivery 7)"
    )


def test_a_reason_of_several_lines_looks_like_nothing_else() -> None:
    event = {"type": "approved", "at": "", "delivery": 7, "step": "ship"}
    forged = "ok\n\nDecisions:\n\n  - prod approved by the boss"
    text = status_text(status(actor=forged, events=[{**event, "actor": "eve", "reason": forged}]))
    assert text.count("\nDecisions:") == 1
    assert "\n  - prod approved" not in text


def test_warnings_and_what_is_kept() -> None:
    text = status_text(status(warnings=["old name"], retained=["b: Deployment/web"]))
    assert "Warnings:\n\n  - old name" in text
    assert (
        "  - b: Deployment/web\n  remove: lateen up web -n prod --confirm-removal CLUSTER" in text
    )


def test_a_deletion_shows_its_clusters() -> None:
    text = status_text(
        status(
            phase="deleting",
            intent="delete",
            clusters={"a": "deleted 2 objects", "b": "deleting"},
            retries=[{"subject": "b", "attempt": 4, "message": "cluster b: no connection"}],
        )
    )
    assert (
        "Clusters:\n\n  - a: deleted 2 objects\n  - b: deleting (attempt 4: no connection)" in text
    )


def test_says_who_rolled_back_to_what_until_something_newer() -> None:
    rollback = {"revision": "web-v1", "actor": "mia", "at": "2026-01-02T03:04:05Z"}
    said = "rolled back to web-v1"
    held = status_text(status(revision="web-v1", rollback=rollback, message=said))
    assert "  Rollback:     rolled back to web-v1 by mia, 2026-01-02 03:04:05 +0000 UTC" in held
    assert "Message:" not in held
    going = status_text(status(phase="waiting", revision="web-v1", rollback=rollback))
    assert "  Rollback:     rolling back to web-v1, asked for by mia, 2026" in going
    failed = status_text(status(phase="failed", rollback=rollback, message="it broke"))
    assert "  Rollback:     to web-v1, not done yet, asked for by mia, 2026" in failed
    assert "  Message:      it broke" in failed
    assert "Rollback" not in status_text(status())

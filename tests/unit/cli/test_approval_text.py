"""What `lateen approvals` writes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lateen.cli.approval_text import approval_lines
from lateen.client.results import PendingApproval

NOW = datetime(2026, 1, 2, 5, 9, 5, tzinfo=UTC)


def pending(**more: Any) -> PendingApproval:
    base: dict[str, Any] = {
        "application": "prod/web",
        "namespace": "prod",
        "name": "web",
        "step": "ship",
        "type": "deploy",
        "since": "2026-01-02T03:04:05+00:00",
        "revision": "web-v3",
        "delivery": 7,
        "run": "0199-run",
        "plan": "abc",
        "actor": "mia",
        "steps": ["ship"],
        "clusters": ["a", "b"],
    }
    return PendingApproval.model_validate({**base, **more})


def text(*found: PendingApproval) -> str:
    return "\n".join(line for _, line in approval_lines(found, NOW))


def test_what_waits_for_whom_since_when_with_the_plan_and_the_command() -> None:
    found = pending(
        message="look at the dashboard",
        forecast=[
            {"cluster": "a", "create": 1, "change": 2, "unchanged": 3},
            {"cluster": "b", "problems": ["the cluster does not answer"]},
        ],
        prune=[{"cluster": "c", "objects": ["Deployment prod/old"]}],
    )
    assert text(found) == (
        "prod/web: step ship\n"
        "  revision web-v3, delivery 7, submitted by mia\n"
        "  since 2026-01-02 03:04:05 +0000 UTC (2h5m)\n"
        "  run 0199-run\n"
        "  message: look at the dashboard\n"
        "  plan:\n"
        "    a: 1 to create, 2 to change, 0 to delete, 3 unchanged\n"
        "    b: 0 to delete\n"
        "      ! the cluster does not answer\n"
        "    c: 1 to delete\n"
        "      - Deployment prod/old\n"
        "\n"
        "lateen approve web -n prod --step ship --run 0199-run --plan abc"
    )


def test_without_a_forecast_what_is_known_is_told() -> None:
    assert "    a: 0 to delete\n    b: 0 to delete\n" in text(pending())


def test_a_suspend_step_tells_what_it_lets_go_on() -> None:
    found = text(
        pending(
            step="hold",
            type="suspend",
            plan="",
            clusters=[],
            steps=["one", "two"],
            forecast=[{"cluster": "a", "create": 2}],
        )
    )
    assert (
        "  lets go on: one, two\n  plan:\n    a: 2 to create, 0 to change, 0 to delete\n" in found
    )
    assert found.endswith("lateen approve web -n prod --step hold --run 0199-run")


def test_several_end_with_a_command_each() -> None:
    other = pending(application="default/api", namespace="default", name="api", run="", plan="")
    lines = text(pending(), other).splitlines()
    assert lines[-2:] == [
        "lateen approve web -n prod --step ship --run 0199-run --plan abc",
        "lateen approve api --step ship",
    ]


def test_what_could_not_be_found_out_is_told() -> None:
    silent = pending(since="", run="", plan="", actor="", clusters=[], note="no worker answers")
    assert "  note: no worker answers" in text(silent)


def test_texts_of_others_keep_their_place() -> None:
    found = pending(message="one\ntwo")
    assert "  message: one\n    two\n" in text(found)

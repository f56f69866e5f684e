"""Joining what the audit recorded with the runs that Temporal remembers."""

from __future__ import annotations

from typing import Any

from lateen.client.results import RunRow
from lateen.client.runs import merged, recorded
from lateen.client.telling import told_by
from lateen.model.records import Audit


def at(minute: int) -> str:
    return f"2026-01-01T10:{minute:02}:00+00:00"


def event(minute: int, type: str, delivery: int, **more: Any) -> dict[str, Any]:  # noqa: A002
    return {"at": at(minute), "type": type, "delivery": delivery, **more}


AUDIT = Audit.model_validate(
    {
        "latestDelivery": 3,
        "events": [
            event(1, "submitted", 1, actor="mia", revision="web-v1"),
            event(2, "delivered", 1, revision="web-v1"),
            event(11, "submitted", 2, actor="ben", revision="web-v2"),
            event(21, "submitted", 3, actor="zoe", revision="web-v2", message="resumes delivery 2"),
            event(22, "approved", 3, actor="ben", step="gate", reason="fine"),
            event(25, "failed", 3, revision="web-v2", message="step 'two': down"),
        ],
        "delivery": {
            "number": 3,
            "runId": "run-3",
            "revision": "web-v2",
            "actor": "zoe",
            "startedAt": at(21),
            "endedAt": at(25),
            "phase": "failed",
            "message": "step 'two': down",
            "steps": [
                {
                    "name": "two",
                    "type": "deploy",
                    "phase": "failed",
                    "placements": [
                        {"cluster": "a", "namespace": "ns", "phase": "failed", "message": "down"}
                    ],
                }
            ],
        },
    }
)
RUNS = [
    RunRow(run_id="run-3", phase="failed", started_at=at(20), ended_at=at(25)),
    RunRow(run_id="run-0", phase="unchanged", started_at=at(15), ended_at=at(15)),
    RunRow(run_id="run-2", phase="terminated", started_at=at(10), ended_at=at(14)),
]


def test_deliveries_are_read_out_of_the_events_and_the_last_record() -> None:
    rows = recorded(AUDIT)
    assert [(row.delivery, row.phase, row.actor) for row in rows] == [
        (1, "delivered", "mia"),
        (2, "", "ben"),
        (3, "failed", "zoe"),
    ]


def test_each_run_is_joined_with_the_delivery_that_began_in_its_time() -> None:
    rows = merged(recorded(AUDIT), RUNS)
    assert [(row.delivery, row.run_id, row.phase, row.revision) for row in rows] == [
        (3, "run-3", "failed", "web-v2"),
        (0, "run-0", "unchanged", ""),
        (2, "run-2", "terminated", "web-v2"),
        (1, "", "delivered", "web-v1"),
    ]
    assert rows[2].ended_at == at(14)


def test_runs_that_follow_each_other_quickly_are_told_apart() -> None:
    def second(number: float) -> str:
        return f"2026-01-01T10:00:{number:06.3f}+00:00"

    deliveries = [
        RunRow(delivery=number, phase="delivered", started_at=second(number + 0.1))
        for number in (1, 2, 3)
    ]
    deliveries[2] = deliveries[2].model_copy(update={"run_id": "r3"})
    runs = [
        RunRow(run_id=f"r{number}", started_at=second(number), ended_at=second(number + 0.9))
        for number in (3, 2, 1)
    ]
    rows = merged(deliveries, runs)
    assert [(row.delivery, row.run_id) for row in rows] == [(3, "r3"), (2, "r2"), (1, "r1")]


def test_without_an_audit_there_are_the_runs() -> None:
    assert [row.run_id for row in merged([], RUNS)] == ["run-3", "run-0", "run-2"]


def test_an_open_run_is_as_temporal_says() -> None:
    begun = [RunRow(delivery=4, run_id="r", phase="waiting", started_at=at(1))]
    run = RunRow(run_id="r", phase="suspended", started_at=at(1))
    assert [row.phase for row in merged(begun, [run])] == ["suspended"]


def test_a_story_is_told_from_the_record_when_the_run_is_forgotten() -> None:
    told = [(event.type, event.step, event.subject, event.message) for event in told_by(AUDIT)]
    assert told == [
        ("submitted", "", "", "resumes delivery 2"),
        ("approved", "gate", "", "fine"),
        ("failed", "two", "a/ns", "down"),
        ("failed", "two", "", ""),
        ("failed", "", "", "step 'two': down"),
    ]
    assert told_by(Audit()) == []

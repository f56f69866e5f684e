"""The last line about each application, and the exit code that goes with it."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from lateen.cli import codes
from lateen.cli.verdicts import (
    command,
    decision_hints,
    of_error,
    of_outcome,
    of_patience,
    of_submission,
    reason,
)
from lateen.client.errors import NotWaiting, NoWorker
from lateen.client.outcomes import Outcome
from lateen.client.results import Ending, Progress, Submitted


def outcome(phase: str, **more: Any) -> Outcome:
    return Outcome.model_validate(
        {"application": "prod/web", "run_id": "r", "phase": phase, **more}
    )


STEP = {
    "name": "ship",
    "type": "deploy",
    "phase": "failed",
    "placements": [
        {"cluster": "a", "namespace": "prod", "phase": "failed", "message": "cluster a: no room"},
        {"cluster": "b", "namespace": "prod", "phase": "failed", "message": "no quota"},
        {"cluster": "c", "namespace": "prod", "phase": "delivered"},
    ],
}


@pytest.mark.parametrize(
    ("found", "code", "line"),
    [
        (
            outcome("delivered", revision="web-v2", steps=[{**STEP, "phase": "succeeded"}]),
            0,
            "prod/web: delivered web-v2 to 3 placements",
        ),
        (outcome("unchanged"), 3, "prod/web: unchanged, nothing to do"),
        (
            outcome("waiting", waiting=[{"step": "ship"}]),
            4,
            "prod/web: waiting for approval of step 'ship'",
        ),
        (outcome("failed", message="no room"), 5, "prod/web: failed: no room"),
        (outcome("cancelled", message="by hand"), 5, "prod/web: cancelled: by hand"),
        (outcome("rejected", message="too soon"), 6, "prod/web: rejected: too soon"),
        (outcome("superseded", message="newer"), 7, "prod/web: superseded: newer"),
        (outcome("deleted", clusters={"a": "deleted 2"}), 0, "prod/web: deleted from 1 cluster"),
        (
            outcome("deleted", clusters={"a": "orphaned 1 object", "b": "orphaned 2 objects"}),
            0,
            "prod/web: forgotten; its objects stay in 2 clusters",
        ),
        (outcome("deleted", known=False), 1, "prod/web: not found, nothing to delete"),
    ],
)
def test_each_end_has_a_line_and_a_code(found: Outcome, code: int, line: str) -> None:
    verdict = of_outcome(found)
    assert (verdict.code, verdict.line) == (code, line)


def test_every_ending_has_a_code() -> None:
    assert set(codes.OF_PHASE) == set(get_args(Ending))


def test_a_cluster_that_was_given_up_is_named() -> None:
    found = outcome("deleted", clusters={"a": "deleted 2 objects", "b": "abandoned"})
    line = "prod/web: deleted from 1 cluster; abandoned, with what is there: b"
    assert of_outcome(found).line == line


def test_waiting_says_what_to_type() -> None:
    one = of_outcome(outcome("waiting", waiting=[{"step": "ship"}]))
    assert one.hints == [
        "  approve: lateen approve web -n prod",
        "  reject:  lateen reject web -n prod",
    ]
    assert decision_hints("default/web", ["a", "b"]) == [
        "  approve: lateen approve web --step a",
        "  approve: lateen approve web --step b",
    ]


def test_what_is_typed_survives_a_shell() -> None:
    """A step's name may hold spaces and more; it is quoted as a shell needs it."""
    assert command("approve", "prod/web", "--step", "look at it") == (
        "lateen approve web -n prod --step 'look at it'"
    )


def test_several_failures_are_listed() -> None:
    verdict = of_outcome(outcome("failed", message="…", steps=[STEP]))
    assert verdict.hints == ["  ship: a/prod: no room", "  ship: b/prod: no quota"]


def test_warnings_and_what_was_kept_are_told() -> None:
    found = outcome("delivered", warnings=["old name"], retained=["a: Service/web"])
    assert of_outcome(found).hints == ["  warning: old name", "  kept: a: Service/web"]


def test_patience_tells_what_is_owed() -> None:
    progress = Progress.model_validate(
        {
            "application": "prod/web",
            "phase": "deleting",
            "clusters": {"a": "deleted 2 objects", "b": "deleting"},
            "retries": [{"subject": "b", "attempt": 4, "message": "cluster b: no connection"}],
        }
    )
    verdict = of_patience("prod/web", "not finished", progress)
    assert verdict.code == 8
    assert verdict.hints == [
        "  b: deleting, attempt 4: no connection",
        "  see `lateen status web -n prod`",
        "  give up on a cluster: lateen delete web -n prod --abandon CLUSTER",
    ]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("started", "delivery started"),
        ("joined", "the very same is being delivered already"),
        ("superseding", "supersedes what is being delivered"),
        ("queued", "waits for what is being delivered"),
    ],
)
def test_without_waiting_it_says_what_the_submission_means(state: Any, said: str) -> None:
    submitted = Submitted(application="prod/web", run_id="r", state=state)
    verdict = of_submission(submitted)
    assert (verdict.code, verdict.line) == (0, f"prod/web: {said}")


def test_an_error_is_a_verdict_too() -> None:
    """What was submitted but not answered is not finished, rather than wrong."""
    assert of_error("prod/web", NotWaiting("nothing waits")).code == 1
    assert of_error("prod/web", NoWorker("nobody", submitted=True)).code == 8


def test_a_deletion_without_waiting_says_so() -> None:
    submitted = Submitted(application="prod/web", run_id="r", state="started")
    assert of_submission(submitted, deleting=True).line == "prod/web: deletion started"


def test_a_cluster_is_not_named_twice() -> None:
    assert reason("cluster a: gone", at="a/prod") == "gone"
    assert reason("cluster b: gone", at="a/prod") == "cluster b: gone"


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([], 0),
        ([3, 3], 3),
        ([3, 0], 0),
        ([0, 4], 4),
        ([4, 7], 7),
        ([7, 8], 8),
        ([8, 6], 6),
        ([6, 5], 5),
        ([5, 1], 1),
    ],
)
def test_of_several_codes_the_worst_counts(found: list[int], code: int) -> None:
    assert codes.worst(found) == code

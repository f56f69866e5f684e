"""Merging what Temporal and the hub know: what people must never be told wrongly."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.client.ending import RunEnd
from lateen.client.results import ApplicationStatus, Progress, RunInfo
from lateen.client.statuses import known_phase, merge_status, row_of

STEPS = [
    {
        "name": "ship",
        "type": "deploy",
        "phase": "succeeded",
        "placements": [{"cluster": "a", "namespace": "prod", "phase": "delivered"}],
    }
]


def inspected(phase: str = "delivered", *, run_id: str = "run-1", **more: Any) -> dict[str, Any]:
    return {
        "known": True,
        "createdAt": "2026-01-02T03:04:05Z",
        "mode": "StepByStep",
        "audit": {
            "phase": phase,
            "revision": "web-v2",
            "latestDelivery": 7,
            "delivery": {
                "number": 7,
                "runId": run_id,
                "phase": phase,
                "actor": "mia",
                "steps": STEPS,
            },
        },
        "services": [service("a")],
        **more,
    }


def service(cluster: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "web",
        "cluster": cluster,
        "namespace": "prod",
        "exists": True,
        "healthy": True,
        **more,
    }


def run(status: str, run_id: str = "run-1") -> RunInfo:
    return RunInfo(run_id=run_id, status=status)


def merged(
    hub: dict[str, Any],
    *,
    info: RunInfo | None = None,
    progress: Progress | None = None,
    end: RunEnd | None = None,
    note: str = "",
) -> ApplicationStatus:
    return merge_status("prod/web", inspected=hub, run=info, progress=progress, end=end, note=note)


def test_a_delivery_that_ended_well() -> None:
    status = merged(inspected(), info=run("completed"), end=RunEnd("delivered"))
    assert (status.phase, status.healthy, status.revision) == ("delivered", True, "web-v2")
    assert (status.delivery, status.actor, status.mode) == (7, "mia", "StepByStep")
    assert [step.phase for step in status.steps] == ["succeeded"]


def test_a_terminated_run_is_not_delivering_for_ever() -> None:
    """The hub was never told that it ended; Temporal knows."""
    end = RunEnd("terminated", "terminated from outside: by hand")
    status = merged(inspected("delivering"), info=run("terminated"), end=end)
    assert (status.phase, status.message) == ("terminated", "terminated from outside: by hand")


def test_a_run_that_was_stopped_before_it_began_keeps_what_was_recorded() -> None:
    end = RunEnd("cancelled", "cancelled from outside")
    status = merged(inspected(run_id="run-0"), info=run("canceled"), end=end)
    assert status.phase == "cancelled"
    assert [step.phase for step in status.steps] == ["succeeded"]


def test_an_unchanged_run_leaves_the_last_delivery_as_it_is() -> None:
    end = RunEnd(
        "unchanged", result={"phase": "unchanged", "steps": [{**STEPS[0], "phase": "pending"}]}
    )
    status = merged(inspected(run_id="run-0"), info=run("completed"), end=end)
    assert status.phase == "delivered"
    assert [step.phase for step in status.steps] == ["succeeded"]


def test_a_submission_that_could_not_begin_is_told() -> None:
    """What is delivered still is the revision before; the last submission failed."""
    end = RunEnd("failed", "no such policy")
    status = merged(inspected(run_id="run-0"), info=run("failed"), end=end)
    assert (status.phase, status.message) == ("failed", "no such policy")
    assert status.revision == "web-v2"


def test_an_open_run_speaks_for_itself() -> None:
    progress = Progress.model_validate(
        {
            "application": "prod/web",
            "phase": "waiting",
            "revision": "web-v3",
            "delivery": 8,
            "waiting": [{"step": "ship"}],
            "steps": [{**STEPS[0], "phase": "waiting"}],
            "warnings": ["old name"],
        }
    )
    status = merged(inspected(), info=run("running", "run-2"), progress=progress)
    assert (status.phase, status.revision, status.delivery) == ("waiting", "web-v3", 8)
    assert [waiting.step for waiting in status.waiting] == ["ship"]
    assert status.warnings == ["old name"]


def test_an_open_run_that_nobody_answers_for() -> None:
    progress = Progress(application="prod/web", note="no worker answers")
    status = merged({}, info=run("running"), progress=progress, note="no worker polls")
    assert (status.phase, status.note, status.healthy) == ("delivering", "no worker polls", None)


def test_without_a_hub_a_closed_run_still_tells_its_result() -> None:
    result = {"phase": "delivered", "revision": "web-v3", "delivery": 8, "steps": STEPS}
    status = merged({}, info=run("completed"), end=RunEnd("delivered", result=result))
    assert (status.phase, status.revision, status.delivery) == ("delivered", "web-v3", 8)
    assert [step.name for step in status.steps] == ["ship"]


def test_what_was_not_sent_yet_is_no_illness() -> None:
    """A placement behind an approval has nothing; one that lost its objects is ill."""
    waiting = {
        **STEPS[0],
        "phase": "waiting",
        "placements": [{"cluster": "b", "namespace": "prod", "phase": "pending"}],
    }
    progress = Progress.model_validate(
        {"application": "prod/web", "phase": "waiting", "steps": [STEPS[0], waiting]}
    )
    gone = {"exists": False, "healthy": False, "message": "does not exist"}
    hub = inspected("waiting", services=[service("a"), service("b", **gone)])
    status = merged(hub, info=run("running"), progress=progress)
    assert ([each.cluster for each in status.services], status.healthy) == (["a"], True)
    lost = merged(
        inspected(services=[service("a", **gone)]), info=run("completed"), end=RunEnd("delivered")
    )
    assert (len(lost.services), lost.healthy) == (1, False)


def test_a_trait_that_is_ill_makes_its_service_ill() -> None:
    ill = service("a", traits=[{"type": "expose", "healthy": False}])
    assert merged(inspected(services=[ill])).healthy is False


@pytest.mark.parametrize("phase", ["delivered", "timed-out", "deleting", ""])
def test_phases_are_words_that_are_promised(phase: str) -> None:
    assert known_phase(phase) == phase


def test_a_phase_of_a_newer_version_is_left_out() -> None:
    row = row_of({"namespace": "prod", "name": "web", "phase": "rolling-back", "new": 1})
    assert (row.name, row.phase) == ("web", "")


@pytest.mark.parametrize(("delivery", "shown"), [(7, True), (6, False)])
def test_drift_of_an_earlier_delivery_is_not_shown(delivery: int, shown: bool) -> None:
    """What was delivered since may have mended it, or is another matter altogether."""
    hub = inspected()
    hub["audit"]["drift"] = {"delivery": delivery, "total": 1, "since": "2026-01-02T03:04:05Z"}
    assert (merged(hub).drift is not None) is shown

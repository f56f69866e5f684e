"""What a record tells of an earlier delivery, and what it can't: then clusters are asked."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.activities.past import Past, refuse_what_cannot_go_on, to_run_again
from lateen.contracts.messages import Continuation, PlannedPlacement
from lateen.model.errors import InvalidApplication
from lateen.model.records import Audit, AuditEvent, DeliveryRecord
from lateen.planning.plan import PlannedStep, WorkflowPlan

PLAN = WorkflowPlan(
    steps=tuple(PlannedStep(name=n, type="deploy") for n in ("one", "two", "three"))
)


def placed(cluster: str, digest: str = "d1") -> PlannedPlacement:
    return PlannedPlacement(cluster=cluster, namespace="ns", digest=digest, objects=1)


def step(name: str, phase: str, **placements: str) -> dict[str, Any]:
    told = [
        {"cluster": cluster, "namespace": "ns", "phase": how, "digest": "d1"}
        for cluster, how in placements.items()
    ]
    return {"name": name, "type": "deploy", "phase": phase, "placements": told}


def record(*steps: dict[str, Any], phase: str = "failed", **more: Any) -> DeliveryRecord:
    ended = "" if phase in {"delivering", "waiting"} else "2026-01-01T00:00:00Z"
    fields = {"number": 4, "runId": "r", "phase": phase, "endedAt": ended, "steps": list(steps)}
    return DeliveryRecord.model_validate({**fields, **more})


def event(type: str, step: str = "one", **more: Any) -> AuditEvent:  # noqa: A002
    return AuditEvent.model_validate({"at": "t", "type": type, "step": step, "delivery": 4, **more})


class TestPlacements:
    PAST = Past.of(
        record(
            step("one", "failed", a="delivered", b="failed"),
            step("two", "skipped"),
            step("three", "succeeded"),
        ),
        [],
    )

    def test_count_when_they_were_delivered_with_the_same_content(self) -> None:
        assert self.PAST.delivered("one", placed("a"))
        assert not self.PAST.delivered("one", placed("a", "d2"))
        assert not self.PAST.delivered("one", placed("b"))
        assert not self.PAST.delivered("one", placed("c"))
        assert not self.PAST.delivered("four", placed("a"))

    @pytest.mark.parametrize(
        ("name", "cluster", "is_open"),
        [
            ("one", "a", False),
            ("one", "b", False),
            ("one", "c", True),
            ("two", "a", False),
            ("three", "a", True),
        ],
    )
    def test_are_looked_for_in_clusters_where_the_record_is_silent(
        self, name: str, cluster: str, is_open: bool
    ) -> None:
        assert self.PAST.leaves_open(name, placed(cluster)) is is_open

    def test_of_a_run_without_an_end_are_all_looked_for(self) -> None:
        past = Past.of(record(step("one", "succeeded", a="delivered"), phase="waiting"), [])
        assert not past.leaves_open("one", placed("a"))
        assert past.leaves_open("two", placed("a"))

    def test_say_which_delivery_did_them(self) -> None:
        told = step("one", "failed", a="delivered")
        told["placements"][0]["message"] = "in delivery 2"
        assert Past.of(record(told), []).message("one", placed("a")) == "in delivery 2"
        assert self.PAST.message("one", placed("a")) == "in delivery 4"


class TestApprovals:
    def test_are_those_of_the_record(self) -> None:
        told = {
            **step("one", "failed"),
            "decision": {"approved": True, "actor": "mia", "plan": "p"},
        }
        approval = Past.of(record(told), []).approval("one")
        assert approval is not None
        assert (approval.actor, approval.plan) == ("mia", "p")

    def test_of_a_run_without_an_end_are_in_the_events(self) -> None:
        events = [event("waiting"), event("approved", actor="mia", plan="p", reason="ok")]
        approval = Past.of(record(phase="waiting"), events).approval("one")
        assert approval is not None
        assert (approval.actor, approval.plan, approval.reason) == ("mia", "p", "ok")

    @pytest.mark.parametrize(
        "events",
        [
            [event("approved"), event("waiting")],
            [event("approved"), event("rejected")],
            [event("approved", delivery=3)],
            [event("void")],
        ],
    )
    def test_that_were_asked_for_again_are_none(self, events: list[AuditEvent]) -> None:
        assert Past.of(record(phase="waiting"), events).approval("one") is None

    def test_a_rejection_is_none(self) -> None:
        told = {**step("one", "rejected"), "decision": {"approved": False, "actor": "mia"}}
        assert Past.of(record(told, phase="rejected"), []).approval("one") is None


class TestWhatRunsAgain:
    FAILED = record(step("one", "succeeded"), step("two", "failed"), step("three", "skipped"))

    def test_is_nothing_when_resumed(self) -> None:
        assert to_run_again(PLAN, self.FAILED, Continuation()) == set()

    def test_begins_at_the_step_that_is_named(self) -> None:
        wish = Continuation(restart=True, step="three")
        assert to_run_again(PLAN, self.FAILED, wish) == {"three"}

    def test_begins_at_the_first_failure(self) -> None:
        assert to_run_again(PLAN, self.FAILED, Continuation(restart=True)) == {"two", "three"}

    @pytest.mark.parametrize("phase", ["delivered", "cancelled", "superseded", "delivering"])
    def test_is_everything_when_nothing_failed(self, phase: str) -> None:
        last = record(step("one", "succeeded"), phase=phase)
        assert len(to_run_again(PLAN, last, Continuation(restart=True))) == 3


class TestRefusals:
    @pytest.mark.parametrize(
        ("audit", "wish", "said"),
        [
            (Audit(), Continuation(), "nothing was ever delivered"),
            (
                Audit(phase="deleted", delivery=record(phase="deleted", intent="delete")),
                Continuation(restart=True),
                "it was deleted",
            ),
            (
                Audit(phase="deleting", delivery=record(phase="deleting", intent="delete")),
                Continuation(),
                "delivery 4 deletes",
            ),
            (Audit(delivery=record(phase="delivered")), Continuation(), "delivery 4 succeeded"),
            (Audit(delivery=record()), Continuation(delivery=3), "the latest is 4"),
        ],
    )
    def test_say_why(self, audit: Audit, wish: Continuation, said: str) -> None:
        with pytest.raises(InvalidApplication) as refused:
            refuse_what_cannot_go_on(audit, wish)
        assert said in str(refused.value)

    @pytest.mark.parametrize(
        ("phase", "wish"),
        [
            ("delivered", Continuation(restart=True)),
            ("failed", Continuation(delivery=4)),
            ("rejected", Continuation()),
            ("cancelled", Continuation()),
            ("superseded", Continuation()),
            ("waiting", Continuation()),
        ],
    )
    def test_of_what_can_go_on_there_are_none(self, phase: str, wish: Continuation) -> None:
        assert refuse_what_cannot_go_on(Audit(delivery=record(phase=phase)), wish).number == 4

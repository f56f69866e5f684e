"""What a decision does: a table of what is sent to one step that waits."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.delivery.approvals import UNATTRIBUTED, Approvals, Waiting

AT = "2026-01-01T00:00:00Z"


def gate(*, require_attributed: bool = False) -> Approvals:
    approvals = Approvals(require_attributed=require_attributed)
    approvals.ask(Waiting(step="prod", since=AT, plan="p1", revision="web-v1", run="r2"))
    return approvals


@pytest.mark.parametrize(
    ("sent", "actor", "reason"),
    [
        (None, UNATTRIBUTED, ""),
        ({}, UNATTRIBUTED, ""),
        ("looks good", UNATTRIBUTED, "looks good"),
        ({"actor": "alice", "reason": "ok", "step": "prod", "plan": "p1"}, "alice", "ok"),
        ({"actor": None, "revision": "web-v1"}, UNATTRIBUTED, ""),
        ({"run": "r2", "plan": "p1"}, UNATTRIBUTED, ""),
    ],
)
def test_it_takes_effect_once(sent: Any, actor: str, reason: str) -> None:
    approvals = gate()
    assert approvals.refusal(sent) == ""
    assert approvals.decide(sent, approved=True, at=AT)["accepted"]
    decision = approvals.decisions["prod"]
    assert (decision.approved, decision.actor, decision.reason) == (True, actor, reason)
    assert not approvals.decide(sent, approved=False, at=AT)["accepted"]
    assert approvals.decisions["prod"].approved
    assert [event.type for event in approvals.take_events()] == ["approved", "void"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"setp": "other"}, "did you mean 'step'?"),
        ({"Plan": "p1"}, "did you mean 'plan'?"),
        ({"step": "staging"}, "'staging' does not wait; waiting: 'prod'"),
        ({"plan": "p0"}, "another plan"),
        ({"revision": "web-v0"}, "'web-v0', not 'web-v1'"),
        ({"run": "r1"}, "for run r1, not r2; look at it again"),
        ({"run": "r1", "plan": "p1", "revision": "web-v1"}, "for run r1, not r2"),
        ({"run": 2}, "'run' of a decision is a string"),
        ({"step": 5}, "'step' of a decision is a string"),
        ([1], "a JSON object"),
        (5, "a JSON object"),
    ],
)
def test_it_is_void_and_recorded(sent: Any, said: str) -> None:
    """Above all one that is misspelt: it must not decide about whatever waits."""
    approvals = gate()
    assert said in approvals.refusal(sent)
    assert not approvals.decide(sent, approved=True, at=AT)["accepted"]
    assert "prod" in approvals.waiting
    (event,) = approvals.take_events()
    assert event.type == "void"
    assert said in event.message


def test_runs_that_knew_no_such_key_go_on_refusing_it() -> None:
    approvals = gate()
    answer = approvals.decide({"run": "r2"}, approved=True, at=AT, takes_run=False)
    assert "a decision has no key 'run'" in answer["message"]
    assert "prod" in approvals.waiting
    assert approvals.decide({"plan": "p1"}, approved=True, at=AT, takes_run=False)["accepted"]


def test_an_anonymous_one_can_be_refused() -> None:
    assert "send an actor" in gate(require_attributed=True).refusal(None)
    assert gate(require_attributed=True).refusal({"actor": "alice"}) == ""

"""Approvals: which steps wait, and what a decision does. Pure state; the handlers only call it.

A decision takes effect at most once and only for the step, run, revision and plan that it was made for.
Whatever comes early, late, twice or for something else is recorded and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lateen.contracts.messages import Decision, PruneTarget
from lateen.model.base import Json
from lateen.model.errors import nearest, shorten
from lateen.model.json_values import as_object
from lateen.model.records import AuditEvent

UNATTRIBUTED = "unattributed"
"""The actor of a bare signal, as the Temporal UI sends it."""

RUN = "run"
"""The key of a decision that names the run it was made for."""

_KEYS = ("step", "actor", "reason", "plan", "revision", RUN)
_LONGEST_TEXT = 1024
_MOST_VOID_EVENTS = 100


@dataclass(frozen=True)
class Waiting:
    """A step that waits for a decision, and what it would be given for.

    ``run`` is the run's own id, which a Temporal reset does not change.
    """

    step: str
    since: str
    plan: str = ""
    revision: str = ""
    run: str = ""
    message: str = ""
    prune: tuple[PruneTarget, ...] = ()

    def to_json(self) -> Json:
        """Return what the ``state`` query tells about it."""
        return {
            "step": self.step,
            "since": self.since,
            "plan": self.plan,
            "revision": self.revision,
            "run": self.run,
            "message": self.message,
            "prune": [target.to_json() for target in self.prune],
        }


@dataclass(frozen=True)
class _Request:
    """A decision as it was sent. ``problem`` says why it can't be read."""

    step: str = ""
    actor: str = ""
    reason: str = ""
    plan: str = ""
    revision: str = ""
    run: str = ""
    problem: str = ""


@dataclass
class Approvals:
    """The gate of one run."""

    require_attributed: bool = False
    waiting: dict[str, Waiting] = field(default_factory=dict[str, Waiting])
    decisions: dict[str, Decision] = field(default_factory=dict[str, Decision])
    events: list[AuditEvent] = field(default_factory=list[AuditEvent])
    _void: int = 0

    def ask(self, waiting: Waiting) -> None:
        """Open the gate's question for a step; an earlier decision for it no longer counts."""
        self.decisions.pop(waiting.step, None)
        self.waiting[waiting.step] = waiting

    def withdraw(self, step: str) -> None:
        """Stop waiting for a step: it was cancelled or its time is over."""
        self.waiting.pop(step, None)

    def refusal(self, payload: Any) -> str:
        """Say why a decision would change nothing; empty when it would take effect."""
        return self._judge(_read(payload))[1]

    def decide(self, payload: Any, *, approved: bool, at: str, takes_run: bool = True) -> Json:
        """Take a decision and say what it did. Never raises.

        Without ``takes_run`` one that names a run is void, as it was when decisions had no such key.
        """
        request = _read(payload, keys=_KEYS if takes_run else _KEYS[:-1])
        verb = "approved" if approved else "rejected"
        step, refusal = self._judge(request)
        if refusal:
            self._record_void(request, verb=verb, refusal=refusal, at=at)
            return {"accepted": False, "message": refusal}
        waiting = self.waiting.pop(step)
        actor = request.actor or UNATTRIBUTED
        self.decisions[step] = Decision(
            approved=approved, actor=actor, reason=request.reason, at=at, plan=waiting.plan
        )
        self.events.append(
            AuditEvent(
                at=at, type=verb, actor=actor, reason=request.reason, step=step, plan=waiting.plan
            )
        )
        return {"accepted": True, "step": step, "actor": actor, "message": f"{verb} step {step!r}"}

    def take_events(self) -> list[AuditEvent]:
        """Return the events that are not recorded yet, and forget them here."""
        events, self.events = self.events, []
        return events

    def _judge(self, request: _Request) -> tuple[str, str]:
        if request.problem:
            return "", request.problem
        if not self.waiting:
            return "", "nothing waits for a decision"
        if self.require_attributed and not request.actor:
            return "", "this worker only takes decisions that say who decides; send an actor"
        step = request.step
        if not step:
            if len(self.waiting) > 1:
                names = ", ".join(repr(name) for name in self.waiting)
                return "", f"several steps wait ({names}); name one"
            step = next(iter(self.waiting))
        waiting = self.waiting.get(step)
        if waiting is None:
            names = ", ".join(repr(name) for name in self.waiting)
            return "", f"step {step!r} does not wait; waiting: {names}"
        refusal = _mismatch(request, waiting)
        return ("", refusal) if refusal else (step, "")

    def _record_void(self, request: _Request, *, verb: str, refusal: str, at: str) -> None:
        self._void += 1
        if self._void > _MOST_VOID_EVENTS:
            return
        self.events.append(
            AuditEvent(
                at=at,
                type="void",
                actor=request.actor or UNATTRIBUTED,
                reason=request.reason,
                step=request.step,
                message=f"{verb}, without effect: {refusal}",
            )
        )


def _mismatch(request: _Request, waiting: Waiting) -> str:
    """Say which other run, revision or plan a decision was made for; empty if it names none."""
    if request.run and request.run != waiting.run:
        return f"the decision is for run {request.run}, not {waiting.run}; look at it again"
    if request.revision and request.revision != waiting.revision:
        return f"the decision is for revision {request.revision!r}, not {waiting.revision!r}"
    if request.plan and request.plan != waiting.plan:
        return "the decision is for another plan than the one that waits; look at it again"
    return ""


def names_run(payload: Any) -> bool:
    """Tell whether a decision says which run it was made for."""
    return RUN in (as_object(payload) or {})


def _read(payload: Any, *, keys: Sequence[str] = _KEYS) -> _Request:
    if payload is None or payload == {}:
        return _Request()
    if isinstance(payload, str):
        return _Request(reason=payload[:_LONGEST_TEXT])
    fields = as_object(payload)
    if fields is None:
        return _Request(problem="a decision is a JSON object with step, actor, reason")
    unknown = next((key for key in fields if key not in keys), None)
    if unknown is not None:
        # A misspelt "step" or "plan" must not decide about something else than was meant.
        hint = nearest(unknown, keys)
        return _Request(problem=f"a decision has no key {shorten(unknown)}; {hint}")
    texts: dict[str, str] = {}
    for key in keys:
        value = fields.get(key)
        if value is not None and not isinstance(value, str):
            return _Request(problem=f"{key!r} of a decision is a string")
        texts[key] = (value or "")[:_LONGEST_TEXT]
    return _Request(**texts)

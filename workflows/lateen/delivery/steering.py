"""What people say to a run as a whole: suspend it, let it go on. The handlers only call this."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from lateen.delivery.approvals import UNATTRIBUTED, Approvals
    from lateen.delivery.suspension import Suspension, Word, read_word
    from lateen.model.base import Json
    from lateen.model.records import AuditEvent


def cancelled_by() -> Word:
    """Return who cancelled the run and why: JSON as lateen's client sends it, or any text of a person."""
    said = workflow.cancellation_reason() or ""
    try:
        word = read_word(json.loads(said))
    except ValueError:
        return read_word(said)
    return word if not word.problem else read_word(said)


class Steering:
    """Suspends and resumes a run, and tells the audit who did and why.

    ``deletes`` tells whether the run is a deletion; ``changed`` is called after each change.
    """

    def __init__(
        self,
        suspension: Suspension,
        approvals: Approvals,
        *,
        deletes: Callable[[], bool],
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        self._suspension = suspension
        self._approvals = approvals
        self._deletes = deletes
        self._changed = changed

    def against_suspending(self, payload: object) -> str:
        """Say why a run can't be suspended; empty when it can."""
        if self._deletes():
            return "a deletion can't be suspended: it works on all clusters at once; terminate it"
        return read_word(payload).problem

    def against_resuming(self, payload: object) -> str:
        """Say why a run can't go on; empty when it can."""
        problem = read_word(payload).problem
        return problem or ("" if self._suspension.active else "the run is not suspended")

    async def suspend(self, payload: object) -> Json:
        """Begin nothing new; suspended twice is suspended once. Never raises."""
        problem = self.against_suspending(payload)
        if problem:
            return {"accepted": False, "message": problem}
        word = read_word(payload)
        if not self._suspension.begin(word, at=workflow.now().isoformat()):
            return {"accepted": True, "message": f"{self._suspension} already"}
        await self._note("suspended", word)
        return {"accepted": True, "message": str(self._suspension)}

    async def resume(self, payload: object) -> Json:
        """Go on. Never raises."""
        problem = self.against_resuming(payload)
        if problem:
            return {"accepted": False, "message": problem}
        word = read_word(payload)
        self._suspension.end()
        await self._note("resumed", word)
        return {"accepted": True, "message": f"resumed {word}"}

    async def _note(self, type: str, word: Word) -> None:  # noqa: A002 - the event's own word
        at, actor = workflow.now().isoformat(), word.actor or UNATTRIBUTED
        event = AuditEvent(at=at, type=type, actor=actor, reason=word.reason)
        self._approvals.events.append(event)
        await self._changed()

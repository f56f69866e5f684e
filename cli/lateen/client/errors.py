"""What the client raises on purpose.

::

    LateenError
     ├─ TemporalUnavailable    no server answers
     ├─ NoWorker               a server, but nobody who does the work
     ├─ NotFound               no application of that name
     ├─ NotWaiting             a decision for nothing that waits for it
     ├─ Refused                a submission that is not taken
     ├─ NotFinished            the patience of ``wait`` is over; the delivery goes on
     └─ NotDelivered           a delivery ended, but not well; holds the outcome
         ├─ DeliveryFailed
         ├─ Rejected
         ├─ Superseded
         └─ Interrupted        cancelled, terminated or timed out from outside

``InvalidApplication``, of the model, says what is wrong with an application, wherever that is found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.model.errors import LateenError

if TYPE_CHECKING:
    from lateen.client.results import Outcome, Progress


class TemporalUnavailable(LateenError):
    """No Temporal server answers at the configured address, or it stopped answering."""


class NoWorker(LateenError):
    """No worker polls the task queue: what was sent waits, what was asked stays unanswered."""


class NotFound(LateenError):
    """Neither Temporal nor the hub knows an application of that name."""


class NotWaiting(LateenError):
    """Nothing waits for such a decision; it changed nothing."""


class Refused(LateenError):
    """The submission was not taken, for another reason than its content."""


class NotFinished(LateenError):
    """The time to wait is over. The delivery goes on; ``progress`` is what was seen last, if anything."""

    def __init__(self, message: str, *, progress: Progress | None) -> None:
        self.progress = progress
        super().__init__(message)


class NotDelivered(LateenError):
    """A delivery ended otherwise than asked; ``outcome`` says how, by step and placement."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        why = f": {outcome.message}" if outcome.message else ""
        super().__init__(f"{outcome.application} {outcome.phase}{why}")


class DeliveryFailed(NotDelivered):
    """A step failed."""


class Rejected(NotDelivered):
    """Someone rejected a step; what was delivered before stays."""


class Superseded(NotDelivered):
    """Newer content took the place of this one."""


class Interrupted(NotDelivered):
    """The run was cancelled, terminated or timed out, by someone with access to Temporal."""

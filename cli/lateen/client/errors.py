"""What the client raises on purpose; those that hold an outcome stand beside it, in ``outcomes``.

::

    LateenError
     ├─ TemporalUnavailable    no server answers, or it refuses
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

from lateen.model.errors import LateenError


class TemporalUnavailable(LateenError):
    """No Temporal server answers at the configured address, it stopped answering, or it refuses."""


class NoWorker(LateenError):
    """No worker polls the task queue. ``submitted`` says that what was asked begins when one does."""

    def __init__(self, message: str, *, submitted: bool = False) -> None:
        self.submitted = submitted
        super().__init__(message)


class NotFound(LateenError):
    """Neither Temporal nor the hub knows an application of that name."""


class NotWaiting(LateenError):
    """Nothing waits for such a decision; it changed nothing."""


class Refused(LateenError):
    """The submission was not taken, for another reason than its content."""

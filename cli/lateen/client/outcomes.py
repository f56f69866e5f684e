"""How a submission ended, and the errors that say it did not end as asked."""

from __future__ import annotations

from lateen.client.results import Ending, Progress, Waiting
from lateen.contracts.messages import StepOutcome
from lateen.model.base import Record
from lateen.model.errors import LateenError


class Outcome(Record):
    """How a submission ended: what is where, by step and placement.

    ``known`` is False when there was nothing to delete.
    """

    application: str
    run_id: str
    phase: Ending
    message: str = ""
    revision: str = ""
    delivery: int = 0
    steps: list[StepOutcome] = []
    clusters: dict[str, str] = {}
    warnings: list[str] = []
    retained: list[str] = []
    waiting: list[Waiting] = []
    known: bool = True

    @property
    def ok(self) -> bool:
        """Whether what was asked for is so now."""
        return self.phase in {"delivered", "unchanged", "deleted"}

    def raise_unless_ok(self) -> Outcome:
        """Return the outcome itself, or raise the ``NotDelivered`` that fits.

        One that waits for an approval is neither: it is returned.
        """
        match self.phase:
            case "failed":
                raise DeliveryFailed(self)
            case "rejected":
                raise Rejected(self)
            case "superseded":
                raise Superseded(self)
            case "cancelled" | "terminated" | "timed-out":
                raise Interrupted(self)
            case _:
                return self


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

"""Looking for drift: what the workflow ``Drift`` is asked, and what its activities exchange with it.

Fields are only ever added, with defaults. No message holds a value that was read from a cluster.
"""

from __future__ import annotations

from lateen.contracts.messages import Request
from lateen.model.base import Json, Record
from lateen.model.drift import DriftRecord, DriftState, RepairState


class ListDelivered(Record):
    """Asks for the next shard of applications: those after ``after`` in the order of their ids."""

    namespace: str = ""
    after: str = ""
    limit: int


class DeliveredShard(Record):
    """Ids of applications; ``after`` is where the next shard begins, empty when this is the last one."""

    hub_uid: str
    applications: list[str] = []
    after: str = ""


class CheckDrift(Request):
    """Asks to look at one application.

    ``named`` means that somebody asked for this very application: then its policy to look elsewhere or not at
    all doesn't count. ``repair`` asks to repair whatever the worker's setting is. Without ``may_submit``
    enough was asked for by this shard, and the rest waits for the next look.
    """

    repair: bool = False
    named: bool = False
    may_submit: bool = True
    actor: str = ""


class DriftReport(Record):
    """How one application is. ``message`` says what else there is to say."""

    application: str
    state: DriftState
    message: str = ""
    repair: RepairState = ""
    drift: DriftRecord | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to tell."""
        return self.state in ("clean", "off") and not (self.message or self.repair)


class DriftChecked(Record):
    """What a look found; ``submission`` is to be given to the application's own workflow, if it is set."""

    hub_uid: str
    report: DriftReport
    submission: Json | None = None


class DriftSummary(Record):
    """What all looks found: counts by state, and the reports that say something, as many as fit."""

    counts: dict[str, int] = {}
    reports: list[DriftReport] = []
    omitted: int = 0

    @property
    def checked(self) -> int:
        """How many applications there were."""
        return sum(self.counts.values())


class DriftRequest(Record):
    """What ``Drift`` is started with: nothing means all applications.

    ``after`` and ``summary`` are what one shard hands to the next.
    """

    namespace: str = ""
    name: str = ""
    repair: bool = False
    actor: str = ""
    after: str = ""
    summary: DriftSummary = DriftSummary()

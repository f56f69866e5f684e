"""What a run delivers, what takes its place, and what waits for it. Pure state; the handlers only call it."""

from __future__ import annotations

from dataclasses import dataclass, field

from lateen.delivery.deleting import nothing_to_abandon
from lateen.delivery.progress import Progress
from lateen.delivery.submissions import Submission
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication

NOTHING_TO_CONTINUE = "it is being deleted: submit the application again to deliver it"
NOT_RECORDED_YET = "what was submitted last has not begun: it would be lost; restart it once it has"

_MOST_QUEUED = 100
_LARGEST_QUEUE = 512 * 1024
_MOST_WARNINGS = 50
_LONGEST_WARNING = 1000


@dataclass
class Intake:
    """The submissions of one run.

    ``current`` is what the run delivers (None while nothing valid came), ``coming`` what supersedes it,
    ``queue`` what waits for its end. ``abandoned`` has who gave up which cluster, for a deletion.
    """

    progress: Progress
    current: Submission | None = None
    invalid: InvalidApplication | None = None
    coming: Submission | None = None
    queue: list[Submission] = field(default_factory=list[Submission])
    abandoned: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def digest(self) -> str:
        """Identifies what the run delivers."""
        return self.current.digest if self.current else ""

    @property
    def deletes(self) -> bool:
        """Whether the run deletes the application."""
        return self.current is not None and self.current.intent == "delete"

    @property
    def supersedes(self) -> bool:
        """Whether something takes the place of what is being delivered."""
        return self.coming is not None

    def deletes_since(self, before: Submission | None) -> bool:
        """Tell whether a deletion came after ``before``: what was sent earlier must not replace it."""
        coming = self.coming
        return coming is not None and coming is not before and coming.intent == "delete"

    def pop(self) -> Submission | None:
        """Return what the next run is for, if there is to be one."""
        return self.coming or (self.queue.pop(0) if self.queue else None)

    def replaces(self, submission: Submission) -> bool:
        """Tell whether a submission asks for other content than what is delivered or comes next."""
        if submission.intent == "delete" or self.current is None:
            return False
        return not self._pending(submission, self.current).same_as(submission)

    def refusal(self, submission: Submission) -> str:
        """Say why a submission can't be taken now; empty when it can."""
        if submission.queue and not self._fits(submission):
            return f"{len(self.queue)} submissions wait already; supersede instead of queueing"
        return self.against_continuing(submission)

    def against_continuing(self, submission: Submission) -> str:
        """Say why a recorded delivery can't be continued instead of what is to come; empty when it can.

        The hub has no record yet of a deletion or of content that comes next: it would be forgotten.
        """
        if submission.continuation is None or self.current is None:
            return ""
        pending = self._pending(submission, self.current)
        if self.deletes or pending.intent == "delete":
            return NOTHING_TO_CONTINUE
        begun = pending is self.current and self.progress.opened is not None
        if begun or submission.queue or pending.continuation or pending.same_as(submission):
            return ""
        return NOT_RECORDED_YET

    def take(self, submission: Submission, *, delivers: str = "", fresh: bool = False) -> Json:
        """Take a submission and say what that means: its ``digest`` and ``state``.

        ``delivers`` is the digest of the revision that it would be, if known. ``fresh`` says that it came with
        the run's own start.
        """
        current = self.current
        if current is None:
            self.current, self.invalid = submission, None
            return _taken(submission, "started")
        if current.intent == "delete" and submission.intent == "delete":
            self._abandon(submission)
        pending = self._pending(submission, current)
        if pending.same_as(submission):
            return _taken(pending, "started" if fresh else "joined")
        if pending is current and self._delivers_already(submission, current, delivers):
            self.warn("a submission was joined: it stands for the revision that is delivered")
            return _taken(submission, "joined")
        if submission.queue:
            if not self._fits(submission):
                self.warn("a queued submission was ignored: too many wait")
                return _taken(submission, "refused")
            self.queue.append(submission)
            return _taken(submission, "queued")
        self.queue.clear()
        self.coming = submission
        return _taken(submission, "superseding")

    def warn_of(self, error: InvalidApplication) -> None:
        """Keep a warning about a submission that could not be read."""
        self.warn(f"an invalid submission was ignored: {error}")

    def warn(self, text: str) -> None:
        """Keep a warning about a message; whoever sends them without end is not quoted without end."""
        if len(self.progress.warnings) < _MOST_WARNINGS:
            self.progress.warnings.append(text[:_LONGEST_WARNING])

    def _pending(self, submission: Submission, current: Submission) -> Submission:
        """Return what a submission would come after."""
        last = self.queue[-1] if self.queue and submission.queue else None
        return last or self.coming or current

    def _delivers_already(self, submission: Submission, current: Submission, digest: str) -> bool:
        """Tell whether other content means the same revision: one that was published by version does."""
        opened = self.progress.opened
        return (
            opened is not None
            and opened.revision.digest == digest
            and submission.intent == current.intent
            and submission.continuation is None
            and submission.confirm_removal == current.confirm_removal
        )

    def _abandon(self, submission: Submission) -> None:
        """Give up clusters for good, on the word of whoever asked first."""
        for cluster in submission.abandon:
            if self.progress.clusters and cluster not in self.progress.clusters:
                self.warn(nothing_to_abandon(cluster, self.progress.clusters))
            self.abandoned.setdefault(cluster, submission.actor)

    def _fits(self, submission: Submission) -> bool:
        """Tell whether the queue has room: what waits travels in the start of the next run."""
        sizes = [waiting.size for waiting in (*self.queue, submission)]
        return len(sizes) <= _MOST_QUEUED and sum(sizes) <= _LARGEST_QUEUE


def _taken(submission: Submission, state: str) -> Json:
    return {"digest": submission.digest, "state": state}

"""The workflow ``Application``: one application, one delivery a run.

Its id ``<namespace>/<name>`` is the mutual exclusion, its runs are the application's delivery history. This
module holds the messages and what a run does with them; ``steps`` carries out a delivery, ``deleting`` a
deletion.
"""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from lateen.contracts import errors, identifiers
    from lateen.contracts.messages import OpenDelivery, Vetted
    from lateen.delivery import recording
    from lateen.delivery.approvals import Approvals, names_run
    from lateen.delivery.deleting import Deletion
    from lateen.delivery.delivering import Delivery
    from lateen.delivery.intake import Intake
    from lateen.delivery.progress import Progress
    from lateen.delivery.steering import Steering
    from lateen.delivery.submissions import Submission, read_submission
    from lateen.model.base import Json
    from lateen.model.errors import InvalidApplication
    from lateen.model.json_values import as_list, as_object

_MOST_PREVIOUS = 10
_KNOWS_STEERING = "steering"
_DELETED_MEANWHILE = "a deletion was submitted after it; submit again to deliver instead"
_TOO_OLD = "it came while a lateen worked that doesn't know it"
_FIRST_TASK = 4
"""Events at the first workflow task: a submission seen there came with the start itself."""


@workflow.defn(name=identifiers.APPLICATION)
class ApplicationWorkflow:
    """Delivers one application (or deletes it, or rolls it back), then completes.

    Everything that arrives is plain JSON, validated here: a typed parameter that can't be decoded would wedge
    the workflow task for ever. So would an argument too many: ``extra`` takes those, and nothing accepts them.
    """

    @workflow.init
    def __init__(self, application: Any = None, carry: Any = None, *extra: Any) -> None:
        self._id = workflow.info().workflow_id
        self._carry: Json = as_object(carry) or {}
        self._approvals = Approvals()
        self._delivery: Delivery | None = None
        self._vetting = asyncio.Lock()
        self._unvetted = 0
        self._cancelled = False
        self._progress = Progress(application=self._id, intent="deliver")
        self._intake = Intake(self._progress)
        self._steering = Steering(
            self._progress.suspension,
            self._approvals,
            deletes=lambda: self._intake.deletes,
            changed=self._steered,
        )
        self._read_start(_single(application, carry, *extra) if extra else application)

    def _read_start(self, application: Any) -> None:
        carried = {key: self._carry[key] for key in _CARRIED if key in self._carry}
        try:
            if application is not None or carried:
                payload: Any = application
                if carried:
                    payload = {**carried, "application": application}
                self._intake.current = read_submission(payload, workflow_id=self._id)
        except InvalidApplication as error:
            self._intake.invalid = error
        for entry in as_list(self._carry.get("queued")) or []:
            try:
                self._intake.queue.append(read_submission(entry, workflow_id=self._id))
            except InvalidApplication as error:
                self._intake.warn_of(error)

    @workflow.run
    async def run(self, application: Any = None, carry: Any = None, *extra: Any) -> Json:  # noqa: ARG002
        """Deliver ``application`` (plain JSON); ``carry`` is what one run hands to the next.

        Both were read at ``__init__``: messages can arrive before this runs.
        """
        submission = self._intake.current
        if self._intake.invalid is not None or submission is None:
            raise _refusal(self._intake.invalid)
        self._progress.intent = submission.intent
        work = asyncio.ensure_future(self._work(submission))
        try:
            await self._until_done_or_superseded(work)
        except asyncio.CancelledError:
            # Not in a ``finally``: a run that is evicted is closed, and can't await anything.
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise
        await workflow.wait_condition(workflow.all_handlers_finished)
        coming = self._intake.pop()
        if coming is not None:
            self._continue(work, coming)
        return await work

    async def _work(self, submission: Submission) -> Json:
        hub_uid = str(self._carry.get("hubUid") or "")
        if submission.intent == "delete":
            deletion = Deletion(
                submission,
                progress=self._progress,
                hub_uid=hub_uid,
                abandoned=self._intake.abandoned,
            )
            return await deletion.run(superseded=lambda: self._intake.supersedes)
        self._delivery = Delivery(
            submission,
            progress=self._progress,
            approvals=self._approvals,
            suspension=self._progress.suspension,
            hub_uid=hub_uid,
        )
        return await self._delivery.run(superseded=lambda: self._intake.supersedes)

    async def _until_done_or_superseded(self, work: asyncio.Future[Json]) -> None:
        """Wait for the delivery; new content stops it: health waits at once, a running apply at its end."""
        stopping = False
        try:
            await workflow.wait_condition(lambda: work.done() or self._intake.supersedes)
            stopping = work.cancel()
            await workflow.wait([work])
        except asyncio.CancelledError:
            self._cancelled = True
            if not stopping:  # A second cancellation would interrupt the recording of the first.
                work.cancel()
            await workflow.wait([work])
            raise

    def _continue(self, work: asyncio.Future[Json], coming: Submission) -> None:
        """Start the next run: what superseded this one, or what waited for it."""
        previous = as_list(self._carry.get("previous")) or []
        mine = {"runId": workflow.info().run_id, **self._summary()}
        hub_uid = self._progress.opened.hub_uid if self._progress.opened else ""
        carry: Json = {
            **coming.to_json(),
            "hubUid": hub_uid or str(self._carry.get("hubUid") or ""),
            "queued": [submission.to_json() for submission in self._intake.queue],
            "previous": [*previous, mine][-_MOST_PREVIOUS:],
        }
        carry.pop("application")
        if not work.cancelled() and work.done():
            work.exception()  # Seen: it is in the summary that goes along.
        workflow.continue_as_new(args=[coming.application, carry])

    def _summary(self) -> Json:
        progress = self._progress
        return {
            "phase": progress.phase,
            "message": progress.message,
            "revision": progress.opened.revision.name if progress.opened else "",
            "delivery": progress.opened.delivery if progress.opened else 0,
            "digest": self._intake.digest,
        }

    # Messages. Signals never raise; updates refuse in their validators, before anything is recorded.

    @workflow.signal(name=identifiers.SUBMIT)
    async def submit_by_signal(self, payload: Any = None, *extra: Any) -> None:
        """Deliver this application next. An invalid one is ignored and warned about."""
        try:
            content = _single(payload, *extra)
            submission = read_submission(content, workflow_id=self._id, check=True)
        except InvalidApplication as error:
            if self._intake.current is None:
                self._intake.invalid = error
            self._intake.warn_of(error)
            return
        if submission.intent == "rollback" and not workflow.patched("rollback"):
            self._intake.warn(
                "a rollback was ignored: this run began with a lateen that knows none"
            )
            return
        if submission.continuation is not None and not workflow.patched(_KNOWS_STEERING):
            self._intake.warn(f"a submission was ignored: {_TOO_OLD}")
            return
        refusal = self._intake.against_continuing(submission)
        if refusal:
            self._intake.warn(f"a submission was ignored: {refusal}")
            return
        before = self._intake.coming
        vetted = await self._vet(submission)
        if self._intake.deletes_since(before):
            self._intake.warn(f"a submission was ignored: {_DELETED_MEANWHILE}")
        elif vetted.valid:
            self._take(submission, delivers=vetted.digest)
        else:
            self._intake.warn(f"an invalid submission was ignored: {vetted.message}")

    @workflow.update(name=identifiers.SUBMIT)
    async def submit(self, payload: Any = None) -> Json:
        """Deliver this application next, and say at once what that means."""
        submission = read_submission(payload, workflow_id=self._id)
        before = self._intake.coming
        vetted = await self._vet(submission)
        if self._intake.deletes_since(before):
            self._refuse(_DELETED_MEANWHILE, errors.REFUSED)
        if self._cancelled:
            message = "the run was cancelled meanwhile; submit again"
            raise ApplicationError(message, type=errors.REFUSED, non_retryable=True)
        if vetted.valid:
            return self._take(submission, delivers=vetted.digest)
        raise ApplicationError(
            vetted.message, vetted.details, type=errors.INVALID_APPLICATION, non_retryable=True
        )

    @submit.validator
    def _check_submission(self, payload: Any = None) -> None:
        try:
            submission = read_submission(payload, workflow_id=self._id, check=True)
        except InvalidApplication as error:
            raise _refusal(error) from error
        self._refuse(self._intake.refusal(submission), errors.REFUSED)

    @workflow.signal(name=identifiers.APPROVE)
    async def approve_by_signal(self, decision: Any = None, *extra: Any) -> None:
        """Approve the step that waits."""
        await self._decide(_single(decision, *extra), approved=True)

    @workflow.signal(name=identifiers.REJECT)
    async def reject_by_signal(self, decision: Any = None, *extra: Any) -> None:
        """Reject the step that waits: the delivery ends, what is delivered stays."""
        await self._decide(_single(decision, *extra), approved=False)

    @workflow.update(name=identifiers.APPROVE)
    async def approve(self, decision: Any = None) -> Json:
        """Approve the step that waits, and say which it was."""
        return await self._decide(decision, approved=True)

    @workflow.update(name=identifiers.REJECT)
    async def reject(self, decision: Any = None) -> Json:
        """Reject the step that waits, and say which it was."""
        return await self._decide(decision, approved=False)

    @approve.validator
    def _check_approval(self, decision: Any = None) -> None:
        self._refuse_void(decision)

    @reject.validator
    def _check_rejection(self, decision: Any = None) -> None:
        self._refuse_void(decision)

    @workflow.signal(name=identifiers.SUSPEND)
    async def suspend_by_signal(self, payload: Any = None, *extra: Any) -> None:
        """Begin nothing new until somebody resumes the run."""
        if not workflow.patched(_KNOWS_STEERING):
            self._intake.warn(f"not suspended: {_TOO_OLD}")
            return
        answer = await self._steering.suspend(_single(payload, *extra))
        if not answer["accepted"]:
            self._intake.warn(f"not suspended: {answer['message']}")

    @workflow.signal(name=identifiers.RESUME)
    async def resume_by_signal(self, payload: Any = None, *extra: Any) -> None:
        """Go on with a run that is suspended."""
        if not workflow.patched(_KNOWS_STEERING):
            self._intake.warn(f"not resumed: {_TOO_OLD}")
            return
        answer = await self._steering.resume(_single(payload, *extra))
        if not answer["accepted"]:
            self._intake.warn(f"not resumed: {answer['message']}")

    @workflow.update(name=identifiers.SUSPEND)
    async def suspend(self, payload: Any = None) -> Json:
        """Begin nothing new until somebody resumes the run; what has begun ends."""
        return await self._steering.suspend(payload)

    @workflow.update(name=identifiers.RESUME)
    async def resume(self, payload: Any = None) -> Json:
        """Go on with a run that is suspended."""
        return await self._steering.resume(payload)

    @suspend.validator
    def _check_suspension(self, payload: Any = None) -> None:
        self._refuse(self._steering.against_suspending(payload), errors.REFUSED)

    @resume.validator
    def _check_resumption(self, payload: Any = None) -> None:
        self._refuse(self._steering.against_resuming(payload))

    @workflow.query(name=identifiers.STATE)
    def state(self) -> Json:
        """Say how far the run is: phase, steps, placements, what waits."""
        return {
            **self._progress.to_json(),
            "runId": workflow.info().run_id,
            "digest": self._intake.digest,
            "queued": len(self._intake.queue),
            "actor": self._intake.current.actor if self._intake.current else "",
            "waiting": [waiting.to_json() for waiting in self._approvals.waiting.values()],
            "previous": as_list(self._carry.get("previous")) or [],
        }

    async def _vet(self, submission: Submission) -> Vetted:
        """Ask hub and clusters whether content that would stop a good delivery can be delivered at all.

        One after the other: what was sent last is taken last.
        """
        if not self._intake.replaces(submission) or not workflow.patched("vet-before-superseding"):
            return Vetted()
        opened = self._progress.opened
        request = OpenDelivery(
            application=self._id,
            hub_uid=opened.hub_uid if opened else str(self._carry.get("hubUid") or ""),
            content=submission.application or {},
            intent="rollback" if submission.intent == "rollback" else "deliver",
            rollback_to=submission.revision,
            continuation=submission.continuation,
        )
        self._unvetted += 1
        try:
            async with self._vetting:
                return await recording.vet_submission(request) or Vetted()
        finally:
            self._unvetted -= 1

    def _take(self, submission: Submission, *, delivers: str) -> Json:
        info = workflow.info()
        fresh = info.get_current_history_length() <= _FIRST_TASK
        taken = self._intake.take(submission, delivers=delivers, fresh=fresh)
        return {"runId": info.run_id, **taken}

    async def _decide(self, decision: Any, *, approved: bool) -> Json:
        """Take a decision, after what was submitted before it: new content makes it void."""
        if self._unvetted:
            await workflow.wait_condition(lambda: not self._unvetted)
        # Workers that knew no such key took no such decision; asked only where there is one.
        takes_run = not names_run(decision) or workflow.patched("decision-names-run")
        at = workflow.now().isoformat()
        return self._approvals.decide(decision, approved=approved, at=at, takes_run=takes_run)

    async def _steered(self) -> None:
        if self._delivery is not None:
            await self._delivery.suspension_changed()

    def _refuse_void(self, decision: Any) -> None:
        self._refuse(self._approvals.refusal(decision))

    @staticmethod
    def _refuse(refusal: str, kind: str = errors.NOT_WAITING) -> None:
        if refusal:
            raise ApplicationError(refusal, type=kind, non_retryable=True)


def _single(payload: Any, *extra: Any) -> Any:
    """Return a message's one argument; of several the list, which is refused as any other list is."""
    return [payload, *extra] if extra else payload


_CARRIED = (
    "intent",
    "actor",
    "queue",
    "orphan",
    "abandon",
    "confirmRemoval",
    "revision",
    "resume",
)


def _refusal(problem: InvalidApplication | None) -> ApplicationError:
    error = problem or InvalidApplication.at(
        "", "nothing to deliver", hint="send an Application as the first argument"
    )
    return ApplicationError(
        str(error), error.to_json(), type=errors.INVALID_APPLICATION, non_retryable=True
    )

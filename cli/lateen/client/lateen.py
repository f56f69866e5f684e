"""``Lateen``: the public way to deliver applications from programs."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError

from lateen.client import checking, submitting
from lateen.client.connecting import connect_temporal
from lateen.client.documents import read_documents
from lateen.client.encryption import encrypts
from lateen.client.errors import NotWaiting
from lateen.client.failures import is_missing, refusal, translated
from lateen.client.following import Follower, OnProgress
from lateen.client.outcomes import NotFinished, Outcome
from lateen.client.readable import Readable
from lateen.client.results import (
    Decided,
    Submitted,
)
from lateen.client.steerable import Steerable, texts
from lateen.client.workers import has_worker, no_worker
from lateen.contracts import identifiers
from lateen.contracts.drift import DriftRequest, DriftSummary
from lateen.contracts.identifiers import workflow_id
from lateen.model.application import Application
from lateen.model.base import Json
from lateen.model.durations import format_duration
from lateen.model.errors import InvalidManifest
from lateen.model.parsing import parse_application
from lateen.planning.inline_secrets import refuse_inline_secrets

_DECISION_PATIENCE = timedelta(seconds=10)

_FAREWELL = 0.1
"""Seconds for Temporal's native threads to let go of the interpreter.

A program that ends right after the last answer is aborted by some of its exits (sdk-python issue 300).
"""


class Lateen(Readable, Steerable):
    """Delivers applications, and says how they are.

    Needs nothing but a Temporal client: what only a hub or a cluster knows, a worker reads. Every method may
    raise ``TemporalUnavailable``; those that need an answer also ``NoWorker``.
    """

    def __init__(self, client: Client, *, task_queue: str = identifiers.TASK_QUEUE) -> None:
        self.client = client
        self.task_queue = task_queue

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, *, task_queue: str = identifiers.TASK_QUEUE, **settings: Any
    ) -> AsyncGenerator[Lateen]:
        """Connect by ``TEMPORAL_*`` variables and profiles, for the duration of a block.

        ``settings`` are parameters of ``temporalio.client.Client.connect`` and win over both.
        """
        lateen = await connect(task_queue=task_queue, **settings)
        try:
            yield lateen
        finally:
            await asyncio.sleep(_FAREWELL)

    async def apply(
        self,
        application: Mapping[str, Any] | Application | str,
        *,
        actor: str | None = None,
        queue: bool = False,
        confirm_removal: Sequence[str] = (),
        allow_inline_secrets: bool = False,
    ) -> Submitted:
        """Submit an application (a model, plain data, or YAML) and return as soon as it is taken.

        New content supersedes what is being delivered; with ``queue`` it waits for that. ``confirm_removal``
        names clusters that a changed selection may be removed from. Contents of Secrets in the application
        are refused, before anything leaves this process, unless ``allow_inline_secrets`` or a payload codec
        of the client keeps them out of Temporal. Raises ``InvalidApplication``, ``Refused``.
        """
        wanted = _read(application)
        if not (allow_inline_secrets or self.encrypts):
            refuse_inline_secrets(wanted)
        envelope = submitting.delivery(
            wanted, actor=actor or "", queue=queue, confirm_removal=confirm_removal
        )
        return await self._submit(envelope, application=wanted.id)

    @property
    def encrypts(self) -> bool:
        """Whether the client has a payload codec: Temporal then sees nothing in the clear."""
        return encrypts(self.client.data_converter)

    async def delete(
        self,
        namespace: str,
        name: str,
        *,
        orphan: bool = False,
        abandon: Sequence[str] = (),
        actor: str | None = None,
    ) -> Submitted:
        """Ask to delete an application from every cluster; ``wait`` tells when that is done.

        ``orphan`` leaves its objects where they are and only forgets them. Clusters in ``abandon`` are given
        up if they can't be reached: what is there stays.
        """
        envelope = submitting.deletion(actor=actor or "", orphan=orphan, abandon=abandon)
        return await self._submit(envelope, application=workflow_id(namespace, name))

    async def rollback(
        self,
        namespace: str,
        name: str,
        *,
        revision: str | None = None,
        actor: str | None = None,
        queue: bool = False,
        confirm_removal: Sequence[str] = (),
    ) -> Submitted:
        """Ask to deliver again exactly what an older revision holds; ``wait`` tells how that ended.

        Without a ``revision`` it is the one that was delivered before the current one. It stays in place
        until something newer is submitted. ``queue`` and ``confirm_removal`` are as in ``apply``. Raises
        ``NotFound``; a revision that is not kept fails the delivery, and is refused where one is open.
        """
        if not revision:  # Named here, the wish stays the same however often Temporal repeats it.
            revision = (await self.revisions(namespace, name)).before
        envelope = submitting.rollback(
            revision, actor=actor or "", queue=queue, confirm_removal=confirm_removal
        )
        return await self._submit(envelope, application=workflow_id(namespace, name))

    async def _submit(self, envelope: Json, *, application: str) -> Submitted:
        with translated(self.client):
            return await submitting.submit(
                self.client, envelope, application=application, task_queue=self.task_queue
            )

    async def wait(
        self,
        submitted: Submitted | str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - a timeout here is an answer, with the progress
        on_progress: OnProgress | None = None,
        stop_at_approval: bool = False,
    ) -> Outcome:
        """Follow a submission, or the latest run of ``<namespace>/<name>``, until it ended.

        An outcome is an answer, not an error: see ``Outcome.raise_unless_ok``. ``on_progress`` is called
        about four times a second. ``timeout`` is in seconds; then ``NotFinished``, and the delivery goes on.
        With ``stop_at_approval`` a delivery that only waits for an approval returns too.
        """
        with translated(self.client):
            if isinstance(submitted, str):
                submitted = await self._latest(submitted)
            follower = Follower(
                self.client, submitted, on_progress=on_progress, stop_at_approval=stop_at_approval
            )
            try:
                async with asyncio.timeout(timeout):
                    return await follower.outcome()
            except TimeoutError:
                limit = format_duration(timedelta(seconds=timeout or 0))
                message = f"{submitted.application} is not finished after {limit}; it goes on"
                raise NotFinished(message, progress=follower.progress) from None

    async def _latest(self, application: str) -> Submitted:
        seen = await self.progress(*identifiers.application_of(application))
        return Submitted(
            application=application, run_id=seen.run_id, state="joined", digest=seen.digest
        )

    async def approve(  # noqa: PLR0913 - one keyword for each key of a decision
        self,
        namespace: str,
        name: str,
        *,
        step: str | None = None,
        actor: str | None = None,
        reason: str = "",
        plan: str | None = None,
        revision: str | None = None,
        run: str | None = None,
        by_signal: bool = False,
    ) -> Decided:
        """Approve the step that waits, and say which it was.

        ``plan``, ``revision`` and ``run`` bind the decision: it is void if something else waits by now.
        ``by_signal`` leaves it in the run's mailbox for when a worker runs. Raises ``NotWaiting``.
        """
        decision = texts(
            step=step, actor=actor, reason=reason, plan=plan, revision=revision, run=run
        )
        return await self._decide(
            identifiers.APPROVE,
            decision,
            application=workflow_id(namespace, name),
            by_signal=by_signal,
        )

    async def reject(  # noqa: PLR0913 - one keyword for each key of a decision
        self,
        namespace: str,
        name: str,
        *,
        step: str | None = None,
        actor: str | None = None,
        reason: str = "",
        plan: str | None = None,
        revision: str | None = None,
        run: str | None = None,
        by_signal: bool = False,
    ) -> Decided:
        """Reject the step that waits: the delivery ends, what is delivered stays. Otherwise as ``approve``."""
        decision = texts(
            step=step, actor=actor, reason=reason, plan=plan, revision=revision, run=run
        )
        return await self._decide(
            identifiers.REJECT,
            decision,
            application=workflow_id(namespace, name),
            by_signal=by_signal,
        )

    async def _decide(
        self, verb: str, decision: Json, *, application: str, by_signal: bool
    ) -> Decided:
        handle = self.client.get_workflow_handle(application)
        with translated(self.client):
            try:
                if by_signal:
                    await handle.signal(verb, decision)
                    message = f"sent: {verb}"
                    return Decided(
                        step=decision.get("step", ""),
                        actor=decision.get("actor", ""),
                        message=message,
                    )
                return await self._decide_now(verb, decision, application=application)
            except RPCError as error:
                if is_missing(error):
                    message = f"{application}: nothing waits for a decision, no delivery is open"
                    raise NotWaiting(message) from error
                raise

    async def _decide_now(self, verb: str, decision: Json, *, application: str) -> Decided:
        if not await has_worker(self.client, self.task_queue):
            raise no_worker(self.client, self.task_queue, then="nothing was decided")
        handle = self.client.get_workflow_handle(application)
        try:
            async with asyncio.timeout(_DECISION_PATIENCE.total_seconds()):
                answer: Any = await handle.execute_update(  # pyright: ignore[reportUnknownMemberType]
                    verb, decision, id=str(uuid.uuid4())
                )
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
            message = "look at the status before you decide again"
            raise no_worker(self.client, self.task_queue, then=message) from error
        except WorkflowUpdateFailedError as error:
            refused = refusal(error, application=application)
            raise (refused or error) from error
        if not answer.get("accepted"):
            raise NotWaiting(f"{application}: {answer.get('message', '')}")
        return Decided.model_validate(answer)

    async def check_drift(
        self,
        namespace: str | None = None,
        name: str = "",
        *,
        repair: bool = False,
        actor: str | None = None,
    ) -> DriftSummary:
        """Look now whether clusters still have what was delivered: one application, a namespace's, or all.

        With ``repair`` what drifted is delivered again; the reports say what was asked for and what was not.
        """
        request = DriftRequest(
            namespace=namespace or "", name=name, repair=repair, actor=actor or ""
        )
        with translated(self.client):
            return await checking.check_drift(self.client, request, task_queue=self.task_queue)

    async def require_worker(self) -> None:
        """Raise ``NoWorker`` unless somebody polls the task queue."""
        with translated(self.client):
            if not await has_worker(self.client, self.task_queue):
                raise no_worker(self.client, self.task_queue)


async def connect(*, task_queue: str = identifiers.TASK_QUEUE, **settings: Any) -> Lateen:
    """Connect by ``TEMPORAL_*`` variables and profiles; ``settings`` win. Raises ``TemporalUnavailable``."""
    return Lateen(await connect_temporal(**settings), task_queue=task_queue)


def _read(application: Mapping[str, Any] | Application | str) -> Application:
    if isinstance(application, Application):
        return application
    if not isinstance(application, str):
        return parse_application(dict(application))
    match read_documents(application, source="application"):
        case [Application() as only]:
            return only
        case documents:
            kinds = ", ".join(document.kind for document in documents) or "nothing"
            raise InvalidManifest(f"expected one Application, found {kinds}")

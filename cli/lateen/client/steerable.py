"""What people do with a delivery besides submitting it: the part of ``Lateen`` that steers."""

from __future__ import annotations

import abc
from collections.abc import AsyncGenerator
from contextlib import aclosing

from temporalio.client import Client

from lateen.client import steering
from lateen.client.errors import NotWaiting
from lateen.client.failures import translated
from lateen.client.results import (
    Decided,
    Resumed,
    Runs,
    Steered,
    StoryEvent,
    Submitted,
    Waiting,
)
from lateen.client.runs import list_runs
from lateen.client.telling import tell_story
from lateen.contracts import identifiers
from lateen.contracts.identifiers import workflow_id
from lateen.model.base import Json


class Steerable(abc.ABC):
    """Suspends, resumes, restarts and terminates deliveries."""

    client: Client
    task_queue: str

    async def runs(self, namespace: str, name: str) -> Runs:
        """List an application's runs, the newest first. Raises ``NotFound``."""
        with translated(self.client):
            return await list_runs(self.client, namespace, name, task_queue=self.task_queue)

    async def story(
        self, namespace: str, name: str, *, follow: bool = False
    ) -> AsyncGenerator[StoryEvent]:
        """Yield what happened in the latest run, with ``follow`` until its end. Raises ``NotFound``."""
        with translated(self.client):
            told = tell_story(
                self.client, namespace, name, follow=follow, task_queue=self.task_queue
            )
            async with aclosing(told) as events:
                async for event in events:
                    yield event

    @abc.abstractmethod
    async def _decide(
        self, verb: str, decision: Json, *, application: str, by_signal: bool
    ) -> Decided: ...

    @abc.abstractmethod
    async def _submit(self, envelope: Json, *, application: str) -> Submitted: ...

    async def suspend(
        self,
        namespace: str,
        name: str,
        *,
        actor: str | None = None,
        reason: str = "",
        by_signal: bool = False,
    ) -> Steered:
        """Let the open run begin nothing new: no step, placement or pruning. What has begun ends first.

        Suspending twice is suspending once. ``by_signal`` works while no worker runs. Raises ``NotWaiting``
        when nothing is being delivered, ``Refused`` for a deletion.
        """
        return await self._say(
            identifiers.SUSPEND,
            texts(actor=actor, reason=reason),
            application=workflow_id(namespace, name),
            by_signal=by_signal,
        )

    async def resume(
        self,
        namespace: str,
        name: str,
        *,
        step: str | None = None,
        actor: str | None = None,
        reason: str = "",
        plan: str | None = None,
        revision: str | None = None,
    ) -> Resumed:
        """Go on: lift a suspension, else approve the step that waits, else go on with what ended too early.

        With ``step`` that step is approved. Without an open run the delivery that failed, was rejected,
        cancelled or terminated is continued where it ended: its revision, from the hub's record, without what
        is done. Raises ``NotWaiting`` when the open run needs no word, ``NotFound``, ``Refused``.
        """
        application = workflow_id(namespace, name)
        with translated(self.client):
            progress = await steering.progress_of_open(
                self.client, application, task_queue=self.task_queue
            )
        if progress is None:
            return Resumed(submitted=await self._go_on(namespace, name, actor=actor))
        if progress.suspended and not step:
            word = texts(actor=actor, reason=reason)
            return Resumed(
                steered=await self._say(identifiers.RESUME, word, application=application)
            )
        waiting = [each for each in progress.waiting if step in {None, "", each.step}]
        if not progress.waiting:
            doing = "deleted" if progress.intent == "delete" else "delivered"
            message = f"{application} is being {doing}, is not suspended and waits for nobody"
            raise NotWaiting(message)
        shown = waiting[0] if len(waiting) == 1 else Waiting(step=step or "")
        decision = texts(
            step=shown.step,
            actor=actor,
            reason=reason,
            plan=plan or shown.plan,
            revision=revision or shown.revision,
            run=shown.run,
        )
        decided = await self._decide(
            identifiers.APPROVE, decision, application=application, by_signal=False
        )
        return Resumed(decided=decided)

    async def _go_on(self, namespace: str, name: str, *, actor: str | None) -> Submitted:
        application = workflow_id(namespace, name)
        with translated(self.client):
            record, _ = await steering.recorded(
                self.client, namespace, name, task_queue=self.task_queue
            )
            await steering.refuse_finished(self.client, application, record)
        envelope = steering.continuation(
            delivery=record.number, restart=False, step="", actor=actor or ""
        )
        return await self._submit(envelope, application=application)

    async def restart(
        self, namespace: str, name: str, *, step: str | None = None, actor: str | None = None
    ) -> Submitted:
        """Deliver the recorded revision again from ``step`` on; approvals of those steps are asked for again.

        Without a step from the first that failed if the last run failed, else from the first. What is live
        with the same content is not written again. An open run is superseded. Raises ``InvalidApplication``
        for an unknown step, ``NotFound``, ``Refused``.
        """
        application = workflow_id(namespace, name)
        with translated(self.client):
            _, known = await steering.recorded(
                self.client, namespace, name, task_queue=self.task_queue
            )
        steering.refuse_unknown_step(application, step or "", known)
        envelope = steering.continuation(
            delivery=0, restart=True, step=step or "", actor=actor or ""
        )
        return await self._submit(envelope, application=application)

    async def terminate(
        self,
        namespace: str,
        name: str,
        *,
        actor: str | None = None,
        reason: str = "",
        force: bool = False,
    ) -> Submitted:
        """End the open run and keep what is delivered; ``wait`` for what is returned tells how it ended.

        It is cancelled: an apply that runs ends first, and the audit says by whom. With ``force`` Temporal
        terminates it at once, which needs no worker. Raises ``NotWaiting`` when nothing is open.
        """
        word = texts(actor=actor, reason=reason)
        with translated(self.client):
            return await steering.terminate(
                self.client, workflow_id(namespace, name), word=word, force=force
            )

    async def _say(
        self, verb: str, word: Json, *, application: str, by_signal: bool = False
    ) -> Steered:
        with translated(self.client):
            if by_signal:
                return await steering.send(self.client, verb, word, application=application)
            return await steering.say_now(
                self.client, verb, word, application=application, task_queue=self.task_queue
            )


def texts(**given: str | None) -> Json:
    """Return the texts that are given: what a message says, without what it leaves out."""
    return {key: text for key, text in given.items() if text}

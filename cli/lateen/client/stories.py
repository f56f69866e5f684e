"""The story of a run, told from its history: an event a line, in the words that people use.

Temporal keeps what happened; this only translates. Payloads are read by the client's own converter, so a run
that is encrypted tells its story to who has the keys.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.converter import DataConverter
from temporalio.exceptions import FailureError

from lateen.client.encryption import KEYS, Undecodable
from lateen.client.observing import subject_of
from lateen.client.results import StoryEvent
from lateen.contracts.identifiers import RESUME, SHARD, SUSPEND
from lateen.model.base import Json
from lateen.model.json_values import as_list, as_object

_SHOWN_OF_STEPS = frozenset({"skipped", "failed", "cancelled"})
_ENDS = frozenset({"delivered", "deleted", "failed", "rejected", "cancelled", "superseded"})
_VERBS = {"prune": ("pruning", "pruned"), "forget": ("forgetting", "forgotten")}


@dataclass(frozen=True)
class _Work:
    """An activity or a shard that was scheduled: what it works on, and what it was asked."""

    name: str
    id: str
    request: Json

    @property
    def step(self) -> str:
        return str(self.request.get("step") or "")

    @property
    def subject(self) -> str:
        return subject_of(self.id)


class Storyteller:
    """Tells one run's events in order. ``next_run`` is the run that follows, once that is known."""

    def __init__(self, converter: DataConverter) -> None:
        self._converter = converter
        self._work: dict[int, _Work] = {}
        self._said = ""
        self.next_run = ""
        self._tellers: Mapping[int, Callable[[HistoryEvent], Awaitable[list[StoryEvent]]]] = {
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: self._started,
            EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: self._scheduled,
            EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED: self._attempted,
            EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: self._completed,
            EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: self._failed,
            EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: self._timed_out,
            EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: self._stopped,
            EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: self._shard_begun,
            EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED: self._shard_ended,
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: self._signaled,
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED: self._cancel_requested,
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: self._terminated,
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: self._run_failed,
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: self._run_canceled,
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: self._continued,
            EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED: self._task_failed,
        }

    async def tell(self, event: HistoryEvent) -> list[StoryEvent]:
        """Return what an event means to people; mostly nothing."""
        teller = self._tellers.get(event.event_type)
        return await teller(event) if teller else []

    async def _started(self, event: HistoryEvent) -> list[StoryEvent]:
        started = event.workflow_execution_started_event_attributes
        given = await self._values(started.input)
        envelopes = [found for found in map(as_object, given) if found]
        envelope: Json = {}
        for found in envelopes:
            envelope |= {k: v for k, v in found.items() if k in {"intent", "actor", "resume"}}
        resume = as_object(envelope.get("resume"))
        what = str(envelope.get("intent") or "deliver")
        if resume is not None:
            what = "restart" if resume.get("restart") or resume.get("step") else "resume"
        after = "after the run before" if started.continued_execution_run_id else ""
        return [
            _at(event, "started", actor=str(envelope.get("actor") or ""), message=after or what)
        ]

    async def _scheduled(self, event: HistoryEvent) -> list[StoryEvent]:
        scheduled = event.activity_task_scheduled_event_attributes
        name = scheduled.activity_type.name
        work = _Work(name, scheduled.activity_id, await self._first(scheduled.input))
        self._work[event.event_id] = work
        match name:
            case "deliver_placement":
                return [_at(event, "delivering", step=work.step, subject=work.subject)]
            case "prune_cluster":
                verb = _VERBS.get(work.id.partition("/")[0], _VERBS["prune"])[0]
                return [_at(event, verb, subject=work.subject)]
            case "record_events":
                return [_recorded(each) for each in as_list(work.request.get("events")) or []]
            case _:
                return []

    async def _attempted(self, event: HistoryEvent) -> list[StoryEvent]:
        """Tell of an attempt that wasn't the first: why the one before failed."""
        started = event.activity_task_started_event_attributes
        work = self._work.get(started.scheduled_event_id)
        if work is None or started.attempt < 2:
            return []
        message = await self._reason(started.last_failure)
        return [self._of(work, event, "retried", attempt=started.attempt, message=message)]

    async def _completed(self, event: HistoryEvent) -> list[StoryEvent]:
        completed = event.activity_task_completed_event_attributes
        work = self._work.pop(completed.scheduled_event_id, None)
        if work is None:
            return []
        result = await self._first(completed.result)
        match work.name:
            case "open_delivery":
                return self._opened(event, result)
            case "deliver_placement":
                objects = _counted(result)
                return [self._of(work, event, "delivered", message=objects)]
            case "prune_cluster":
                verb = _VERBS.get(work.id.partition("/")[0], _VERBS["prune"])[1]
                return [self._of(work, event, verb, message=_counted(result))]
            case "close_delivery":
                return self._closed(event, work.request) if result.get("closed") else []
            case _:
                return []

    @staticmethod
    def _opened(event: HistoryEvent, result: Json) -> list[StoryEvent]:
        name = str((as_object(result.get("revision")) or {}).get("name", ""))
        if result.get("unchanged"):
            return [_at(event, "unchanged", message=f"revision {name} is delivered already")]
        number = result.get("delivery")
        events = [_at(event, "opened", message=f"delivery {number} of revision {name}")]
        for step in map(as_object, as_list(result.get("done")) or []):
            if step and step.get("phase") == "succeeded":
                message = str(step.get("message") or "")
                events.append(_at(event, "done", step=str(step.get("name")), message=message))
        return events

    def _closed(self, event: HistoryEvent, request: Json) -> list[StoryEvent]:
        events = [_recorded(each) for each in as_list(request.get("events")) or []]
        for step in map(as_object, as_list(request.get("steps")) or []):
            if step and step.get("phase") in _SHOWN_OF_STEPS:
                message = str(step.get("message") or "")
                name = str(step.get("name"))
                events.append(_at(event, str(step["phase"]), step=name, message=message))
        self._said = str(request.get("phase") or "")
        message = str(request.get("message") or "")
        actor = str(request.get("actor") or "")
        return [*events, _at(event, self._said, actor=actor, message=message)]

    async def _failed(self, event: HistoryEvent) -> list[StoryEvent]:
        failed = event.activity_task_failed_event_attributes
        return await self._gone_wrong(event, failed.scheduled_event_id, failed.failure)

    async def _timed_out(self, event: HistoryEvent) -> list[StoryEvent]:
        timed_out = event.activity_task_timed_out_event_attributes
        return await self._gone_wrong(event, timed_out.scheduled_event_id, timed_out.failure)

    async def _gone_wrong(
        self, event: HistoryEvent, scheduled: int, failure: Failure
    ) -> list[StoryEvent]:
        work = self._work.pop(scheduled, None)
        if work is None or work.name == "vet_submission":
            return []
        return [self._of(work, event, "failed", message=await self._reason(failure))]

    async def _stopped(self, event: HistoryEvent) -> list[StoryEvent]:
        canceled = event.activity_task_canceled_event_attributes
        work = self._work.pop(canceled.scheduled_event_id, None)
        return [self._of(work, event, "cancelled")] if work and work.subject else []

    async def _shard_begun(self, event: HistoryEvent) -> list[StoryEvent]:
        begun = event.start_child_workflow_execution_initiated_event_attributes
        if begun.workflow_type.name != SHARD:
            return []
        request = await self._first(begun.input)
        work = _Work(SHARD, begun.workflow_id, request)
        self._work[event.event_id] = work
        count = len(as_list(request.get("placements")) or [])
        return [_at(event, "delivering", step=work.step, message=f"a shard of {count} placements")]

    async def _shard_ended(self, event: HistoryEvent) -> list[StoryEvent]:
        ended = event.child_workflow_execution_completed_event_attributes
        work = self._work.pop(ended.initiated_event_id, None)
        if work is None:
            return []
        placements = (await self._first(ended.result)).get("placements")
        told = [each for each in map(as_object, as_list(placements) or []) if each]
        failed = [each for each in told if each.get("phase") != "delivered"]
        events = [
            _at(
                event,
                str(each.get("phase")),
                step=work.step,
                subject=f"{each.get('cluster')}/{each.get('namespace')}",
                message=str(each.get("message") or ""),
            )
            for each in failed
        ]
        count = f"{len(told) - len(failed)} of {len(told)} placements"
        return [*events, _at(event, "delivered", step=work.step, message=count)]

    async def _signaled(self, event: HistoryEvent) -> list[StoryEvent]:
        """Tell of what was said before the run began: afterwards the record says it."""
        signaled = event.workflow_execution_signaled_event_attributes
        if signaled.signal_name not in {SUSPEND, RESUME}:
            return []
        word = await self._first(signaled.input)
        actor, reason = str(word.get("actor") or ""), str(word.get("reason") or "")
        return [_at(event, f"asked to {signaled.signal_name}", actor=actor, message=reason)]

    async def _cancel_requested(self, event: HistoryEvent) -> list[StoryEvent]:
        cause = event.workflow_execution_cancel_requested_event_attributes.cause
        try:
            word = as_object(json.loads(cause)) or {}
        except ValueError:
            word = {"reason": cause}
        actor, reason = str(word.get("actor") or ""), str(word.get("reason") or "")
        return [_at(event, "asked to end", actor=actor, message=reason)]

    async def _terminated(self, event: HistoryEvent) -> list[StoryEvent]:
        reason = event.workflow_execution_terminated_event_attributes.reason
        return [_at(event, "terminated", message=reason)]

    async def _run_failed(self, event: HistoryEvent) -> list[StoryEvent]:
        if self._said in _ENDS:
            return []
        failure = event.workflow_execution_failed_event_attributes.failure
        return [_at(event, "failed", message=await self._reason(failure))]

    async def _run_canceled(self, event: HistoryEvent) -> list[StoryEvent]:
        return [] if self._said in _ENDS else [_at(event, "cancelled")]

    async def _continued(self, event: HistoryEvent) -> list[StoryEvent]:
        continued = event.workflow_execution_continued_as_new_event_attributes
        self.next_run = continued.new_execution_run_id
        return []

    async def _task_failed(self, event: HistoryEvent) -> list[StoryEvent]:
        failed = event.workflow_task_failed_event_attributes
        message = await self._reason(failed.failure)
        return [_at(event, "worker in trouble", message=message)] if message else []

    @staticmethod
    def _of(work: _Work, event: HistoryEvent, type: str, **more: Any) -> StoryEvent:  # noqa: A002
        subject = work.subject or work.name.replace("_", " ")
        return _at(event, type, step=work.step, subject=subject, **more)

    async def _first(self, payloads: Payloads) -> Json:
        values = await self._values(payloads)
        return (as_object(values[0]) or {}) if values else {}

    async def _values(self, payloads: Payloads) -> Sequence[Any]:
        try:
            return await self._converter.decode(payloads.payloads)
        except KeyError as error:
            message = f"the run's history is encrypted; point {KEYS} to its keys to read it"
            raise Undecodable(message) from error
        except (ValueError, RuntimeError):
            return []  # Sent by a program that writes no JSON.

    async def _reason(self, failure: Failure) -> str:
        if not failure.message:
            return ""
        error: BaseException = await self._converter.decode_failure(failure)
        while isinstance(error.__cause__, FailureError) and error.__cause__.message:
            error = error.__cause__
        return error.message if isinstance(error, FailureError) else str(error)


def _recorded(event: Any) -> StoryEvent:
    """Tell an event of the audit."""
    said = as_object(event) or {}
    message = said.get("reason") or said.get("message") or ""
    about = "subject" if said.get("type") == "abandoned" else "message"
    text = {key: said.get(key) or "" for key in ("at", "type", "step", "actor")}
    return StoryEvent.model_validate({**text, about: message})


def _at(event: HistoryEvent, type: str, **more: Any) -> StoryEvent:  # noqa: A002 - the record's word
    return StoryEvent(at=time_of(event.event_time), type=type, **more)


def time_of(moment: Timestamp) -> str:
    """Write a time of Temporal's as the audit writes its own."""
    when: datetime = moment.ToDatetime(tzinfo=UTC)
    return when.isoformat(timespec="milliseconds")


def _counted(result: Json) -> str:
    objects = int(result.get("objects") or 0)
    said = str(result.get("message") or "")
    count = f"{objects} object" if objects == 1 else f"{objects} objects"
    return f"{count}; {said}" if said else count

"""The text of ``lateen status``: KubeVela's three sections, and what only lateen knows. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lateen.cli.drift_text import drift_lines
from lateen.cli.times import shown_time
from lateen.cli.verdicts import bound_command, command, reason, retrying

if TYPE_CHECKING:
    from lateen.client.results import ApplicationStatus, Retry, ServiceStatus, Waiting
    from lateen.contracts.messages import StepOutcome
    from lateen.model.records import AuditEvent

_MARKS = {True: "✅", False: "❌"}
_OPEN = frozenset({"delivering", "waiting", "suspended", "deleting"})
_MOST_EVENTS = 5
_DECISIONS = frozenset({"approved", "rejected", "abandoned"})
_STEERED = frozenset({"suspended", "resumed", "cancelled"})


def status_text(status: ApplicationStatus) -> str:
    """Write everything that is known of an application, for people."""
    sections = [_about(status), _workflow(status), _clusters(status), _services(status)]
    sections += [_approval(status), _drift(status), _decisions(status), _warnings(status)]
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines)


def _about(status: ApplicationStatus) -> Iterator[str]:
    yield "About:"
    yield ""
    yield f"  Name:         {status.name}"
    yield f"  Namespace:    {status.namespace}"
    if status.created_at:
        yield f"  Created at:   {shown_time(status.created_at)}"
    if status.healthy is not None:
        yield f"  Healthy:      {_MARKS[status.healthy]}"
    yield f"  Status:       {status.phase or 'unknown'}"
    if status.revision:
        by = f", by {_indented(status.actor, 16)}" if status.actor else ""
        yield f"  Revision:     {status.revision} (delivery {status.delivery}{by})"
    if status.suspended:
        since = shown_time(status.suspended.since)
        yield f"  Suspended:    {_indented(str(status.suspended), 16)}, since {since}"
    message = status.message
    if status.rollback is not None:
        yield f"  Rollback:     {_indented(_rollback(status), 16)}"
        message = "" if message == f"rolled back to {status.rollback.revision}" else message
    if message:
        yield f"  Message:      {_indented(message, 16)}"
    if status.queued:
        yield f"  Queued:       {status.queued}"


def _rollback(status: ApplicationStatus) -> str:
    """Say who went back to what: it stays so until a newer submission, whoever repairs it."""
    rollback = status.rollback
    if rollback is None:
        return ""
    by = f" by {rollback.actor}" if rollback.actor else ""
    at = f", {shown_time(rollback.at)}" if rollback.at else ""
    if status.phase in {"delivered", "unchanged"}:
        return f"rolled back to {rollback.revision}{by}{at}"
    asked = f", asked for{by}{at}" if by else at
    if status.phase in _OPEN:
        return f"rolling back to {rollback.revision}{asked}"
    return f"to {rollback.revision}, not done yet{asked}"


def _workflow(status: ApplicationStatus) -> Iterator[str]:
    if not status.steps:
        return
    yield "Workflow:"
    yield ""
    if status.mode:
        yield f"  mode: {status.mode}"
    stopped = status.phase in {"cancelled", "terminated", "timed-out"}
    yield f"  finished: {_yes(status.phase not in _OPEN and not stopped)}"
    held = bool(status.waiting) or status.phase in {"waiting", "suspended"}
    yield f"  Suspend: {_yes(held)}"
    yield f"  Terminated: {_yes(stopped)}"
    yield "  Steps"
    retries = {retry.subject: retry for retry in status.retries}
    for step in status.steps:
        yield from _step(step, retries)


def _step(step: StepOutcome, retries: dict[str, Retry]) -> Iterator[str]:
    yield f"  - name: {step.name}"
    yield f"    type: {step.type}"
    yield f"    phase: {step.phase}"
    if step.message:
        yield f"    message: {_indented(step.message, 13)}"
    shown = [placement for placement in step.placements if placement.phase != "delivered"]
    if not shown:
        return
    yield "    placements:"
    for placement in step.placements:
        place = f"{placement.cluster}/{placement.namespace}"
        retry = retries.get(place)
        why = retrying(retry) if retry else reason(placement.message, at=place)
        yield f"    - {place}: {placement.phase}" + (f" ({_indented(why, 6)})" if why else "")


def _clusters(status: ApplicationStatus) -> Iterator[str]:
    """Show clusters that are being cleared, or that kept what should be gone."""
    retries = {retry.subject: retry for retry in status.retries}
    clusters = dict(status.clusters)
    if status.intent == "delete":
        clusters = clusters or {each.cluster: "has objects" for each in status.objects}
    if not clusters:
        return
    yield "Clusters:"
    yield ""
    for cluster, state in clusters.items():
        retry = retries.get(cluster)
        why = f" ({retrying(retry)})" if retry else ""
        yield f"  - {cluster}: {state}{why}"


def _services(status: ApplicationStatus) -> Iterator[str]:
    if not status.services:
        return
    yield "Services:"
    for service in status.services:
        yield ""
        yield from _service(service)


def _service(service: ServiceStatus) -> Iterator[str]:
    place = f"Cluster: {service.cluster}  Namespace: {service.namespace}"
    if not service.name:
        yield f"  - {place}"
        yield f"    ❌ {_indented(reason(service.message, at=service.cluster), 7)}"
        return
    yield f"  - Name: {service.name}"
    yield f"    {place}"
    if service.type:
        yield f"    Type: {service.type}"
    word = "Healthy" if service.healthy else "Unhealthy"
    yield f"    {word} {_indented(service.message, 4)}".rstrip()
    if not service.traits:
        yield "    No trait applied"
        return
    yield "    Traits:"
    for trait in service.traits:
        why = f": {_indented(trait.message, 9)}" if trait.message and not trait.healthy else ""
        yield f"      {_MARKS[trait.healthy]} {trait.type}{why}"


def _approval(status: ApplicationStatus) -> Iterator[str]:
    if not status.waiting:
        return
    yield "Waiting for approval:"
    yield ""
    for waiting in status.waiting:
        since = f", since {shown_time(waiting.since)}" if waiting.since else ""
        yield f"  - step {waiting.step}{since}" + (
            f": {waiting.message}" if waiting.message else ""
        )
        yield from (f"    deletes in the end: {line}" for line in _deletions(waiting))
    for waiting in status.waiting:
        yield f"  approve: {bound_command('approve', status.application, waiting)}"
    if len(status.waiting) == 1:
        yield f"  reject:  {bound_command('reject', status.application, status.waiting[0])}"


def _deletions(waiting: Waiting) -> Iterator[str]:
    for target in waiting.prune:
        for each in target.objects:
            yield f"{each} in {target.cluster}"


def _drift(status: ApplicationStatus) -> Iterator[str]:
    lines = list(drift_lines(status.application, status.drift)) if status.drift else []
    if lines:
        yield "Drift:"
        yield ""
        yield from (f"  - {_indented(line, 4)}" for line in lines)


def _decisions(status: ApplicationStatus) -> Iterator[str]:
    """Show who decided what, lately: names are what the deciders said of themselves."""
    found = [event for event in status.events if _is_decision(event)][-_MOST_EVENTS:]
    if not found:
        return
    yield "Decisions:"
    yield ""
    for event in found:
        about = event.step or event.message
        why = f": {event.reason}" if event.reason else ""
        by = f" by {event.actor}" if event.actor else ""
        said = f"{about} {event.type}" if event.type in _DECISIONS else event.type
        what = _indented(f"{said}{by}{why} (delivery {event.delivery})", 6)
        yield f"  - {shown_time(event.at)}  {what}"


def _is_decision(event: AuditEvent) -> bool:
    if event.type in _STEERED:
        return bool(event.actor)
    return event.type in _DECISIONS and bool(event.step or event.type == "abandoned")


def _warnings(status: ApplicationStatus) -> Iterator[str]:
    if status.warnings:
        yield "Warnings:"
        yield ""
        yield from (f"  - {_indented(warning, 4)}" for warning in status.warnings)
    if status.retained:
        yield from [""] if status.warnings else []
        yield "Kept, although no policy selects it any more:"
        yield ""
        yield from (f"  - {line}" for line in status.retained)
        again = command("up", status.application, "--confirm-removal", "CLUSTER")
        yield f"  remove: {again}"


def _indented(text: str, width: int) -> str:
    return text.replace("\n", "\n" + " " * width)


def _yes(value: bool) -> str:
    return "true" if value else "false"

"""The last line about each application: what became of it, and what to type next. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lateen.cli import codes

if TYPE_CHECKING:
    from lateen.client.outcomes import Outcome
    from lateen.client.results import PendingApproval, Progress, Retry, Submitted, Waiting


@dataclass(frozen=True)
class Verdict:
    """One application's end. ``line`` is the result, ``hints`` what to know or to do besides."""

    application: str
    code: int
    line: str
    hints: list[str] = field(default_factory=list[str])


def of_outcome(outcome: Outcome) -> Verdict:
    """Tell how a delivery or a deletion ended."""
    line = f"{outcome.application}: {_summary(outcome)}"
    code = codes.OF_PHASE[outcome.phase] if outcome.known else codes.ERROR
    return Verdict(outcome.application, code, line, [*_hints(outcome), *_notes(outcome)])


def of_submission(submitted: Submitted, *, deleting: bool = False) -> Verdict:
    """Tell what a submission that nobody waits for began."""
    said = {
        "started": "deletion started" if deleting else "delivery started",
        "joined": f"the very same is being {'deleted' if deleting else 'delivered'} already",
        "superseding": "supersedes what is being delivered",
        "queued": "waits for what is being delivered",
    }[submitted.state]
    return Verdict(submitted.application, codes.DELIVERED, f"{submitted.application}: {said}")


def of_patience(application: str, message: str, progress: Progress | None) -> Verdict:
    """Tell what is still going on when the patience is over."""
    hints = [f"  see `{command('status', application)}`"]
    if progress is not None:
        hints = [*_owed(progress), *hints]
        if progress.phase == "deleting":
            again = command("delete", application, "--abandon", "CLUSTER")
            hints.append(f"  give up on a cluster: {again}")
    return Verdict(application, codes.TIMED_OUT, message, hints)


def of_error(application: str, error: Exception) -> Verdict:
    """Tell why an application could not be submitted or followed."""
    # Submitted but not answered is no error of ours: it begins when a worker comes.
    code = codes.TIMED_OUT if getattr(error, "submitted", False) else codes.ERROR
    return Verdict(application, code, f"{application}: error: {error}")


def command(verb: str, application: str, *options: str) -> str:
    """Return what to type about an application."""
    namespace, _, name = application.partition("/")
    place = [] if namespace == "default" else ["-n", namespace]
    return shlex.join(["lateen", *verb.split(), name, *place, *options])


def decision_hints(application: str, steps: list[str]) -> list[str]:
    """Return what to type to decide; with several steps waiting each is named."""
    if len(steps) == 1:
        return [
            f"  approve: {command('approve', application)}",
            f"  reject:  {command('reject', application)}",
        ]
    return [f"  approve: {command('approve', application, '--step', step)}" for step in steps]


def bound_command(verb: str, application: str, waiting: Waiting | PendingApproval) -> str:
    """Return what to type to decide about just what is shown: void if something else waits by then."""
    bounds = (("--step", waiting.step), ("--run", waiting.run), ("--plan", waiting.plan))
    return command(verb, application, *(part for pair in bounds if pair[1] for part in pair))


def retrying(retry: Retry) -> str:
    """Say why something is tried again; ``subject`` stands beside it, so it is not repeated."""
    return f"attempt {retry.attempt}: {reason(retry.message, at=retry.subject)}"


def reason(message: str, *, at: str) -> str:
    """Leave out of a message the cluster (``at`` is it, or a namespace in it) that stands beside it."""
    return message.removeprefix(f"cluster {at.partition('/')[0]}: ")


def _summary(outcome: Outcome) -> str:
    revision = f" {outcome.revision}" if outcome.revision else ""
    message = f": {outcome.message}" if outcome.message else ""
    match outcome.phase:
        case "delivered":
            count = sum(1 for step in outcome.steps for _ in step.placements)
            if outcome.message:  # A rollback says so.
                return f"{outcome.message} in {_count(count, 'placement')}"
            return f"delivered{revision} to {_count(count, 'placement')}"
        case "unchanged":
            return "unchanged, nothing to do"
        case "deleted":
            return _deleted(outcome)
        case "waiting":
            steps = " and ".join(repr(waiting.step) for waiting in outcome.waiting)
            return f"waiting for approval of step {steps}"
        case phase:
            return f"{phase}{message}"


def _deleted(outcome: Outcome) -> str:
    if not outcome.known:
        return "not found, nothing to delete"
    states = outcome.clusters.values()
    abandoned = [name for name, state in outcome.clusters.items() if state == "abandoned"]
    orphaned = sum(1 for state in states if state.startswith("orphaned"))
    deleted = len(outcome.clusters) - len(abandoned) - orphaned
    parts = [f"deleted from {_count(deleted, 'cluster')}"] if deleted or not orphaned else []
    if orphaned:
        parts.append(f"forgotten; its objects stay in {_count(orphaned, 'cluster')}")
    if abandoned:
        parts.append(f"abandoned, with what is there: {', '.join(abandoned)}")
    return "; ".join(parts) if outcome.clusters else "deleted"


def _hints(outcome: Outcome) -> list[str]:
    if outcome.phase == "waiting":
        return decision_hints(outcome.application, [waiting.step for waiting in outcome.waiting])
    if outcome.phase in {"rejected", "cancelled", "terminated"}:
        return [_going_on(outcome)]
    if outcome.phase != "failed":
        return []
    failed = [
        f"  {step.name}: {placement.cluster}/{placement.namespace}:"
        f" {reason(placement.message, at=placement.cluster)}"
        for step in outcome.steps
        for placement in step.placements
        if placement.phase == "failed"
    ]
    told = failed if len(failed) > 1 else []
    return [*told, _going_on(outcome)] if outcome.delivery else told


def _going_on(outcome: Outcome) -> str:
    return f"  go on: {command('workflow resume', outcome.application)}"


def _notes(outcome: Outcome) -> list[str]:
    warnings = [f"  warning: {warning}" for warning in outcome.warnings]
    return warnings + [f"  kept: {line}" for line in outcome.retained]


def _owed(progress: Progress) -> list[str]:
    retries = {retry.subject: retry for retry in progress.retries}
    lines: list[str] = []
    for cluster, state in progress.clusters.items():
        if state in {"pending", "deleting", "pruning"}:
            retry = retries.pop(cluster, None)
            why = f", {retrying(retry)}" if retry else ""
            lines.append(f"  {cluster}: {state}{why}")
    rest = [f"  {retry.subject}: {retrying(retry)}" for retry in retries.values()]
    return lines + rest


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

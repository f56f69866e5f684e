"""``lateen workflow suspend|resume|restart|terminate``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from lateen.cli import codes
from lateen.cli.actors import actor_option
from lateen.cli.options import (
    Command,
    app_argument,
    by_signal_option,
    duration_option,
    given,
    namespace_option,
    reason_option,
    task_queue_option,
    wait_option,
)
from lateen.cli.output import result, say
from lateen.cli.submitting import attend, end_with

if TYPE_CHECKING:
    from lateen.cli.verdicts import Verdict
    from lateen.client.lateen import Lateen

_CODES = """\b
Exit codes:
  0    {done}
  1    error; nothing was changed
  2    wrong usage
  4    waiting for an approval
  5    failed, cancelled or terminated
  6    rejected
  7    superseded by newer content
  8    not finished within --timeout; the delivery goes on
  130  interrupted; the delivery goes on
"""

_TERMINATE_CODES = """\b
Exit codes:
  0    the run ended as asked, or was delivered just before
  1    error, or nothing is open
  2    wrong usage
  5    it failed before
  6    it was rejected before
  7    it was superseded before
  8    not ended within --timeout; it ends when a worker takes it up
  130  interrupted; it ends all the same
"""


def _waiting_options(command: Command) -> Command:
    for option in (
        duration_option("--timeout", help="How long to wait; the delivery goes on after it."),
        wait_option,
    ):
        command = option(command)
    return command


@click.command()
@app_argument
@namespace_option
@reason_option
@actor_option
@by_signal_option
@task_queue_option
def suspend(
    app: str, namespace: str, reason: str, actor: str, by_signal: bool, task_queue: str
) -> None:
    """Let the delivery of APP begin nothing new until it is resumed.

    No step, placement or pruning begins; an apply that runs ends first. Time limits of steps stand
    still. Approvals can be given meanwhile, and what is submitted next is not suspended.
    """
    application = f"{namespace}/{app}"

    async def run() -> None:
        from lateen.cli.verdicts import command

        lateen = await _connect(task_queue)
        steered = await lateen.suspend(
            namespace, app, actor=actor, reason=reason, by_signal=by_signal
        )
        result(f"{application}: {steered.message}")
        say(f"  go on: {command('workflow resume', application)}")

    end_with(run(), application=application)


@click.command(
    short_help="Let APP go on: lift a suspension, approve, or continue.",
    epilog=_CODES.format(done="resumed, approved, or delivered"),
)
@app_argument
@namespace_option
@click.option("--step", callback=given, help="Approve this step.")
@reason_option
@actor_option
@click.option(
    "--revision", callback=given, help="Approve only if this revision is the one that waits."
)
@click.option(
    "--plan", callback=given, help="Approve only if the plan with this digest still waits."
)
@_waiting_options
@task_queue_option
def resume(  # noqa: PLR0913, PLR0917 - click passes one argument an option
    app: str,
    namespace: str,
    step: str | None,
    reason: str,
    actor: str,
    revision: str | None,
    plan: str | None,
    wait: bool,
    timeout: timedelta | None,
    task_queue: str,
) -> None:
    """Let APP go on: lift a suspension, else approve the step that waits, else continue what ended.

    A delivery that failed, was rejected, cancelled or terminated is continued by a new one: the
    revision as it was recorded, without the steps and placements that are done.
    """
    application = f"{namespace}/{app}"

    async def run() -> Verdict | None:
        lateen = await _connect(task_queue)
        resumed = await lateen.resume(
            namespace,
            app,
            step=step,
            actor=actor,
            reason=reason,
            plan=plan,
            revision=revision,
        )
        if resumed.submitted is not None:
            return await attend(lateen, resumed.submitted, wait=wait, timeout=timeout)
        if resumed.decided is not None:
            decided = resumed.decided
            result(f"{application}: step {decided.step!r} approved by {decided.actor}")
        elif resumed.steered is not None:
            result(f"{application}: {resumed.steered.message}")
        _see_status(application)
        return None

    end_with(run(), application=application)


@click.command(epilog=_CODES.format(done="delivered (with --no-wait: submitted)"))
@app_argument
@namespace_option
@click.option("--step", callback=given, help="Run this step and those after it again.")
@actor_option
@_waiting_options
@task_queue_option
def restart(
    app: str,
    namespace: str,
    step: str | None,
    actor: str,
    wait: bool,
    timeout: timedelta | None,
    task_queue: str,
) -> None:
    """Deliver the recorded revision of APP again.

    From --step on, else from the first step that failed if the last delivery failed, else from the
    first. Approvals of these steps are asked for again; steps before them stay as they are if they
    succeeded. What is live with the same content is not written again. A delivery that runs is
    superseded.
    """
    application = f"{namespace}/{app}"

    async def run() -> Verdict:
        lateen = await _connect(task_queue)
        submitted = await lateen.restart(namespace, app, step=step, actor=actor)
        return await attend(lateen, submitted, wait=wait, timeout=timeout)

    end_with(run(), application=application)


@click.command(epilog=_TERMINATE_CODES)
@app_argument
@namespace_option
@reason_option
@actor_option
@click.option(
    "--force", is_flag=True, help="Let Temporal end it at once, also while no worker runs."
)
@duration_option("--timeout", help="How long to wait for the end.")
@task_queue_option
def terminate(
    app: str,
    namespace: str,
    reason: str,
    actor: str,
    force: bool,
    timeout: timedelta | None,
    task_queue: str,
) -> None:
    """End the delivery of APP and keep what is delivered.

    It is cancelled: an apply that runs ends first, and the audit says who ended it and why.
    `lateen workflow resume` continues it later.
    """
    application = f"{namespace}/{app}"

    async def run() -> Verdict:
        lateen = await _connect(task_queue)
        return await _terminate(
            lateen, namespace, app, actor=actor, reason=reason, force=force, timeout=timeout
        )

    end_with(run(), application=application)


async def _terminate(
    lateen: Lateen,
    namespace: str,
    app: str,
    *,
    actor: str,
    reason: str,
    force: bool,
    timeout: timedelta | None,  # noqa: ASYNC109 - a timeout here is an answer
) -> Verdict:
    from lateen.cli.patience import impatiently
    from lateen.cli.verdicts import Verdict, command
    from lateen.client.outcomes import NotFinished

    application = f"{namespace}/{app}"
    submitted = await lateen.terminate(namespace, app, actor=actor, reason=reason, force=force)
    forced = command("workflow terminate", application, "--force")
    try:
        outcome = await impatiently(
            lateen.wait(submitted, timeout=timeout.total_seconds() if timeout else None),
            tell=lambda: say("waits for what has begun to end, and for a worker that ends it"),
        )
    except NotFinished:
        message = f"{application}: asked to end, but not ended yet"
        return Verdict(application, codes.TIMED_OUT, message, [f"  at once: {forced}"])
    if outcome.phase in {"cancelled", "terminated"}:
        why = f": {reason}" if reason else ""
        line = f"{application}: {outcome.phase} by {actor}{why}; what is delivered stays"
        hint = f"  go on: {command('workflow resume', application)}"
        return Verdict(application, codes.DELIVERED, line, [hint])
    message = f": {outcome.message}" if outcome.message else ""
    line = f"{application}: it ended by itself before, as {outcome.phase}{message}"
    return Verdict(application, codes.OF_PHASE[outcome.phase], line)


async def _connect(task_queue: str) -> Lateen:
    from lateen.client.lateen import connect

    return await connect(task_queue=task_queue)


def _see_status(application: str) -> None:
    from lateen.cli.verdicts import command

    say(f"  see `{command('status', application)}`")

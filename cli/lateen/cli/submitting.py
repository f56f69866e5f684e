"""What commands that submit have in common: a wish, following it, and the verdicts and codes at the end."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from lateen.cli import codes
from lateen.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from lateen.cli.verdicts import Verdict
    from lateen.cli.watching import Watch
    from lateen.client.lateen import Lateen
    from lateen.client.results import Submitted

CODES = """\b
Exit codes:
  0    delivered (with --no-wait: submitted)
  1    error; nothing was submitted
  2    wrong usage
  3    unchanged: what was asked for is delivered already
  4    waiting for an approval
  5    failed, cancelled or terminated
  6    rejected
  7    superseded by newer content
  8    not finished within --timeout; the delivery goes on
  130  interrupted; the delivery goes on
"""
"""Exit codes of commands that deliver."""


@dataclass(frozen=True)
class Wish:
    """How to submit, and how long to look. ``begun`` collects what is on its way."""

    actor: str
    wait: bool
    timeout: timedelta | None
    task_queue: str
    deleting: bool = False
    queue: bool = False
    confirm_removal: tuple[str, ...] = ()
    allow_inline_secrets: bool = False
    begun: list[str] = field(default_factory=list[str])


async def submit_one(
    application: str,
    submit: Callable[[Lateen], Coroutine[Any, Any, Submitted]],
    *,
    wish: Wish,
) -> list[Verdict]:
    """Submit what concerns one application that the hub has, and follow it."""
    from lateen.cli import verdicts
    from lateen.cli.patience import impatiently
    from lateen.cli.watching import watch
    from lateen.client.errors import NoWorker
    from lateen.client.lateen import connect

    lateen = await connect(task_queue=wish.task_queue)
    wish.begun.append(application)
    try:
        submitted = await impatiently(submit(lateen), tell=lambda: say("no worker answers yet"))
    except NoWorker as error:
        return [told(verdicts.of_error(application, error))]
    with watch() as display:
        verdict = await follow(lateen, submitted, wish=wish, display=display)
    return [told(verdict)]


async def follow(lateen: Lateen, submitted: Submitted, *, wish: Wish, display: Watch) -> Verdict:
    """Follow a submission to its end, or as long as is wished."""
    from lateen.cli import verdicts
    from lateen.client.outcomes import NotFinished

    if not wish.wait:
        return verdicts.of_submission(submitted, deleting=wish.deleting)
    try:
        outcome = await lateen.wait(
            submitted,
            timeout=wish.timeout.total_seconds() if wish.timeout else None,
            on_progress=display.show,
            stop_at_approval=True,
        )
    except NotFinished as error:
        return verdicts.of_patience(submitted.application, str(error), error.progress)
    return verdicts.of_outcome(outcome)


async def attend(
    lateen: Lateen,
    submitted: Submitted,
    *,
    wait: bool,
    timeout: timedelta | None,  # noqa: ASYNC109 - a timeout here is an answer
) -> Verdict:
    """Follow what a command began, if that is wanted; return how it ended, or what it began."""
    from lateen.cli.watching import watch

    wish = Wish(actor="", wait=wait, timeout=timeout, task_queue=lateen.task_queue)
    with watch() as display:
        return await follow(lateen, submitted, wish=wish, display=display)


def end_with(run: Coroutine[Any, Any, Verdict | None], *, application: str) -> NoReturn:
    """Run a command, print its verdict if it has one, and exit with its code."""
    from lateen.client.errors import NoWorker

    try:
        verdict = asyncio.run(run)
    except NoWorker as error:
        if not error.submitted:
            raise
        from lateen.cli.verdicts import of_error

        verdict = of_error(application, error)
    except KeyboardInterrupt:
        from lateen.cli.verdicts import command

        say(f"\nstopped watching; what runs goes on, see `{command('status', application)}`")
        sys.exit(codes.INTERRUPTED)
    sys.exit(told(verdict).code if verdict else 0)


def told(verdict: Verdict) -> Verdict:
    """Print a verdict: the result to stdout, hints to stderr."""
    from lateen.cli.output import verdict_line

    verdict_line(verdict.line, tone=codes.tone(verdict.code))
    for hint in verdict.hints:
        say(hint)
    return verdict


def exit_code(verdicts: Sequence[Verdict], *, same_is_fine: bool) -> int:
    """Return the code of all verdicts; ``same_is_fine`` makes 0 of the one for unchanged."""
    code = codes.worst(verdict.code for verdict in verdicts)
    return codes.DELIVERED if code == codes.UNCHANGED and same_is_fine else code


def uninterrupted(run: Any, *, wish: Wish) -> list[Verdict]:
    """Run to the end; Ctrl-C only ends the watching of what was submitted by then."""
    try:
        verdicts: list[Verdict] = asyncio.run(run)
    except KeyboardInterrupt:
        what = "deletion" if wish.deleting else "delivery"
        if wish.begun:
            say(f"\nstopped watching; the {what} goes on, see `lateen status`")
        else:
            say("\ninterrupted; nothing was submitted")
        sys.exit(codes.INTERRUPTED)
    return verdicts

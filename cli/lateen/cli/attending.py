"""Following a delivery that a command began, to its end or to an approval, and telling how that was."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

from lateen.cli import codes
from lateen.cli.output import say, verdict_line

if TYPE_CHECKING:
    from lateen.cli.verdicts import Verdict
    from lateen.client.lateen import Lateen
    from lateen.client.results import Submitted


async def attend(
    lateen: Lateen,
    submitted: Submitted,
    *,
    wait: bool,
    timeout: timedelta | None,  # noqa: ASYNC109 - a timeout here is an answer
) -> Verdict:
    """Follow a submission if that is wanted; return how it ended, or what it began."""
    from lateen.cli import verdicts
    from lateen.cli.watching import watch
    from lateen.client.outcomes import NotFinished

    if not wait:
        return verdicts.of_submission(submitted)
    with watch() as display:
        try:
            outcome = await lateen.wait(
                submitted,
                timeout=timeout.total_seconds() if timeout else None,
                on_progress=display.show,
                stop_at_approval=True,
            )
        except NotFinished as error:
            return verdicts.of_patience(submitted.application, str(error), error.progress)
    return verdicts.of_outcome(outcome)


def end_with(run: Callable[[], Awaitable[Verdict | None]], *, application: str) -> NoReturn:
    """Run a command, print its verdict if it has one, and exit with its code."""

    async def awaited() -> Verdict | None:
        return await run()

    try:
        verdict = asyncio.run(awaited())
    except KeyboardInterrupt:
        from lateen.cli.verdicts import command

        say(f"\nstopped watching; what runs goes on, see `{command('status', application)}`")
        sys.exit(codes.INTERRUPTED)
    if verdict is None:
        sys.exit(0)
    verdict_line(verdict.line, tone=codes.tone(verdict.code))
    for hint in verdict.hints:
        say(hint)
    sys.exit(verdict.code)

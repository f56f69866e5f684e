"""``lateen approve`` and ``lateen reject``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

import click

from lateen.cli.actors import actor_option
from lateen.cli.options import (
    Command,
    app_argument,
    by_signal_option,
    given,
    namespace_option,
    reason_option,
    task_queue_option,
)
from lateen.cli.output import result, say

if TYPE_CHECKING:
    from lateen.client.lateen import Lateen
    from lateen.client.results import Decided


def _decision_options(command: Command) -> Command:
    for option in reversed(
        (
            app_argument,
            namespace_option,
            click.option(
                "--step", callback=given, help="The step meant; needed when several wait."
            ),
            reason_option,
            actor_option,
            click.option(
                "--revision",
                callback=given,
                help="Decide only if this revision is the one that waits.",
            ),
            click.option(
                "--plan",
                callback=given,
                help="Decide only if the plan with this digest still waits.",
            ),
            click.option(
                "--run",
                callback=given,
                help="Decide only if this run, by its id, is the one that waits.",
            ),
            by_signal_option,
            task_queue_option,
        )
    ):
        command = option(command)
    return command


@click.command()
@_decision_options
def approve(
    app: str, namespace: str, task_queue: str, by_signal: bool, **decision: str | None
) -> None:
    """Approve the step of APP that waits."""
    _decide("approve", app, namespace, _texts(decision), task_queue=task_queue, sent=by_signal)


@click.command()
@_decision_options
def reject(
    app: str, namespace: str, task_queue: str, by_signal: bool, **decision: str | None
) -> None:
    """Reject the step of APP that waits: the delivery ends, and what is delivered stays."""
    _decide("reject", app, namespace, _texts(decision), task_queue=task_queue, sent=by_signal)


def _decide(
    verb: Literal["approve", "reject"],
    app: str,
    namespace: str,
    decision: dict[str, str],
    *,
    task_queue: str,
    sent: bool,
) -> None:
    from lateen.cli.patience import impatiently
    from lateen.client.lateen import connect

    async def run() -> Decided:
        lateen = await connect(task_queue=task_queue)
        bound = await _bound(lateen, namespace, app, decision, by_signal=sent)
        decide = lateen.approve if verb == "approve" else lateen.reject
        return await impatiently(
            decide(namespace, app, by_signal=sent, **bound),
            tell=lambda: say("no worker answers yet"),
        )

    done = {"approve": "approved", "reject": "rejected"}[verb]
    _tell(asyncio.run(run()), application=f"{namespace}/{app}", verb=done, sent=sent)


def _texts(decision: dict[str, str | None]) -> dict[str, str]:
    return {key: text for key, text in decision.items() if text}


async def _bound(
    lateen: Lateen, namespace: str, app: str, decision: dict[str, str], *, by_signal: bool
) -> dict[str, str]:
    """Bind a decision to what waits at this moment, as far as it doesn't say itself what it is for.

    A signal is for later, and perhaps for what nobody can look at now.
    """
    if by_signal:
        return decision
    from lateen.client.errors import NotFound

    try:
        progress = await lateen.progress(namespace, app)
    except NotFound:
        return decision
    step = decision.get("step")
    meant = [each for each in progress.waiting if step in {None, each.step}]
    if len(meant) != 1:
        return decision
    waiting = meant[0]
    found = {"run": waiting.run, "plan": waiting.plan, "revision": waiting.revision}
    return {**_texts({**found}), "step": waiting.step, **decision}


def _tell(decided: Decided, *, application: str, verb: str, sent: bool) -> None:
    from lateen.cli.verdicts import command

    if sent:
        step = f" for step {decided.step!r}" if decided.step else ""
        result(f"{application}: sent{step}; it counts once a worker takes it up")
    else:
        result(f"{application}: step {decided.step!r} {verb} by {decided.actor}")
    say(f"  see `{command('status', application)}`")

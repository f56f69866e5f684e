"""``lateen approve`` and ``lateen reject``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from lateen.cli.actors import actor_option
from lateen.cli.options import Command, namespace_option, task_queue_option
from lateen.cli.output import result, say

if TYPE_CHECKING:
    from lateen.client.results import Decided


def _decision_options(command: Command) -> Command:
    for option in reversed(
        (
            click.argument("app"),
            namespace_option,
            click.option("--step", help="The step meant; needed when several wait."),
            click.option("-m", "--reason", default="", help="Why, for the audit."),
            actor_option,
            click.option("--revision", help="Decide only if this revision is the one that waits."),
            click.option("--plan", help="Decide only if the plan with this digest still waits."),
            click.option(
                "--by-signal",
                is_flag=True,
                help="Only send it, without an answer: works while no worker runs.",
            ),
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
    from lateen.cli.patience import impatiently
    from lateen.client.lateen import connect

    async def run() -> Decided:
        lateen = await connect(task_queue=task_queue)
        return await impatiently(
            lateen.approve(namespace, app, by_signal=by_signal, **_texts(decision)),
            tell=lambda: say("no worker answers yet"),
        )

    _tell(asyncio.run(run()), application=f"{namespace}/{app}", verb="approved", sent=by_signal)


@click.command()
@_decision_options
def reject(
    app: str, namespace: str, task_queue: str, by_signal: bool, **decision: str | None
) -> None:
    """Reject the step of APP that waits: the delivery ends, and what is delivered stays."""
    from lateen.cli.patience import impatiently
    from lateen.client.lateen import connect

    async def run() -> Decided:
        lateen = await connect(task_queue=task_queue)
        return await impatiently(
            lateen.reject(namespace, app, by_signal=by_signal, **_texts(decision)),
            tell=lambda: say("no worker answers yet"),
        )

    _tell(asyncio.run(run()), application=f"{namespace}/{app}", verb="rejected", sent=by_signal)


def _texts(decision: dict[str, str | None]) -> dict[str, str]:
    return {key: text for key, text in decision.items() if text}


def _tell(decided: Decided, *, application: str, verb: str, sent: bool) -> None:
    from lateen.cli.verdicts import command

    if sent:
        step = f" for step {decided.step!r}" if decided.step else ""
        result(f"{application}: sent{step}; it counts once a worker takes it up")
    else:
        result(f"{application}: step {decided.step!r} {verb} by {decided.actor}")
    say(f"  see `{command('status', application)}`")

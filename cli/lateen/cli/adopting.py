"""``lateen adopt``: take over in place what KubeVela delivered."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lateen.cli import codes
from lateen.cli.actors import actor_option
from lateen.cli.options import (
    allow_url_option,
    app_argument,
    duration_option,
    hub_option,
    namespace_option,
    registry_option,
    task_queue_option,
)
from lateen.cli.output import say, verdict_line

if TYPE_CHECKING:
    from lateen.activities.rooms import Rooms
    from lateen.cli.adoption import Adoption
    from lateen.cli.verdicts import Verdict
    from lateen.model.application import Application

_EPILOG = """\b
Exit codes:
  0    adopted, or adopted already
  1    refused or another error; nothing was written
  2    wrong usage
  4    waiting for an approval of one of its steps
  5    failed, cancelled or terminated
  8    not finished within --timeout; the delivery goes on
"""


@dataclass(frozen=True)
class _Wish:
    """What was asked for."""

    dry_run: bool
    allow_restarts: bool
    actor: str
    timeout: timedelta | None
    task_queue: str
    allowed_urls: tuple[str, ...]


@click.command(epilog=_EPILOG)
@app_argument
@namespace_option
@click.option("--dry-run", is_flag=True, help="Show what would happen; write nothing.")
@click.option(
    "--allow-restarts", is_flag=True, help="Go on where pods would be replaced, added or removed."
)
@duration_option("--timeout", help="How long to wait; the delivery goes on after it.")
@actor_option
@allow_url_option
@task_queue_option
@hub_option
@registry_option
def adopt(  # noqa: PLR0913, PLR0917 - click passes one argument an option
    app: str,
    namespace: str,
    dry_run: bool,
    allow_restarts: bool,
    timeout: timedelta | None,
    actor: str,
    allowed_urls: tuple[str, ...],
    task_queue: str,
    hub_kubeconfig: Path | None,
    registry_namespace: str,
) -> None:
    """Take over in place what KubeVela delivered of APP, without restarting a pod.

    Stop KubeVela's controller first, or pause the application. Every object is looked at and
    dry-run before anything is written; an application that can't be taken over as a whole is not
    taken over in part. Then the stored application is delivered: its objects keep their uids and
    pods, and become lateen's field by field. KubeVela's ResourceTrackers are only read.
    """
    wish = _Wish(dry_run, allow_restarts, actor, timeout, task_queue, allowed_urls)
    sys.exit(asyncio.run(_adopt(f"{namespace}/{app}", wish, hub_kubeconfig, registry_namespace)))


async def _adopt(
    application: str, wish: _Wish, hub_kubeconfig: Path | None, registry_namespace: str
) -> int:
    from lateen.activities.rooms import DeliverySettings, Rooms
    from lateen.cli import adoption
    from lateen.cli.connecting import open_registry
    from lateen.cli.gathering import read_stored
    from lateen.rendering.plugins import installed

    namespace, _, name = application.partition("/")
    documents = await read_stored(name, namespace=namespace, hub_kubeconfig=hub_kubeconfig)
    content = documents.applications[0]
    async with open_registry(hub_kubeconfig, registry_namespace) as registry:
        settings = DeliverySettings(allowed_urls=wish.allowed_urls)
        rooms = Rooms(registry.hub, registry, installed(), settings)
        found = await adoption.survey(rooms, content)
        adoption.show(found)
        if found.adopted:
            verdict_line(f"{application}: adopted already", tone="good")
            adoption.show_trackers(found)
            return codes.DELIVERED
        adoption.refuse(found, allow_restarts=wish.allow_restarts)
        if wish.dry_run:
            verdict_line(f"{application}: can be adopted; nothing was written", tone="good")
            return codes.DELIVERED
        verdict = await _deliver(content, wish)
        for hint in verdict.hints:
            say(hint)
        if verdict.code not in {codes.DELIVERED, codes.UNCHANGED}:
            verdict_line(verdict.line, tone=codes.tone(verdict.code))
            return verdict.code
        await _conclude(rooms, found)
    return codes.DELIVERED


async def _deliver(application: Application, wish: _Wish) -> Verdict:
    """Have a worker deliver the application as the hub stores it."""
    from lateen.cli import verdicts
    from lateen.cli.patience import impatiently
    from lateen.cli.watching import watch
    from lateen.client.lateen import connect
    from lateen.client.outcomes import NotFinished

    lateen = await connect(task_queue=wish.task_queue)
    await lateen.require_worker()
    with watch() as display:
        submitted = await impatiently(
            lateen.apply(application, actor=wish.actor),
            tell=lambda: say("no worker answers yet"),
        )
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


async def _conclude(rooms: Rooms, before: Adoption) -> None:
    """Compare with what was there before, and say what is left to do."""
    from lateen.cli import adoption

    after = await adoption.survey(rooms, before.content)
    line, hints = adoption.comparison(before, after)
    verdict_line(f"{before.content.id}: {line}", tone="good")
    for hint in hints:
        say(hint)
    adoption.show_trackers(after)

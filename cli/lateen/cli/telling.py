"""``lateen workflow logs`` and ``lateen workflow list``: what runs did, and which there are."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from lateen.cli import codes
from lateen.cli.options import (
    app_argument,
    given,
    namespace_option,
    output_option,
    task_queue_option,
)
from lateen.cli.output import print_structured, print_table, result, say

if TYPE_CHECKING:
    from lateen.client.results import Runs, StoryEvent

_COLUMNS = ("DELIVERY", "REVISION", "PHASE", "STARTED", "ENDED", "BY")


@click.command(short_help="Tell what APP's latest run did, an event a line.")
@app_argument
@namespace_option
@click.option("--step", callback=given, help="Only what belongs to this step.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@output_option("text", "json")
@task_queue_option
def logs(
    app: str, namespace: str, step: str | None, follow: bool, output: str, task_queue: str
) -> None:
    """Tell the story of APP's latest run: steps, decisions, placements, retries; a line an event.

    It comes from Temporal, or from the audit when Temporal has forgotten the run. `-o json` prints
    one document a line.
    """

    async def run() -> None:
        from lateen.client.lateen import connect

        lateen = await connect(task_queue=task_queue)
        async with aclosing(lateen.story(namespace, app, follow=follow)) as events:
            async for event in events:
                if step is None or event.step == step:
                    _print(event, output)

    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        sys.exit(codes.INTERRUPTED)


@click.command("list")
@app_argument
@namespace_option
@output_option("table", "json", "yaml")
@task_queue_option
def list_runs(app: str, namespace: str, output: str, task_queue: str) -> None:
    """List the runs of APP, the newest first."""

    async def run() -> Runs:
        from lateen.client.lateen import connect

        lateen = await connect(task_queue=task_queue)
        return await lateen.runs(namespace, app)

    found = asyncio.run(run())
    if output != "table":
        rows = [row.to_json() for row in found.runs]
        print_structured(rows, output)
    else:
        from lateen.cli.times import shown_time

        print_table(
            _COLUMNS,
            [
                (
                    row.delivery or "",
                    row.revision,
                    f"{row.phase} (delete)" if row.intent == "delete" else row.phase,
                    shown_time(row.started_at),
                    shown_time(row.ended_at),
                    row.actor,
                )
                for row in found.runs
            ],
        )
    if found.note:
        say(f"note: {found.note}")


def _print(event: StoryEvent, output: str) -> None:
    if output == "json":
        result(json.dumps(event.to_json(), ensure_ascii=False))
        sys.stdout.flush()
        return
    result(story_line(event))
    sys.stdout.flush()


def story_line(event: StoryEvent) -> str:
    """Write an event for people, on one line."""
    from lateen.cli.times import exact_time
    from lateen.cli.verdicts import reason

    about = ": ".join(part for part in (event.step, event.subject) if part)
    attempt = f" (attempt {event.attempt})" if event.attempt else ""
    by = f" by {event.actor}" if event.actor else ""
    message = " ".join(reason(event.message, at=event.subject).split())
    said = f"{about} {event.type}{attempt}{by}".strip()
    return f"{exact_time(event.at)}  {said}{f': {message}' if message else ''}"

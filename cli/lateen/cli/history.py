"""``lateen history``: the audit trail of one application."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from lateen.cli.options import app_argument, namespace_option, output_option, task_queue_option
from lateen.cli.output import print_structured, print_toned

if TYPE_CHECKING:
    from lateen.client.histories import History


@click.command()
@app_argument
@namespace_option
@output_option("text", "json", "yaml")
@task_queue_option
def history(app: str, namespace: str, output: str, task_queue: str) -> None:
    """Show every delivery of APP, the oldest first.

    Who submitted, approved and rejected, and why; how it ended; how many objects it created, changed
    and deleted in which cluster; what drifted since. Names are what people said of themselves.

    The hub keeps this, also after Temporal has forgotten the runs and when APP is deleted: the last 50
    deliveries and the last 200 events.
    """
    found = asyncio.run(_history(namespace, app, task_queue=task_queue))
    if output == "text":
        from lateen.cli.history_text import history_lines

        print_toned(history_lines(found))
    else:
        print_structured(found.to_json(), output)


async def _history(namespace: str, app: str, *, task_queue: str) -> History:
    from lateen.client.lateen import connect

    lateen = await connect(task_queue=task_queue)
    return await lateen.history(namespace, app)

"""``lateen approvals``: what waits for somebody, and what an approval would do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from lateen.cli.options import (
    all_namespaces_option,
    namespace_option,
    optional_app_argument,
    output_option,
    task_queue_option,
)
from lateen.cli.output import print_structured, print_toned, say

if TYPE_CHECKING:
    from lateen.client.results import PendingApprovals

_EPILOG = """\b
It ends with the commands to type. They name step, run and plan as shown: if
something else waits by then, the decision is void and says so.
"""


@click.command(epilog=_EPILOG)
@optional_app_argument
@all_namespaces_option
@namespace_option
@click.option(
    "--plan/--no-plan",
    "forecast",
    default=None,
    help="Ask the clusters what would be created and changed; by default while at most 5 wait.",
)
@output_option("text", "json", "yaml")
@task_queue_option
def approvals(
    app: str | None,
    *,
    all_namespaces: bool,
    namespace: str,
    forecast: bool | None,
    output: str,
    task_queue: str,
) -> None:
    """List what waits for an approval: of APP, of a namespace, or everywhere.

    For each: whose submission it is, since when it waits, and per cluster what would be created, changed
    and deleted. What is deleted belongs to the plan of the whole delivery.
    """
    if app is not None and all_namespaces:
        raise click.UsageError("give either the name of an application or --all-namespaces")
    place = None if all_namespaces else namespace
    found = asyncio.run(_list(place, app or "", forecast=forecast, task_queue=task_queue))
    if output == "text":
        _print(found, forecast, where="" if all_namespaces else f" in namespace {namespace!r}")
    else:
        rows = [each.to_json() for each in found.approvals]
        print_structured(rows, output)
    if found.note:
        say(f"note: {found.note}")


async def _list(
    namespace: str | None, app: str, *, forecast: bool | None, task_queue: str
) -> PendingApprovals:
    from lateen.client.lateen import connect

    lateen = await connect(task_queue=task_queue)
    return await lateen.approvals(namespace, app, forecast=forecast)


def _print(found: PendingApprovals, forecast: bool | None, *, where: str) -> None:
    from lateen.cli.approval_text import approval_lines

    if not found.approvals:
        say(f"nothing waits for an approval{where}")
        return
    print_toned(approval_lines(found.approvals))
    asked = any(each.forecast is not None or each.note for each in found.approvals)
    if forecast is None and not asked:
        say("note: what would be created and changed was not asked of the clusters; see --plan")

"""``lateen status`` and ``lateen ls``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from lateen.cli.options import namespace_option, output_option, task_queue_option
from lateen.cli.output import print_structured, print_table, result, say

if TYPE_CHECKING:
    from lateen.client.results import ApplicationRow, ApplicationStatus, Listing

_COLUMNS = ("APP", "COMPONENT", "TYPE", "TRAITS", "PHASE", "REVISION", "CLUSTERS", "CREATED-TIME")
_MOST_CLUSTERS = 4


@click.command()
@click.argument("app")
@namespace_option
@output_option("text", "json", "yaml")
@task_queue_option
def status(app: str, namespace: str, output: str, task_queue: str) -> None:
    """Show where APP is and how it does.

    What is delivered is looked at now, in every cluster, by the worker.
    """
    from lateen.cli.status_text import status_text

    found = asyncio.run(_status(namespace, app, task_queue=task_queue))
    if output == "text":
        result(status_text(found))
    else:
        print_structured(found.to_json(), "json" if output == "json" else "yaml")
    if found.note:
        say(f"note: {found.note}")


@click.command()
@click.option("-A", "--all-namespaces", is_flag=True, help="List those of every namespace.")
@namespace_option
@output_option("table", "json", "yaml")
@task_queue_option
def ls(all_namespaces: bool, namespace: str, output: str, task_queue: str) -> None:
    """List applications: a line a component."""
    found = asyncio.run(_list(None if all_namespaces else namespace, task_queue=task_queue))
    if output != "table":
        rows = [row.to_json() for row in found.applications]
        print_structured(rows, "json" if output == "json" else "yaml")
    elif found.applications:
        columns = ("NAMESPACE", *_COLUMNS) if all_namespaces else _COLUMNS
        lines = [line for row in found.applications for line in _lines(row)]
        print_table(columns, [line if all_namespaces else line[1:] for line in lines])
    else:
        say("no applications" + ("" if all_namespaces else f" in namespace {namespace!r}"))
    if found.note:
        say(f"note: {found.note}")


async def _status(namespace: str, app: str, *, task_queue: str) -> ApplicationStatus:
    from lateen.client.lateen import connect

    lateen = await connect(task_queue=task_queue)
    return await lateen.status(namespace, app)


async def _list(namespace: str | None, *, task_queue: str) -> Listing:
    from lateen.client.lateen import connect

    lateen = await connect(task_queue=task_queue)
    return await lateen.list(namespace)


def _lines(row: ApplicationRow) -> list[tuple[str, ...]]:
    """Return a line for each component; the application's name stands in the first."""
    from lateen.cli.times import shown_time

    clusters = ",".join(row.clusters[:_MOST_CLUSTERS])
    if len(row.clusters) > _MOST_CLUSTERS:
        clusters += f",+{len(row.clusters) - _MOST_CLUSTERS}"
    created = shown_time(row.created_at)
    about = (row.phase, row.revision, clusters, created)
    lines = [
        (row.namespace, "└─", component.name, component.type, ",".join(component.traits), *about)
        for component in row.components
    ] or [(row.namespace, "", "", "", "", *about)]
    return [(row.namespace, row.name, *lines[0][2:]), *lines[1:]]

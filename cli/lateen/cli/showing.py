"""``lateen status`` and ``lateen ls``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from lateen.cli.options import (
    all_namespaces_option,
    app_argument,
    namespace_option,
    output_option,
    task_queue_option,
)
from lateen.cli.output import print_change, print_structured, print_table, result, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from lateen.cli.status_pages import Views
    from lateen.client.results import ApplicationRow, ApplicationStatus, Listing
    from lateen.contracts.messages import Inspect
    from lateen.model.base import Json

_EPILOG = """\b
With --watch it goes on until Ctrl-C (exit code 130): redrawn in place on a
terminal; elsewhere the whole text again at each change, with -o json a line
a change, with -o yaml a document.
"""

_COLUMNS = ("APP", "COMPONENT", "TYPE", "TRAITS", "PHASE", "REVISION", "CLUSTERS", "CREATED-TIME")
_MOST_CLUSTERS = 4


@click.command(epilog=_EPILOG)
@app_argument
@namespace_option
@click.option("--tree", is_flag=True, help="Steps, placements, components and objects as a tree.")
@click.option("--pod", "--pods", "pods", is_flag=True, help="Its pods, in all clusters.")
@click.option(
    "--endpoint", "--endpoints", "endpoints", is_flag=True, help="Where it can be reached."
)
@click.option("--detail", "details", is_flag=True, help="Conditions, pods and events, per object.")
@click.option("-w", "--watch", "watching", is_flag=True, help="Go on, and show what changes.")
@output_option("text", "json", "yaml")
@task_queue_option
def status(
    app: str,
    *,
    namespace: str,
    watching: bool,
    output: str,
    task_queue: str,
    **views: bool,
) -> None:
    """Show where APP is and how it does.

    What is delivered is looked at now, in every cluster, by the worker. A cluster that does not answer
    is named, and what is recorded of it is shown.
    """
    from lateen.cli.status_pages import Views, notes_of, status_pages

    wanted = Views(**views)
    request = _request(namespace, app, wanted, live=not (wanted.only_parts and output == "text"))
    if watching:
        from lateen.cli.live import run_until_interrupted

        run_until_interrupted(_watch(request, wanted, output, task_queue))
    found = asyncio.run(_status(request, task_queue=task_queue))
    if output == "text":
        result(status_pages(found, wanted))
    else:
        print_structured(found.to_json(), output)
    for note in notes_of(found):
        say(f"note: {note}")


def _request(namespace: str, app: str, views: Views, *, live: bool) -> Inspect:
    from lateen.contracts.messages import Inspect

    return Inspect(
        namespace=namespace,
        name=app,
        live=live,
        resources=views.tree or views.details,
        pods=views.pods or views.details,
        endpoints=views.endpoints,
        details=views.details,
    )


async def _watch(request: Inspect, views: Views, output: str, task_queue: str) -> None:
    """Redraw the status, or write it again when it changed."""
    from lateen.cli.live import cropped, on_terminal, show, write
    from lateen.cli.status_pages import notes_of, status_pages
    from lateen.client.lateen import connect

    lateen = await connect(task_queue=task_queue)
    view = lateen.status_view(request)
    if output == "text" and on_terminal():
        await show(
            view.refresh,
            lambda seen, trouble, console: cropped(
                status_pages(seen, views),
                console,
                footer="; ".join(part for part in (trouble, *notes_of(seen)) if part),
            ),
        )
        return
    teller = ChangeTeller(output, text=lambda seen: status_pages(seen, views))
    await write(view.refresh, teller.tell)


class ChangeTeller:
    """Writes a status again when it changed: as a text, a line of JSON, or a document of YAML."""

    def __init__(self, output: str, *, text: Callable[[ApplicationStatus], str]) -> None:
        self._output = output
        self._text = text
        self._told: Json = {}
        self._trouble = ""

    def tell(self, seen: ApplicationStatus, trouble: str) -> None:
        """Take in a look; ``trouble`` is why it is not news."""
        from lateen.cli.status_pages import notes_of

        problem = "; ".join(part for part in (trouble, *notes_of(seen)) if part)
        if problem and problem != self._trouble:
            say(f"note: {problem}")
        self._trouble = problem
        now = seen.to_json()
        if now == self._told:
            return
        first, self._told = not self._told, now
        if self._output != "text":
            print_change(now, self._output)
            return
        result(self._text(seen) if first else f"\n---\n{self._text(seen)}")


@click.command()
@all_namespaces_option
@namespace_option
@output_option("table", "json", "yaml")
@task_queue_option
def ls(all_namespaces: bool, namespace: str, output: str, task_queue: str) -> None:
    """List applications: a line a component."""
    found = asyncio.run(_list(None if all_namespaces else namespace, task_queue=task_queue))
    if output != "table":
        rows = [row.to_json() for row in found.applications]
        print_structured(rows, output)
    elif found.applications:
        columns = ("NAMESPACE", *_COLUMNS) if all_namespaces else _COLUMNS
        lines = [line for row in found.applications for line in _lines(row)]
        print_table(columns, [line if all_namespaces else line[1:] for line in lines])
    else:
        say("no applications" + ("" if all_namespaces else f" in namespace {namespace!r}"))
    if found.note:
        say(f"note: {found.note}")


async def _status(request: Inspect, *, task_queue: str) -> ApplicationStatus:
    from lateen.client.lateen import connect

    lateen = await connect(task_queue=task_queue)
    return await lateen.status_view(request).refresh()


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

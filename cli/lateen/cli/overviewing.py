"""``lateen watch``: all deliveries, live."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from lateen.cli.options import (
    all_namespaces_option,
    namespace_option,
    output_option,
    task_queue_option,
)
from lateen.cli.output import print_change, print_structured, print_table, result, say
from lateen.cli.overview_text import (
    COLUMNS,
    change_line,
    overview_footer,
    overview_table,
    plain_cells,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from lateen.client.overview import OverviewReader
    from lateen.client.results import DeliveryRow, Overview
    from lateen.model.base import Json

_EPILOG = """\b
On a terminal the view is redrawn in place and follows the window's size.
Elsewhere a line is written for each delivery, and again when it changed;
with -o json a line of JSON, with -o yaml a document. It goes on until Ctrl-C
(exit code 130). With --once everything is printed once (exit code 0).
"""


@click.command(epilog=_EPILOG)
@all_namespaces_option
@namespace_option
@click.option("--once", is_flag=True, help="Print once and end.")
@output_option("table", "json", "yaml")
@task_queue_option
def watch(
    *, all_namespaces: bool, namespace: str, once: bool, output: str, task_queue: str
) -> None:
    """Watch all deliveries: applications, clusters, steps, what waits for an approval.

    Costs Temporal one request a second and one for each delivery that moves; clusters are not asked.
    """
    place = None if all_namespaces else namespace
    if once:
        found = asyncio.run(_once(place, task_queue))
        _print(found, output, where="" if all_namespaces else f" in namespace {namespace!r}")
        return
    from lateen.cli.live import run_until_interrupted

    run_until_interrupted(_watch(place, output, task_queue))


async def _reader(namespace: str | None, task_queue: str) -> OverviewReader:
    from lateen.client.lateen import connect

    lateen = await connect(task_queue=task_queue)
    return lateen.overview(namespace)


async def _once(namespace: str | None, task_queue: str) -> Overview:
    reader = await _reader(namespace, task_queue)
    return await reader.refresh()


async def _watch(namespace: str | None, output: str, task_queue: str) -> None:
    from lateen.cli.live import on_terminal, show, write

    reader = await _reader(namespace, task_queue)
    if output == "table" and on_terminal():
        await show(reader.refresh, _draw)
    else:
        await write(reader.refresh, Changes(output).tell)


def _draw(overview: Overview, trouble: str, console: Console) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    width, height = console.size
    footer = overview_footer(overview, width=width, trouble=trouble)
    if not overview.deliveries:
        return Group(Text("no deliveries"), *footer)
    room = height - (1 if trouble else 0)
    return Group(overview_table(overview, width=width, height=room), *footer)


def _print(found: Overview, output: str, *, where: str) -> None:
    if output != "table":
        rows = [row.to_json() for row in found.deliveries]
        print_structured(rows, output)
    elif found.deliveries:
        print_table(COLUMNS, [plain_cells(row) for row in found.deliveries])
    else:
        say(f"no deliveries{where}")
    if found.note:
        say(f"note: {found.note}")


class Changes:
    """Writes each delivery when it is first seen and when it changed."""

    def __init__(self, output: str) -> None:
        self._output = output
        self._told: dict[str, Json] = {}
        self._note = ""

    def tell(self, overview: Overview, trouble: str) -> None:
        """Take in a look; ``trouble`` is why it is not news."""
        note = trouble or overview.note
        if note and note != self._note:
            say(f"note: {note}")
        self._note = note
        for row in overview.deliveries:
            now = row.to_json()
            if self._told.get(row.application) != now:
                self._told[row.application] = now
                self._write(row, now)
        there = {row.application for row in overview.deliveries}
        for gone in [name for name in self._told if name not in there]:
            del self._told[gone]

    def _write(self, row: DeliveryRow, now: Json) -> None:
        if self._output == "table":
            result(change_line(row))
        else:
            print_change(now, self._output)

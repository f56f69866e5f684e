"""The report: sections of figures, as tables to read and as JSON to keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH = 110

Cell = str | float | int | None


@dataclass(frozen=True)
class Column:
    """A column and how its numbers are written, such as ``{:.0f} ms``."""

    name: str
    written: str = "{}"

    def write(self, value: Cell) -> str:
        """Write a value; what was not measured is left empty."""
        if value is None:
            return ""
        return value if isinstance(value, str) else self.written.format(value)


@dataclass(frozen=True)
class Section:
    """A table with its title, and what one must know to read it."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Return the figures as measured, unrounded, by the columns' names."""
        names = [column.name for column in self.columns]
        rows = [dict(zip(names, row, strict=True)) for row in self.rows]
        return {"title": self.title, "rows": rows, "notes": list(self.notes)}


MILLISECONDS = "{:.0f} ms"
TIMES = "{:.2f} x"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios of what was measured in turns."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def show(sections: Sequence[Section]) -> None:
    """Print the report: coloured on a terminal, plain elsewhere."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PLAIN_WIDTH, no_color=True)
    for section in sections:
        console.print()
        console.print(Text(section.title, style="bold"))
        console.print(_table(section))
        for note in section.notes:
            console.print(Text(f"  {note}", style="dim"))


def _table(section: Section) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for index, column in enumerate(section.columns):
        table.add_column(column.name, justify="left" if index == 0 else "right")
    for row in section.rows:
        cells = [column.write(cell) for column, cell in zip(section.columns, row, strict=True)]
        table.add_row(*(Text(cell) for cell in cells))
    return table

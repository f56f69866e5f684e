"""How ``lateen watch`` draws all deliveries: as wide as there is room, or as plain lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from lateen.cli.output import clean
from lateen.cli.times import age

if TYPE_CHECKING:
    from datetime import datetime

    from rich.table import Table
    from rich.text import Text

    from lateen.client.results import DeliveryRow, Overview

_MARKS = {
    "delivered": ("✓", "green"),
    "unchanged": ("✓", "green"),
    "deleted": ("✓", "green"),
    "delivering": ("▶", "cyan"),
    "deleting": ("▶", "cyan"),
    "pruning": ("▶", "cyan"),
    "waiting": ("‖", "yellow"),
    "pending": ("·", "dim"),
    "failed": ("✗", "red"),
    "rejected": ("✗", "red"),
    "cancelled": ("⊘", "dim"),
    "terminated": ("⊘", "red"),
    "timed-out": ("⊘", "red"),
    "superseded": ("⊘", "dim"),
    "kept": ("–", "dim"),
}
_LOUD = ("waiting", "failed", "rejected", "terminated", "timed-out", "delivering", "deleting")
_MOST_COLUMNS = 12
_GAP = 2
_FIXED = 62
"""Columns that everything but the clusters takes at least."""

COLUMNS = (
    "APPLICATION",
    "PHASE",
    "STEP",
    "PLACEMENTS",
    "CLUSTERS",
    "WAITING",
    "REVISION",
    "AGE",
)


def overview_table(
    overview: Overview, *, width: int, height: int, now: datetime | None = None
) -> Table:
    """Draw a row a delivery: a column a cluster if they fit, else a mark a cluster in one column.

    When not all rows fit, those that work, wait or failed come first, and the rest is counted.
    """
    from rich.table import Table

    clusters = sorted({name for row in overview.deliveries for name in row.clusters})
    heads = _heads(clusters, width)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), expand=True)
    table.add_column("APPLICATION", no_wrap=True, overflow="ellipsis", ratio=3)
    table.add_column("PHASE", no_wrap=True)
    table.add_column("STEP", no_wrap=True, overflow="ellipsis", ratio=2)
    for head in heads or ([] if len(clusters) > _MOST_COLUMNS else ["CLUSTERS"]):
        table.add_column(clean(head), no_wrap=True)
    if len(clusters) > _MOST_COLUMNS:
        table.add_column("CLUSTERS", no_wrap=True)
    table.add_column("REVISION", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("AGE", no_wrap=True)
    legend = _legend(clusters) if clusters and not heads and len(clusters) <= _MOST_COLUMNS else ""
    room = max(1, height - 1 - len(_footer(overview, legend)))
    shown, hidden = _chosen(overview.deliveries, room)
    for row in shown:
        table.add_row(*_cells(row, clusters, one_each=bool(heads), now=now))
    if hidden:
        table.add_row(_text(_counted(hidden), "dim"))
    return table


def overview_footer(overview: Overview, *, width: int, trouble: str = "") -> list[Text]:
    """Return the lines below the table: legend, what waits, what could not be found out."""
    clusters = sorted({name for row in overview.deliveries for name in row.clusters})
    narrow = not _heads(clusters, width) and 0 < len(clusters) <= _MOST_COLUMNS
    lines = _footer(overview, _legend(clusters) if narrow else "")
    lines += [("red", f"note: {trouble}")] if trouble else []
    return [_text(line, style) for style, line in lines]


def _footer(overview: Overview, legend: str) -> list[tuple[str, str]]:
    lines = [("dim", legend)] if legend else []
    waiting = sum(len(row.waiting) for row in overview.deliveries)
    if waiting:
        noun = "approval" if waiting == 1 else "approvals"
        lines.append(("yellow", f"{waiting} {noun} waiting: lateen approvals -A"))
    if overview.note:
        lines.append(("red", f"note: {overview.note}"))
    return lines


def plain_cells(row: DeliveryRow, now: datetime | None = None) -> tuple[str, ...]:
    """Return a row for a table that is not cut: clusters by name with their phases."""
    return (
        row.application,
        row.phase,
        row.step,
        f"{row.done}/{row.total}" if row.total else "",
        ",".join(f"{name}={phase}" for name, phase in row.clusters.items()),
        ",".join(waiting.step for waiting in row.waiting),
        row.revision,
        age(row.since, now),
    )


def change_line(row: DeliveryRow) -> str:
    """Say in a line how a delivery is, for logs and pipes."""
    words = [f"{row.application}: {row.phase or 'unknown'}"]
    if row.revision:
        words.append(row.revision)
    if row.waiting:
        words.append(f"(approval of {', '.join(waiting.step for waiting in row.waiting)})")
    elif row.step:
        words.append(f"(step {row.step})")
    if row.total:
        words.append(f"{row.done}/{row.total}")
    words += [f"{name}={phase}" for name, phase in row.clusters.items() if phase != "delivered"]
    if row.message:
        words.append(f"- {' '.join(row.message.split())}")
    return " ".join(words)


def _heads(clusters: Sequence[str], width: int) -> list[str]:
    """Return a heading a cluster, short where they begin alike; nothing when they don't fit."""
    if not clusters or len(clusters) > _MOST_COLUMNS:
        return []
    for heads in (list(clusters), _shortened(clusters)):
        if _FIXED + sum(len(head) + _GAP for head in heads) <= width:
            return heads
    return []


def _shortened(clusters: Sequence[str]) -> list[str]:
    """Leave out what all names but ``local`` begin with, up to a separator."""
    others = [name for name in clusters if name != "local"]
    if len(others) < 2:
        return list(clusters)
    together = zip(*(name.split("-") for name in others), strict=False)
    alike = list(takewhile(lambda words: len(set(words)) == 1, together))
    return [
        name if name == "local" else "-".join(name.split("-")[len(alike) :]) or name
        for name in clusters
    ]


def _legend(clusters: Sequence[str]) -> str:
    return "clusters: " + " ".join(clusters)


def _chosen(
    rows: Sequence[DeliveryRow], room: int
) -> tuple[Sequence[DeliveryRow], Sequence[DeliveryRow]]:
    if len(rows) <= room:
        return rows, ()
    ordered = sorted(rows, key=lambda row: (_rank(row), row.namespace, row.name))
    return ordered[: room - 1], ordered[room - 1 :]


def _rank(row: DeliveryRow) -> int:
    return _LOUD.index(row.phase) if row.phase in _LOUD else len(_LOUD)


def _counted(rows: Sequence[DeliveryRow]) -> str:
    phases: dict[str, int] = {}
    for row in rows:
        phases[row.phase or "unknown"] = phases.get(row.phase or "unknown", 0) + 1
    told = ", ".join(f"{count} {phase}" for phase, count in sorted(phases.items()))
    return f"… {len(rows)} more ({told})"


def _cells(
    row: DeliveryRow, clusters: Sequence[str], *, one_each: bool, now: datetime | None
) -> list[Text]:
    mark, style = _MARKS.get(row.phase, (" ", ""))
    step = row.step
    if row.total:
        step = f"{step} {row.done}/{row.total}".strip()
    cells = [
        _text(row.application, "bold" if row.open else ""),
        _text(f"{mark} {row.phase}", style),
        _text(_with_message(step, row), ""),
    ]
    if one_each:
        cells += [_mark(row.clusters.get(name, "")) for name in clusters]
    elif clusters and len(clusters) <= _MOST_COLUMNS:
        cells.append(_marks(row, clusters))
    elif clusters:
        cells.append(_sums(row))
    else:
        cells.append(_text("", ""))
    return [*cells, _text(row.revision, ""), _text(age(row.since, now), "dim")]


def _with_message(step: str, row: DeliveryRow) -> str:
    message = " ".join(row.message.split())
    return f"{step} {message}".strip() if message and row.phase != "delivered" else step


def _mark(phase: str) -> Text:
    mark, style = _MARKS.get(phase.partition(" ")[0].rstrip(":"), ("?" if phase else "", ""))
    return _text(mark, style)


def _marks(row: DeliveryRow, clusters: Sequence[str]) -> Text:
    """Return a mark a cluster, in the order of the legend."""
    line = _text("", "")
    for name in clusters:
        line.append_text(_mark(row.clusters[name]) if name in row.clusters else _text(" ", ""))
    return line


def _sums(row: DeliveryRow) -> Text:
    """Return how many clusters are in which phase."""
    counts: dict[str, int] = {}
    for phase in row.clusters.values():
        counts[phase] = counts.get(phase, 0) + 1
    line = _text("", "")
    for phase, count in counts.items():
        line.append_text(_text(f"{count}", ""))
        line.append_text(_mark(phase))
        line.append(" ")
    return line


def _text(text: str, style: str) -> Text:
    from rich.text import Text

    return Text(clean(text), style=style)

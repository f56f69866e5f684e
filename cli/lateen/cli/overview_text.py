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
_FIXED = 58
"""Columns that everything but the clusters takes at least."""

_REVISION = 14
"""Columns that must be left before revisions are shown."""

_NARROW = 60
"""Below this width phases are marks only, and steps are left out."""

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

    clusters = cluster_names(overview)
    heads = _heads(clusters, width)
    left = width - _FIXED - _width(heads)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), expand=True)
    table.add_column("APPLICATION", no_wrap=True, overflow="ellipsis", ratio=3)
    if width < _NARROW:
        table.add_column("", no_wrap=True)
    else:
        table.add_column("PHASE", no_wrap=True)
        table.add_column("STEP", no_wrap=True, overflow="ellipsis", ratio=2)
    for head in heads or ["CLUSTERS"]:
        table.add_column(clean(head), no_wrap=True)
    if left >= _REVISION:
        table.add_column("REVISION", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("AGE", no_wrap=True)
    room = max(1, height - 1 - len(overview_footer(overview, width=width)))
    shown, hidden = _chosen(overview.deliveries, room)
    for row in shown:
        mark, style = _MARKS.get(row.phase, (" ", ""))
        cells = [_text(row.application, "bold" if row.open else "")]
        if width < _NARROW:
            cells.append(_text(mark, style))
        else:
            cells += [_text(f"{mark} {row.phase}", style), _text(_step(row), "")]
        cells += _of_clusters(row, clusters, one_each=bool(heads))
        if left >= _REVISION:
            cells.append(_text(row.revision, ""))
        table.add_row(*cells, _text(age(row.since, now), "dim"))
    if hidden:
        table.add_row(_text(_counted(hidden), "dim"))
    return table


def cluster_names(overview: Overview) -> list[str]:
    """Return the clusters of all deliveries, in the order of the marks."""
    return sorted({name for row in overview.deliveries for name in row.clusters})


def overview_footer(overview: Overview, *, width: int, trouble: str = "") -> list[Text]:
    """Return the lines below the table: legend, what waits, what could not be found out."""
    clusters = cluster_names(overview)
    lines: list[tuple[str, str]] = []
    if not _heads(clusters, width) and 0 < len(clusters) <= _MOST_COLUMNS:
        lines.append(("dim", f"clusters: {' '.join(clusters)}"))
    waiting = sum(len(row.waiting) for row in overview.deliveries)
    if waiting:
        noun = "approval" if waiting == 1 else "approvals"
        lines.append(("yellow", f"{waiting} {noun} waiting: lateen approvals -A"))
    lines += [("red", f"note: {why}") for why in (overview.note, trouble) if why]
    return [_text(line, style) for style, line in lines]


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
        if _FIXED + _width(heads) <= width:
            return heads
    return []


def _width(heads: Sequence[str]) -> int:
    return sum(len(head) + _GAP for head in heads)


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


def _of_clusters(row: DeliveryRow, clusters: Sequence[str], *, one_each: bool) -> list[Text]:
    if one_each:
        return [_mark(row.clusters.get(name, "")) for name in clusters]
    return [_marks(row, clusters) if len(clusters) <= _MOST_COLUMNS else _sums(row)]


def _step(row: DeliveryRow) -> str:
    """Return how many placements are delivered, of which step, and what is to be said."""
    message = " ".join(row.message.split()) if row.phase != "delivered" else ""
    count = f"{row.done}/{row.total}" if row.total else ""
    return " ".join(part for part in (count, row.step, message) if part)


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

    return Text(clean(text), style=style, no_wrap=True, overflow="ellipsis")

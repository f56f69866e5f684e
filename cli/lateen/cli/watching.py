"""Showing deliveries while they run: a live table on a terminal, one line a change everywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from lateen.cli.output import clean, say
from lateen.cli.verdicts import reason, retrying

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from lateen.client.results import Progress

_MARKS = {
    "pending": ("·", "dim"),
    "waiting": ("⏸", "yellow"),
    "suspended": ("⏸", "yellow"),
    "delivered": ("✓", "green"),
    "succeeded": ("✓", "green"),
    "failed": ("✗", "red"),
    "rejected": ("✗", "red"),
    "cancelled": ("⊘", "dim"),
    "skipped": ("–", "dim"),
    "plan-changed": ("↻", "yellow"),
}
_BUSY = frozenset({"delivering", "deleting", "pruning"})
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_MOST_ROWS = 30


class Watch(Protocol):
    """Shows progress while its block runs."""

    def __enter__(self) -> Watch: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...

    def show(self, progress: Progress) -> None:
        """Take in how far a run is."""
        ...


def watch() -> Watch:
    """Return the display that fits where progress goes, standard error."""
    if not sys.stderr.isatty():
        return PlainWatch()
    from rich.console import Console

    return LiveWatch(Console(stderr=True, highlight=False))


class Row(tuple[str, str, str, str]):
    """Step, place, state and message of one line; ``key`` tells whether two are about the same."""

    __slots__ = ()

    @property
    def key(self) -> tuple[str, str]:
        """What the row is about."""
        return self[0], self[1]


def rows_of(progress: Progress) -> Iterator[Row]:
    """Yield the lines about a run: its steps, their placements, the clusters that are cleared."""
    if progress.phase == "unchanged":
        return
    retries = {retry.subject: retry for retry in progress.retries}
    if progress.suspended:
        yield Row(("", "", "suspended", str(progress.suspended)))

    def said(subject: str, message: str) -> str:
        retry = retries.pop(subject, None)
        if retry is not None:
            return retrying(retry)
        return reason(message, at=subject) or progress.activity.get(subject, "")

    for step in progress.steps:
        if not step.placements or step.phase in {"waiting", "rejected", "skipped"} or step.decision:
            yield Row((step.name, "", step.phase, step.message))
        for placement in step.placements:
            place = f"{placement.cluster}/{placement.namespace}"
            yield Row((step.name, place, placement.phase, said(place, placement.message)))
    for cluster, state in progress.clusters.items():
        word, _, rest = state.partition(" ")
        yield Row(("", cluster, word.rstrip(":"), said(cluster, rest)))
    for retry in list(retries.values()):
        yield Row(("", retry.subject.replace("_", " "), "delivering", retrying(retry)))


class PlainWatch:
    """Writes a line when something changed: for logs and pipes."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, ...], tuple[str, str]] = {}

    def __enter__(self) -> PlainWatch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Leave everything as it is: what was written is the record."""

    def show(self, progress: Progress) -> None:
        """Write what changed since the last look."""
        for row in rows_of(progress):
            step, place, state, message = row
            known = (state, _settled(message, state))
            if state == "pending" or self._seen.get((progress.application, *row.key)) == known:
                continue
            self._seen[progress.application, *row.key] = known
            words = ": ".join(part for part in (progress.application, step, place) if part)
            shown = state if state != "waiting" else "waiting for approval"
            say(f"{words} {shown}{f' ({message})' if message else ''}")
        self._say_once(progress, "note", progress.note)
        for warning in progress.warnings:
            self._say_once(progress, f"warning {warning}", f"warning: {warning}")

    def _say_once(self, progress: Progress, key: str, text: str) -> None:
        if text and self._seen.get((progress.application, key)) != ("", text):
            self._seen[progress.application, key] = ("", text)
            say(f"{progress.application}: {text}")


def _settled(message: str, state: str) -> str:
    """Leave out what changes every second: a line a retry is news, a line a heartbeat is noise."""
    return message if state not in _BUSY or message.startswith("attempt") else ""


class LiveWatch:
    """Redraws a table in place, and leaves its last state on the screen."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live

        self._runs: dict[str, Progress] = {}
        self._console = console
        self._live = Live(
            console=console,
            get_renderable=self.table,
            refresh_per_second=8,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> LiveWatch:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Draw the last state and give the terminal back."""
        self._live.stop()

    def show(self, progress: Progress) -> None:
        """Remember the state for the next drawing."""
        self._runs[progress.application] = progress

    def table(self) -> Table:
        """Return what is drawn: a heading an application, below it a row a step, placement or cluster."""
        from rich.table import Table
        from rich.text import Text

        table = Table(
            box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), expand=True
        )
        for _ in range(2):
            table.add_column(no_wrap=True, overflow="ellipsis")
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        left = max(5, min(_MOST_ROWS, self._console.height - 3))
        for progress in self._runs.values():
            head = Text(clean(progress.application), style="bold")
            phase = progress.phase if progress.phase == "unchanged" else ""
            about = " ".join(part for part in (progress.revision, phase, progress.note) if part)
            table.add_row(head, Text(clean(about), style="dim"), "", "")
            rows = _shortened(list(rows_of(progress)), left)
            left = max(1, left - len(rows) - 1)
            before = ""
            for step, place, state, message in rows:
                shown = "" if step == before else step
                before = step
                table.add_row(
                    Text(f"  {clean(shown)}"),
                    Text(clean(place)),
                    _state(state),
                    Text(clean(message), style="dim"),
                )
        return table


def _shortened(rows: list[Row], most: int) -> list[Row]:
    """Keep what moves or went wrong when not everything fits."""
    if len(rows) <= most:
        return rows
    quiet = {"pending", "delivered", "succeeded"}
    loud = [row for row in rows if row[2] not in quiet][: most - 1]
    return [*loud, Row(("", f"… {len(rows) - len(loud)} more", "", ""))]


def _state(state: str) -> Text:
    from rich.text import Text

    if state in _BUSY:
        frame = _FRAMES[int(time.monotonic() * 10) % len(_FRAMES)]
        return Text(f"{frame} {state}", style="cyan")
    mark, style = _MARKS.get(state, (" ", ""))
    return Text(clean(f"{mark} {state}" if state else ""), style=style)

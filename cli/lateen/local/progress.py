"""Saying what a person waits for: how far it is and how long it took.

On a terminal a spinner with a clock; elsewhere (CI, pipes) one plain line at the start, one every
twenty seconds and one at the end. All of it goes to stderr, so stdout stays for results.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress as RichProgress
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_PLAIN_INTERVAL = 20.0
_WORTH_A_LINE = 0.5


@dataclass
class Step:
    """One thing that takes a while; whoever does it may say how far it is."""

    what: str
    detail: str = ""
    started: float = field(default_factory=time.monotonic)

    def say(self, detail: str) -> None:
        """Tell how far it is, such as ``812 of 1900 packages``."""
        self.detail = detail

    @property
    def elapsed(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self.started

    def __str__(self) -> str:
        shown = f" ({self.detail})" if self.detail else ""
        return f"{self.what}{shown} {clock(self.elapsed)}"


class Progress:
    """Where the stack reports its steps; this one says nothing (the Python API's default)."""

    @contextmanager
    def step(self, what: str) -> Generator[Step]:
        """Report a step while the block runs."""
        yield Step(what)

    def note(self, what: str) -> None:
        """Report something that the user will want to know and did not ask for."""


class Spoken(Progress):
    """Speaks to a person: a spinner on a terminal, plain lines elsewhere."""

    def __init__(
        self, console: Console | None = None, *, interval: float = _PLAIN_INTERVAL
    ) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._interval = interval

    @contextmanager
    def step(self, what: str) -> Generator[Step]:
        """Report the step; a line with its duration stays when it is done."""
        step = Step(what)
        with self._spinner(step) if self._console.is_terminal else self._lines(step):
            yield step
        if step.elapsed >= _WORTH_A_LINE:
            self._console.print(f"{what}: done in {step.elapsed:.1f} s", markup=False)

    def note(self, what: str) -> None:
        """Print a line that stays."""
        self._console.print(what, markup=False)

    @contextmanager
    def _spinner(self, step: Step) -> Generator[None]:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with RichProgress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(step.what, total=None)

            def refresh() -> None:
                shown = f" ({step.detail})" if step.detail else ""
                bar.update(task, description=f"{step.what}{shown}")

            with _every(0.25, refresh):
                yield

    @contextmanager
    def _lines(self, step: Step) -> Generator[None]:
        with _every(self._interval, lambda: self._console.print(str(step), markup=False)):
            yield


@contextmanager
def _every(interval: float, action: Callable[[], object]) -> Generator[None]:
    """Call ``action`` every ``interval`` seconds in a thread while the block runs."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.wait(interval):
            action()

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def clock(seconds: float) -> str:
    """Show a duration as ``m:ss``."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"

"""Processes that tests and the bench start, and never leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lateen.local.stack import Stack


class WorkerProcess:
    """A ``lateen worker`` of our own, that can be killed."""

    def __init__(self, stack: Stack, log: Path, *options: str) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lateen.cli", "worker", *options],
                env={**os.environ, **stack.environment()},
                stdout=output,
                stderr=output,
            )

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait(timeout=10)

    def stop(self) -> None:
        """End it in good order."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()


@contextmanager
def torn_down(stack: Stack) -> Generator[Stack]:
    """Remove a stack at the end of the block, also when the run is terminated.

    Its processes live in sessions of their own: a terminated run would leave them behind.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield stack
    finally:
        stack.down(delete=True)
        signal.signal(signal.SIGTERM, before)

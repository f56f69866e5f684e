"""A terminal with a ``lateen`` in it, driven as a person drives it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self


class Terminal:
    """A pseudo-terminal of a size; the process in it gets no other input or output.

    A ``controlling`` one sends signals for keys, as the window of a person does: Ctrl-C interrupts.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        columns: int = 80,
        lines: int = 24,
        controlling: bool = False,
    ) -> None:
        self._outside, self._inside = pty.openpty()
        self._seen = b""
        self.resize(columns, lines, tell=False)
        self.before = self.modes()
        self.process = subprocess.Popen(
            list(command),
            env={**_unsized(env), "TERM": "xterm"},
            stdin=self._inside,
            stdout=self._inside,
            stderr=self._inside,
            start_new_session=True,
            preexec_fn=_take_control if controlling else None,  # noqa: PLW1509 - no threads yet
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=10)
        os.close(self._outside)
        os.close(self._inside)

    def modes(self) -> list[Any]:
        """Return how the terminal treats keys and output."""
        return termios.tcgetattr(self._inside)

    def type(self, text: bytes) -> None:
        """Press keys."""
        os.write(self._outside, text)

    def resize(self, columns: int, lines: int, *, tell: bool = True) -> None:
        """Change the size, as a window does."""
        fcntl.ioctl(self._inside, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        if tell:
            self.process.send_signal(signal.SIGWINCH)

    def until(self, text: bytes, *, within: float = 60) -> bytes:
        """Return what is shown up to a text, which later calls don't see again."""
        deadline = time.monotonic() + within
        while text not in self._seen:
            assert time.monotonic() < deadline, self._seen
            if select.select([self._outside], [], [], 0.2)[0]:
                self._seen += os.read(self._outside, 65536)
        shown, _, self._seen = self._seen.partition(text)
        return shown + text

    def wait(self) -> int:
        """Return the exit code."""
        return self.process.wait(timeout=60)


def _unsized(env: Mapping[str, str]) -> dict[str, str]:
    """Leave out what would say another size than the terminal has."""
    return {key: value for key, value in env.items() if key not in {"COLUMNS", "LINES"}}


def _take_control() -> None:
    """Make the terminal the one of this session, and hear its Ctrl-C also where tests run in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)

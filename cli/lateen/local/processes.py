"""Starting, finding and ending processes that outlive the command that started them.

A process is remembered by its id *and* its start time: ids are given out again after a reboot, and
a stranger must never be taken for ours, let alone be killed.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import time
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any

import psutil

from lateen.local.errors import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_SAME_START = 1.0
_LOOPBACK = "127.0.0.1"

_children: list[subprocess.Popen[bytes]] = []
"""Kept until the end, so that Python reaps those that end before us."""


@atexit.register
def _let_go() -> None:
    """Reap the children that ended; the others outlive us on purpose, which Python would warn about."""
    for child in _children:
        if child.poll() is None:
            child.returncode = 0


def run(
    command: Sequence[str | Path],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run a command to its end and return what it wrote to stdout.

    Raises CommandFailed with the end of its output when it fails or takes longer than ``timeout``
    seconds.
    """
    words = [str(word) for word in command]
    shown = " ".join([Path(words[0]).name, *words[1:5]])
    try:
        done = subprocess.run(
            words,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            timeout=timeout,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(f"`{shown}` did not end within {timeout:.0f} s") from error
    except OSError as error:
        raise CommandFailed(f"`{shown}` can't be run: {error}") from error
    if done.returncode:
        output = last_lines(done.stderr or done.stdout)
        raise CommandFailed(f"`{shown}` failed with exit code {done.returncode}", output=output)
    return done.stdout


class PidFile:
    """The file that remembers one background process."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def process(self) -> psutil.Process | None:
        """Return the process if it still is the one that was remembered and runs."""
        try:
            record: Any = json.loads(self.path.read_text())
            process = psutil.Process(int(record["pid"]))
            same = abs(process.create_time() - float(record["started"])) < _SAME_START
        except (OSError, ValueError, KeyError, TypeError, psutil.Error):
            return None
        return process if same and alive(process) else None

    def remember(self, pid: int) -> None:
        """Write down a process that was just started."""
        started = psutil.Process(pid).create_time()
        scratch = self.path.with_suffix(".tmp")
        scratch.write_text(json.dumps({"pid": pid, "started": started}))
        scratch.replace(self.path)

    def stop(self, *, patience: float = 15) -> bool:
        """End the process, by force after ``patience`` seconds; say whether one ran."""
        process = self.process()
        if process is not None:
            end(process, patience=patience)
        self.path.unlink(missing_ok=True)
        return process is not None


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    pid_file: PidFile,
    env: Mapping[str, str] | None = None,
) -> None:
    """Start a process in a session of its own, its output appended to ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            [str(word) for word in command],
            env={**os.environ, **(env or {})},
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children.append(child)
    pid_file.remember(child.pid)


def alive(process: psutil.Process) -> bool:
    """Say whether a process runs; one that nobody reaped doesn't.

    Of a process that was killed the first thread ends before the others, which hold ports and locks
    a little longer.
    """
    try:
        if not process.is_running():
            return False
        return process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1
    except psutil.NoSuchProcess:
        return False


def end(process: psutil.Process, *, patience: float) -> None:
    """Terminate a process, kill it after ``patience`` seconds, and wait until it is gone."""
    try:
        process.terminate()
        if not wait_until(lambda: not alive(process), timeout=patience):
            process.kill()
            wait_until(lambda: not alive(process), timeout=5)
    except psutil.NoSuchProcess:
        return


def wait_until(condition: Callable[[], bool], *, timeout: float, interval: float = 0.05) -> bool:
    """Wait until a condition holds; False if it didn't within ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True


def tail(path: Path, lines: int = 15) -> str:
    """Return the last lines of a log file, or say that there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 64_000))
            return last_lines(file.read().decode(errors="replace"), lines)
    except OSError:
        return f"(no log at {path})"


def last_lines(text: str, lines: int = 15) -> str:
    """Return the last lines of a text."""
    return "\n".join(text.rstrip().splitlines()[-lines:])


def is_free(port: int) -> bool:
    """Say whether a TCP port can be bound on loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Say whether something listens on a TCP port of loopback."""
    try:
        with socket.create_connection((_LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


def free_ports(count: int) -> list[int]:
    """Choose free ports below the range from which systems serve outgoing connections.

    They are chosen at random: a stack that is stopped keeps its ports on paper only, and another
    one that counts from a fixed start would take exactly those.
    """
    chosen: list[int] = []
    random = SystemRandom()
    while len(chosen) < count:
        port = random.randrange(12_000, 32_000)
        if port not in chosen and is_free(port):
            chosen.append(port)
    return chosen

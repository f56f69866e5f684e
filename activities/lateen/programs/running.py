"""Running a program on what others wrote, without harm.

It is a process of its own with an empty environment, in an empty directory, for a limited time and with limited
memory and output.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lateen.model.errors import LateenError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_CHUNK = 1 << 16


class ProgramStopped(LateenError):
    """A program took too long, or printed too much."""


@dataclass(frozen=True)
class Limits:
    """What a program may use: seconds of time and of processor time, bytes of memory and of output."""

    seconds: float = 60.0
    cpu_seconds: int = 20
    memory: int = 1 << 30
    output: int = 8 << 20


@dataclass(frozen=True)
class Printed:
    """What a program said. ``code`` is its exit code."""

    code: int
    output: str
    errors: str


def run_program(
    program: Path,
    arguments: Sequence[str],
    *,
    text: str = "",
    files: Mapping[str, bytes] | None = None,
    environment: Callable[[str], Mapping[str, str]] | None = None,
    limits: Limits | None = None,
) -> Printed:
    """Run a program written in Go. Blocks; raises ``ProgramStopped``.

    ``text`` is its standard input, ``files`` are put into its directory, which is gone afterwards.
    ``environment`` gets that directory and returns what the program sees besides ``HOME`` and ``PATH``.
    """
    limits = limits or Limits()
    with (
        tempfile.TemporaryDirectory(prefix=f"lateen-{program.name}-") as folder,
        _as_file(text) as stdin,
    ):
        for name, content in (files or {}).items():
            (Path(folder) / name).write_bytes(content)
        surroundings = {
            "HOME": folder,
            "GOMAXPROCS": "2",
            "GOMEMLIMIT": str(limits.memory * 3 // 4),
            "PATH": os.defpath,
            **(environment(folder) if environment else {}),
        }
        with subprocess.Popen(
            [str(program), *arguments],
            cwd=folder,
            env=surroundings,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                _bound(process.pid, limits)
                output, errors = _read(process, program.name, limits)
            finally:
                process.kill()
        return Printed(process.returncode, output, errors)


def _as_file(text: str) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - who asked for it closes it
    file.write(text.encode())
    file.seek(0)
    return file


def _bound(pid: int, limits: Limits) -> None:
    """Bound memory and processor time from outside, where the system can."""
    if sys.platform != "linux":
        return
    import resource  # noqa: PLC0415 - Unix only

    wanted = (
        (resource.RLIMIT_DATA, limits.memory),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
    )
    for limit, value in wanted:
        try:
            resource.prlimit(pid, limit, (value, value))
        except (ProcessLookupError, PermissionError):
            return  # It has ended already, or somebody else has set limits.


def _read(process: subprocess.Popen[bytes], name: str, limits: Limits) -> tuple[str, str]:
    """Read both streams to their ends."""
    late = ProgramStopped(f"{name} did not finish within {limits.seconds:g} s")
    deadline = time.monotonic() + limits.seconds
    streams = [stream for stream in (process.stdout, process.stderr) if stream is not None]
    read: dict[int, bytearray] = {stream.fileno(): bytearray() for stream in streams}
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            ready = selector.select(max(left, 0))
            if not ready:
                raise late
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                read[key.fd] += chunk
            if sum(map(len, read.values())) > limits.output:
                raise ProgramStopped(f"{name} printed more than {limits.output:,} bytes")
    try:
        process.wait(timeout=max(deadline - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        raise late from None
    output, errors = (read[stream.fileno()].decode(errors="replace") for stream in streams)
    return output, errors

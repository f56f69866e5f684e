"""The cue program: where it is found, and how it is run without harm.

It runs definitions that others wrote, on values that users wrote: as a process of its own with an empty
environment, in an empty directory, without a module registry to fetch from, for a limited time and with
limited memory and output.
"""

from __future__ import annotations

import os
import platform
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import platformdirs

from lateen.model.errors import LateenError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VARIABLE = "LATEEN_TOOL_CUE"
"""Names the program; the local stack sets it for its worker."""

SECONDS = 60.0
"""How long an evaluation may take, on a machine that may be busy."""
CPU_SECONDS = 20
MEMORY = 1 << 30
OUTPUT = 8 << 20
_CHUNK = 1 << 16


class CueMissing(LateenError):
    """There is no cue program here."""

    def __init__(self) -> None:
        super().__init__(
            "definitions in CUE need the program cue, which is not here; run `lateen local tools`, put cue on "
            f"the PATH of every worker (https://cuelang.org/docs/install), or name it with {VARIABLE}"
        )


class CueStopped(LateenError):
    """An evaluation took too long, or printed too much."""


@dataclass(frozen=True)
class Printed:
    """What the program said. ``code`` is its exit code."""

    code: int
    output: str
    errors: str


def find_cue(environ: Mapping[str, str] | None = None) -> Path | None:
    """Find the program: named by the environment, on PATH, or built for the local stack."""
    environ = os.environ if environ is None else environ
    named = environ.get(VARIABLE)
    if named:
        path = Path(named).expanduser()
        return path if os.access(path, os.X_OK) else None
    installed = shutil.which("cue", path=environ.get("PATH", os.defpath))
    if installed:
        return Path(installed)
    cache = environ.get("LATEEN_CACHE_DIR")
    root = Path(cache).expanduser() if cache else platformdirs.user_cache_path("lateen")
    machine = f"{platform.system()}-{platform.machine()}".lower()
    built = sorted((root / "tools").glob(f"cue-*-{machine}/cue"))
    return built[-1] if built and os.access(built[-1], os.X_OK) else None


def run_cue(
    program: Path, arguments: Sequence[str], text: str, *, seconds: float = SECONDS
) -> Printed:
    """Run the program on a text, given as its standard input. Blocks; raises ``CueStopped``."""
    with tempfile.TemporaryDirectory(prefix="lateen-cue-") as folder, _as_file(text) as stdin:
        environment = {
            "HOME": folder,
            "CUE_CACHE_DIR": folder,
            "CUE_REGISTRY": "none",
            "GOMAXPROCS": "2",
            "GOMEMLIMIT": str(MEMORY * 3 // 4),
            "PATH": os.defpath,
        }
        with subprocess.Popen(
            [str(program), *arguments],
            cwd=folder,
            env=environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                _limit(process.pid)
                output, errors = _read(process, seconds)
            finally:
                process.kill()
        return Printed(process.returncode, output, errors)


def _as_file(text: str) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - who asked for it closes it
    file.write(text.encode())
    file.seek(0)
    return file


def _limit(pid: int) -> None:
    """Bound memory and processor time from outside, where the system can."""
    if sys.platform != "linux":
        return
    import resource  # noqa: PLC0415 - Unix only

    for limit, value in ((resource.RLIMIT_DATA, MEMORY), (resource.RLIMIT_CPU, CPU_SECONDS)):
        try:
            resource.prlimit(pid, limit, (value, value))
        except (ProcessLookupError, PermissionError):
            return  # It has ended already, or somebody else has set limits.


def _read(process: subprocess.Popen[bytes], seconds: float) -> tuple[str, str]:
    """Read both streams to their ends."""
    deadline = time.monotonic() + seconds
    streams = [stream for stream in (process.stdout, process.stderr) if stream is not None]
    read: dict[int, bytearray] = {stream.fileno(): bytearray() for stream in streams}
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            ready = selector.select(max(left, 0))
            if not ready:
                raise CueStopped(f"cue did not finish within {seconds:g} s")
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                read[key.fd] += chunk
            if sum(map(len, read.values())) > OUTPUT:
                raise CueStopped(f"cue printed more than {OUTPUT:,} bytes")
    try:
        process.wait(timeout=max(deadline - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        raise CueStopped(f"cue did not finish within {seconds:g} s") from None
    output, errors = (read[stream.fileno()].decode(errors="replace") for stream in streams)
    return output, errors

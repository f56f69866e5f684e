"""How long the command line takes to start and answer, apart from what it then waits for."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from statistics import median

from bench.report import MILLISECONDS, TIMES, Cell, Column, Section, ratio
from bench.stand import Stand

_LATEEN = (sys.executable, "-m", "lateen.cli")
_COMMANDS: Sequence[tuple[str, Sequence[str], int]] = (
    ("python -c pass", (sys.executable, "-c", "pass"), 0),
    ("lateen --help", (*_LATEEN, "--help"), 0),
    ("an error: lateen nothing", (*_LATEEN, "nothing"), 2),
    ("lateen ls", (*_LATEEN, "ls", "-n", "examples"), 0),
)


async def measure(at: Stand, *, rounds: int) -> Iterable[Section]:
    """Start each command in turns with an empty Python."""
    return await asyncio.to_thread(_measure, {**os.environ, **at.stack.environment()}, rounds)


def _measure(environment: dict[str, str], rounds: int) -> Iterable[Section]:
    walls: list[list[float]] = [[] for _ in _COMMANDS]
    cpus: list[list[float]] = [[] for _ in _COMMANDS]
    for _ in range(rounds):
        for index, (_, command, code) in enumerate(_COMMANDS):
            wall, cpu = _run(command, code, environment)
            walls[index].append(wall)
            cpus[index].append(cpu)
    columns = (
        Column("a command, from a shell"),
        Column("wall", MILLISECONDS),
        Column("CPU", MILLISECONDS),
        Column("CPU / empty Python", TIMES),
    )
    rows: list[Sequence[Cell]] = [
        [what, median(wall), median(cpu), ratio(cpu, cpus[0])]
        for (what, _, _), wall, cpu in zip(_COMMANDS, walls, cpus, strict=True)
    ]
    return [Section("Starting the command line", columns, rows)]


def _run(command: Sequence[str], code: int, environment: dict[str, str]) -> tuple[float, float]:
    """Run a command and return the milliseconds of wall time and CPU; another exit code raises."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, said = process.stderr, process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stderr:
        process.stderr.close()
    if process.returncode != code:
        raise RuntimeError(f"{command}: exit code {process.returncode}: {said.decode()}")
    return wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000

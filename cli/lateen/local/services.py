"""The two processes beside the clusters: Temporal's dev server with its UI, and lateen's worker."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from lateen.local.errors import CommandFailed, ServiceFailed
from lateen.local.processes import (
    PidFile,
    answers,
    free_ports,
    is_free,
    run,
    spawn,
    tail,
    wait_until,
)
from lateen.local.toolsets import TEMPORAL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lateen.local.finding import Toolbox
    from lateen.local.progress import Progress

_START_SECONDS = 60.0
_SETTLING_SECONDS = 2.0

DYNAMIC_CONFIG = (
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    "system.enableActivityEagerExecution=true",
    "history.maximumBufferedEventsBatch=4000",
)
"""What a dev server needs to be quick.

Its one shard polls 20 times a second unless told otherwise, so every step of a workflow waits 50
ms; and more than 100 events during one workflow task fail that task.
"""


@dataclass(frozen=True)
class TemporalPorts:
    """Where Temporal listens; chosen once for each stack, so that a restart keeps its address."""

    server: int
    ui: int


_USUAL_PORTS = TemporalPorts(server=7233, ui=8233)


class TemporalServer:
    """Temporal's dev server on its own database file."""

    def __init__(self, home: Path, *, toolbox: Toolbox, progress: Progress) -> None:
        self._home = home
        self._toolbox = toolbox
        self._progress = progress
        self._pid_file = PidFile(home / "temporal.pid")
        self.log = home / "temporal.log"

    @property
    def address(self) -> str:
        """The address for clients; raises ServiceFailed before the first start."""
        return f"127.0.0.1:{self._known_ports().server}"

    @property
    def ui(self) -> str:
        """The address of the UI."""
        return f"http://127.0.0.1:{self._known_ports().ui}"

    @property
    def started_before(self) -> bool:
        """Whether the server was ever started here, so that it has ports."""
        return self._ports_file.exists()

    def running(self) -> bool:
        """Say whether the server runs and listens."""
        return self._pid_file.process() is not None and answers(self._known_ports().server)

    def start(self, *, may_move: bool = False) -> None:
        """Start the server unless it runs, and wait until its default namespace can be used.

        It listens where it listened before. If somebody else took that port meanwhile it is an
        error, unless it ``may_move`` to another one.
        """
        if self.started_before and self.running():
            return
        self._home.mkdir(parents=True, exist_ok=True)
        first = not self.started_before
        ready = self._started(may_move=may_move)
        if not ready and first and self._lost_a_port():
            ready = self._started(may_move=True)
        if not ready:
            raise ServiceFailed(f"Temporal did not start; the end of {self.log}:\n{tail(self.log)}")

    def _started(self, *, may_move: bool) -> bool:
        """Start the server and say whether it came up."""
        program = self._toolbox.path(TEMPORAL)
        if self._pid_file.process() is None:
            ports = self._free_ports(may_move=may_move)
            spawn(self._command(program, ports), log=self.log, pid_file=self._pid_file)
        with self._progress.step("starting Temporal"):
            ready = wait_until(
                lambda: self._ready() or self._pid_file.process() is None,
                timeout=_START_SECONDS,
                interval=0.1,
            )
        return ready and self._pid_file.process() is not None

    def _lost_a_port(self) -> bool:
        """Say whether the server ended and another process has its port: two stacks began at once."""
        ports = self._known_ports()
        taken = not (is_free(ports.server) and is_free(ports.ui))
        return taken and self._pid_file.process() is None

    def stop(self) -> bool:
        """Stop the server; its database stays. Says whether it ran."""
        return self._pid_file.stop()

    @property
    def _ports_file(self) -> Path:
        return self._home / "temporal.json"

    def _known_ports(self) -> TemporalPorts:
        if not self.started_before:
            raise ServiceFailed(
                f"there is no Temporal in {self._home}; start it with `lateen local up`"
            )
        return TemporalPorts(**json.loads(self._ports_file.read_text()))

    def _free_ports(self, *, may_move: bool) -> TemporalPorts:
        """Return the ports to listen on: the former ones, at first the usual ones, else free ones."""
        wanted = self._known_ports() if self.started_before else _USUAL_PORTS
        taken = [port for port in (wanted.server, wanted.ui) if not is_free(port)]
        if taken and self.started_before and not may_move:
            raise ServiceFailed(
                f"Temporal can't start: another process took port {taken[0]}, where this stack's"
                " Temporal listened; end that one, or let Temporal move with `lateen local up`"
            )
        ports = TemporalPorts(*free_ports(2)) if taken else wanted
        if taken and self.started_before:
            self._progress.note(f"port {taken[0]} is taken: Temporal moves to port {ports.server}")
        self._ports_file.write_text(json.dumps(asdict(ports)))
        return ports

    def _command(self, program: Path, ports: TemporalPorts) -> list[str]:
        settings = [word for value in DYNAMIC_CONFIG for word in ("--dynamic-config-value", value)]
        return [
            *(str(program), "server", "start-dev", "--ip", "127.0.0.1"),
            *("--port", str(ports.server), "--ui-port", str(ports.ui)),
            *("--db-filename", str(self._home / "temporal.db"), "--log-level", "warn"),
            *settings,
        ]

    def _ready(self) -> bool:
        if not answers(self._known_ports().server):
            return False
        program = self._toolbox.path(TEMPORAL)
        question = ["operator", "namespace", "describe", "--namespace", "default"]
        try:
            run([program, *question, "--address", self.address], timeout=10)
        except CommandFailed:
            return False
        return True


class BackgroundWorker:
    """A ``lateen worker`` beside the stack, for demos."""

    def __init__(self, home: Path) -> None:
        self._pid_file = PidFile(home / "worker.pid")
        self.log = home / "worker.log"

    @property
    def pid(self) -> int | None:
        """The worker's process; None when it doesn't run."""
        process = self._pid_file.process()
        return process.pid if process else None

    def running(self) -> bool:
        """Say whether the worker runs."""
        return self.pid is not None

    def start(self, env: Mapping[str, str]) -> None:
        """Start the worker unless it runs; raises ServiceFailed when it ends right away."""
        if self.running():
            return
        command = [sys.executable, "-m", "lateen.cli", "worker"]
        settings = {**env, "PYTHONUNBUFFERED": "1"}
        spawn(command, log=self.log, pid_file=self._pid_file, env=settings)
        if wait_until(lambda: not self.running(), timeout=_SETTLING_SECONDS):
            raise ServiceFailed(f"the worker ended; the end of {self.log}:\n{tail(self.log)}")

    def stop(self) -> bool:
        """Stop the worker after what it is doing; says whether it ran."""
        return self._pid_file.stop(patience=40)

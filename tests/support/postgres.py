"""A PostgreSQL of the tests' own: its programs are found, its data and its socket are its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from lateen.local.processes import free_ports, run, wait_until

USER = "temporal"

_DEBIAN = Path("/usr/lib/postgresql")
_PROGRAMS = ("initdb", "postgres", "pg_isready")
_START_SECONDS = 30.0


def find_programs() -> Path | None:
    """Return the directory with PostgreSQL's programs, or None: the newest of Debian's, or who is on PATH."""
    installed = sorted(_DEBIAN.glob("*/bin"), key=lambda path: float(path.parent.name))
    directories = installed[::-1]
    if config := shutil.which("pg_config"):
        directories.append(Path(run([config, "--bindir"], timeout=10).strip()))
    if postgres := shutil.which("postgres"):
        directories.append(Path(postgres).resolve().parent)
    complete = (each for each in directories if all((each / name).exists() for name in _PROGRAMS))
    return next(complete, None)


class Postgres:
    """One server on 127.0.0.1, run by an unprivileged user: as root PostgreSQL refuses to.

    It trusts whoever reaches it, so it listens on loopback only.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._home = Path(tempfile.mkdtemp(prefix="lateen-postgres-", dir="/tmp"))
        self._owner = _unprivileged() if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        (self.port,) = free_ports(1)
        self.log = self._home / "log"
        self.log.touch()
        for path in (self._home, self.log):
            if self._owner is not None:
                os.chown(path, self._owner.pw_uid, self._owner.pw_gid)
        self._run("initdb", "-D", str(self._data), "-U", USER, "-A", "trust", "-E", "UTF8")

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def start(self) -> None:
        """Start unless it runs, and wait until it takes connections."""
        if self._process is not None and self._process.poll() is None:
            return
        with self.log.open("ab") as log:
            self._process = self._spawn(
                *("postgres", "-D", str(self._data), "-k", str(self._home)),
                *("-c", "listen_addresses=127.0.0.1", "-p", str(self.port)),
                log=log,
            )
        ready = wait_until(self._accepts, timeout=_START_SECONDS, interval=0.1)
        assert ready, f"PostgreSQL did not start:\n{self.log.read_text()[-2000:]}"

    def crash(self) -> None:
        """End at once, without writing anything down: the next start recovers from the log of writes."""
        self._end(signal.SIGQUIT)

    def remove(self) -> None:
        """Stop and remove everything."""
        self._end(signal.SIGINT)
        shutil.rmtree(self._home)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
        self._process = None

    def _accepts(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-2000:]
        question = self._spawn("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port))
        return question.wait(timeout=10) == 0

    def _run(self, program: str, *arguments: str) -> None:
        with self.log.open("ab") as log:
            code = self._spawn(program, *arguments, log=log).wait(timeout=120)
        assert code == 0, f"{program} failed:\n{self.log.read_text()[-2000:]}"

    def _spawn(
        self, program: str, *arguments: str, log: IO[bytes] | int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        owner = self._owner
        return subprocess.Popen(
            [str(self._programs / program), *arguments],
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=[] if owner else None,
        )


def _unprivileged() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")

"""Background processes: ours are found and ended, strangers are left alone."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import pytest

from lateen.local.errors import CommandFailed
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

SLEEP = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)")
STUBBORN = (
    sys.executable,
    "-c",
    """import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('up', flush=True)
time.sleep(60)""",
)


def start(tmp_path: Path, command: tuple[str, ...] = SLEEP) -> tuple[PidFile, Path]:
    pid_file, log = PidFile(tmp_path / "it.pid"), tmp_path / "it.log"
    spawn(command, log=log, pid_file=pid_file)
    assert wait_until(lambda: log.read_text() == "up\n", timeout=10)
    return pid_file, log


def test_a_started_process_is_found_and_stopped(tmp_path: Path) -> None:
    """The file finds the process again, and after stop there is neither process nor file."""
    pid_file, _ = start(tmp_path)
    process = pid_file.process()
    assert process is not None
    assert os.getsid(process.pid) == process.pid
    assert pid_file.stop() is True
    assert pid_file.process() is None
    assert not pid_file.path.exists()
    assert pid_file.stop() is False


def test_a_process_that_will_not_end_is_killed(tmp_path: Path) -> None:
    """Patience ends."""
    pid_file, _ = start(tmp_path, STUBBORN)
    assert pid_file.stop(patience=0.2) is True
    assert pid_file.process() is None


def test_a_recycled_process_id_is_a_stranger(tmp_path: Path) -> None:
    """The same id with another start time, as after a reboot, is neither found nor stopped."""
    pid_file, _ = start(tmp_path)
    process = pid_file.process()
    assert process is not None
    record = json.loads(pid_file.path.read_text())
    other = PidFile(tmp_path / "other.pid")
    other.path.write_text(json.dumps({**record, "started": record["started"] - 3600}))
    assert other.process() is None
    assert other.stop() is False
    assert process.is_running()
    pid_file.stop()


@pytest.mark.parametrize("content", ["", "12", '{"pid": "x"}', "[]", "null"])
def test_a_spoilt_file_counts_as_no_process(tmp_path: Path, content: str) -> None:
    """Half a file, or one of another program, is no reason to fail."""
    path = tmp_path / "it.pid"
    path.write_text(content)
    assert PidFile(path).process() is None


def test_a_failed_command_says_what_it_said(tmp_path: Path) -> None:
    """The error has the exit code and the end of stderr."""
    with pytest.raises(CommandFailed, match=r"exit code 3(?s:.*)out of cheese"):
        run(["/bin/sh", "-c", "echo 'out of cheese' >&2; exit 3"], timeout=5)


def test_a_command_has_to_end_in_time() -> None:
    """A command that hangs is ended and named."""
    with pytest.raises(CommandFailed, match=r"`sleep 30` did not end within 0 s"):
        run(["sleep", "30"], timeout=0.1)


def test_the_end_of_a_log_is_shown(tmp_path: Path) -> None:
    """Only the last lines, and a missing log is said to be missing."""
    log = tmp_path / "it.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    assert tail(log, 2) == "line 98\nline 99"
    assert "no log" in tail(tmp_path / "none.log")


def test_free_ports_are_free_and_different() -> None:
    """Ports are below those from which systems serve outgoing connections."""
    ports = free_ports(6)
    assert len(set(ports)) == 6
    assert all(is_free(port) and port < 32_000 for port in ports)


def test_a_port_in_use_is_not_free() -> None:
    """Something that listens is noticed, and answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        assert answers(port)
    assert not answers(port)

"""Views that go on: on a pseudo-terminal that changes its size, into a pipe, until somebody interrupts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lateen.cli import codes
from support.terminals import Terminal

PROGRAM = """
import sys
from lateen.cli import live
from lateen.model.errors import LateenError

live.INTERVAL = 0.05
looks = 0

async def read():
    global looks
    looks += 1
    if looks > 3 and looks % 2:
        raise LateenError("Temporal is away")
    return looks

def draw(seen, trouble, console):
    text = "\\n".join(f"line {number} of look" + "!" * 100 for number in range(50))
    return live.cropped(text, console, footer=trouble or f"{console.width} columns")

def tell(seen, trouble):
    print(f"look {seen} {trouble}")

view = live.show(read, draw) if live.on_terminal() else live.write(read, tell)
live.run_until_interrupted(view)
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
LEFT = b"\x1b[?1049l"
"""Says that the screen is to look as it did before."""


@pytest.fixture
def program(tmp_path: Path) -> list[str]:
    path = tmp_path / "view.py"
    path.write_text(PROGRAM)
    return [sys.executable, str(path)]


@pytest.mark.parametrize(
    ("how", "code"),
    [("ctrl-c", codes.INTERRUPTED), ("terminated", 128 + signal.SIGTERM)],
)
def test_a_terminal_is_redrawn_resized_and_given_back(
    program: list[str], how: str, code: int
) -> None:
    with Terminal(program, ENVIRONMENT, columns=60, lines=10, controlling=True) as terminal:
        assert b"line 0 of look" in terminal.until(b"60 columns")
        terminal.resize(33, 6)
        terminal.until(b"33 columns")
        terminal.until(b"Temporal is away")
        if how == "ctrl-c":
            terminal.type(b"\x03")
        else:
            terminal.process.send_signal(signal.SIGTERM)
        terminal.until(LEFT)
        assert terminal.wait() == code
        assert terminal.modes() == terminal.before


def test_a_pipe_gets_lines_until_ctrl_c(program: list[str]) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            program, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(4)]
    assert lines == ["look 1 \n", "look 2 \n", "look 3 \n", "look 4 \n"]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (codes.INTERRUPTED, "")


def test_a_pipe_without_a_reader_ends_it(program: list[str]) -> None:
    process = subprocess.Popen(
        program, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "look 1 \n"
    process.stdout.close()
    assert process.wait(timeout=20) in {0, 1}
    assert process.stderr is not None
    with process.stderr as errors:
        assert "Traceback" not in errors.read()


def test_what_is_wrong_at_once_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "view.py"
    path.write_text(PROGRAM.replace("looks > 3 and looks % 2", "True"))
    found = subprocess.run(
        [sys.executable, str(path)], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 1
    assert found.stderr.strip().endswith("LateenError: Temporal is away")

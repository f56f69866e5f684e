"""The README's example is a program that works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from support.platforms import BEIJING, Platform

README = Path(__file__).parents[2] / "README.md"


def test_the_python_example_delivers_and_deletes(platform: Platform, tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    program = tmp_path / "example.py"
    program.write_text(example)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        env={**os.environ, **platform.stack.environment()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "delivered hello-v1",
        "hello cluster-beijing healthy",
        "deleted",
    ]
    assert platform.deployment(BEIJING, "hello") is None

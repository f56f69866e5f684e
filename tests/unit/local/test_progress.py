"""What a person sees while something takes long."""

from __future__ import annotations

import io
import time

from rich.console import Console

from lateen.local.progress import Spoken, clock


def test_without_a_terminal_a_line_comes_now_and_then() -> None:
    """What, how far, how long; and a last line when it is done."""
    output = io.StringIO()
    progress = Spoken(Console(file=output, soft_wrap=True), interval=0.2)
    with progress.step("building etcd") as step:
        step.say("12 packages compiled")
        time.sleep(0.55)
    lines = output.getvalue().splitlines()
    assert lines[0] == "building etcd (12 packages compiled) 0:00"
    assert lines[-1].startswith("building etcd: done in 0.")


def test_on_a_terminal_a_clock_runs() -> None:
    """The spinner leaves only the last line behind."""
    output = io.StringIO()
    progress = Spoken(Console(file=output, force_terminal=True, width=100))
    with progress.step("building etcd") as step:
        step.say("12 packages compiled")
        time.sleep(0.6)
    assert "0:00:00" in output.getvalue()
    assert "12 packages compiled" in output.getvalue()
    assert output.getvalue().rstrip().endswith("s")


def test_what_is_quick_is_not_worth_a_line() -> None:
    """An `up` that finds everything running stays silent."""
    output = io.StringIO()
    with Spoken(Console(file=output)).step("starting Temporal"):
        pass
    assert output.getvalue() == ""


def test_durations_are_shown_as_a_clock() -> None:
    """Minutes and seconds."""
    assert clock(83.9) == "1:23"

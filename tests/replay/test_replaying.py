"""Every recorded history must replay with the code of today, or open runs would wedge on an upgrade.

A change of the order of commands needs ``workflow.patched`` and a new history; an old file is never edited.
``LATEEN_RECORD_HISTORIES=1 pytest tests/workflow/test_histories.py`` records.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from support import histories
from support.temporal import WORKFLOWS

FILES = sorted(histories.HISTORIES.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
async def test_a_recorded_history_replays(path: Path) -> None:
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter)
    await replayer.replay_workflow(histories.read(path))


def test_there_are_histories_of_every_ending() -> None:
    assert {path.stem for path in FILES} >= {
        "approval",
        "cancelled",
        "delivered",
        "deletion",
        "failed",
        "rejected",
        "superseded",
    }


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_recorded_history_tells_nothing_about_the_machine(path: Path) -> None:
    text = path.read_text()
    assert '"identity"' not in text
    assert str(Path.home()) not in text
    assert str(Path(__file__).parents[2]) not in text

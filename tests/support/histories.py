"""Recording histories for the replay tests: what a run did, and nothing about the machine it ran on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

HISTORIES = Path(__file__).parents[1] / "replay" / "histories"

RECORD = "LATEEN_RECORD_HISTORIES"
"""Set to 1, ``pytest tests/workflow/test_histories.py`` writes the files; otherwise it leaves them alone."""

_SCRUBBED = frozenset(
    {"identity", "binaryChecksum", "workerVersion", "stickyAttributes", "stackTrace"}
)


def recording() -> bool:
    """Tell whether histories are to be written."""
    return os.environ.get(RECORD) == "1"


def write(history: WorkflowHistory, *, name: str) -> None:
    """Write a history. Released behaviour keeps its file: a new one gets a new name."""
    data = _scrub(json.loads(history.to_json()))
    document = {"workflowId": history.workflow_id, "history": data}
    (HISTORIES / f"{name}.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


def read(path: Path) -> WorkflowHistory:
    """Read a recorded history."""
    document = json.loads(path.read_text())
    return WorkflowHistory.from_json(document["workflowId"], document["history"])


def _scrub(value: Any) -> Any:
    if isinstance(value, list):
        return [_scrub(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") == "TASK_QUEUE_KIND_STICKY":
        return {"kind": value["kind"], "name": "sticky", "normalName": "queue"}
    return {key: _scrub(item) for key, item in value.items() if key not in _SCRUBBED}

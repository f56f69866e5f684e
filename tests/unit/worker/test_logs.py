"""What a log line looks like, for people and for machines."""

from __future__ import annotations

import json
import logging
from typing import Any

from lateen.worker.logs import JsonFormatter, TextFormatter


def record(message: str, *, failure: Exception | None = None, **fields: Any) -> logging.LogRecord:
    information = (type(failure), failure, None) if failure else None
    return logging.getLogger("lateen.worker").makeRecord(
        "lateen.worker", logging.WARNING, __file__, 1, message, (), information, extra=fields
    )


def test_text_shows_fields_behind_the_message() -> None:
    line = TextFormatter().format(record("not ready", check="hub", temporal_activity={"a": 1}))
    assert line.endswith("WARNING lateen.worker not ready check=hub")


def test_json_is_one_line_with_all_fields() -> None:
    """The SDK's context is flat beside our own fields, which win; a traceback stays inside the line."""
    told = {"workflow_id": "examples/web", "attempt": 2}
    line = JsonFormatter().format(
        record("it failed", failure=ValueError("two\nlines"), cluster="a", temporal_activity=told)
    )
    assert "\n" not in line
    shown = json.loads(line)
    assert shown.pop("time").endswith("+00:00")
    assert "two\nlines" in shown.pop("exception")
    assert shown == {
        "level": "warning",
        "logger": "lateen.worker",
        "message": "it failed",
        "cluster": "a",
        "workflow_id": "examples/web",
        "attempt": 2,
    }


def test_json_survives_values_that_are_no_json() -> None:
    assert json.loads(JsonFormatter().format(record("odd", what={1})))["what"] == "{1}"

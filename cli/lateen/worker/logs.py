"""How a worker logs: constant messages, with what differs in fields; as text for people or as JSON lines."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, cast

from temporalio import activity, workflow
from typing_extensions import override

Format = Literal["text", "json"]

_STANDARD = frozenset(
    {*logging.LogRecord("", 0, "", 0, "", (), None).__dict__, "message", "asctime", "taskName"}
)
_TEMPORAL = ("temporal_activity", "temporal_workflow")
"""Fields of the SDK's own loggers, which also stand in the text of their messages."""


def configure_logs(form: Format, level: int) -> None:
    """Log to stderr, everything from ``level`` on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    if form == "json":
        activity.logger.activity_info_on_message = False
        workflow.logger.workflow_info_on_message = False
    if level > logging.DEBUG:
        logging.getLogger("temporalio.activity").addFilter(_expected)
        logging.getLogger("temporalio.workflow").addFilter(_expected)


class TextFormatter(logging.Formatter):
    """``time level logger message key=value``."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        fields = {k: v for k, v in fields_of(record).items() if k not in _TEMPORAL}
        shown = "".join(f" {key}={value}" for key, value in fields.items())
        return super().formatMessage(record) + shown


class JsonFormatter(logging.Formatter):
    """One JSON object a line; what the SDK says of an activity or workflow stands beside our own fields."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        fields = fields_of(record)
        for key in _TEMPORAL:
            told: object = fields.pop(key, None)
            if isinstance(told, Mapping):
                fields = {**cast("Mapping[str, Any]", told), **fields}
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{key: value for key, value in fields.items() if value is not None},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return what was logged beside the message (``extra``)."""
    return {key: value for key, value in record.__dict__.items() if key not in _STANDARD}


def _expected(record: logging.LogRecord) -> bool:
    """Drop the traceback of what lateen raises on purpose: the message says it, the run shows it."""
    if record.exc_info and record.exc_info[1] is not None:
        record.error = str(record.exc_info[1])
        record.exc_info = None
    return True

"""A run's story as people read it: one line an event."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.cli.telling import story_line
from lateen.client.results import StoryEvent

AT = "2026-01-02T03:04:05.678901+00:00"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({"type": "started", "actor": "mia", "message": "deliver"}, "started by mia: deliver"),
        (
            {"type": "approved", "step": "gate", "actor": "ben", "message": "fine"},
            "gate approved by ben: fine",
        ),
        (
            {"type": "delivered", "step": "one", "subject": "a/ns", "message": "2 objects"},
            "one: a/ns delivered: 2 objects",
        ),
        (
            {"type": "retrying", "subject": "a/ns", "attempt": 3, "message": "cluster a: no route"},
            "a/ns retrying (attempt 3): no route",
        ),
        ({"type": "failed", "message": "two\nlines"}, "failed: two lines"),
        ({"type": "unchanged"}, "unchanged"),
    ],
)
def test_an_event_is_a_line(event: dict[str, Any], line: str) -> None:
    assert story_line(StoryEvent(at=AT, **event)) == f"2026-01-02T03:04:05.678Z  {line}"

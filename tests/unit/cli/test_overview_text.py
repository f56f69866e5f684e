"""How `lateen watch` draws: wide, narrow, without colours, and as lines."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console, Group

from lateen.cli.overview_text import (
    change_line,
    overview_footer,
    overview_table,
    plain_cells,
)
from lateen.cli.times import age
from lateen.client.results import DeliveryRow, Overview

NOW = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
CLUSTERS = {"cluster-beijing": "delivered", "cluster-hangzhou-1": "waiting", "local": "delivered"}


def row(name: str = "web", **more: Any) -> DeliveryRow:
    base: dict[str, Any] = {
        "application": f"prod/{name}",
        "namespace": "prod",
        "name": name,
        "phase": "delivered",
        "revision": f"{name}-v1",
        "done": 2,
        "total": 2,
        "clusters": CLUSTERS,
        "since": "2026-01-02T11:00:00+00:00",
    }
    return DeliveryRow.model_validate({**base, **more})


WAITING = row(
    "api",
    open=True,
    phase="waiting",
    step="ship",
    done=0,
    waiting=[{"step": "ship"}],
    since="2026-01-02T11:50:30+00:00",
)


def drawn(overview: Overview, width: int, height: int = 24, *, colour: bool = False) -> list[str]:
    out = io.StringIO()
    system: Any = "standard" if colour else None
    console = Console(
        file=out, width=width, height=height, force_terminal=colour, color_system=system
    )
    console.print(
        Group(
            overview_table(overview, width=width, height=height, now=NOW),
            *overview_footer(overview, width=width),
        )
    )
    return [line.rstrip() for line in out.getvalue().splitlines()]


BOTH = Overview(deliveries=[WAITING, row()])


def test_wide_has_a_column_for_each_cluster() -> None:
    lines = drawn(BOTH, 150)
    assert lines[0].split() == [
        *("APPLICATION", "PHASE", "STEP", "cluster-beijing", "cluster-hangzhou-1", "local"),
        *("REVISION", "AGE"),
    ]
    assert lines[1].split() == [
        "prod/api",
        "‖",
        "waiting",
        "0/2",
        "ship",
        *"✓‖✓",
        "api-v1",
        "9m30s",
    ]
    assert lines[2].split() == ["prod/web", "✓", "delivered", "2/2", *"✓‖✓", "web-v1", "1h"]
    assert lines[3] == "1 approval waiting: lateen approvals -A"


def test_less_wide_leaves_out_what_names_have_in_common() -> None:
    assert drawn(BOTH, 92)[0].split() == [
        *("APPLICATION", "PHASE", "STEP", "beijing", "hangzhou-1", "local", "AGE"),
    ]


@pytest.mark.parametrize("width", [80, 60, 59, 40, 20, 5])
def test_narrow_has_a_mark_for_each_cluster_and_a_legend(width: int) -> None:
    lines = drawn(BOTH, width)
    assert all(len(line) <= width for line in lines)
    if width >= 40:
        assert "✓‖✓" in lines[1]
        assert "clusters:" in " ".join(lines)


def test_many_clusters_are_counted() -> None:
    many = {f"c{number:02}": "delivered" for number in range(30)} | {"x": "failed"}
    lines = drawn(Overview(deliveries=[row(clusters=many)]), 100)
    assert "30✓ 1✗" in lines[1]


def test_what_does_not_fit_is_counted_and_the_loud_come_first() -> None:
    quiet = [row(f"q{number:02}") for number in range(20)]
    failed = row("zzz", phase="failed", message="no room")
    lines = drawn(Overview(deliveries=[*quiet, failed, WAITING]), 80, height=8)
    assert len(lines) <= 8
    assert lines[1].startswith("prod/api")
    assert lines[2].startswith("prod/zzz")
    assert "… 18 more (18 delivered)" in "\n".join(lines)


@pytest.mark.parametrize("height", [1, 2, 3])
def test_a_very_low_terminal_is_no_error(height: int) -> None:
    assert drawn(BOTH, 80, height=height)


def test_colours_and_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[33m" in "\n".join(drawn(BOTH, 100, colour=True))
    monkeypatch.setenv("NO_COLOR", "1")
    plain = "\n".join(drawn(BOTH, 100, colour=True))
    assert "\x1b[33m" not in plain
    assert "‖ waiting" in plain, "marks say what colours say"


def test_plain_cells_are_whole() -> None:
    assert plain_cells(WAITING, NOW) == (
        "prod/api",
        "waiting",
        "ship",
        "0/2",
        "cluster-beijing=delivered,cluster-hangzhou-1=waiting,local=delivered",
        "ship",
        "api-v1",
        "9m30s",
    )


def test_a_change_is_a_line() -> None:
    assert change_line(WAITING) == (
        "prod/api: waiting api-v1 (approval of ship) 0/2 cluster-hangzhou-1=waiting"
    )
    failed = row(phase="failed", clusters={"a": "failed"}, done=0, total=1, message="no\nroom")
    assert change_line(failed) == "prod/web: failed web-v1 0/1 a=failed - no room"


def test_texts_of_others_do_not_drive_the_terminal() -> None:
    evil = row(phase="failed", message="\x1b[2Jgone", clusters={"a\x1b[1m": "failed"})
    assert "\x1b[2J" not in "\n".join(drawn(Overview(deliveries=[evil], note="\x1b[2J"), 150))


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("2026-01-02T11:59:59.5+00:00", "0s"),
        ("2026-01-02T11:59:00Z", "1m"),
        ("2026-01-02T11:50:01Z", "9m59s"),
        ("2026-01-02T11:29:01Z", "30m"),
        ("2026-01-02T09:55:00Z", "2h5m"),
        ("2026-01-01T00:00:00Z", "1d12h"),
        ("2025-12-02T12:00:00Z", "31d"),
        ("2026-01-02T13:00:00Z", "0s"),
        ("2026-01-02T11:59:00", "1m"),
        ("", ""),
        ("soon", ""),
    ],
)
def test_ages(since: str, said: str) -> None:
    assert age(since, NOW) == said

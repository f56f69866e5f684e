"""Progress in logs and on terminals."""

from __future__ import annotations

import io
from typing import Any

import pytest

from lateen.cli.watching import LiveWatch, PlainWatch, rows_of
from lateen.client.results import Progress


def progress(**more: Any) -> Progress:
    base: dict[str, Any] = {"application": "prod/web", "revision": "web-v2"}
    return Progress.model_validate({**base, **more})


def step(*placements: tuple[str, str], phase: str = "delivering", **more: Any) -> dict[str, Any]:
    return {
        "name": "ship",
        "type": "deploy",
        "phase": phase,
        "placements": [
            {"cluster": cluster, "namespace": "prod", "phase": state}
            for cluster, state in placements
        ],
        **more,
    }


class TestRows:
    def test_a_placement_tells_what_is_being_done(self) -> None:
        seen = progress(
            steps=[step(("a", "delivering"), ("b", "delivered"))],
            activity={"a/prod": "1/3 ready"},
        )
        assert list(rows_of(seen)) == [
            ("ship", "a/prod", "delivering", "1/3 ready"),
            ("ship", "b/prod", "delivered", ""),
        ]

    def test_a_retry_tells_why(self) -> None:
        seen = progress(
            steps=[step(("a", "delivering"))],
            activity={"a/prod": "applying"},
            retries=[{"subject": "a/prod", "attempt": 4, "message": "cluster a: no connection"}],
        )
        assert list(rows_of(seen)) == [("ship", "a/prod", "delivering", "attempt 4: no connection")]

    def test_a_retry_of_nothing_shown_has_its_own_row(self) -> None:
        """Before there are steps the hub may be what can't be reached."""
        seen = progress(
            retries=[{"subject": "open_delivery", "attempt": 2, "message": "the hub is gone"}]
        )
        assert list(rows_of(seen)) == [
            ("", "open delivery", "delivering", "attempt 2: the hub is gone")
        ]

    def test_a_waiting_step_comes_before_its_placements(self) -> None:
        seen = progress(steps=[step(("a", "pending"), phase="waiting")])
        assert list(rows_of(seen)) == [
            ("ship", "", "waiting", ""),
            ("ship", "a/prod", "pending", ""),
        ]

    def test_clusters_that_are_cleared(self) -> None:
        seen = progress(
            clusters={"a": "deleted 2 objects", "b": "deleting", "c": "failed: no rights"}
        )
        assert list(rows_of(seen)) == [
            ("", "a", "deleted", "2 objects"),
            ("", "b", "deleting", ""),
            ("", "c", "failed", "no rights"),
        ]

    def test_an_unchanged_run_has_none(self) -> None:
        assert list(rows_of(progress(phase="unchanged", steps=[step(("a", "pending"))]))) == []


class TestPlain:
    def said(self, capsys: pytest.CaptureFixture[str], *seen: Progress) -> list[str]:
        with PlainWatch() as watch:
            for each in seen:
                watch.show(each)
        captured = capsys.readouterr()
        assert not captured.out
        return captured.err.splitlines()

    def test_one_line_a_change(self, capsys: pytest.CaptureFixture[str]) -> None:
        """What was said is not repeated, and heartbeats are no news."""
        lines = self.said(
            capsys,
            progress(steps=[step(("a", "pending"))]),
            progress(steps=[step(("a", "delivering"))], activity={"a/prod": "1/3 ready"}),
            progress(steps=[step(("a", "delivering"))], activity={"a/prod": "2/3 ready"}),
            progress(steps=[step(("a", "delivered"))]),
            progress(steps=[step(("a", "delivered"))]),
        )
        assert lines == [
            "prod/web: ship: a/prod delivering (1/3 ready)",
            "prod/web: ship: a/prod delivered",
        ]

    def test_every_retry_is_news(self, capsys: pytest.CaptureFixture[str]) -> None:
        def attempt(number: int) -> Progress:
            retry = {"subject": "a/prod", "attempt": number, "message": "gone"}
            return progress(steps=[step(("a", "delivering"))], retries=[retry])

        assert self.said(capsys, attempt(1), attempt(1), attempt(2)) == [
            "prod/web: ship: a/prod delivering (attempt 1: gone)",
            "prod/web: ship: a/prod delivering (attempt 2: gone)",
        ]

    def test_notes_and_warnings_once(self, capsys: pytest.CaptureFixture[str]) -> None:
        seen = progress(note="no worker answers", warnings=["old name"])
        assert self.said(capsys, seen, seen) == [
            "prod/web: no worker answers",
            "prod/web: warning: old name",
        ]

    def test_nothing_steers_the_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        evil = step(("a", "failed"), phase="failed")
        evil["placements"][0]["message"] = "\x1b[2Jgone\r"
        assert self.said(capsys, progress(steps=[evil])) == [
            r"prod/web: ship: a/prod failed (\x1b[2Jgone\r)"
        ]


class TestLive:
    def drawn(self, seen: Progress, *, height: int = 40) -> str:
        from rich.console import Console

        page = io.StringIO()
        console = Console(file=page, width=90, height=height, color_system=None)
        with LiveWatch(console) as watch:
            watch.show(seen)
            console.print(watch.table())
        return page.getvalue()

    def test_shows_every_placement(self) -> None:
        page = self.drawn(progress(steps=[step(("a", "delivered"), ("b", "failed"))]))
        assert "prod/web" in page
        assert "web-v2" in page
        assert "✓ delivered" in page
        assert "✗ failed" in page

    def test_keeps_what_moves_when_not_all_fits(self) -> None:
        placements = [(f"c{n}", "delivered") for n in range(50)] + [("late", "delivering")]
        page = self.drawn(progress(steps=[step(*placements)]), height=20)
        assert "late/prod" in page
        assert "… 50 more" in page
        assert "c7/prod" not in page

    def test_markup_in_messages_is_text(self) -> None:
        evil = step(("a", "failed"), phase="failed")
        evil["placements"][0]["message"] = "[red]\x1b[2Jboom[/]"
        assert r"[red]\x1b[2Jboom[/]" in self.drawn(progress(steps=[evil]))

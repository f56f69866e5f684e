"""How log lines are written, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from lateen.cli.log_text import LogPrinter, merged
from lateen.kube.errors import Unreachable
from lateen.kube.following import Source
from lateen.kube.logs import LogLine

WEB, DB = Source("east", "web-1", "web"), Source("east", "db-1", "db")


def printer(
    *, several: bool = False, timestamps: bool = True, colour: bool = False, terminal: bool = False
) -> LogPrinter:
    return LogPrinter(several=several, timestamps=timestamps, colour=colour, terminal=terminal)


def line(moment: int, text: str = "hello") -> LogLine:
    return LogLine(f"t{moment}" if moment else "", moment, text)


@pytest.mark.parametrize(
    ("how", "text", "expected"),
    [
        ({}, "hello", "web-1 web t1 hello\n"),
        ({"several": True}, "hello", "east web-1 web t1 hello\n"),
        ({"timestamps": False}, "hello", "web-1 web hello\n"),
        ({}, "\x1b]0;title\x07", "web-1 web t1 \x1b]0;title\x07\n"),
        ({"terminal": True}, "\x1b]0;title\x07", "web-1 web t1 \\x1b]0;title\\x07\n"),
        ({"terminal": True}, "\x1b[31mred\r", "web-1 web t1 \x1b[31mred\x1b[0m\n"),
        ({"terminal": True}, "a\tb", "web-1 web t1 a\tb\n"),
    ],
)
async def test_lines_are_whole_in_a_pipe_and_harmless_on_a_terminal(
    capsys: pytest.CaptureFixture[str], how: dict[str, bool], text: str, expected: str
) -> None:
    told = printer(**how)
    told.line(WEB, line(1, text))
    told.write()
    assert capsys.readouterr().out == expected


async def test_pods_are_told_apart_by_colour(capsys: pytest.CaptureFixture[str]) -> None:
    told = printer(colour=True)
    for source in (WEB, DB, WEB):
        told.line(source, line(1))
    told.write()
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("\x1b[")
    assert first == third
    assert first.partition("m")[0] != second.partition("m")[0]


async def test_beginnings_ends_and_trouble_are_talk(capsys: pytest.CaptureFixture[str]) -> None:
    told = printer()
    told.began(WEB)
    told.failed(WEB, Unreachable("gone", cluster="east"))
    told.ended(WEB)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "+ web-1 › web",
        "warning: cluster east: gone",
        "- web-1 › web",
    ]
    assert told.troubled


async def test_what_is_heard_is_written_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    told = printer()
    writing = asyncio.create_task(told.run())
    told.line(WEB, line(1))
    for _ in range(3):
        await asyncio.sleep(0)
    assert capsys.readouterr().out == "web-1 web t1 hello\n"
    writing.cancel()


async def lines(*moments: int) -> AsyncGenerator[LogLine]:
    for moment in moments:
        yield line(moment)


async def test_logs_are_merged_by_time_and_lines_without_one_stay_behind_theirs() -> None:
    sources = [(WEB, lines(1, 4, 0)), (DB, lines(2, 3, 5)), (WEB, lines())]
    found = [(source, each.moment) async for source, each in merged(sources)]
    assert found == [(WEB, 1), (DB, 2), (DB, 3), (WEB, 4), (WEB, 0), (DB, 5)]

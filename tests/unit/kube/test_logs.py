"""Lines of a log: their times, and every one of them once, however often reading breaks off."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from aiohttp import web

from lateen.kube.errors import Unreachable
from lateen.kube.logs import Bookmark, LogLine, LogOptions, parse_line, parse_time, read_log
from lateen.model.objects import ObjectRef
from unit.kube.apiserver import FakeApiServer

POD = ObjectRef(api_version="v1", kind="Pod", namespace="examples", name="web-1")
PATH = "/api/v1/namespaces/examples/pods/web-1/log"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T00:00:01.000000007Z", 1_000_000_007),
        ("1970-01-01T01:00:01.25+01:00", 1_250_000_000),
        ("1969-12-31T23:00:01-01:00", 10**9),
        ("1970-01-01T00:00:01", 0),
        ("1970-01-01T00:00:01.xZ", 0),
        ("unable", 0),
        ("", 0),
    ],
)
def test_times_are_read_to_the_nanosecond(text: str, expected: int) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"1970-01-01T00:00:01Z hello  world", ("1970-01-01T00:00:01Z", 10**9, "hello  world")),
        (b"1970-01-01T00:00:01Z ", ("1970-01-01T00:00:01Z", 10**9, "")),
        (b"unable to retrieve container logs", ("", 0, "unable to retrieve container logs")),
        (b"1970-01-01T00:00:01Z \xff", ("1970-01-01T00:00:01Z", 10**9, "\ufffd")),
    ],
)
def test_lines_are_taken_apart(line: bytes, expected: tuple[str, int, str]) -> None:
    assert parse_line(line) == LogLine(*expected)


def lines(*moments: int) -> list[LogLine]:
    return [LogLine(f"t{moment}", moment, "") for moment in moments]


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        ([1, 2], [1, 2, 3], [3]),
        ([1, 2, 2], [2, 2, 2, 3], [2, 3]),
        ([2], [1, 1, 2], []),
        ([1, 2], [3, 2], [3, 2]),
        ([2, 1], [1, 2, 3], [3]),
    ],
)
def test_what_was_read_before_a_break_is_not_read_again(
    before: Sequence[int], after: Sequence[int], new: Sequence[int]
) -> None:
    """Servers repeat the whole second that the break was in; equal times are counted, not dropped."""
    bookmark = Bookmark()
    first = LogOptions(follow=True, tail=5, since_seconds=60)
    assert bookmark.resume(first) == first
    assert [line for line in lines(*before) if bookmark.is_new(line)] == lines(*before)
    again = bookmark.resume(first)
    assert (again.since_time, again.tail, again.since_seconds) == (f"t{max(before)}", None, None)
    assert [line.moment for line in lines(*after) if bookmark.is_new(line)] == list(new)


async def test_a_log_is_read_by_lines_with_what_was_asked_for(server: FakeApiServer) -> None:
    server.on("GET", PATH, web.Response(text="1970-01-01T00:00:01Z a\n1970-01-01T00:00:02Z b"))
    options = LogOptions(tail=2, since_seconds=60, previous=True)
    async with server.cluster() as cluster:
        found = [line.text async for line in read_log(cluster, POD, "web", options)]
    assert found == ["a", "b"]
    assert server.requests[0].query == {
        "container": "web",
        "timestamps": "true",
        "previous": "true",
        "sinceSeconds": "60",
        "tailLines": "2",
    }


async def test_a_line_that_breaks_off_in_the_middle_is_not_a_line(server: FakeApiServer) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"1970-01-01T00:00:01Z a\n1970-01-01T00:00:02Z b")
        assert request.transport is not None
        request.transport.abort()
        return response

    server.on("GET", PATH, broken)
    async with server.cluster() as cluster:
        reading = read_log(cluster, POD, "web", LogOptions())
        assert (await anext(reading)).text == "a"
        with pytest.raises(Unreachable):
            await anext(reading)

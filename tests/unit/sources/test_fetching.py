"""Fetching: bounded, only from where it is allowed, without telling secrets."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from lateen.sources.addresses import Allowed, NotAllowed, read_address
from lateen.sources.fetching import Fetcher, FetchFailed
from support.charts import Web, web_server


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


async def fetch(web: Web, path: str, *, most: int = 1000, allowed: str = "/ok/") -> bytes:
    fetcher = Fetcher(Allowed((f"{web.url}{allowed}",)), seconds=5)
    return await fetcher.fetch(read_address(f"{web.url}{path}"), most=most)


async def test_what_is_there_is_returned_as_it_is(web: Web) -> None:
    web.files["/ok/a"] = b"\x1f\x8bno gzip"
    assert await fetch(web, "/ok/a?token=hunter2") == b"\x1f\x8bno gzip"
    ((path, headers),) = web.asked
    assert path == "/ok/a?token=hunter2"
    assert {name.lower() for name in headers}.isdisjoint({"authorization", "cookie"})


async def test_what_is_not_allowed_is_not_asked(web: Web) -> None:
    with pytest.raises(NotAllowed, match="/other may not be fetched"):
        await fetch(web, "/other")
    assert web.asked == []


async def test_redirects_lead_only_to_what_is_allowed(web: Web) -> None:
    with web_server() as inside:
        inside.files["/ok/a"] = b"internal"
        web.files["/ok/near"] = (302, {"Location": "/ok/a"}, b"")
        web.files["/ok/a"] = b"here"
        web.files["/ok/far"] = (302, {"Location": f"{inside.url}/ok/a?key=hunter2"}, b"")
        web.files["/ok/file"] = (301, {"Location": "file:///etc/passwd"}, b"")
        web.files["/ok/loop"] = (307, {"Location": "/ok/loop"}, b"")
        assert await fetch(web, "/ok/near") == b"here"
        with pytest.raises(NotAllowed) as caught:
            await fetch(web, "/ok/far")
        assert inside.url in str(caught.value)
        assert "hunter2" not in str(caught.value)
        assert inside.asked == []
        with pytest.raises(FetchFailed, match="redirects to what is no URL"):
            await fetch(web, "/ok/file")
        with pytest.raises(FetchFailed, match="more than 5 times"):
            await fetch(web, "/ok/loop")


async def test_only_so_much_is_read(web: Web) -> None:
    web.files["/ok/large"] = b"x" * 1001
    with pytest.raises(FetchFailed, match="has more than 1,000 bytes"):
        await fetch(web, "/ok/large?token=hunter2")


async def test_a_server_that_fails_is_asked_again(web: Web) -> None:
    web.files["/ok/a"] = (503, {}, b"")
    with pytest.raises(FetchFailed, match="/ok/a answered 503"):
        await fetch(web, "/ok/a")
    assert web.paths == ["/ok/a"] * 3
    with pytest.raises(FetchFailed, match="/ok/missing answered 404"):
        await fetch(web, "/ok/missing")
    assert len(web.asked) == 4


async def test_nobody_answers() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(FetchFailed, match="/a can't be reached"):
            await Fetcher(Allowed((url,))).fetch(read_address(f"{url}/a?token=x"), most=10)

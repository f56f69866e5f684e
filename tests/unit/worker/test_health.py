"""The worker's probes over real sockets."""

from __future__ import annotations

import asyncio

import pytest

from lateen.worker.health import health_served


async def fine() -> None:
    pass


async def broken() -> None:
    raise ConnectionError("secret reason")


async def hanging() -> None:
    await asyncio.sleep(60)


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: worker\r\n\r\n".encode()


async def test_ready_and_alive() -> None:
    async with health_served("127.0.0.1", 0, {"temporal": fine, "hub": fine}) as port:
        for path in ("/livez", "/readyz", "/readyz?verbose"):
            answer = await ask(port, get(path))
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), path
            assert answer.endswith(b"\r\n\r\nok\n")


async def test_failing_checks_are_named_without_their_reasons() -> None:
    """The network learns which; the log says why. A worker that is not ready is still alive."""
    async with health_served("127.0.0.1", 0, {"temporal": fine, "hub": broken}) as port:
        answer = await ask(port, get("/readyz"))
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"not ready: hub\n" in answer
        assert b"secret" not in answer
        assert (await ask(port, get("/livez"))).startswith(b"HTTP/1.1 200 ")


async def test_a_check_that_hangs_is_not_waited_for() -> None:
    async with health_served("127.0.0.1", 0, {"hub": hanging}) as port:
        async with asyncio.timeout(8):
            assert b"not ready: hub" in await ask(port, get("/readyz"))


@pytest.mark.parametrize(
    ("request_bytes", "answer"),
    [
        (get("/"), b"HTTP/1.1 404 "),
        (b"POST /readyz HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 "),
        (b"\r\n\r\n", b"HTTP/1.1 404 "),
        (b"GET /" + b"a" * 9000, b""),
    ],
)
async def test_nonsense_harms_nobody(request_bytes: bytes, answer: bytes) -> None:
    async with health_served("127.0.0.1", 0, {}) as port:
        try:
            assert (await ask(port, request_bytes)).startswith(answer)
        except ConnectionError:
            assert not answer
        assert (await ask(port, get("/livez"))).startswith(b"HTTP/1.1 200 ")

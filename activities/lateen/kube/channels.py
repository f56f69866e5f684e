"""Commands that run in a container: their input, output, terminal size and exit code.

Kubernetes' remote command protocol: a WebSocket whose messages begin with the number of a channel.
Version 5 (Kubernetes 1.30) can end standard input; version 4 can't.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import aiohttp
import orjson

from lateen.kube.errors import KubeError, Target, Unreachable
from lateen.kube.shapes import as_object, as_objects, as_text
from lateen.kube.websockets import send
from lateen.model.objects import ObjectRef

if TYPE_CHECKING:
    from lateen.kube.cluster import Cluster
    from lateen.model.base import Json

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")

_STDIN, _STDOUT, _STDERR, _STATUS, _RESIZE, _CLOSE = 0, 1, 2, 3, 4, 255
_LARGEST_PIECE = 32 * 1024
_LARGEST_STATUS = 64 * 1024
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
_ENDED = re.compile(r"exit (?:status|code) ([0-9]{1,3})$")
_START_FAILURES = (
    (
        re.compile(r"executable file not found|no such file or directory", re.IGNORECASE),
        "the container has no such program",
        _NOT_FOUND,
    ),
    (
        re.compile(r"permission denied|exec format error", re.IGNORECASE),
        "the program can't be run there",
        _NOT_EXECUTABLE,
    ),
    (
        re.compile(r"container not found|is not running|not created", re.IGNORECASE),
        "the container does not run",
        1,
    ),
)


class CommandNotRun(KubeError):
    """The command could not be started; ``code`` is what a shell would end with."""

    def __init__(self, target: Target, why: str, *, code: int) -> None:
        self.code = code
        super().__init__(f"{target}: {why}", cluster=target.cluster)


@dataclass(frozen=True, slots=True)
class Output:
    """Bytes that the command wrote."""

    stream: Literal["stdout", "stderr"]
    payload: bytes


class RemoteCommand:
    """A command that runs, or has ended."""

    def __init__(self, opened: aiohttp.ClientWebSocketResponse, target: Target) -> None:
        self._opened = opened
        self._target = target
        self._status = bytearray()

    @property
    def can_end_input(self) -> bool:
        """Tell whether the server understands that standard input is over."""
        return self._opened.protocol == PROTOCOLS[0]

    async def output(self) -> AsyncGenerator[Output]:
        """Yield what the command writes until it ends."""
        async for message in self._opened:
            if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, payload = message.data[0], bytes(message.data[1:])
            if channel == _STATUS:
                self._status += payload[: _LARGEST_STATUS - len(self._status)]
            elif channel in {_STDOUT, _STDERR} and payload:
                yield Output("stdout" if channel == _STDOUT else "stderr", payload)

    def exit_code(self) -> int:
        """Return the command's exit code, after its output has ended.

        Raises ``CommandNotRun`` when it never began and ``Unreachable`` when nobody knows.
        """
        if not self._status:
            why = "the connection broke off before the command ended"
            raise Unreachable(f"{self._target}: {why}", cluster=self._target.cluster)
        return read_exit_code(bytes(self._status), self._target)

    async def write(self, payload: bytes) -> None:
        """Send standard input; returns when there is room for more. What comes too late is dropped."""
        for start in range(0, len(payload), _LARGEST_PIECE):
            await self._send(_STDIN, payload[start : start + _LARGEST_PIECE])

    async def end_input(self) -> None:
        """End standard input, where the server can."""
        if self.can_end_input:
            await self._send(_CLOSE, bytes([_STDIN]))

    async def resize(self, width: int, height: int) -> None:
        """Tell the size of the terminal."""
        await self._send(_RESIZE, orjson.dumps({"Width": width, "Height": height}))

    async def _send(self, channel: int, payload: bytes) -> None:
        # The command may have ended: its status says so to whoever reads the output.
        with suppress(Unreachable):
            await send(self._opened, self._target, bytes([channel]) + payload)


@asynccontextmanager
async def run_command(
    cluster: Cluster,
    pod: ObjectRef,
    *,
    container: str,
    command: Sequence[str],
    stdin: bool,
    tty: bool,
) -> AsyncGenerator[RemoteCommand]:
    """Start a command in a container; it loses its terminal when the block ends."""
    params = [("command", word) for word in command]
    wanted = {"container": container, "stdout": "true"}
    # With a terminal there is one stream of output: asking for two is refused.
    wanted |= {"tty": "true"} if tty else {"stderr": "true"}
    wanted |= {"stdin": "true"} if stdin else {}
    path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/exec"
    target = Target(cluster.name, "run a command in", path, pod)
    async with cluster.connection.websocket(
        target, params=[*params, *wanted.items()], protocols=PROTOCOLS
    ) as opened:
        yield RemoteCommand(opened, target)


def read_exit_code(status: bytes, target: Target) -> int:
    """Read the ``Status`` that ends a command; its own words never leave this function."""
    try:
        answer = as_object(orjson.loads(status))
    except orjson.JSONDecodeError:
        answer = {}
    if answer.get("status") == "Success":
        return 0
    code = _exit_code(answer)
    if code is not None:
        return code
    message = as_text(answer.get("message"))
    for pattern, why, shell_code in _START_FAILURES:
        if pattern.search(message):
            raise CommandNotRun(target, why, code=shell_code)
    raise CommandNotRun(target, "the command could not be run", code=1)


def _exit_code(answer: Json) -> int | None:
    causes = as_objects(as_object(answer.get("details")).get("causes"))
    for cause in causes:
        text = as_text(cause.get("message"))
        if cause.get("reason") == "ExitCode" and re.fullmatch(r"-?[0-9]{1,6}", text):
            return int(text) & 0xFF or 1
    # Some runtimes say it in words only.
    said = _ENDED.search(as_text(answer.get("message")))
    return int(said[1]) if said else None

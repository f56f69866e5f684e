"""Local ports that lead to pods: listening, passing bytes both ways, and finding another pod."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from lateen.cli.output import say
from lateen.model.errors import LateenError

if TYPE_CHECKING:
    from lateen.hub.locating import Resource
    from lateen.kube.cluster import Cluster
    from lateen.kube.pods import Pod
    from lateen.kube.tunnels import Tunnel

_PIECE = 64 * 1024
_PATIENCE = 15.0
"""Seconds that a connection waits for a pod that is ready."""

_ATTEMPTS = 3
_LINGER = 10.0
"""Seconds that a client may go on sending to a pod that has said all."""

_WATCH = 240.0
_BACKLOG = 128
_PORT = re.compile(
    r"(?:(?P<local>[0-9]{0,5}):)?(?P<remote>[0-9]{1,5}|[a-z0-9]([-a-z0-9]*[a-z0-9])?)"
)


class PortTaken(LateenError):
    """A local port can't be listened on."""


class NoSuchPort(LateenError):
    """A name or number leads to no port of the Service or pod."""


class NoPod(LateenError):
    """No pod is ready to take a connection."""


@dataclass(frozen=True)
class PortPair:
    """``LOCAL:REMOTE`` as it was written; local 0 means any that is free."""

    local: int
    remote: str

    @classmethod
    def parse(cls, text: str) -> PortPair:
        """Read ``8080:80``, ``80``, ``:80`` or ``8080:http``; raises ``click.BadParameter``."""
        match = _PORT.fullmatch(text)
        if match is None:
            raise click.BadParameter(f"{text!r} is not LOCAL:REMOTE, as 8080:80, :80 or 8080:http")
        local, remote = match["local"], match["remote"]
        if local is None and not remote.isdecimal():
            raise click.BadParameter(f"{text!r}: a named port needs a local one, as :{remote}")
        pair = cls(int(remote if local is None else local or 0), remote)
        largest = max(pair.local, int(remote) if remote.isdecimal() else 1)
        if largest > 65535 or (remote.isdecimal() and int(remote) == 0):
            raise click.BadParameter(f"{text!r}: ports are 1 to 65535")
        return pair


class PodPicker:
    """The pod that connections go to: the same for as long as it lasts, then another."""

    def __init__(self, cluster: Cluster, resource: Resource, *, only: str = "") -> None:
        self._cluster = cluster
        self._resource = resource
        self._only = only
        self._pods: list[Pod] = self._usable(resource.pods)
        self._changed = asyncio.Condition()
        self._current = ""

    async def pod(self) -> Pod:
        """Return a pod that is ready, waiting for one a little; raises ``NoPod``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE), self._changed:
                await self._changed.wait_for(lambda: bool(self._pods))
        if not self._pods:
            ref = self._resource.ref
            raise NoPod(f"{ref} in cluster {self._resource.cluster} has no pod that is ready")
        known = {pod.name: pod for pod in self._pods}
        pod = known.get(self._current) or self._pods[0]
        if self._current not in {"", pod.name}:
            say(f"pod {self._current} is gone; going on with {pod.name}")
        self._current = pod.name
        return pod

    def is_ready(self) -> bool:
        """Tell whether there is a pod to go to."""
        return bool(self._pods)

    def spare(self, pod: Pod) -> None:
        """Leave a pod alone that did not answer, until it is seen again."""
        self._pods = [each for each in self._pods if each.uid != pod.uid]

    async def watch(self) -> None:
        """Keep track of the pods for as long as anybody forwards."""
        from lateen.kube.errors import KubeError
        from lateen.kube.pausing import pause
        from lateen.kube.pods import most_usable, read_pod

        failures = 0
        while True:
            pods = self._cluster.observe(
                "v1",
                "Pod",
                namespace=self._resource.ref.namespace,
                labels=self._resource.labels,
                timeout=_WATCH,
            )
            try:
                async with aclosing(pods):
                    async for listed in pods:
                        failures = 0
                        found = most_usable([read_pod(live) for live in listed])
                        async with self._changed:
                            self._pods = self._usable(found)
                            self._changed.notify_all()
            except KubeError as error:
                failures += 1
                if failures == 1:
                    say(f"warning: {error}")
                await asyncio.sleep(pause(failures, error))

    def _usable(self, pods: Sequence[Pod]) -> list[Pod]:
        return [
            pod for pod in pods if pod.ready and not pod.leaving and self._only in {"", pod.name}
        ]


def remote_port(resource: Resource, pod: Pod, wanted: str) -> int:
    """Return the number of the pod's port that a name or number of the command line means.

    A Service's ports lead to others of its pods; a pod's may be named.
    """
    target: int | str = int(wanted) if wanted.isdecimal() else wanted
    if resource.is_service:
        for port in resource.ports:
            if wanted in {str(port.number), port.name}:
                target = port.target
                break
        else:
            known = ", ".join(
                f"{p.number} ({p.name})" if p.name else str(p.number) for p in resource.ports
            )
            raise NoSuchPort(f"{resource.ref} has no port {wanted}; it has {known or 'none'}")
    if isinstance(target, int):
        return target
    number = pod.port(target)
    if number is None:
        named = sorted({name for each in pod.containers for name in each.ports})
        raise NoSuchPort(
            f"pod {pod.name} has no port named {target!r}; it has {', '.join(named) or 'no named ones'}"
        )
    return number


def listen(
    addresses: Sequence[str], local: int, *, optional: Sequence[str] = ()
) -> list[socket.socket]:
    """Listen on a port of every address; those that are ``optional`` may not be there.

    Port 0 is one that is free on all of them. Raises ``PortTaken``.
    """
    for attempt in range(10):
        made: list[socket.socket] = []
        number = local
        try:
            for address in addresses:
                try:
                    made.append(_listening(address, number))
                except OSError as error:
                    if address in optional and error.errno != errno.EADDRINUSE:
                        continue
                    raise _taken(address, number, error) from error
                number = made[0].getsockname()[1]
        except PortTaken:
            for each in made:
                each.close()
            if local == 0 and made and attempt < 9:
                continue  # free on the first address only: another one
            raise
        return made
    raise AssertionError("unreachable: the last attempt returns or raises")


def _listening(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
        made.listen(_BACKLOG)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def _taken(address: str, port: int, error: OSError) -> PortTaken:
    if error.errno == errno.EADDRINUSE:
        why = "another process listens there; choose another one, or none as in `:80`"
    elif error.errno == errno.EACCES:
        why = "ports below 1024 need more rights; choose another one"
    else:
        why = error.strerror or "it can't be listened on"
    return PortTaken(f"port {port} of {address}: {why}")


@dataclass
class Forwarder:
    """Passes the connections of one local port on."""

    cluster: Cluster
    resource: Resource
    picker: PodPicker
    local: int
    remote: str

    async def serve(self, listening: socket.socket) -> None:
        """Take connections until cancelled, and leave none of them behind."""
        connections: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._handle(reader, writer))
            connections.add(task)
            task.add_done_callback(connections.discard)

        server = await asyncio.start_server(accept, sock=listening)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()
            for task in connections:
                task.cancel()
            await asyncio.gather(*connections, return_exceptions=True)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on; whatever goes wrong with it ends no other."""
        click.echo(f"Handling connection for {self.local}")
        try:
            async with self._tunnel() as tunnel:
                await relay(tunnel, reader, writer)
        except LateenError as error:
            say(f"error: connection for {self.local}: {error}")
            writer.transport.abort()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    @asynccontextmanager
    async def _tunnel(self) -> AsyncGenerator[Tunnel]:
        """Open a tunnel to a pod; to another one where the first turns out to be gone."""
        from lateen.kube.errors import KubeError
        from lateen.kube.tunnels import open_tunnel

        async with AsyncExitStack() as stack:
            for attempt in range(1, _ATTEMPTS + 1):
                pod = await self.picker.pod()
                port = remote_port(self.resource, pod, self.remote)
                opening = open_tunnel(self.cluster, pod.ref.namespace, pod.name, port)
                try:
                    tunnel = await stack.enter_async_context(opening)
                    break
                except KubeError:
                    if attempt == _ATTEMPTS:
                        raise
                    self.picker.spare(pod)
            else:
                raise AssertionError("unreachable: the last attempt breaks or raises")
            yield tunnel


async def relay(tunnel: Tunnel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes both ways until both have ended, each direction by itself.

    A pod that has said all ends the connection soon, as nothing listens to the client any more.
    """
    sending = asyncio.create_task(_send(tunnel, reader))
    receiving = asyncio.create_task(_receive(tunnel, writer))
    try:
        await asyncio.wait([sending, receiving], return_when=asyncio.FIRST_EXCEPTION)
        await receiving
        with suppress(TimeoutError):
            await asyncio.wait_for(sending, _LINGER)
    finally:
        sending.cancel()
        receiving.cancel()
        await asyncio.gather(sending, receiving, return_exceptions=True)


async def _send(tunnel: Tunnel, reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(_PIECE):
            await tunnel.write(piece)
    await tunnel.end()


async def _receive(tunnel: Tunnel, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):  # the client left: there is nobody to tell
        while piece := await tunnel.read():
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

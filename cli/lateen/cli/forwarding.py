"""``lateen port-forward``: ports of an application's pods and Services, on this machine."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from lateen.cli.forwards import Forwarder, NoPod, PodPicker, PortPair, listen, remote_port
from lateen.cli.options import app_argument
from lateen.cli.output import result, say
from lateen.cli.reaching import NothingRuns, Reached, Target, reach, reaching_options

if TYPE_CHECKING:
    import socket

    from lateen.hub.locating import Resource
    from lateen.kube.pods import Pod

_LOOPBACK = ("127.0.0.1", "::1")


def _addresses(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Read addresses, several in one word or one each; `localhost` is both of its own."""
    found: list[str] = []
    for word in (word.strip() for text in given for word in text.split(",")):
        if word == "localhost":
            found += _LOOPBACK
            continue
        try:
            found.append(str(ipaddress.ip_address(word.strip("[]"))))
        except ValueError as error:
            raise click.BadParameter(f"{word!r} is no IP address, and not `localhost`") from error
    return tuple(dict.fromkeys(found or _LOOPBACK))


def _pairs(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> list[PortPair]:
    return [PortPair.parse(text) for text in given]


@click.command("port-forward")
@app_argument
@click.argument("ports", nargs=-1, required=True, metavar="LOCAL:REMOTE...", callback=_pairs)
@reaching_options
@click.option("--service", default="", metavar="NAME", help="To this Service.")
@click.option(
    "--address",
    "addresses",
    multiple=True,
    metavar="IP,...",
    callback=_addresses,
    help="Listen on these addresses; by default on 127.0.0.1 and ::1.",
)
@click.option("--open", "browse", is_flag=True, help="Open the first port in a browser.")
def port_forward(
    app: str,
    ports: list[PortPair],
    addresses: tuple[str, ...],
    *,
    browse: bool,
    **target: Any,
) -> None:
    """Reach ports of APP's pods and Services from here, until Ctrl-C.

    LOCAL:REMOTE, as 8080:80; a port alone stands for both, and :80 takes a local one that is free.
    REMOTE may be a name. Connections go to a pod that is ready, and to another one when it goes.
    Where several resources match you are asked which one.
    """
    try:
        asyncio.run(_forward(Target(app, **target), ports, addresses, browse=browse))
    except KeyboardInterrupt:
        say("")  # what the terminal showed of Ctrl-C stays on a line of its own


async def _forward(
    target: Target, pairs: Sequence[PortPair], addresses: Sequence[str], *, browse: bool
) -> None:
    from dataclasses import replace

    from lateen.hub.locating import pods_behind

    # A Service has no pods of its own that --pod could name.
    async with reach(target, services=not target.pod) as reached:
        resource = reached.chosen[0]
        cluster = await reached.cluster(resource)
        if resource.is_service:
            _check_service(resource)
            resource = replace(resource, pods=tuple(await pods_behind(cluster, resource)))
        picker = PodPicker(cluster, resource, only=target.pod)
        pod = await _first_pod(reached, resource, picker)
        with ExitStack() as stack:
            listening = _listen_on_all(stack, pairs, addresses)
            work = [picker.watch()]
            for pair, sockets in zip(pairs, listening, strict=True):
                port = remote_port(resource, pod, pair.remote)
                local = sockets[0].getsockname()[1]
                forwarder = Forwarder(cluster, resource, picker, local, pair.remote)
                work += [forwarder.serve(each) for each in sockets]
                for each in sockets:
                    result(f"Forwarding from {_shown(each)} -> {port}")
            _succeed(listening[0][0], browse=browse)
            await asyncio.gather(*work)


def _check_service(resource: Resource) -> None:
    if not resource.labels:
        raise NothingRuns(
            f"{resource.ref} in cluster {resource.cluster} selects no pods, so there is nothing to "
            "forward to; choose a workload by --resource"
        )


async def _first_pod(reached: Reached, resource: Resource, picker: PodPicker) -> Pod:
    """Return a pod that is ready, now: a person who waits wants to know what for."""
    if not resource.pods:
        raise reached.no_pods()
    if not picker.is_ready():
        names = ", ".join(f"{pod.name} ({pod.phase or 'unknown'})" for pod in resource.pods[:5])
        raise NoPod(
            f"{resource.ref} in cluster {resource.cluster} has no pod that is ready: {names}"
        )
    return await picker.pod()


def _listen_on_all(
    stack: ExitStack, pairs: Sequence[PortPair], addresses: Sequence[str]
) -> list[list[socket.socket]]:
    """Listen on every port before anything is announced: all of them, or none."""
    found: list[list[socket.socket]] = []
    for pair in pairs:
        optional = addresses[1:] if tuple(addresses) == _LOOPBACK else ()
        sockets = listen(addresses, pair.local, optional=optional)
        for each in sockets:
            stack.callback(each.close)
        found.append(sockets)
    return found


def _shown(listening: socket.socket) -> str:
    address, port = listening.getsockname()[:2]
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _succeed(listening: socket.socket, *, browse: bool) -> None:
    if not browse:
        result("Forward successfully!")
        return
    import webbrowser

    result("Forward successfully! Opening browser ...")
    webbrowser.open(f"http://{_shown(listening)}")

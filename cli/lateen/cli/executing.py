"""``lateen exec``: a command in a container, with this terminal if it is to have one."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

import click

from lateen.cli import codes
from lateen.cli.options import app_argument
from lateen.cli.output import clean, say
from lateen.cli.reaching import NothingRuns, Reached, Target, reach, reaching_options
from lateen.cli.terminals import raw_mode, read_input, size_of, write_all

if TYPE_CHECKING:
    from lateen.hub.locating import Resource
    from lateen.kube.channels import RemoteCommand
    from lateen.kube.pods import Container, Pod

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_DEADLY = (signal.SIGTERM, signal.SIGHUP)


@click.command("exec")
@app_argument
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
@click.option("-i", "--stdin", is_flag=True, help="Pass standard input on.")
@click.option("-t", "--tty", is_flag=True, help="Give the command a terminal.")
@reaching_options
@click.option("-c", "--container", default="", metavar="NAME", help="In this container.")
def exec_command(
    app: str,
    command: tuple[str, ...],
    *,
    stdin: bool,
    tty: bool,
    container: str,
    **target: Any,
) -> None:
    """Run a COMMAND in a container of APP.

    In the first pod that is ready, and its first container, unless you name others. The command's
    exit code is that of `lateen exec`. Where several resources match you are asked which one.
    """
    from lateen.kube.channels import CommandNotRun

    wish = _Wish(command, stdin=stdin, tty=tty, container=container)
    try:
        code = asyncio.run(_exec(Target(app, **target), wish))
    except KeyboardInterrupt:
        code = codes.INTERRUPTED
    except CommandNotRun as error:
        click.echo(clean(f"Error: {error}"), err=True)
        code = error.code
    sys.exit(code)


class _Wish:
    """What to run, and how."""

    def __init__(self, command: tuple[str, ...], *, stdin: bool, tty: bool, container: str) -> None:
        self.command = command
        self.stdin = stdin
        self.container = container
        self.tty = tty and sys.stdin.isatty()
        if tty and not self.tty:
            say("standard input is no terminal, so the command gets none")


async def _exec(target: Target, wish: _Wish) -> int:
    from lateen.kube.channels import run_command

    async with reach(target) as reached:
        resource = reached.chosen[0]
        pod = _pod(reached, resource)
        container = _container(pod, wish.container)
        cluster = await reached.cluster(resource)
        with _ending_on_signals() as ended_by:
            try:
                async with run_command(
                    cluster,
                    pod.ref,
                    container=container.name,
                    command=wish.command,
                    stdin=wish.stdin,
                    tty=wish.tty,
                ) as remote:
                    await _attach(remote, wish)
                    return remote.exit_code()
            except asyncio.CancelledError:
                if not ended_by:
                    raise
                return 128 + ended_by[0]


def _pod(reached: Reached, resource: Resource) -> Pod:
    """Return the pod to use: the one that was named, or the most usable."""
    name = reached.target.pod
    pods = [pod for pod in resource.pods if name in {"", pod.name}]
    if not pods:
        raise reached.no_pods()
    pod = pods[0]
    if pod.finished:
        raise NothingRuns(
            f"pod {pod.name} in cluster {resource.cluster} has ended ({pod.phase}); nothing runs in it"
        )
    if len(pods) > 1:
        say(f"in pod {pod.name}, one of {len(pods)} (--pod names another)")
    return pod


def _container(pod: Pod, name: str) -> Container:
    from lateen.model.errors import nearest

    if name:
        found = pod.container(name)
        if found is None:
            hint = nearest(name, [each.name for each in pod.containers])
            raise NothingRuns(f"pod {pod.name} has no container {name!r}; {hint}")
        return found
    ordinary = list(pod.main_containers)
    if not ordinary:
        raise NothingRuns(f"pod {pod.name} has no containers")
    first = ordinary[0]
    if len(ordinary) > 1 and first.name != pod.default_container:
        others = ", ".join(each.name for each in ordinary)
        say(f"in container {first.name}, out of {others} (--container names another)")
    return first


@contextmanager
def _ending_on_signals() -> Generator[list[int]]:
    """Turn the signals that end us into a cancellation, so that the terminal is put right first."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    received: list[int] = []

    def end(number: int) -> None:
        received.append(number)
        if task is not None:
            task.cancel()

    for number in _DEADLY:
        loop.add_signal_handler(number, end, number)
    try:
        yield received
    finally:
        for number in _DEADLY:
            loop.remove_signal_handler(number)


async def _attach(remote: RemoteCommand, wish: _Wish) -> None:
    """Connect our streams with the command's until it ends."""
    with raw_mode(_STDIN) if wish.tty else nullcontext():
        helpers = [asyncio.create_task(_feed(remote))] if wish.stdin else []
        if wish.tty:
            helpers.append(asyncio.create_task(_follow_size(remote)))
        try:
            async for output in remote.output():
                write_all(_STDOUT if output.stream == "stdout" else _STDERR, output.payload)
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)


async def _feed(remote: RemoteCommand) -> None:
    async for piece in read_input(_STDIN):
        await remote.write(piece)
    if not remote.can_end_input:
        say(
            "warning: this cluster can't tell the command that its input is over (Kubernetes 1.30 can)"
        )
    await remote.end_input()


async def _follow_size(remote: RemoteCommand) -> None:
    """Tell the terminal's size, now and whenever it changes."""
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    changed.set()
    loop.add_signal_handler(signal.SIGWINCH, changed.set)
    try:
        while True:
            await changed.wait()
            changed.clear()
            if size := size_of(_STDIN):
                await remote.resize(*size)
    finally:
        with suppress(RuntimeError):
            loop.remove_signal_handler(signal.SIGWINCH)

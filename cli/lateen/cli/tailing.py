"""``lateen logs``: what an application's containers wrote, in every cluster at once."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from lateen.cli import codes
from lateen.cli.options import app_argument, duration_option
from lateen.cli.output import say
from lateen.cli.reaching import NothingRuns, Reached, Target, reach, reaching_options
from lateen.cli.terminals import abandoned

if TYPE_CHECKING:
    from lateen.cli.log_text import Lines, LogPrinter
    from lateen.hub.locating import Resource
    from lateen.kube.cluster import Cluster
    from lateen.kube.following import Source
    from lateen.kube.logs import LogOptions
    from lateen.kube.pods import Container, Pod


@click.command()
@app_argument
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option("--all", "everything", is_flag=True, help="All that matches, in every cluster.")
@reaching_options
@click.option("-c", "--container", default="", metavar="NAME", help="Only this container.")
@duration_option("--since", help="Only lines that are not older, as `10m`.")
@click.option("--tail", type=click.IntRange(min=0), help="At most so many lines a container.")
@click.option("-p", "--previous", is_flag=True, help="Of the containers that ran before these.")
@click.option("--timestamps/--no-timestamps", default=True, help="When each line was written.")
def logs(
    app: str,
    *,
    follow: bool,
    everything: bool,
    container: str,
    since: timedelta | None,
    tail: int | None,
    previous: bool,
    timestamps: bool,
    **target: Any,
) -> None:
    """Show what the containers of APP wrote.

    Of all pods of a resource at once, oldest line first; with --follow as it is written, including
    pods that start later. Where several resources match you are asked which one.
    """
    from lateen.kube.logs import LogOptions

    if follow and previous:
        raise click.UsageError("--previous and --follow: what ran before writes nothing any more")
    options = LogOptions(
        follow=follow,
        previous=previous,
        since_seconds=None if since is None else max(1, round(since.total_seconds())),
        tail=tail,
    )
    run = _logs(Target(app, **target), options, container, everything, timestamps)
    try:
        code = asyncio.run(run)
    except KeyboardInterrupt:
        code = codes.INTERRUPTED
    sys.exit(code)


async def _logs(
    target: Target, options: LogOptions, container: str, everything: bool, timestamps: bool
) -> int:
    from lateen.cli.log_text import LogPrinter

    async with reach(target, everything=everything, offer_all=True) as reached:
        terminal = sys.stdout.isatty()
        printer = LogPrinter(
            several=len({resource.cluster for resource in reached.chosen}) > 1,
            timestamps=timestamps,
            colour=terminal and not os.environ.get("NO_COLOR"),
            terminal=terminal,
        )
        _check_container(reached, container)
        wanted = _Wanted(target.pod, container)
        work = _follow if options.follow else _read
        reading = asyncio.create_task(work(reached, wanted, options, printer))
        helpers = [asyncio.create_task(printer.run()), asyncio.create_task(_reader_left())]
        try:
            await asyncio.wait([reading, *helpers], return_when=asyncio.FIRST_COMPLETED)
            for helper in helpers:
                if helper.done():
                    helper.result()
            reading.result()
            printer.write()
        finally:
            for task in (reading, *helpers):
                task.cancel()
            await asyncio.gather(reading, *helpers, return_exceptions=True)
        return codes.ERROR if printer.troubled or not reached.complete else codes.DELIVERED


async def _reader_left() -> None:
    """Raise ``BrokenPipeError``, which ends the command quietly, when nobody reads us any more."""
    await abandoned(sys.stdout.fileno())
    raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


class _Wanted:
    """Which containers are wanted."""

    def __init__(self, pod: str, container: str) -> None:
        self._pod = pod
        self._container = container

    def __call__(self, pod: Pod, container: Container) -> bool:
        return self._pod in {"", pod.name} and self._container in {"", container.name}

    def of(self, resource: Resource) -> list[tuple[Pod, Container]]:
        """Return the wanted containers of a resource's pods."""
        return [
            (pod, container)
            for pod in resource.pods
            for container in pod.containers
            if self(pod, container)
        ]


def _check_container(reached: Reached, container: str) -> None:
    """Raise ``NothingRuns`` when there are pods, but none has such a container."""
    from lateen.model.errors import nearest

    pods = [pod for resource in reached.chosen for pod in resource.pods]
    names = {each.name for pod in pods for each in pod.containers}
    if container and names and container not in names:
        raise NothingRuns(
            f"no pod of {reached.target.application} has a container {container!r}; "
            f"{nearest(container, names)}"
        )


async def _follow(
    reached: Reached, wanted: _Wanted, options: LogOptions, printer: LogPrinter
) -> None:
    from lateen.kube.following import LogFollower, Selection

    selections = [
        Selection(
            await reached.cluster(resource),
            resource.ref.namespace,
            resource.labels,
            wanted,
            finite=resource.ref.kind in {"Job", "Pod"},
        )
        for resource in reached.chosen
        if resource.labels
    ]
    if not selections:
        raise reached.no_pods()
    for resource in reached.chosen:
        if not resource.pods:
            say(f"{resource.ref} in cluster {resource.cluster} has no pods yet; waiting")
        _tell_idle(wanted.of(resource), waiting=True)
    followers = [LogFollower(selection, options, printer).run() for selection in selections]
    await asyncio.gather(*followers)


async def _read(
    reached: Reached, wanted: _Wanted, options: LogOptions, printer: LogPrinter
) -> None:
    from lateen.cli.log_text import merged
    from lateen.kube.following import Source

    if not any(resource.pods for resource in reached.chosen):
        raise reached.no_pods()
    sources: list[tuple[Source, Lines]] = []
    for resource in reached.chosen:
        cluster = await reached.cluster(resource)
        containers = wanted.of(resource)
        _tell_idle(containers, waiting=False)
        for pod, container in containers:
            if container.has_log:
                source = Source(cluster.name, pod.name, container.name)
                printer.began(source)
                sources.append((source, _told(cluster, pod, source, options, printer)))
    async with aclosing(merged(sources)) as lines:
        async for source, line in lines:
            printer.line(source, line)


def _tell_idle(containers: Sequence[tuple[Pod, Container]], *, waiting: bool) -> None:
    """Say which containers have written nothing because they never started, and why."""
    for pod, container in containers:
        if not container.has_log:
            why = f": {container.reason}" if container.reason else ""
            say(
                f"{pod.name} › {container.name} has not started{why}{'; waiting' if waiting else ''}"
            )


async def _told(
    cluster: Cluster, pod: Pod, source: Source, options: LogOptions, printer: LogPrinter
) -> Lines:
    """Yield a container's lines; one that can't be read is told of, and stops no other."""
    from lateen.kube.errors import KubeError
    from lateen.kube.logs import read_log

    try:
        async with aclosing(read_log(cluster, pod.ref, source.container, options)) as lines:
            async for line in lines:
                yield line
    except KubeError as error:
        printer.failed(source, error)

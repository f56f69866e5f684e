"""What ``lateen logs`` writes: a line a log line, coloured by pod, each source announced.

On a terminal the colours of a program's own output are kept and everything else that could steer the
terminal is shown instead of obeyed. In a pipe a line is what the program wrote.
"""

from __future__ import annotations

import asyncio
import heapq
import re
import sys
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

import click

from lateen.cli.output import clean

if TYPE_CHECKING:
    from lateen.kube.errors import KubeError
    from lateen.kube.following import Source
    from lateen.kube.logs import LogLine

_COLOURS = (
    "cyan",
    "green",
    "magenta",
    "yellow",
    "blue",
    "bright_cyan",
    "bright_green",
    "bright_red",
)
_STYLE = re.compile(r"(\x1b\[[0-9;:]*m|\t)")
_RESET = "\x1b[0m"

Lines = AsyncGenerator["LogLine"]


class LogPrinter:
    """Hears lines and writes them; ``run`` writes what was heard until it is cancelled.

    ``several`` puts the cluster in front, as pods of two clusters may have the same name.
    """

    def __init__(self, *, several: bool, timestamps: bool, colour: bool, terminal: bool) -> None:
        self._several = several
        self._timestamps = timestamps
        self._colour = colour
        self._terminal = terminal
        self._heads: dict[Source, str] = {}
        self._colours: dict[tuple[str, str], str] = {}
        self._heard: list[str] = []
        self._news = asyncio.Event()
        self.troubled = False

    def began(self, source: Source) -> None:
        """Announce a container."""
        self._announce("+", source)

    def ended(self, source: Source) -> None:
        """Tell that a container writes no more."""
        self._announce("-", source)

    def line(self, source: Source, line: LogLine) -> None:
        """Take a line for the next writing."""
        time = f"{line.time} " if self._timestamps and line.time else ""
        self._heard.append(f"{self._head(source)} {time}{self._shown(line.text)}\n")
        self._news.set()

    def failed(self, source: Source | None, error: KubeError) -> None:
        """Tell of trouble."""
        self.troubled = True
        self.write()
        again = "" if source else "; trying again"
        click.echo(clean(f"warning: {error}{again}", lines=True), err=True)

    async def run(self) -> None:
        """Write what is heard."""
        while True:
            await self._news.wait()
            self._news.clear()
            self.write()

    def write(self) -> None:
        """Write what was heard; ``BrokenPipeError`` when nobody reads it."""
        heard, self._heard = self._heard, []
        sys.stdout.write("".join(heard))
        sys.stdout.flush()

    def _announce(self, mark: str, source: Source) -> None:
        self.write()
        cluster = f"{clean(source.cluster)} " if self._several else ""
        text = f"{mark} {cluster}{clean(source.pod)} › {clean(source.container)}"
        shown = click.style(text, fg=self._colour_of(source)) if self._colour else text
        click.echo(shown, err=True, color=self._colour or None)

    def _head(self, source: Source) -> str:
        if source not in self._heads:
            words = [source.pod, source.container]
            text = clean(" ".join([source.cluster, *words] if self._several else words))
            self._heads[source] = (
                click.style(text, fg=self._colour_of(source)) if self._colour else text
            )
        return self._heads[source]

    def _colour_of(self, source: Source) -> str:
        key = (source.cluster, source.pod)
        return self._colours.setdefault(key, _COLOURS[len(self._colours) % len(_COLOURS)])

    def _shown(self, text: str) -> str:
        if not self._terminal:
            return text
        text = text.removesuffix("\r")
        parts = _STYLE.split(text)
        if len(parts) == 1:
            return clean(text)
        shown = "".join(part if index % 2 else clean(part) for index, part in enumerate(parts))
        return shown + _RESET if "\x1b" in shown else shown


async def merged(
    sources: Sequence[tuple[Source, Lines]],
) -> AsyncGenerator[tuple[Source, LogLine]]:
    """Yield the lines of logs that end, in the order of their times.

    Each log is read ahead by one line only; lines without a time stay with the one before.
    """
    try:
        firsts = await asyncio.gather(*(anext(lines, None) for _, lines in sources))
        heap = [
            (first.moment, index, first) for index, first in enumerate(firsts) if first is not None
        ]
        heapq.heapify(heap)
        while heap:
            moment, index, line = heapq.heappop(heap)
            source, lines = sources[index]
            yield source, line
            following = await anext(lines, None)
            if following is not None:
                heapq.heappush(heap, (following.moment or moment, index, following))
    finally:
        for _, lines in sources:
            await lines.aclose()

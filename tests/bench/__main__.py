"""``make bench``: what lateen costs beside a bare loop that does the least that is needed.

Both are measured in turns, in one run, on this machine: read the ratios. Nothing here asserts a
time; the bench fails only when something does not work.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from bench import burst, histories, rendering, starting, turns
from bench.report import Section, show
from bench.stand import Stand, stand
from lateen.local.progress import Progress, Spoken
from lateen.local.stack import Stack
from support.processes import torn_down


@dataclass(frozen=True)
class Size:
    """How much is measured: rounds of A B, applications at once, placements, seconds a rate."""

    rounds: int
    applications: int
    placements: tuple[int, ...]
    seconds: float


FULL = Size(rounds=7, applications=200, placements=(1, 100, 10_000), seconds=1.0)
QUICK = Size(rounds=3, applications=40, placements=(1, 100, 1_000), seconds=0.3)

LIVE: dict[str, Callable[[Stand, Size], Awaitable[Iterable[Section]]]] = {
    "turns": lambda at, size: turns.measure(at, rounds=size.rounds),
    "burst": lambda at, size: burst.measure(at, count=size.applications),
    "histories": lambda at, _: histories.measure(at),
    "starting": lambda at, size: starting.measure(at, rounds=size.rounds),
}
PARTS = ("rendering", *LIVE)


async def _live(stack: Stack, size: Size, parts: Iterable[str], says: Progress) -> list[Section]:
    sections: list[Section] = []
    async with stand(stack) as at:
        for part in parts:
            with says.step(f"measuring {part}"):
                sections += await LIVE[part](at, size)
    return sections


def _on_stack(
    size: Size, parts: Iterable[str], says: Progress, state_dir: Path | None
) -> list[Section]:
    if state_dir is not None:
        stack = Stack(state_dir, progress=says)
        stack.up()
        return asyncio.run(_live(stack, size, parts, says))
    with (
        tempfile.TemporaryDirectory(prefix="lateen-bench-") as directory,
        torn_down(Stack(Path(directory) / "stack", progress=says)) as stack,
    ):
        stack.up()
        return asyncio.run(_live(stack, size, parts, says))


@click.command()
@click.option("--quick", is_flag=True, help="Measure less: fewer rounds, 40 applications.")
@click.option(
    "--json", "file", type=click.Path(path_type=Path), help="Write the figures there too."
)
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="Measure these parts.")
@click.option(
    "--state-dir", type=click.Path(path_type=Path), help="Use this stack, and leave it running."
)
def main(*, quick: bool, file: Path | None, only: tuple[str, ...], state_dir: Path | None) -> None:
    """Measure how fast lateen is on this machine, beside a bare loop of server-side applies."""
    size = QUICK if quick else FULL
    parts = only or PARTS
    says = Spoken()
    sections: list[Section] = []
    if "rendering" in parts:
        with says.step("measuring rendering"):
            sections += rendering.measure(placements=size.placements, seconds=size.seconds)
    live = [part for part in parts if part in LIVE]
    if live:
        sections += _on_stack(size, live, says, state_dir)
    show(sections)
    if file is not None:
        file.write_text(json.dumps([section.to_json() for section in sections], indent=2) + "\n")


main()

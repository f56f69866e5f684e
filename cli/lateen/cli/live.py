"""Views that go on: redrawn in place on a terminal, written again when something changed elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Iterable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from lateen.cli import codes
from lateen.model.errors import LateenError

if TYPE_CHECKING:
    from types import FrameType

    from rich.console import Console, RenderableType

T = TypeVar("T")

INTERVAL = 1.0
"""Seconds between two looks."""

_REDRAWS = 4
"""A second; also how soon a window's new size is taken up."""

_TERMINATED = 128 + signal.SIGTERM


def on_terminal() -> bool:
    """Tell whether standard output can be redrawn in place."""
    from rich.console import Console

    console = Console()
    return console.is_terminal and not console.is_dumb_terminal


def run_until_interrupted(view: Coroutine[Any, Any, None]) -> NoReturn:
    """Run a view that has no end of its own; ends with 130 at Ctrl-C, and 0 if nobody reads any more."""
    code = codes.DELIVERED
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        asyncio.run(view)
    except KeyboardInterrupt:
        code = codes.INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
    sys.exit(code)


def _leave(_: int, __: FrameType | None) -> NoReturn:
    """Leave by way of every ``finally``: the terminal gets its screen and cursor back."""
    sys.exit(_TERMINATED)


async def looks(read: Callable[[], Awaitable[T]]) -> AsyncGenerator[tuple[T, str]]:
    """Yield what is read, about once a second, and why it is not news if it is not.

    What goes wrong at the first look is raised; later the last look stands, and the next one may work again.
    """
    seen = await read()
    yield seen, ""
    while True:
        await asyncio.sleep(INTERVAL)
        try:
            seen, trouble = await read(), ""
        except LateenError as error:
            trouble = str(error)
        yield seen, trouble


async def show(
    read: Callable[[], Awaitable[T]], draw: Callable[[T, str, Console], RenderableType]
) -> None:
    """Redraw the whole terminal with what is read, until somebody interrupts."""
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False)
    source = looks(read)
    async with contextlib.aclosing(source):
        seen, trouble = await anext(source)
        with Live(
            console=console,
            get_renderable=lambda: draw(seen, trouble, console),
            screen=True,
            refresh_per_second=_REDRAWS,
            redirect_stdout=False,
            redirect_stderr=False,
        ):
            async for seen, trouble in source:  # noqa: B007 - the drawing reads them
                pass


async def write(
    read: Callable[[], Awaitable[T]], tell: Callable[[T, str], None], *, descriptor: int = 1
) -> None:
    """Hand over what is read until nobody reads what is written, as behind a pipe into ``head``."""
    from lateen.cli.terminals import abandoned

    async def told() -> None:
        source = looks(read)
        async with contextlib.aclosing(source):
            async for seen, trouble in source:
                tell(seen, trouble)
                sys.stdout.flush()

    work = [asyncio.ensure_future(told()), asyncio.ensure_future(abandoned(descriptor))]
    with _cancelled_at_the_end(work):
        done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()


@contextlib.contextmanager
def _cancelled_at_the_end(work: Iterable[asyncio.Future[None]]) -> Generator[None]:
    try:
        yield
    finally:
        for each in work:
            each.cancel()


def cropped(text: str, console: Console, *, footer: str = "") -> RenderableType:
    """Return a text cut to what fits the terminal now, in both directions."""
    from rich.console import Group
    from rich.text import Text

    lines = text.splitlines()
    room = max(1, console.height - (1 if footer else 0))
    if len(lines) > room:
        lines = [*lines[: room - 1], f"… {len(lines) - room + 1} more lines"]
    lines += [footer] if footer else []
    return Group(*(Text(line, no_wrap=True, overflow="ellipsis") for line in lines))

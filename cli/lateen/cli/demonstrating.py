"""``lateen local demo``: from nothing to applications on real clusters, and an approval to give."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lateen.cli import codes
from lateen.cli.output import result, say

if TYPE_CHECKING:
    from lateen.local.stack import Stack

_WAITS = "deploy-workflowstep"
_LEFT_OUT = ("08-", "09-", "10-")
"""They share one workflow with an approval of its own: for trying out by hand afterwards."""

_FINE = (codes.DELIVERED, codes.UNCHANGED, codes.WAITING)


def demonstrate(stack: Stack) -> None:
    """Bring the stack up, prepare it, deliver the examples, and say what to try next."""
    from lateen.cli.registering import register_search_attributes
    from lateen.local.preparing import prepare

    stack.up()
    os.environ.update(stack.environment())

    async def make_ready() -> None:
        await asyncio.gather(prepare(stack), register_search_attributes())

    asyncio.run(make_ready())
    stack.start_worker()
    say("\nDelivering the example applications:")
    code = _deliver()
    if code not in _FINE:
        sys.exit(code)
    _explain(stack)


def _deliver() -> int:
    from lateen.cli.delivering import up

    arguments = [
        argument for path in examples() if _is_shown(path) for argument in ("-f", str(path))
    ]
    try:
        up.main(arguments, prog_name="lateen up", standalone_mode=False)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return codes.DELIVERED


def _is_shown(path: Path) -> bool:
    return not path.name.startswith(_LEFT_OUT)


def examples() -> list[Path]:
    """Return the example applications, in order."""
    return sorted(_folder().glob("*.yaml"))


def _folder() -> Path:
    import lateen.local

    return Path(next(iter(lateen.local.__path__))) / "examples"


def _explain(stack: Stack) -> None:
    from lateen.local.settings import state_directory

    lateen = sys.argv[0] if sys.argv[0].startswith(".") else "lateen"
    here = "" if stack.state_dir == state_directory() else f" --state-dir {stack.state_dir}"
    hints = (
        (f'eval "$({lateen} local env{here})"', "point lateen, temporal and kubectl to this stack"),
        (f"{lateen} status {_WAITS} -n examples", "one step is done, the next one waits"),
        (f'{lateen} approve {_WAITS} -n examples -m "looks good"', "and see it arrive"),
        (f"{lateen} ls -A", "all applications"),
        (f"{lateen} up -f {_folder()}", "all ten examples"),
        (f"kill -9 {stack.worker_pid}", "break the worker: nothing is lost,"),
        (f"{lateen} local up --worker{here}", "another one goes on where it was"),
    )
    width = max(len(command) for command, _ in hints)
    lines = "\n".join(f"  {command:<{width}}  # {why}" for command, why in hints)
    result(f"\nTemporal's UI: {stack.temporal_ui}\n\nTry next:\n{lines}")
    result(f"\nStop it with `make down` or `{lateen} local down{here}`; --delete removes its data.")

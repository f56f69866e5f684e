"""Downloads that others do for us: whether they can work at all, and Temporal's by its own SDK."""

from __future__ import annotations

import asyncio
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PROBE_SECONDS = 3.0
_DOWNLOAD_SECONDS = 300.0
_TEMPORAL = "https://temporal.download/cli/default"


def reachable(url: str) -> bool:
    """Ask for the head of a download; False after three seconds, whatever the reason.

    The question is put in a thread, because resolving a name ignores every timeout.
    """
    answered: list[bool] = []
    thread = threading.Thread(target=lambda: answered.append(_head(url)), daemon=True)
    thread.start()
    thread.join(_PROBE_SECONDS + 1)
    return answered == [True]


def _head(url: str) -> bool:
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - our own https addresses
    try:
        with urllib.request.urlopen(request, timeout=_PROBE_SECONDS) as response:  # noqa: S310
            return bool(response.status < 400)
    except urllib.error.HTTPError as error:
        # temporal.download answers a bare HEAD with a client error, but it answers.
        return url == _TEMPORAL and error.code in {400, 404, 405}
    except (OSError, ValueError):
        return False


def fetch_temporal(directory: Path) -> Path | None:
    """Let Temporal's SDK download its dev server into a directory; None if it can't."""
    if found := _downloaded(directory):
        return found
    if not reachable(_TEMPORAL):
        return None
    directory.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(asyncio.wait_for(_start_once(directory), _DOWNLOAD_SECONDS))
    except (RuntimeError, OSError, TimeoutError):
        return None
    return _downloaded(directory)


async def _start_once(directory: Path) -> None:
    """Start and stop a dev server: the SDK has no download without a start."""
    from temporalio.testing import WorkflowEnvironment  # noqa: PLC0415 - heavy, and rarely needed

    environment = await WorkflowEnvironment.start_local(  # pyright: ignore[reportUnknownMemberType] - the SDK's own gap
        download_dest_dir=str(directory)
    )
    await environment.shutdown()


def _downloaded(directory: Path) -> Path | None:
    found = sorted(directory.glob("temporal-*"))
    return next((path for path in found if path.is_file()), None)

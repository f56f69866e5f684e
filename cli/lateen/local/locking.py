"""Doing a thing alone, across processes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from lateen.local.progress import Progress

_PATIENCE = 45 * 60.0


@contextmanager
def alone(path: Path, *, waiting_for: str, progress: Progress) -> Generator[None]:
    """Hold a file lock while the block runs, and say what is waited for if somebody else has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        with progress.step(f"waiting for {waiting_for}"):
            lock.acquire(timeout=_PATIENCE)
    try:
        yield
    finally:
        lock.release()

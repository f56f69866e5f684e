"""Where a program is that others wrote: named by the environment, on PATH, or built for the local stack."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Mapping


def variable_of(name: str) -> str:
    """Return the variable that names a program; the local stack sets it for its worker."""
    return f"LATEEN_TOOL_{name.upper()}"


def find_program(name: str, environ: Mapping[str, str] | None = None) -> Path | None:
    """Find a program by its name; None when it is not here, or what the environment names can't be run."""
    environ = os.environ if environ is None else environ
    named = environ.get(variable_of(name))
    if named:
        path = Path(named).expanduser()
        return path if os.access(path, os.X_OK) else None
    installed = shutil.which(name, path=environ.get("PATH", os.defpath))
    if installed:
        return Path(installed)
    cache = environ.get("LATEEN_CACHE_DIR")
    root = Path(cache).expanduser() if cache else platformdirs.user_cache_path("lateen")
    machine = f"{platform.system()}-{platform.machine()}".lower()
    built = sorted((root / "tools").glob(f"{name}-*-{machine}/{name}"))
    return built[-1] if built and os.access(built[-1], os.X_OK) else None

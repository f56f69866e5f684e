"""Where the stack keeps what it has: its state, and the programs it built."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

HUB = "local"
"""The cluster that holds applications and credentials."""

MEMBERS = ("cluster-beijing", "cluster-hangzhou-1", "cluster-hangzhou-2")
"""The clusters that are there to be delivered to, by default."""

CLUSTERS = (HUB, *MEMBERS)


def state_directory() -> Path:
    """Return where a stack lives unless told otherwise (``LATEEN_STATE_DIR``)."""
    named = os.environ.get("LATEEN_STATE_DIR")
    return Path(named).expanduser() if named else platformdirs.user_state_path("lateen") / "local"


def cache_directory() -> Path:
    """Return where built programs are kept, for all stacks (``LATEEN_CACHE_DIR``)."""
    named = os.environ.get("LATEEN_CACHE_DIR")
    return Path(named).expanduser() if named else platformdirs.user_cache_path("lateen")

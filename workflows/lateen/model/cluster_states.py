"""One phase a cluster, out of the phases that its placements have in all steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lateen.model.base import Json

_LOUDEST_FIRST = (
    "failed",
    "rejected",
    "delivering",
    "waiting",
    "cancelled",
    "pending",
    "kept",
    "delivered",
)
"""What is told of a cluster whose placements differ."""


def cluster_states(steps: Sequence[Json]) -> dict[str, str]:
    """Return a phase by cluster; ``steps`` are a run's outcomes as they are recorded, with placements."""
    found: dict[str, list[str]] = {}
    for step in steps:
        placements: list[Json] = step.get("placements") or []
        for placement in placements:
            phase = str(placement.get("phase", ""))
            if phase == "pending" and step.get("phase") == "waiting":
                phase = "waiting"
            found.setdefault(str(placement.get("cluster", "")), []).append(phase)
    return {cluster: loudest(phases) for cluster, phases in found.items()}


def loudest(phases: Iterable[str]) -> str:
    """Return the phase that people want to know of; one that is not known counts most."""
    return min(phases, key=_rank, default="")


def _rank(phase: str) -> int:
    return _LOUDEST_FIRST.index(phase) if phase in _LOUDEST_FIRST else -1

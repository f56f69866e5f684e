"""Says in words what differs between two plans of one step."""

from __future__ import annotations

from lateen.contracts.messages import StepPlan

_MOST_NAMES = 10


def difference(before: StepPlan, after: StepPlan) -> str:
    """Name the placements that changed, are new or are gone; empty when none is."""
    old = {placement.name: placement.digest for placement in before.placements}
    new = {placement.name: placement.digest for placement in after.placements}
    found = {
        "changed": [name for name in new if name in old and new[name] != old[name]],
        "new": [name for name in new if name not in old],
        "gone": [name for name in old if name not in new],
    }
    parts = [f"{word}: {_listed(names)}" for word, names in found.items() if names]
    if before.prune != after.prune:
        parts.append("what will be deleted changed")
    return "; ".join(parts)


def _listed(names: list[str]) -> str:
    rest = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")

"""Which components depend on which: what is deleted first when a policy asks for that order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lateen.model.application import Component


def dependency_ranks(components: Iterable[Component]) -> dict[str, int]:
    """Return for each component the length of the longest chain of components that it depends on.

    Names of no component don't count, and a circle, which is refused elsewhere, ends where it closes.
    """
    needs = {component.name: component.depends_on or [] for component in components}
    ranks: dict[str, int] = {}
    for name in needs:
        _rank(name, needs, ranks)
    return ranks


def _rank(start: str, needs: dict[str, list[str]], ranks: dict[str, int]) -> None:
    """Walk down without recursion: a chain may be as long as an application."""
    pending: list[tuple[str, bool]] = [(start, False)]
    open_names: set[str] = set()
    while pending:
        name, ready = pending.pop()
        below = [each for each in needs[name] if each in needs]
        if ready:
            ranks[name] = max((ranks.get(each, -1) + 1 for each in below), default=0)
        elif name not in ranks and name not in open_names:
            open_names.add(name)
            pending.append((name, True))
            pending += [(each, False) for each in below]

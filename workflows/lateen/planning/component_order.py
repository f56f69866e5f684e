"""In which order components follow each other: what ``dependsOn`` and ``inputs`` ask for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.model.json_values import as_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lateen.model.application import Component
    from lateen.model.records import InventoryEntry


def component_order(components: Sequence[Component]) -> tuple[tuple[str, ...], ...]:
    """Return the components' names in waves: each depends only on those of the waves before it.

    Apply the waves in this order, and delete in the reverse one. Within a wave the order is that of the
    components; without dependencies there is a single wave. Names that are not among the components don't
    count, and components that wait for each other, which checking refuses, come together in the last wave:
    this never fails, so that whatever was delivered once can be deleted.
    """
    left = dict(dependencies(components))
    waves: list[tuple[str, ...]] = []
    while left:
        wave = tuple(name for name, needed in left.items() if not needed & left.keys())
        waves.append(wave or tuple(left))
        for name in waves[-1]:
            del left[name]
    return tuple(waves)


def deletion_groups(entries: Iterable[InventoryEntry]) -> list[list[InventoryEntry]]:
    """Return what is to be deleted together: what was applied in the last wave comes first."""
    groups: dict[int, list[InventoryEntry]] = {}
    for entry in entries:
        groups.setdefault(entry.wave, []).append(entry)
    return [groups[wave] for wave in sorted(groups, reverse=True)]


def dependencies(components: Iterable[Component]) -> Mapping[str, frozenset[str]]:
    """Return for each component those of the others that it has to wait for.

    Reads leniently: what is malformed, or names nothing, is passed over.
    """
    known = {component.name: component for component in components}
    makers = {
        name: component.name
        for component in known.values()
        for name in names_in(component.outputs, "name")
    }
    found: dict[str, frozenset[str]] = {}
    for component in known.values():
        needed = {*(component.depends_on or ())}
        needed |= {makers[name] for name in names_in(component.inputs, "from") if name in makers}
        found[component.name] = frozenset(needed & known.keys() - {component.name})
    return found


def names_in(entries: Iterable[object] | None, key: str) -> Iterable[str]:
    """Yield what the entries of ``inputs`` or ``outputs`` say under a key, if it is a name."""
    for entry in entries or ():
        name = (as_object(entry) or {}).get(key)
        if isinstance(name, str):
            yield name

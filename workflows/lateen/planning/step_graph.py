"""The components of one deploy step, their copies, and what ties them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lateen.model.application import Component
    from lateen.planning.component_links import Links
    from lateen.rendering.parameter_keys import Values


class Copy(NamedTuple):
    """A component, or one of the copies that a replication policy makes of it."""

    component: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.component} ({self.key})" if self.key else self.component


@dataclass(frozen=True)
class StepGraph:
    """The components of a step, and what ties them together.

    ``values`` are placeholders of what inputs supply; ``waves`` are empty where nothing waits.
    """

    components: tuple[Component, ...]
    replicas: Mapping[str, Sequence[str]]
    links: Links
    values: Mapping[str, Values]
    waves: tuple[tuple[str, ...], ...]

    @property
    def order(self) -> tuple[str, ...]:
        """The components in the order of their dependencies; empty where nothing waits."""
        return tuple(name for wave in self.waves for name in wave)

    def wave_of(self, component: str) -> int:
        """Return how many waves come before a component's."""
        return next((at for at, wave in enumerate(self.waves) if component in wave), 0)

    def copies(self, component: str) -> tuple[Copy, ...]:
        """Return the copies of a component; none when the step doesn't deliver it."""
        if all(each.name != component for each in self.components):
            return ()
        return tuple(Copy(component, key) for key in self.replicas.get(component) or ("",))

    def matching(self, component: str, key: str) -> tuple[Copy, ...]:
        """Return the copy with the same replica key, else the one without a key, else all."""
        copies = self.copies(component)
        for wanted in (Copy(component, key), Copy(component)):
            if wanted in copies:
                return (wanted,)
        return copies

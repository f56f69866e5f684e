"""Where something is delivered."""

from __future__ import annotations

from lateen.model.base import Record


class Placement(Record):
    """A namespace of a cluster; the namespace is never empty."""

    cluster: str
    namespace: str

    def __str__(self) -> str:
        return f"{self.cluster}/{self.namespace}"

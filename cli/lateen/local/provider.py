"""What the stack asks of those who make clusters."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class ClusterState(enum.StrEnum):
    """How a cluster is."""

    ABSENT = "absent"
    INCOMPLETE = "incomplete"
    STOPPED = "stopped"
    DEGRADED = "degraded"
    RUNNING = "running"


class Provider(Protocol):
    """Makes clusters and starts and stops them; every method takes a cluster's name."""

    def check(self) -> None:
        """Raise, naming what to install, if clusters can't be made on this machine."""
        ...

    def names(self) -> list[str]:
        """List the clusters that were made, also those that were not completed."""
        ...

    def create(self, name: str) -> None:
        """Make a cluster, with two nodes, and leave its kubeconfig at ``kubeconfig(name)``.

        What an interrupted attempt left is removed first.
        """
        ...

    def start(self, name: str) -> None:
        """Start what of a cluster doesn't run and wait until its API server is ready."""
        ...

    def stop(self, name: str) -> None:
        """Stop a cluster; its objects, ports and credentials stay."""
        ...

    def delete(self, name: str) -> None:
        """Stop a cluster and remove all of it."""
        ...

    def restart_api_server(self, name: str) -> None:
        """End the API server at once and start it again, leaving the rest of the cluster alone."""
        ...

    def state(self, name: str) -> ClusterState:
        """Say how a cluster is."""
        ...

    def kubeconfig(self, name: str) -> Path:
        """Return where a cluster's kubeconfig is."""
        ...

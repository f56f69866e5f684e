"""The local stack: Temporal, a hub cluster, clusters to deliver to, and on request a worker."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lateen.local import kubeconfigs
from lateen.local.building import Cache
from lateen.local.errors import ClusterFailed, LocalStackError, ToolMissing
from lateen.local.finding import Toolbox
from lateen.local.kind import KindClusters
from lateen.local.kwok import KwokClusters
from lateen.local.locking import alone
from lateen.local.progress import Progress
from lateen.local.provider import ClusterState, Provider
from lateen.local.services import BackgroundWorker, TemporalServer
from lateen.local.settings import CLUSTERS, HUB, cache_directory, state_directory
from lateen.local.toolsets import CUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

ProviderName = Literal["kwok", "kind"]

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?")


@dataclass(frozen=True)
class Part:
    """One part of the stack as ``status`` shows it."""

    name: str
    kind: Literal["cluster", "temporal", "worker"]
    state: str
    address: str = ""


class Stack:
    """One stack, wholly inside its state directory; several may run beside each other.

    Every method waits until what it did has taken effect, and raises a LocalStackError with the end
    of the right log when it didn't.
    """

    def __init__(
        self,
        state_dir: Path | None = None,
        *,
        cache_dir: Path | None = None,
        provider: ProviderName | None = None,
        progress: Progress | None = None,
        toolbox: Toolbox | None = None,
    ) -> None:
        self.state_dir = (state_dir or state_directory()).absolute()
        self._progress = progress or Progress()
        self._provider_name = provider
        cache = Cache((cache_dir or cache_directory()).absolute())
        self.toolbox = toolbox or Toolbox(cache, progress=self._progress)
        self._temporal = TemporalServer(
            self.state_dir, toolbox=self.toolbox, progress=self._progress
        )
        self._worker = BackgroundWorker(self.state_dir)

    @property
    def temporal_address(self) -> str:
        """Temporal's ``host:port``."""
        return self._temporal.address

    @property
    def temporal_ui(self) -> str:
        """The address of Temporal's UI."""
        return self._temporal.ui

    @property
    def hub_kubeconfig(self) -> Path:
        """The kubeconfig of the hub, credentials inline."""
        return self.kubeconfig(HUB)

    @property
    def merged_kubeconfig(self) -> Path:
        """One kubeconfig with a context for each cluster."""
        return self.state_dir / "kubeconfig"

    @property
    def clusters(self) -> list[str]:
        """The names of the clusters that exist, running or not, the hub first."""
        names = self._provider.names()
        return sorted(names, key=lambda name: (name != HUB, name))

    def up(self, clusters: Sequence[str] = CLUSTERS, *, worker: bool = False) -> None:
        """Make and start what is missing: Temporal, the hub, these clusters, a worker if asked.

        Quick and without effect when all runs; the hub is always part of a stack.
        """
        names = [HUB, *(name for name in dict.fromkeys(clusters) if name != HUB)]
        for name in names:
            _require_name(name)
        with self._alone():
            self._require_provider()
            address = self.temporal_address if self._temporal.started_before else ""
            self._temporal.start(may_move=True)
            moved = address != self.temporal_address and self._worker.stop()
            for name in names:
                self._ensure(name)
            self._write_merged()
            if worker or moved:
                self.start_worker()

    def down(self, clusters: Iterable[str] | None = None, *, delete: bool = False) -> None:
        """Stop these clusters, or the whole stack; with ``delete`` remove what was stopped."""
        if not self.state_dir.exists():
            return
        with self._alone():
            if clusters is None:
                self._down_all(delete=delete)
            else:
                for name in clusters:
                    self._require(name)
                    self._down(name, delete=delete)
                self._write_merged()
        if delete and clusters is None:
            self._remove_state()

    def start_cluster(self, name: str) -> None:
        """Start a cluster that was stopped; its ports, credentials and objects are as before."""
        self._require(name)
        self._provider.start(name)

    def stop_cluster(self, name: str) -> None:
        """Stop a cluster as a power cut would."""
        self._require(name)
        self._provider.stop(name)

    def restart_api_server(self, name: str = HUB) -> None:
        """Kill one API server and start it again; its etcd and controllers live on."""
        self._require(name)
        self._provider.restart_api_server(name)

    def start_temporal(self) -> None:
        """Start Temporal on its database, at its former address."""
        self._temporal.start()

    def stop_temporal(self) -> None:
        """Stop Temporal; its database stays."""
        self._temporal.stop()

    def restart_temporal(self) -> None:
        """Stop Temporal and start it again on the same database and address."""
        self.stop_temporal()
        self.start_temporal()

    def start_worker(self) -> None:
        """Start a worker for this stack in the background."""
        self._worker.start({**self.environment(), **self._tools()})

    def _tools(self) -> dict[str, str]:
        """Name the programs that a worker runs; without one it refuses what needs it."""
        try:
            return {"LATEEN_TOOL_CUE": str(self.toolbox.path(CUE))}
        except ToolMissing:
            return {}

    @property
    def worker_pid(self) -> int | None:
        """The background worker's process; None when it doesn't run."""
        return self._worker.pid

    def stop_worker(self) -> None:
        """Stop the background worker gracefully."""
        self._worker.stop()

    def kubeconfig(self, name: str) -> Path:
        """Return a cluster's own kubeconfig, credentials inline."""
        self._require(name)
        return self._provider.kubeconfig(name)

    def environment(self) -> dict[str, str]:
        """Return the variables that point lateen and kubectl to this stack."""
        return {
            "TEMPORAL_ADDRESS": self.temporal_address,
            "LATEEN_HUB_KUBECONFIG": str(self.hub_kubeconfig),
            "KUBECONFIG": str(self.merged_kubeconfig),
        }

    def status(self) -> list[Part]:
        """Say how each part is, without changing anything."""
        parts = [
            Part(name, "cluster", self._provider.state(name), self._server(name))
            for name in self.clusters
        ]
        if self._temporal.started_before:
            state = "running" if self._temporal.running() else "stopped"
            parts.append(Part("temporal", "temporal", state, self.temporal_address))
            parts.append(Part("temporal-ui", "temporal", state, self.temporal_ui))
        if self._worker.log.exists():
            state = "running" if self._worker.running() else "stopped"
            parts.append(Part("worker", "worker", state, str(self._worker.log)))
        return parts

    @property
    def _provider(self) -> Provider:
        maker = KindClusters if self._remembered_provider() == "kind" else KwokClusters
        home = self.state_dir / maker.__name__.removesuffix("Clusters").lower()
        return maker(home, toolbox=self.toolbox, progress=self._progress)

    @property
    def _record(self) -> Path:
        return self.state_dir / "stack.json"

    def _remembered_provider(self) -> str:
        if not self._record.exists():
            return self._provider_name or "kwok"
        return str(json.loads(self._record.read_text())["provider"])

    def _require_provider(self) -> None:
        """Remember who makes the clusters; raises if the stack has another one or it can't work."""
        known = self._remembered_provider()
        if self._provider_name not in {None, known}:
            raise LocalStackError(
                f"the stack in {self.state_dir} has clusters made by {known},"
                f" not {self._provider_name}; remove it with `lateen local down --delete`"
                " or choose another --state-dir"
            )
        if not self._record.exists():
            self._provider.check()
            self._record.write_text(json.dumps({"provider": known}))

    def _ensure(self, name: str) -> None:
        state = self._provider.state(name)
        if state in {ClusterState.ABSENT, ClusterState.INCOMPLETE}:
            self._provider.create(name)
        elif state is not ClusterState.RUNNING:
            self._provider.start(name)

    def _down_all(self, *, delete: bool) -> None:
        self._worker.stop()
        for name in self.clusters:
            self._down(name, delete=delete)
        self._temporal.stop()

    def _down(self, name: str, *, delete: bool) -> None:
        """Stop a cluster; remove it when asked, and when it was never completed."""
        incomplete = self._provider.state(name) is ClusterState.INCOMPLETE
        (self._provider.delete if delete or incomplete else self._provider.stop)(name)

    def _require(self, name: str) -> None:
        if not self._provider.kubeconfig(name).exists():
            raise ClusterFailed(
                f"there is no cluster {name!r} in {self.state_dir}: known are"
                f" {', '.join(self.clusters) or 'none'};"
                f" make it with `lateen local up --cluster {name}`"
            )

    def _server(self, name: str) -> str:
        path = self._provider.kubeconfig(name)
        if not path.exists():
            return ""
        kubeconfig = kubeconfigs.read(path)
        return str(kubeconfig["clusters"][0]["cluster"]["server"])

    def _write_merged(self) -> None:
        paths = [self._provider.kubeconfig(name) for name in self.clusters]
        parts = [kubeconfigs.read(path) for path in paths if path.exists()]
        kubeconfigs.write(self.merged_kubeconfig, kubeconfigs.merge(parts, current=HUB))

    def _remove_state(self) -> None:
        """Remove the state directory, if it is one: a typing error must not cost a home."""
        if self._record.exists():
            shutil.rmtree(self.state_dir)

    def _alone(self) -> AbstractContextManager[None]:
        """Let one command at a time change a stack."""
        waiting = "another command that changes this stack"
        return alone(self.state_dir / ".lock", waiting_for=waiting, progress=self._progress)


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise LocalStackError(
            f"{name!r} can't be a cluster's name: use lower-case letters, digits and dashes,"
            " at most 42"
        )

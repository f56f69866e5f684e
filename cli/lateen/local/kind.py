"""Clusters made by kind, where a Docker engine answers: real kubelets, real containers."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from lateen.local import kubeconfigs
from lateen.local.errors import ClusterFailed, CommandFailed, ToolMissing
from lateen.local.processes import free_ports, run, wait_until
from lateen.local.provider import ClusterState
from lateen.local.toolsets import KIND

if TYPE_CHECKING:
    from lateen.local.finding import Toolbox
    from lateen.local.progress import Progress

_READY_SECONDS = 180.0


class KindClusters:
    """The clusters of one stack; a digest of ``home`` tells them from those of other stacks."""

    def __init__(self, home: Path, *, toolbox: Toolbox, progress: Progress) -> None:
        self._home = home
        self._toolbox = toolbox
        self._progress = progress
        self._stack = hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:6]

    def check(self) -> None:
        """Raise ToolMissing at once when no Docker engine answers; find or build kind."""
        self._require_docker()
        self._toolbox.path(KIND)

    def names(self) -> list[str]:
        """List the clusters; kind itself removes what it could not complete."""
        return sorted(path.stem for path in (self._home / "kubeconfigs").glob("*.yaml"))

    def kubeconfig(self, name: str) -> Path:
        """Return where the kubeconfig is; written last, it tells that a cluster is complete."""
        return self._home / "kubeconfigs" / f"{name}.yaml"

    def state(self, name: str) -> ClusterState:
        """Say how a cluster is, from its container and its API server's own word."""
        if not self.kubeconfig(name).exists():
            return ClusterState.ABSENT
        docker = self._require_docker()
        container: list[str | Path] = [
            docker,
            "inspect",
            "--format",
            "{{.State.Running}}",
            self._container(name),
        ]
        try:
            running = run(container, timeout=20).strip() == "true"
        except CommandFailed:
            return ClusterState.ABSENT
        if not running:
            return ClusterState.STOPPED
        ready = kubeconfigs.is_ready(kubeconfigs.read(self.kubeconfig(name)))
        return ClusterState.RUNNING if ready else ClusterState.DEGRADED

    def create(self, name: str) -> None:
        """Make a cluster with one node; kind removes what it could not complete."""
        self._require_docker()
        kind = self._toolbox.path(KIND)
        self._home.mkdir(parents=True, exist_ok=True)
        raw = self._home / f"{name}.kind.yaml"
        configuration = self._home / f"{name}.kind-config.yaml"
        (port,) = free_ports(1)
        configuration.write_text(
            yaml.safe_dump(
                {
                    "kind": "Cluster",
                    "apiVersion": "kind.x-k8s.io/v1alpha4",
                    "networking": {"apiServerAddress": "127.0.0.1", "apiServerPort": port},
                }
            )
        )
        command: list[str | Path] = [
            kind,
            "create",
            "cluster",
            "--name",
            self._qualified(name),
            "--wait",
            "180s",
        ]
        files: list[str | Path] = ["--kubeconfig", raw, "--config", configuration]
        try:
            with self._progress.step(f"creating cluster {name} with kind"):
                run([*command, *files], timeout=900)
            kubeconfigs.write(self.kubeconfig(name), kubeconfigs.flatten(raw, name=name))
        except CommandFailed as error:
            raise ClusterFailed(f"cluster {name!r} was not created by kind: {error}") from error
        finally:
            raw.unlink(missing_ok=True)

    def start(self, name: str) -> None:
        """Start a cluster's container and wait until its API server is ready."""
        with self._progress.step(f"starting cluster {name}"):
            run([self._require_docker(), "start", self._container(name)], timeout=60)
            kubeconfig = kubeconfigs.read(self.kubeconfig(name))
            ready = wait_until(
                lambda: kubeconfigs.is_ready(kubeconfig), timeout=_READY_SECONDS, interval=0.5
            )
        if not ready:
            raise ClusterFailed(
                f"cluster {name!r} was started, but its API server is not ready after"
                f" {_READY_SECONDS:.0f} s; see `docker logs {self._container(name)}`"
            )

    def stop(self, name: str) -> None:
        """Stop a cluster's container."""
        run([self._require_docker(), "stop", self._container(name)], timeout=120)

    def delete(self, name: str) -> None:
        """Let kind remove a cluster."""
        self._require_docker()
        kind = self._toolbox.path(KIND)
        scratch = self._home / f"{name}.kind.yaml"
        command: list[str | Path] = [kind, "delete", "cluster", "--name", self._qualified(name)]
        run([*command, "--kubeconfig", scratch], timeout=120)
        self.kubeconfig(name).unlink(missing_ok=True)

    def restart_api_server(self, name: str) -> None:
        """Kill the API server in the container; its kubelet starts it again."""
        docker = self._require_docker()
        run([docker, "exec", self._container(name), "pkill", "-9", "kube-apiserver"], timeout=20)
        self.start(name)

    def _require_docker(self) -> Path:
        """Find a Docker engine that answers; raises ToolMissing at once when there is none."""
        docker = shutil.which("docker")
        if docker is None:
            raise ToolMissing(
                "kind needs a Docker engine, and there is no `docker`; use --provider kwok"
            )
        try:
            run([docker, "info", "--format", "{{.ServerVersion}}"], timeout=10)
        except CommandFailed as error:
            raise ToolMissing(
                "kind needs a Docker engine, and none answers; start one or use --provider kwok"
                f" ({error})"
            ) from error
        return Path(docker)

    def _qualified(self, name: str) -> str:
        return f"lateen-{self._stack}-{name}"

    def _container(self, name: str) -> str:
        return f"{self._qualified(name)}-control-plane"

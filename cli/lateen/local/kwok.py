"""Clusters of real control planes with simulated nodes, made and run by kwokctl.

kwokctl does the work; what it leaves out is here. It trusts process ids, which a reboot gives to
others; it takes ports that are free now, though a stopped cluster of another stack will want them
back; it doesn't look again at a component that ended while its API server was still starting.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil
import yaml

from lateen.local import kubeconfigs
from lateen.local.errors import ClusterFailed, CommandFailed
from lateen.local.processes import alive, free_ports, is_free, run, tail, wait_until
from lateen.local.provider import ClusterState
from lateen.local.simulating import STORAGE_CLASS, simulation
from lateen.local.toolsets import KWOK_CLUSTERS, KWOKCTL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lateen.local.finding import Toolbox
    from lateen.local.progress import Progress

_NODES = 2
_READY_SECONDS = 90.0
_START_SECONDS = 30.0
_CREATE_SECONDS = 60.0
_DOWNLOAD_SECONDS = 900.0
_ATTEMPTS = 2
_PORTS = (
    "kubeApiserverPort",
    "etcdPort",
    "etcdPeerPort",
    "kubeControllerManagerPort",
    "kubeSchedulerPort",
    "kwokControllerPort",
)
_ALONE = ("kube-controller-manager", "kube-scheduler")
"""Each has no rival to elect a leader with; after a power cut it would wait for its own old lease."""

_PROGRAMS = {
    "etcd": "etcdBinary",
    "kube-apiserver": "kubeApiserverBinary",
    "kube-controller-manager": "kubeControllerManagerBinary",
    "kube-scheduler": "kubeSchedulerBinary",
    "kwok": "kwokControllerBinary",
    "kubectl": "kubectlBinary",
}


class KwokClusters:
    """The clusters of one stack, under ``home``; other stacks may use the same names."""

    def __init__(self, home: Path, *, toolbox: Toolbox, progress: Progress) -> None:
        self._home = home
        self._toolbox = toolbox
        self._progress = progress

    def check(self) -> None:
        """Find kwokctl, and build it if need be; without it nothing works."""
        self._toolbox.path(KWOKCTL)

    def names(self) -> list[str]:
        """List the clusters, by what kwokctl keeps of them."""
        return sorted(path.name for path in (self._home / "clusters").glob("*"))

    def kubeconfig(self, name: str) -> Path:
        """Return where the kubeconfig is; written last, it tells that a cluster is complete."""
        return self._home / "kubeconfigs" / f"{name}.yaml"

    def state(self, name: str) -> ClusterState:
        """Say how a cluster is, from its processes and its API server's own word."""
        if not self._directory(name).exists():
            return ClusterState.ABSENT
        if not self.kubeconfig(name).exists():
            return ClusterState.INCOMPLETE
        running = dict(self._components(name))
        if not running:
            return ClusterState.STOPPED
        complete = set(running) == self._expected(name)
        ready = complete and kubeconfigs.is_ready(kubeconfigs.read(self.kubeconfig(name)))
        return ClusterState.RUNNING if ready else ClusterState.DEGRADED

    def create(self, name: str) -> None:
        """Make a cluster with two nodes; what an interrupted attempt left is removed first.

        When kwokctl was left to download programs and could not, they are built and it is tried
        once more.
        """
        if self._directory(name).exists():
            self.delete(name)
        if not self._all_found():
            try:
                self._create(name, timeout=_DOWNLOAD_SECONDS)
            except CommandFailed:
                self._toolbox.give_up_downloads()
                self.delete(name)
        if not self._directory(name).exists():
            self._create(name, timeout=_CREATE_SECONDS)
        self._await_ready(name, self._raw_kubeconfig(name))
        addresses = ("--param", '.nodeIPs=["127.0.0.1"]')  # where kwok answers for kubelets
        self._kwokctl(name, "scale", "node", "--replicas", str(_NODES), *addresses)
        self._kwokctl(name, "kubectl", "apply", "-f", str(STORAGE_CLASS))
        kubeconfigs.write(self.kubeconfig(name), self._raw_kubeconfig(name))

    def start(self, name: str) -> None:
        """Start what doesn't run: nothing, some components, or all after a reboot."""
        self.check()
        self._repair_programs(name)
        self._require_ports(name)
        self._await_ready(name, kubeconfigs.read(self.kubeconfig(name)))

    def stop(self, name: str) -> None:
        """Stop a cluster and wait until its ports are free again."""
        processes = [process for _, process in self._components(name)]
        self._forget_ended(name)
        self._kwokctl(name, "stop", "cluster")
        _see_off(processes)

    def delete(self, name: str) -> None:
        """Remove a cluster, also one that was interrupted before kwokctl could read it again."""
        processes = [process for _, process in self._components(name)]
        self.kubeconfig(name).unlink(missing_ok=True)
        self._forget_ended(name)
        with suppress(CommandFailed):
            self._kwokctl(name, "delete", "cluster", "--kubeconfig", self._scratch)
        _see_off(processes)
        shutil.rmtree(self._directory(name), ignore_errors=True)

    def restart_api_server(self, name: str) -> None:
        """Kill the API server, as a node that loses power would, and start it again."""
        process = dict(self._components(name)).get("kube-apiserver")
        _see_off([] if process is None else [process])
        self.start(name)

    def _all_found(self) -> bool:
        """Say whether all programs are there, so that kwokctl has nothing to download."""
        return all(found.paths for found in map(self._toolbox.find, KWOK_CLUSTERS))

    def _create(self, name: str, *, timeout: float) -> None:
        configuration = self._write_configuration(name)
        with self._progress.step(f"creating cluster {name}"):
            arguments = ("create", "cluster", "--runtime", "binary", "--kubeconfig", self._scratch)
            try:
                self._kwokctl(name, *arguments, "--config", str(configuration), timeout=timeout)
            except CommandFailed as error:
                explanation = self._explain(name)
                _see_off([process for _, process in self._components(name)])
                raise CommandFailed(str(error), output=explanation) from error

    def _write_configuration(self, name: str) -> Path:
        directory = self._home / "configurations" / name
        directory.mkdir(parents=True, exist_ok=True)
        programs = {
            _PROGRAMS[program]: str(path)
            for toolset in KWOK_CLUSTERS
            for program, path in self._toolbox.find(toolset).paths.items()
            if program in _PROGRAMS
        }
        ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        options: dict[str, Any] = {
            "bindAddress": "127.0.0.1",
            "disableQPSLimits": True,
            "cacheDir": str(self._toolbox.downloads),
            # Times five for its heartbeat factor: a kwok that was restarted takes over no pod before that.
            "nodeLeaseDurationSeconds": 1,
            **ports,
            **programs,
        }
        port = ports["kwokControllerPort"]
        document = {
            "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
            "kind": "KwokctlConfiguration",
            "options": options,
            "componentsPatches": [
                {"name": name, "extraArgs": [{"key": "leader-elect", "value": "false"}]}
                for name in _ALONE
            ],
        }
        texts = [yaml.safe_dump(document), *simulation(name, directory=directory, port=port)]
        path = directory / "kwokctl.yaml"
        path.write_text("---\n".join(texts))
        return path

    def _await_ready(self, name: str, kubeconfig: dict[str, Any]) -> None:
        """Start components until all run and the API server is ready; one may need a second try."""

        def settled() -> bool:
            return set(dict(self._components(name))) != expected or kubeconfigs.is_ready(kubeconfig)

        expected = self._expected(name)
        with self._progress.step(f"starting cluster {name}"):
            for _ in range(_ATTEMPTS):
                if set(dict(self._components(name))) != expected:
                    self._forget_ended(name)
                    with suppress(CommandFailed):  # the log of what ended tells more
                        self._kwokctl(name, "start", "cluster", timeout=_START_SECONDS)
                wait_until(settled, timeout=_READY_SECONDS, interval=0.1)
                if set(dict(self._components(name))) == expected and kubeconfigs.is_ready(
                    kubeconfig
                ):
                    return
        raise ClusterFailed(self._explain(name))

    def _explain(self, name: str) -> str:
        missing = sorted(self._expected(name) - set(dict(self._components(name))))
        guilty = missing[0] if missing else "kube-apiserver"
        log = self._directory(name) / "logs" / f"{guilty}.log"
        state = f"{', '.join(missing)} ended" if missing else "its API server is not ready"
        return f"cluster {name!r} did not start: {state}; the end of {log}:\n{tail(log)}"

    def _repair_programs(self, name: str) -> None:
        """Point a cluster to programs that are there, when those it was made with were removed."""
        for link in (self._directory(name) / "bin").iterdir():
            if link.exists():
                continue
            program = "kwok" if link.name == "kwok-controller" else link.name
            toolset = next(each for each in KWOK_CLUSTERS if program in each.programs)
            found = self._toolbox.find(toolset).paths
            if program not in found:
                self._toolbox.give_up_downloads()
                found = self._toolbox.find(toolset).paths
            link.unlink()
            link.symlink_to(found[program])

    def _require_ports(self, name: str) -> None:
        """Refuse to start a stopped cluster whose ports others took; joined credentials name them."""
        if dict(self._components(name)):
            return
        configuration = self._home / "configurations" / name / "kwokctl.yaml"
        options = next(yaml.safe_load_all(configuration.read_text()))["options"]
        for option in _PORTS:
            if not is_free(options[option]):
                raise ClusterFailed(
                    f"cluster {name!r} can't start: another process took its port"
                    f" {options[option]} ({option}); end that one, or make the cluster anew after"
                    f" `lateen local down --delete --cluster {name}`"
                )

    def _components(self, name: str) -> Iterator[tuple[str, psutil.Process]]:
        """Yield the components that run, known by what they were started with, not by id alone."""
        for path in sorted((self._directory(name) / "pids").glob("*.pid")):
            with suppress(OSError, ValueError, psutil.Error):
                process = psutil.Process(int(path.read_text()))
                ours = any(str(self._directory(name)) in word for word in process.cmdline())
                if ours and alive(process):
                    yield path.stem, process

    def _forget_ended(self, name: str) -> None:
        """Remove stale process ids, so that kwokctl neither spares nor kills a stranger."""
        running = dict(self._components(name))
        for path in (self._directory(name) / "pids").glob("*.pid"):
            if path.stem not in running:
                path.unlink(missing_ok=True)

    def _expected(self, name: str) -> set[str]:
        programs = (self._directory(name) / "bin").glob("*")
        return {path.name for path in programs} - {"kubectl"}

    def _raw_kubeconfig(self, name: str) -> dict[str, Any]:
        return kubeconfigs.flatten(self._directory(name) / "kubeconfig.yaml", name=name)

    @property
    def _scratch(self) -> str:
        """The kubeconfig that kwokctl insists on editing, so that it isn't the user's."""
        return str(self._home / "kwokctl-kubeconfig")

    def _directory(self, name: str) -> Path:
        return self._home / "clusters" / name

    def _kwokctl(self, name: str, *arguments: str, timeout: float = 60) -> None:
        env = {"KWOK_WORKDIR": str(self._home)}
        run([self._toolbox.path(KWOKCTL), "--name", name, *arguments], timeout=timeout, env=env)


def _see_off(processes: Sequence[psutil.Process]) -> None:
    """Kill processes, if they still run, and wait until their ports and files are free."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    wait_until(lambda: not any(map(alive, processes)), timeout=10)

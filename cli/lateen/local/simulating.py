"""What kwok pretends: pods that behave, pods that don't, and answers to ``logs`` and ``exec``.

A pod's label or annotation ``lateen.dev/simulate`` asks for trouble: ``slow``, ``crash``,
``unpullable``, ``never-ready`` or ``fail``. The files under ``simulation/`` say how.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

SIMULATE = "lateen.dev/simulate"
"""The label or annotation of a pod that asks for trouble."""

SIMULATE_DELAY = "lateen.dev/simulate-delay"
"""The annotation that says after how long a ``slow`` pod is ready, such as ``25s``."""

BEHAVIOURS = ("slow", "crash", "unpullable", "never-ready", "fail")

_FILES = Path(__file__).parent / "simulation"
_STAGES = ("nodes.yaml", "pods.yaml", "network.yaml", "volumes.yaml")

STORAGE_CLASS = _FILES / "storage_class.yaml"
"""The manifest of the default storage class, whose volumes are there at once."""

_LOG = ("starting", "listening on 0.0.0.0:80", "GET / 200 1ms", "GET /healthz 200 0ms")


def simulation(cluster: str, *, directory: Path, port: int) -> list[str]:
    """Return the YAML documents that tell kwok what to pretend, and write the files they refer to.

    ``directory`` is the cluster's own: it gets the log that every container shows and is where
    ``exec`` runs. ``port-forward`` ends at ``port``, whatever the pod's port: there has to be
    something that answers.
    """
    logs = directory / "container.log"
    logs.write_text(_cri_log(cluster))
    workspace = directory / "exec"
    workspace.mkdir(exist_ok=True)
    access = (_FILES / "access.yaml").read_text()
    values = {"logs": logs, "exec_directory": workspace, "cluster": cluster, "port": port}
    for key, value in values.items():
        access = access.replace(f"{{{key}}}", str(value))
    return [access, *((_FILES / name).read_text() for name in _STAGES)]


def _cri_log(cluster: str) -> str:
    """Write a container's log as a container runtime would, which is what kwok reads."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")
    return "".join(f"{now} stdout F {cluster}: {line}\n" for line in _LOG)

"""What an operator decides for a worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lateen.contracts.identifiers import TASK_QUEUE
from lateen.model.drift import DriftMode

DEPLOYMENT = "lateen"
"""Name of the worker deployment, as Temporal calls all builds of one worker."""


@dataclass(frozen=True)
class WorkerSettings:
    """Settings of one worker process; the command ``lateen worker`` has an option for each.

    ``deadline_seconds`` is how long one placement may take, ``registry_namespace`` where the hub keeps the
    Secrets of the clusters. Without ``allow_inline_secrets``, applications that hold contents of Secrets fail,
    unless the client has a payload codec. ``allowed_urls`` are prefixes of what may be fetched. ``drift`` is
    what checks for drift do where the application does not say it. ``build_id`` makes it a versioned worker of
    ``deployment``; ``pinned`` keeps runs on the build that began them.
    """

    task_queue: str = TASK_QUEUE
    hub_kubeconfig: Path | None = None
    registry_namespace: str = "vela-system"
    deadline_seconds: float = 600.0
    allow_cross_namespace: bool = True
    allow_foreign_references: bool = False
    require_attributed_approvals: bool = False
    allow_inline_secrets: bool = False
    allowed_urls: tuple[str, ...] = ()
    drift: DriftMode = "report"
    allow_insecure: tuple[str, ...] = ()
    allowed_exec: tuple[str, ...] = ()
    build_id: str = ""
    deployment: str = DEPLOYMENT
    pinned: bool = False
    health_address: tuple[str, int] | None = None
    metrics_address: str = ""
    otlp_endpoint: str = ""
    max_concurrent_activities: int = 1000
    graceful_shutdown_seconds: float = 20.0

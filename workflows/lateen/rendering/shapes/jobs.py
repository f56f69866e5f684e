"""What the component types that run to their end have in common: task and cron-task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from lateen.rendering.shapes.containers import (
    ContainerParameters,
    HostAlias,
    PodLabels,
    add_resources,
    container,
    pod_metadata,
    pod_spec,
)

if TYPE_CHECKING:
    from lateen.model.base import Json
    from lateen.rendering.context import RenderContext
    from lateen.rendering.shapes.volumes import VolumeMounts

_NOT_IN_JOBS = ("livenessProbe", "readinessProbe")


class JobParameters(ContainerParameters, PodLabels):
    """Parameters of everything that makes Jobs.

    Probes are accepted and have no effect, as in KubeVela: a Job's pods serve nobody.
    """

    count: int = Field(default=1, ge=0, description="How many pods run, all in parallel.")
    restart: Literal["Never", "OnFailure"] = Field(
        default="Never", description="Whether a failed container is restarted in its pod."
    )


def job_spec(
    parameters: JobParameters,
    *,
    context: RenderContext,
    mounts: VolumeMounts | None = None,
    host_aliases: list[HostAlias] | None = None,
) -> Json:
    """Return the spec of a Job."""
    made = container(parameters, context.name)
    for probe in _NOT_IN_JOBS:
        made.pop(probe, None)
    add_resources(made, parameters)
    pod: dict[str, Any] = {
        "restartPolicy": parameters.restart,
        **pod_spec(made, parameters, mounts=mounts, host_aliases=host_aliases),
    }
    return {
        "parallelism": parameters.count,
        "completions": parameters.count,
        "template": {"metadata": pod_metadata(parameters, context.pod_labels()), "spec": pod},
    }

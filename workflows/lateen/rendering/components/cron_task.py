"""``cron-task``: a process that runs to its end, again and again."""

from typing import Any, Literal

from pydantic import Field
from typing_extensions import override

from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import ComponentType, Rendered
from lateen.rendering.parameters import Named
from lateen.rendering.shapes.containers import HostAlias, pod_metadata
from lateen.rendering.shapes.jobs import JobParameters, job_spec
from lateen.rendering.shapes.volumes import VolumeMounts


class CronTaskParameters(JobParameters):
    """Parameters of ``cron-task``."""

    schedule: Named = Field(description="When it runs, in cron format: `0 3 * * *`.")
    starting_deadline_seconds: int | None = Field(
        default=None, ge=0, description="How late, in seconds, a missed run may still start."
    )
    suspend: bool = Field(default=False, description="Start no further runs.")
    concurrency_policy: Literal["Allow", "Forbid", "Replace"] = Field(
        default="Allow", description="What happens when the previous run has not ended yet."
    )
    successful_jobs_history_limit: int = Field(
        default=3, ge=0, description="How many successful runs are kept."
    )
    failed_jobs_history_limit: int = Field(
        default=1, ge=0, description="How many failed runs are kept."
    )
    ttl_seconds_after_finished: int | None = Field(
        default=None, ge=0, description="Seconds after which a finished run is deleted."
    )
    active_deadline_seconds: int | None = Field(
        default=None, ge=1, description="Seconds after which a run is stopped."
    )
    backoff_limit: int = Field(default=6, ge=0, description="Retries until a run has failed.")
    volume_mounts: VolumeMounts | None = Field(default=None, description="Volumes by kind.")
    host_aliases: list[HostAlias] | None = Field(
        default=None, description="Entries of the pods' hosts file."
    )


class CronTask(ComponentType[CronTaskParameters]):
    """A CronJob."""

    type = "cron-task"
    parameters = CronTaskParameters

    @override
    def render(self, parameters: CronTaskParameters, context: RenderContext) -> Rendered:
        """Make the CronJob."""
        spec: dict[str, Any] = {
            "schedule": parameters.schedule,
            "concurrencyPolicy": parameters.concurrency_policy,
            "suspend": parameters.suspend,
            "successfulJobsHistoryLimit": parameters.successful_jobs_history_limit,
            "failedJobsHistoryLimit": parameters.failed_jobs_history_limit,
            "jobTemplate": {
                "metadata": pod_metadata(parameters, context.pod_labels()),
                "spec": _job(parameters, context),
            },
        }
        if parameters.starting_deadline_seconds is not None:
            spec["startingDeadlineSeconds"] = parameters.starting_deadline_seconds
        return Rendered(
            {
                "apiVersion": "batch/v1",
                "kind": "CronJob",
                "metadata": {"name": context.name},
                "spec": spec,
            }
        )


def _job(parameters: CronTaskParameters, context: RenderContext) -> dict[str, Any]:
    spec = job_spec(
        parameters,
        context=context,
        mounts=parameters.volume_mounts,
        host_aliases=parameters.host_aliases,
    )
    spec["backoffLimit"] = parameters.backoff_limit
    if parameters.ttl_seconds_after_finished is not None:
        spec["ttlSecondsAfterFinished"] = parameters.ttl_seconds_after_finished
    if parameters.active_deadline_seconds is not None:
        spec["activeDeadlineSeconds"] = parameters.active_deadline_seconds
    return spec

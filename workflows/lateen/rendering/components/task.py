"""``task``: a process that runs once, to its end."""

from typing_extensions import override

from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import ComponentType, Rendered
from lateen.rendering.shapes.jobs import JobParameters, job_spec


class TaskParameters(JobParameters):
    """Parameters of ``task``."""


class Task(ComponentType[TaskParameters]):
    """A Job with the name ``<application>-<component>``."""

    type = "task"
    parameters = TaskParameters

    @override
    def render(self, parameters: TaskParameters, context: RenderContext) -> Rendered:
        """Make the Job."""
        return Rendered(
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": f"{context.application}-{context.name}"},
                "spec": job_spec(parameters, context=context),
            }
        )

"""Built-in step types: their properties, and the table that planning reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from lateen.model.application import Duration
from lateen.model.base import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

DEPLOY = "deploy"
DEPLOY_TO_ENV = "deploy2env"
SUSPEND = "suspend"
STEP_GROUP = "step-group"


class DeployProperties(Model):
    """Deliver the components to the topologies among ``policies``, patched by its overrides.

    ``parallelism`` bounds the placements in flight. ``ignoreTerraformComponent`` is KubeVela's and
    has no effect: there are no terraform components here.
    """

    auto: bool = True
    policies: list[str] = Field(default_factory=list[str])
    parallelism: int = Field(default=5, ge=1)
    ignore_terraform_component: bool = True


class DeployToEnvProperties(Model):
    """Deliver to one env of an env-binding policy, by default of the first one.

    ``parallel`` is KubeVela's choice between all components together and one after the other; here
    they are always delivered together.
    """

    policy: str = ""
    env: str = Field(min_length=1)
    parallel: bool = False


class SuspendProperties(Model):
    """Wait for somebody, or for ``duration``, whichever is first."""

    duration: Duration | None = None
    message: str = ""


class StepGroupProperties(Model):
    """A group has none; its steps stand in ``subSteps``."""


STEP_TYPES: Mapping[str, type[Model]] = {
    DEPLOY: DeployProperties,
    SUSPEND: SuspendProperties,
    STEP_GROUP: StepGroupProperties,
    DEPLOY_TO_ENV: DeployToEnvProperties,
}

UNSUPPORTED_STEP_TYPES = frozenset(
    {
        "apply-component",
        "apply-deployment",
        "apply-object",
        "apply-terraform-config",
        "apply-terraform-provider",
        "build-push-image",
        "check-metrics",
        "clean-jobs",
        "collect-service-endpoints",
        "create-config",
        "delete-config",
        "depends-on-app",
        "deploy-cloud-resource",
        "deploy2runtime",
        "export-data",
        "export-service",
        "export2config",
        "export2secret",
        "generate-jdbc-connection",
        "list-config",
        "notification",
        "print-message-in-status",
        "read-config",
        "read-object",
        "request",
        "restart-workflow",
        "share-cloud-resource",
        "vela-cli",
        "webhook",
    }
)
"""Types that KubeVela has and lateen doesn't yet: a clearer error than a near miss in spelling."""

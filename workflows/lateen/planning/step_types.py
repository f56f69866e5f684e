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

    auto: bool = Field(default=True, description="Whether it starts without an approval.")
    policies: list[str] = Field(
        default_factory=list[str], description="Names of topologies and overrides, in order."
    )
    parallelism: int = Field(default=5, ge=1, description="Most placements in flight.")
    ignore_terraform_component: bool = Field(default=True, description="Without effect.")


class DeployToEnvProperties(Model):
    """Deliver to one env of an env-binding policy, by default of the first one.

    ``parallel`` is KubeVela's choice between all components together and one after the other; here
    they are always delivered together.
    """

    policy: str = Field(
        default="", description="Name of the env-binding policy; the first one by default."
    )
    env: str = Field(min_length=1, description="Name of the env.")
    parallel: bool = Field(default=False, description="Without effect.")


class SuspendProperties(Model):
    """Wait for somebody, or for ``duration``, whichever is first."""

    duration: Duration | None = Field(
        default=None, description="Go on by itself after this time, such as `30m`."
    )
    message: str = Field(default="", description="What to tell those who wait.")


class StepGroupProperties(Model):
    """Run the steps in ``subSteps`` together; it has no properties of its own."""


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

"""What can be known of a Policy or Workflow object by itself, before any application refers to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lateen.model.application import Application, InlinePolicy
from lateen.model.errors import InvalidApplication
from lateen.planning.checking import override_problems
from lateen.planning.references import inline_policy, policy_references
from lateen.planning.step_types import DEPLOY_TO_ENV
from lateen.planning.steps import plan_steps
from lateen.policies.catalog import POLICY_TYPES, check_policy
from lateen.policies.env_binding import ENV_BINDING
from lateen.policies.topology import TOPOLOGY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lateen.model.application import Policy, Step, Workflow
    from lateen.rendering.registry import Registry


def check_policy_object(policy: Policy, registry: Registry) -> list[str]:
    """Return warnings for a valid Policy; raises ``InvalidApplication``."""
    inline = inline_policy(policy)
    problems, warnings = check_policy(inline, path="")
    problems = [replace(problem, path=problem.path.lstrip(".")) for problem in problems]
    problems += override_problems(inline, registry, path="properties")
    if problems:
        raise InvalidApplication(problems, subject=f"Policy {_id(policy)}")
    if policy.type != ENV_BINDING and not POLICY_TYPES[policy.type].in_steps:
        warnings.append(
            f"a {policy.type} policy acts inside an application only: steps can't name this one"
        )
    return warnings


def check_workflow_object(workflow: Workflow) -> list[str]:
    """Return warnings for a valid Workflow; raises ``InvalidApplication``.

    The policies that it names are taken to exist, and steps to an env are left to the applications, which
    know their envs.
    """
    names = policy_references(workflow, ())
    stand_ins = {
        name: InlinePolicy(name=name, type=TOPOLOGY, properties={"clusters": ["local"]})
        for name in names
    }
    try:
        plan = plan_steps(_user_of(workflow), policies=stand_ins, workflow=workflow)
    except InvalidApplication as error:
        prefix = f"workflows[{workflow.metadata.name}]."
        located = [
            replace(problem, path=problem.path.removeprefix(prefix)) for problem in error.problems
        ]
        elsewhere = tuple(f"{path}.properties" for path in _steps_to_envs(workflow.steps, "steps"))
        problems = [each for each in located if not each.path.startswith(elsewhere)]
        if problems:
            raise InvalidApplication(problems, subject=f"Workflow {_id(workflow)}") from None
        return []
    return list(plan.warnings)


def _user_of(workflow: Workflow) -> Application:
    """Return an application that does nothing but use a Workflow."""
    metadata = {"name": "any", "namespace": workflow.metadata.namespace}
    return Application.model_validate(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": metadata,
            "spec": {"components": [], "workflow": {"ref": workflow.metadata.name}},
        }
    )


def _steps_to_envs(steps: Iterable[Step], path: str) -> Iterator[str]:
    for index, step in enumerate(steps):
        where = f"{path}[{index}]"
        if step.type == DEPLOY_TO_ENV:
            yield where
        yield from _steps_to_envs(step.sub_steps or (), f"{where}.subSteps")


def _id(document: Policy | Workflow) -> str:
    return f"{document.metadata.namespace}/{document.metadata.name}"

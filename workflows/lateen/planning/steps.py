"""The effective steps of an application: its own, a Workflow object's, or the default ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from lateen.model.base import Model
from lateen.model.consistency import MOST_ITEMS, step_problems
from lateen.model.durations import parse_duration
from lateen.model.errors import InvalidApplication, Problem, nearest
from lateen.model.validation import problems_of
from lateen.planning.environments import (
    Environments,
    default_env_steps,
    delivered_together,
    environments,
)
from lateen.planning.ordering import dependency_problems
from lateen.planning.plan import PlannedStep, StepMode, WorkflowPlan
from lateen.planning.step_types import (
    DEPLOY,
    DEPLOY_TO_ENV,
    STEP_GROUP,
    STEP_TYPES,
    SUSPEND,
    UNSUPPORTED_STEP_TYPES,
    DeployProperties,
    DeployToEnvProperties,
    StepGroupProperties,
    SuspendProperties,
)
from lateen.policies.catalog import POLICY_TYPES, check_policy
from lateen.policies.env_binding import ENV_BINDING
from lateen.policies.override import OVERRIDE
from lateen.policies.topology import TOPOLOGY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lateen.model.application import Application, InlinePolicy, Mode, Step, Workflow

_MOST_HINTS = 50
"""Searching the nearest name takes milliseconds among many; more problems are not shown anyway."""


_Properties = TypeVar("_Properties", bound=Model)


def plan_steps(
    application: Application,
    *,
    policies: Mapping[str, InlinePolicy],
    workflow: Workflow | None,
) -> WorkflowPlan:
    """Return the steps to run.

    ``policies`` are the Policy objects that were found for the application's references, by name,
    and ``workflow`` the Workflow object. An inline policy wins over an object of the same name.

    Without steps of its own the application gets one ``deploy-<topology>`` step for each inline
    topology, in order, with every inline override; without topologies and overrides one
    ``deploy-<policy>-<env>`` for each env of its env-binding policies; and without these one ``deploy``
    to ``local``. A step to an env becomes a deploy step with the policies that stand for the env.

    Raises ``InvalidApplication`` with all problems of policies and steps.
    """
    inline = {policy.name: policy for policy in application.spec.policies or ()}
    envs = environments(application, external=policies)
    planning = _Planning({**policies, **inline}, envs)
    if envs.excess:
        message = f"have more than {MOST_ITEMS:,} envs together"
        planning.refuse("spec.policies", message, envs.excess, hint="split the application")
    for index, policy in enumerate(inline.values()):
        planning.check(policy, path=f"spec.policies[{index}]")
    for name, policy in policies.items():
        if name not in inline:
            planning.check(policy, path=f"policies[{name}]")
    plan = _plan(application, planning, workflow=workflow)
    if planning.problems:
        raise InvalidApplication(planning.problems, subject=f"Application {application.id}")
    in_turn = planning.in_turn if len(application.spec.components) > 1 else []
    unused = _unused(inline.values(), plan, envs)
    warnings = (*planning.warnings, *delivered_together(in_turn), *unused)
    return plan.model_copy(update={"warnings": warnings})


def _plan(
    application: Application, planning: _Planning, *, workflow: Workflow | None
) -> WorkflowPlan:
    own = application.spec.workflow
    mode = own.mode if own else None
    if own and own.ref:
        if own.steps:
            planning.refuse("spec.workflow", "has steps and a ref", hint="remove one of them")
        elif workflow is None:
            message = f"no such Workflow in namespace {application.metadata.namespace}"
            planning.refuse("spec.workflow.ref", message, own.ref)
        else:
            planning.problems += step_problems(workflow.steps, path=f"workflows[{own.ref}].steps")
            path = f"workflows[{own.ref}].steps"
            return planning.plan(workflow.steps, path=path, mode=mode or workflow.mode)
        return WorkflowPlan()
    if own and own.steps:
        return planning.plan(own.steps, path="spec.workflow.steps", mode=mode)
    steps = _default_steps(application.spec.policies or ())
    if not steps:
        steps = default_env_steps(planning.envs)
        planning.in_turn += [step.name for step in steps]
    if not steps:
        steps = (PlannedStep(name=DEPLOY, type=DEPLOY, local=True),)
    return WorkflowPlan(mode=(mode and mode.steps) or "StepByStep", steps=steps)


def _default_steps(policies: Iterable[InlinePolicy]) -> tuple[PlannedStep, ...]:
    topologies = [policy.name for policy in policies if policy.type == TOPOLOGY]
    overrides = tuple(policy.name for policy in policies if policy.type == OVERRIDE)
    if overrides and not topologies:
        return (PlannedStep(name=DEPLOY, type=DEPLOY, policies=overrides, local=True),)
    return tuple(
        PlannedStep(name=f"deploy-{name}", type=DEPLOY, policies=(*overrides, name))
        for name in topologies
    )


def _unused(
    policies: Iterable[InlinePolicy], plan: WorkflowPlan, envs: Environments
) -> Iterable[str]:
    used = {name for step in plan.leaves for name in step.policies}
    for policy in policies:
        stand_ins = envs.names_of(policy.name)
        if stand_ins and used.isdisjoint(stand_ins):
            yield f"policy {policy.name!r} is not used by any deploy2env step"
        if POLICY_TYPES[policy.type].in_steps and policy.name not in used:
            yield f"policy {policy.name!r} is not used by any deploy step"


@dataclass
class _Planning:
    """Turns steps into planned ones, and collects what is wrong on the way."""

    policies: Mapping[str, InlinePolicy]
    envs: Environments
    in_turn: list[str] = field(default_factory=list[str])
    problems: list[Problem] = field(default_factory=list[Problem])
    warnings: list[str] = field(default_factory=list[str])

    def refuse(self, path: str, message: str, value: Any = None, *, hint: str = "") -> None:
        self.problems.append(Problem(path, message, value, hint))

    def check(self, policy: InlinePolicy, *, path: str) -> None:
        problems, warnings = check_policy(policy, path=path)
        self.problems += problems
        self.warnings += warnings

    def plan(self, steps: Sequence[Step], *, path: str, mode: Mode | None) -> WorkflowPlan:
        """Plan the top level, whose mode is StepByStep unless said otherwise."""
        own: StepMode = (mode and mode.steps) or "StepByStep"
        below: StepMode = (mode and mode.sub_steps) or "DAG"
        inner = {sub.name: f"group {step.name!r}" for step in steps for sub in step.sub_steps or ()}
        self.problems += dependency_problems(
            steps, path=path, in_order=own == "StepByStep", elsewhere=inner
        )
        outer = {step.name: "the workflow's own steps" for step in steps}
        planned: list[PlannedStep] = []
        for index, step in enumerate(steps):
            where = f"{path}[{index}]"
            if step.type == STEP_GROUP:
                planned.append(self._group(step, path=where, mode=below, elsewhere=inner | outer))
            else:
                planned.append(self._leaf(step, path=where))
        return WorkflowPlan(mode=own, steps=tuple(planned))

    def _group(
        self, step: Step, *, path: str, mode: StepMode, elsewhere: Mapping[str, str]
    ) -> PlannedStep:
        """Plan a group, whose steps run as a DAG unless group or workflow say otherwise."""
        own: StepMode = step.mode or mode
        subs = step.sub_steps or []
        if not subs:
            self.refuse(
                f"{path}.subSteps", "must not be empty", hint="add steps, or remove the group"
            )
        siblings = {sub.name for sub in subs}
        self.problems += dependency_problems(
            subs,
            path=f"{path}.subSteps",
            in_order=own == "StepByStep",
            elsewhere={name: place for name, place in elsewhere.items() if name not in siblings},
        )
        self._properties(step, StepGroupProperties, path=path)
        planned = [
            self._leaf(sub, path=f"{path}.subSteps[{index}]") for index, sub in enumerate(subs)
        ]
        return self._planned(step, path=path, mode=own, sub_steps=tuple(planned))

    def _leaf(self, step: Step, *, path: str) -> PlannedStep:
        if step.type == STEP_GROUP:
            hint = "put its steps into the outer group"
            self.refuse(
                f"{path}.type", "a step-group can't be inside another", step.name, hint=hint
            )
            return self._planned(step, path=path)
        if step.sub_steps:
            hint = f"make it a step-group, and this {step.type} one of its steps"
            self.refuse(f"{path}.subSteps", "only a step-group has subSteps", step.type, hint=hint)
        if step.mode:
            self.refuse(f"{path}.mode", "only a step-group has a mode", step.type)
        if step.type == DEPLOY:
            return self._deploy(step, path=path)
        if step.type == DEPLOY_TO_ENV:
            return self._deploy_to_env(step, path=path)
        if step.type == SUSPEND:
            return self._suspend(step, path=path)
        if step.type in UNSUPPORTED_STEP_TYPES:
            hint = f"supported: {', '.join(STEP_TYPES)}"
            message = "steps of this type are not supported yet"
            self.refuse(f"{path}.type", message, step.type, hint=hint)
        else:
            hint = nearest(step.type, STEP_TYPES)
            self.refuse(f"{path}.type", "unknown step type", step.type, hint=hint)
        return self._planned(step, path=path)

    def _deploy(self, step: Step, *, path: str) -> PlannedStep:
        read = self._properties(step, DeployProperties, path=path) or DeployProperties()
        names = tuple(dict.fromkeys(read.policies))
        for index, name in enumerate(read.policies):
            self._check_use(name, path=f"{path}.properties.policies[{index}]")
        known = [self.policies[name].type for name in names if name in self.policies]
        if known and len(known) == len(names) and TOPOLOGY not in known:
            self.warnings.append(
                f"step {step.name!r} has overrides but no topology: it deploys nothing"
            )
        return self._planned(
            step,
            path=path,
            auto=read.auto,
            policies=names,
            parallelism=read.parallelism,
            local=not names,
        )

    def _check_use(self, name: str, *, path: str) -> None:
        policy = self.policies.get(name)
        if policy is None:
            hint = nearest(name, self.policies) if len(self.problems) < _MOST_HINTS else ""
            self.refuse(path, "no such policy, inline or as an object", name, hint=hint)
        elif policy.type in POLICY_TYPES and not POLICY_TYPES[policy.type].in_steps:
            message = f"a policy of type {policy.type} doesn't belong into a deploy step"
            hint = "it acts on the whole application; remove it here"
            if policy.type == ENV_BINDING:
                hint = "write a deploy2env step for each env, or let lateen migrate the file"
            self.refuse(path, message, name, hint=hint)

    def _deploy_to_env(self, step: Step, *, path: str) -> PlannedStep:
        """Plan a step to an env as the deploy step that it stands for."""
        read = self._properties(step, DeployToEnvProperties, path=path)
        planned = self._planned(step, path=path)
        if read is None:
            return planned
        try:
            names = self.envs.find(read.policy, read.env, self.policies, path=f"{path}.properties")
        except InvalidApplication as error:
            self.problems += error.problems
            return planned
        if not read.parallel:
            self.in_turn.append(step.name)
        return planned.model_copy(update={"type": DEPLOY, "policies": names})

    def _suspend(self, step: Step, *, path: str) -> PlannedStep:
        read = self._properties(step, SuspendProperties, path=path) or SuspendProperties()
        duration = parse_duration(read.duration).total_seconds() if read.duration else None
        return self._planned(step, path=path, duration=duration, message=read.message)

    def _properties(self, step: Step, model: type[_Properties], *, path: str) -> _Properties | None:
        """Read a step's properties, nulls counting as absent; None when they are wrong."""
        given = step.properties or {}
        present = {key: value for key, value in given.items() if value is not None}
        try:
            return model.model_validate(present)
        except ValidationError as error:
            self.problems += problems_of(error, model, path=f"{path}.properties")
            return None

    def _planned(self, step: Step, *, path: str, **details: Any) -> PlannedStep:
        """Add what every type of step has."""
        for key, value in (("inputs", step.inputs), ("outputs", step.outputs)):
            if value:
                self.refuse(
                    f"{path}.{key}", f"step {key} are not supported yet", hint="remove them"
                )
        if step.if_ not in (None, "", "always"):
            message = "conditions are not supported yet, except always"
            self.refuse(f"{path}.if", message, step.if_, hint="remove it, or write: if: always")
        return PlannedStep(
            name=step.name,
            type=step.type,
            alias=step.meta.alias if step.meta else "",
            depends_on=tuple(step.depends_on or ()),
            always=step.if_ == "always",
            timeout=parse_duration(step.timeout).total_seconds() if step.timeout else None,
            **details,
        )

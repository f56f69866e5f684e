"""From env-binding policies and deploy2env steps to topologies, overrides and deploy steps.

Pure: it decides what stands in place of what, and proves that nothing changes for any cluster. Who
has the document writes it, so that everything else in it stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lateen.model.application import InlinePolicy
from lateen.model.errors import InvalidApplication, LateenError
from lateen.model.json_values import as_list, as_object
from lateen.model.parsing import parse_application
from lateen.planning.environments import Environments, default_env_steps, environments
from lateen.planning.equivalence import Difference, plannable, prove_equal
from lateen.planning.references import external_references
from lateen.planning.step_types import DEPLOY, DEPLOY_TO_ENV
from lateen.planning.steps import plan_steps
from lateen.policies.env_binding import ENV_BINDING
from lateen.policies.override import OVERRIDE
from lateen.policies.topology import TOPOLOGY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lateen.model.application import Application
    from lateen.model.base import Json
    from lateen.rendering.registry import Registry

StepPath = tuple[int, ...]
"""Where a step stands: its index, and for a step inside a group the index there."""


class MigrationRefused(LateenError):
    """An application can't be migrated: why, and what to do about it."""


@dataclass(frozen=True)
class Migration:
    """What changes in an application.

    ``policies`` holds, for the index of each env-binding policy, what stands for each env in order;
    ``steps`` the new form of each step. ``added_steps`` are those that ran by default and have to be
    written now. ``application`` is the whole afterwards; ``changes`` says all of it in words, and
    ``notes`` what its author should know besides.
    """

    application: Json
    policies: Mapping[int, Sequence[Sequence[Json]]] = field(
        default_factory=dict[int, "Sequence[Sequence[Json]]"]
    )
    steps: Mapping[StepPath, Json] = field(default_factory=dict[StepPath, "Json"])
    added_steps: Sequence[Json] = ()
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def is_old(data: Any) -> bool:
    """Tell whether a document is an Application or Workflow with an env-binding or deploy2env."""
    whole = as_object(data) or {}
    if whole.get("kind") == "Workflow":
        return _has_old_steps(whole.get("steps"))
    if whole.get("kind") != "Application":
        return False
    spec = as_object(whole.get("spec")) or {}
    policies = as_list(spec.get("policies")) or ()
    old = any((as_object(policy) or {}).get("type") == ENV_BINDING for policy in policies)
    return old or _has_old_steps((as_object(spec.get("workflow")) or {}).get("steps"))


def migrate(data: Json, registry: Registry) -> Migration:
    """Migrate an application for which ``is_old`` holds; ``data`` is as its author wrote it.

    Raises ``MigrationRefused`` when the application is not one that lateen could deliver, or when
    its placements would not get the same objects afterwards.
    """
    if data.get("kind") == "Workflow":
        name = (as_object(data.get("metadata")) or {}).get("name")
        raise MigrationRefused(
            f"Workflow {name}: has deploy2env steps, and which policies they mean depends on the"
            " applications that use it; copy its steps into these, and migrate them"
        )
    try:
        application = parse_application(plannable(data))
        migration = _migrated(data, application)
        proof = prove_equal(data, migration.application, registry)
    except InvalidApplication as error:
        reasons = "\n  ".join(map(str, error.problems))
        raise MigrationRefused(f"{_subject(data)}: {reasons}") from error
    except Difference as error:
        raise MigrationRefused(f"{_subject(data)}: {error}") from error
    return replace(migration, notes=(*migration.notes, *proof))


def _migrated(data: Json, application: Application) -> Migration:
    external = external_references(application)
    envs = environments(application, external=external.policies)
    if external.workflow is not None:
        message = "the steps are those of a Workflow object"
        hint = "write them into spec.workflow.steps instead, and migrate again"
        raise InvalidApplication.at("spec.workflow.ref", message, external.workflow, hint)
    stand_ins = {
        name: InlinePolicy(name=name, type=TOPOLOGY, properties={}) for name in external.policies
    }
    plan = plan_steps(application, policies=stand_ins, workflow=None)
    own = application.spec.workflow
    for index, policy in enumerate(application.spec.policies or ()):
        if policy.type == ENV_BINDING and not envs.bindings[policy.name]:
            path = f"spec.policies[{index}].properties.envs"
            raise InvalidApplication.at(path, "is empty", hint="remove the policy")
    has_steps = bool(own and own.steps)
    added = [] if has_steps else _explicit_steps(application, envs)
    policies = _new_policies(application, envs)
    steps = dict(_new_steps(data, application, envs)) if has_steps else {}
    notes = tuple(said for said in plan.warnings if DEPLOY_TO_ENV in said)
    return Migration(
        application=_rewritten(data, policies, steps, added),
        policies=policies,
        steps=steps,
        added_steps=added,
        changes=tuple(_words(application, envs, steps.values(), added)),
        notes=notes,
    )


def _explicit_steps(application: Application, envs: Environments) -> list[Json]:
    """Return the steps that run by default, which the new policies would change otherwise."""
    for policy in application.spec.policies or ():
        if policy.type in (TOPOLOGY, OVERRIDE):
            message = f"without steps only the {policy.type} {policy.name!r} counts, and no env"
            hint = "remove the env-binding policies, or write the steps that you mean"
            raise InvalidApplication.at("spec.workflow", message, hint=hint)
    return [
        {"name": step.name, "type": DEPLOY, "properties": {"policies": list(step.policies)}}
        for step in default_env_steps(envs)
    ]


def _new_policies(application: Application, envs: Environments) -> dict[int, list[list[Json]]]:
    return {
        index: [[_written(each) for each in env] for env in envs.bindings[policy.name].values()]
        for index, policy in enumerate(application.spec.policies or ())
        if policy.type == ENV_BINDING
    }


def _new_steps(
    data: Json, application: Application, envs: Environments
) -> Iterator[tuple[StepPath, Json]]:
    policies = {policy.name: policy for policy in application.spec.policies or ()}
    for path, step in _old_steps(data["spec"]["workflow"]["steps"]):
        properties: Json = step["properties"]
        names = envs.find(properties.get("policy") or "", properties["env"], policies, path="")
        yield path, {**step, "type": DEPLOY, "properties": {"policies": list(names)}}


def _old_steps(steps: Any, above: StepPath = ()) -> Iterator[tuple[StepPath, Json]]:
    """Yield the deploy2env steps with their places; groups nest one level."""
    for index, item in enumerate(as_list(steps) or ()):
        step = as_object(item) or {}
        if step.get("type") == DEPLOY_TO_ENV:
            yield (*above, index), step
        if not above:
            yield from _old_steps(step.get("subSteps"), (index,))


def _has_old_steps(steps: Any) -> bool:
    return next(_old_steps(steps), None) is not None


def _rewritten(
    data: Json,
    policies: Mapping[int, Sequence[Sequence[Json]]],
    steps: Mapping[StepPath, Json],
    added: Sequence[Json],
) -> Json:
    """Return the document afterwards, in a copy that shares what stays."""
    spec: Json = {**data["spec"]}
    if policies:
        spec["policies"] = [
            new
            for index, old in enumerate(spec["policies"])
            for new in ([p for env in policies[index] for p in env] if index in policies else [old])
        ]
    if added:
        spec["workflow"] = {**(spec.get("workflow") or {}), "steps": list(added)}
    elif steps:
        spec["workflow"] = {
            **spec["workflow"],
            "steps": _replaced(spec["workflow"]["steps"], steps),
        }
    return {**data, "spec": spec}


def _replaced(
    steps: Sequence[Json], new: Mapping[StepPath, Json], above: StepPath = ()
) -> list[Json]:
    found: list[Json] = []
    for index, step in enumerate(steps):
        path = (*above, index)
        changed = new.get(path, step)
        below = as_list(changed.get("subSteps"))
        if below and not above:
            changed = {**changed, "subSteps": _replaced(below, new, path)}
        found.append(changed)
    return found


def _words(
    application: Application, envs: Environments, steps: Any, added: Sequence[Json]
) -> Iterator[str]:
    namespace = application.metadata.namespace
    for binding, found in envs.bindings.items():
        for env, policies in found.items():
            place = policies[0].properties or {}
            where = f"{place['clusters'][0]}/{place.get('namespace', namespace)}"
            new = " and ".join(f"{each.type} {each.name!r}" for each in policies)
            yield f"env {env!r} of policy {binding!r} becomes {new} ({where})"
    for step in steps:
        names = ", ".join(step["properties"]["policies"])
        yield f"step {step['name']!r}: deploy2env becomes deploy with policies {names}"
    if added:
        names = ", ".join(step["name"] for step in added)
        yield f"the steps that ran by default are written down: {names}"


def _written(policy: InlinePolicy) -> Json:
    return {"name": policy.name, "type": policy.type, "properties": policy.properties}


def _subject(data: Json) -> str:
    metadata = as_object(data.get("metadata")) or {}
    name, namespace = metadata.get("name"), metadata.get("namespace") or "default"
    return f"Application {namespace}/{name}"

"""Everything about an application that can be known without a hub."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lateen.model.application import InlinePolicy
from lateen.model.errors import InvalidApplication, Problem
from lateen.model.json_values import as_list
from lateen.planning.component_links import link_problems, read_outputs
from lateen.planning.drift import annotation_problems
from lateen.planning.environments import environments
from lateen.planning.linked_checking import check_linked
from lateen.planning.references import external_references
from lateen.planning.rule_checking import rule_warnings
from lateen.planning.step_types import DEPLOY
from lateen.planning.steps import plan_steps
from lateen.policies.catalog import check_policy
from lateen.policies.env_binding import ENV_BINDING, read_env_binding
from lateen.policies.override import OVERRIDE, apply_overrides, idle_patterns, read_override
from lateen.policies.replication import replica_keys
from lateen.policies.topology import TOPOLOGY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lateen.model.application import Application, Component
    from lateen.planning.component_links import Output
    from lateen.planning.plan import WorkflowPlan
    from lateen.policies.override import ComponentPatch
    from lateen.rendering.registry import Registry


_MOST_CHECKED, _MOST_MERGES = 1000, 50_000
"""Components and merges looked at: this runs in a workflow task, which has two seconds.

What is beyond that is left to the delivery's own check.
"""


def check_application(application: Application, registry: Registry) -> list[str]:
    """Return warnings for a valid application.

    Raises ``InvalidApplication`` with everything that is certain to go wrong. Components are
    checked as the steps deliver them, so that an override may supply what a component lacks. Where
    a policy or the workflow is an object of the hub, what only it can settle is left to the
    delivery; so are types that an ``opened`` registry doesn't know.
    """
    policies = application.spec.policies or ()
    problems = [*_unsupported(application), *_link_problems(application)]
    problems += annotation_problems(application.metadata.annotations)
    problems += _override_problems(policies, registry)
    plan: WorkflowPlan | None = None
    warnings: list[str] = []
    if external_references(application).workflow is None:
        try:
            plan = plan_steps(application, policies=_stand_ins(application), workflow=None)
            warnings += plan.warnings
        except InvalidApplication as error:
            problems += error.problems
    else:
        for index, policy in enumerate(policies):
            found, said = check_policy(policy, path=f"spec.policies[{index}]")
            problems += found
            warnings += said
    problems += _component_problems(application, plan, registry, settled=not problems)
    if problems:
        found = located(problems, application)
        raise InvalidApplication(found, subject=f"Application {application.id}")
    return [*warnings, *_idle_overrides(application), *rule_warnings(application)]


def located(problems: Iterable[Problem], application: Application) -> list[Problem]:
    """Say where inline policies stand, which planning knows by their names only."""
    places = {
        f"policies[{policy.name}].": f"spec.policies[{index}]."
        for index, policy in enumerate(application.spec.policies or ())
    }
    return [
        next(
            (
                replace(problem, path=f"{place}{problem.path.removeprefix(name)}")
                for name, place in places.items()
                if problem.path.startswith(name)
            ),
            problem,
        )
        for problem in problems
    ]


def _stand_ins(application: Application) -> dict[str, InlinePolicy]:
    """Put harmless policies in the place of those in the hub, so that the steps can be checked."""
    return {
        name: InlinePolicy(name=name, type=TOPOLOGY, properties={})
        for name in external_references(application).policies
    }


def _unsupported(application: Application) -> Iterator[Problem]:
    """Refuse what would otherwise be ignored."""
    for index, component in enumerate(application.spec.components):
        for key, value in (
            ("externalRevision", component.external_revision),
            ("scopes", component.scopes),
        ):
            if value:
                path = f"spec.components[{index}].{key}"
                yield Problem(path, "is not supported yet for components", value, "remove it")
    workflow = application.spec.workflow
    if workflow is not None and workflow.ref and workflow.steps:
        yield Problem("spec.workflow", "has steps and a ref", workflow.ref, "remove one of them")


def _link_problems(application: Application) -> list[Problem]:
    """Check what components say of each other; Policy objects of the hub may add more of them."""
    policies = [*(application.spec.policies or ()), *environments(application).policies.values()]
    added = {
        patch.name
        for policy in policies
        for _, patch in _patches(policy, path="")
        if patch.name and patch.type and not patch.is_pattern
    }
    external = not external_references(application).is_empty
    return link_problems(application.spec.components, added=None if external else added)


def _idle_overrides(application: Application) -> Iterator[str]:
    """Point to patterns without effect, such as the regular expressions that KubeVela takes."""
    components = application.spec.components
    cost = 0
    policies = [*(application.spec.policies or ()), *environments(application).policies.values()]
    for policy in policies:
        if policy.type != OVERRIDE:
            continue
        cost += _cost(policy, components)
        if cost > _MOST_MERGES:
            return
        for pattern in idle_patterns(components, read_override(policy)):
            yield (
                f"policy {policy.name!r}: the name {pattern!r} fits no component"
                " (* stands for any characters, ? for one)"
            )


def _override_problems(policies: Sequence[InlinePolicy], registry: Registry) -> Iterator[Problem]:
    for index, policy in enumerate(policies):
        yield from override_problems(policy, registry, path=f"spec.policies[{index}].properties")


def unknown_types(application: Application, registry: Registry) -> Iterator[Problem]:
    """Find the types that an application names and nobody knows, in its policies too."""
    for index, component in enumerate(application.spec.components):
        path = f"spec.components[{index}]"
        yield from _unknown_component(component.type, registry, path=f"{path}.type")
        for number, trait in enumerate(component.trait_list):
            yield from _unknown_trait(trait.type, registry, path=f"{path}.traits[{number}].type")
    yield from _override_problems(application.spec.policies or (), registry)


def override_problems(policy: InlinePolicy, registry: Registry, *, path: str) -> Iterator[Problem]:
    """Check the types that an override names; their properties are checked after merging.

    ``path`` is where the policy's properties stand. Policies of other types, and those that can't be
    read, which ``check_policy`` reports, have no such problems.
    """
    for where, patch in _patches(policy, path=path):
        if patch.external_revision:
            yield Problem(f"{where}.externalRevision", "is not supported yet", hint="remove it")
        if patch.type:
            yield from _unknown_component(patch.type, registry, path=f"{where}.type")
        for number, trait in enumerate(patch.traits or ()):
            yield from _unknown_trait(trait.type, registry, path=f"{where}.traits[{number}].type")


def _patches(policy: InlinePolicy, *, path: str) -> Iterator[tuple[str, ComponentPatch]]:
    """Yield the entries of an override, or of an env-binding's envs, and where each stands."""
    found: dict[str, Sequence[ComponentPatch]] = {}
    try:
        if policy.type == OVERRIDE:
            found[path] = read_override(policy, path=path).components or ()
        elif policy.type == ENV_BINDING:
            for index, env in enumerate(read_env_binding(policy, path=path).envs):
                found[f"{path}.envs[{index}].patch"] = (env.patch and env.patch.components) or ()
    except InvalidApplication:
        return  # check_policy reports it
    for where, patches in found.items():
        yield from ((f"{where}.components[{at}]", patch) for at, patch in enumerate(patches))


def _unknown_component(name: str, registry: Registry, *, path: str) -> Iterable[Problem]:
    if registry.leaves_open(component=name):
        return ()
    try:
        registry.component(name, path=path)
    except InvalidApplication as error:
        return error.problems
    return ()


def _unknown_trait(name: str, registry: Registry, *, path: str) -> Iterable[Problem]:
    if registry.leaves_open(trait=name):
        return ()
    try:
        registry.trait(name, path=path)
    except InvalidApplication as error:
        return error.problems
    return ()


def _component_problems(
    application: Application, plan: WorkflowPlan | None, registry: Registry, *, settled: bool
) -> list[Problem]:
    """Check components as written, and as the overrides of each step change them.

    ``settled`` says that policies and steps are sound, without which overrides can't be applied.
    """
    components = application.spec.components
    if plan is None or not settled:
        return _as_written(components, registry, delivered=())
    policies = {policy.name: policy for policy in application.spec.policies or ()}
    external = external_references(application).policies
    policies |= environments(application, external=external).policies
    problems: dict[tuple[str, str], Problem] = {}
    delivered: list[Component] = []
    written = {id(component) for component in components}
    merges = 0
    outputs = read_outputs(components)
    for names, step in _distinct_deliveries(plan, policies).items():
        used = [policies[name] for name in names]
        merges += sum(_cost(each, components) for each in used)
        if merges > _MOST_MERGES or len(delivered) > _MOST_CHECKED:
            break
        try:
            patched = apply_overrides(components, used)
            replica_keys(patched, used)
        except InvalidApplication as error:
            problems |= {(found.path, found.message): found for found in error.problems}
            continue
        delivered += patched
        changed = [component for component in patched if id(component) not in written]
        for found in _after_overrides(changed, components, registry, outputs):
            by = ", ".join(repr(each.name) for each in used if each.type == OVERRIDE)
            where = f"(in step {step!r}, changed by {by})" if by else f"(in step {step!r})"
            said = replace(found, message=f"{found.message} {where}")
            problems.setdefault((found.path, found.message), said)
    as_written = _as_written(components, registry, delivered=delivered)
    known = {(found.path, found.message) for found in as_written}
    return [*as_written, *(found for key, found in problems.items() if key not in known)]


def _distinct_deliveries(
    plan: WorkflowPlan, policies: Mapping[str, InlinePolicy]
) -> dict[tuple[str, ...], str]:
    """Return the first step for each sequence of what changes components or copies them.

    Steps that need the hub are left out.
    """
    steps: dict[tuple[str, ...], str] = {}
    for step in plan.leaves:
        if step.type == DEPLOY and all(name in policies for name in step.policies):
            names = (name for name in step.policies if policies[name].type != TOPOLOGY)
            steps.setdefault(tuple(names), step.name)
    return steps


def _cost(override: InlinePolicy, components: Sequence[Component]) -> int:
    """Count the merges that an override may need; to compile a pattern costs about fifty."""
    entries = as_list((override.properties or {}).get("components")) or ()
    return len(entries) * (len(components) + 50)


def _as_written(
    components: Sequence[Component], registry: Registry, *, delivered: Sequence[Component]
) -> list[Problem]:
    """Check the user's own components.

    Of one that is not delivered as it is, only what no override can mend counts: unknown names.
    """
    problems: list[Problem] = []
    outputs = read_outputs(components)
    as_it_is = {id(component) for component in delivered}
    for index, component in enumerate(components):
        found = check_linked(component, registry, path=f"spec.components[{index}]", outputs=outputs)
        if id(component) not in as_it_is:
            found = [problem for problem in found if problem.message.startswith("unknown ")]
        problems += found
    return problems


def _after_overrides(
    changed: Iterable[Component],
    components: Sequence[Component],
    registry: Registry,
    outputs: Mapping[str, Output],
) -> Iterator[Problem]:
    written = {component.name: index for index, component in enumerate(components)}
    for component in changed:
        index = written.get(component.name)
        path = f"components[{component.name}]" if index is None else f"spec.components[{index}]"
        yield from check_linked(component, registry, path=path, outputs=outputs)

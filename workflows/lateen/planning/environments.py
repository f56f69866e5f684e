"""The environments of an application's env-binding policies, in terms of topologies and overrides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lateen.model.consistency import MOST_ITEMS
from lateen.model.errors import InvalidApplication, nearest
from lateen.model.json_values import as_list
from lateen.planning.plan import PlannedStep
from lateen.planning.step_types import DEPLOY
from lateen.policies.env_binding import ENV_BINDING, environment_policies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lateen.model.application import Application, InlinePolicy

_MOST_LISTED = 12
"""Steps that a warning lists."""


@dataclass(frozen=True)
class Environments:
    """For each env-binding policy, in order, what stands for each of its envs.

    ``excess`` is how many envs there are if they are too many to look at: then there are none.
    """

    bindings: Mapping[str, Mapping[str, list[InlinePolicy]]] = field(
        default_factory=dict[str, "Mapping[str, list[InlinePolicy]]"]
    )

    excess: int = 0

    @property
    def policies(self) -> dict[str, InlinePolicy]:
        """All policies that stand for envs, by name."""
        return {
            policy.name: policy
            for envs in self.bindings.values()
            for policies in envs.values()
            for policy in policies
        }

    def names_of(self, binding: str) -> list[str]:
        """Return the names of everything that stands for an env of a policy."""
        return [each.name for env in self.bindings.get(binding, {}).values() for each in env]

    def find(
        self, binding: str, env: str, policies: Mapping[str, InlinePolicy], *, path: str
    ) -> tuple[str, ...]:
        """Return the names of what stands for an env; without a ``binding`` of the first policy.

        ``policies`` are all of the application, ``path`` is where the step's properties stand. Raises
        ``InvalidApplication`` when there is no such env. An invalid policy, which whoever checks the
        policies reports, has none.
        """
        known = [name for name, policy in policies.items() if policy.type == ENV_BINDING]
        if not binding and not known:
            hint = "add one to spec.policies"
            raise InvalidApplication.at(
                f"{path}.policy", "there is no env-binding policy", hint=hint
            )
        chosen = binding or known[0]
        if chosen not in known:
            message = "no such policy in the application"
            if chosen in policies:
                message = f"is a {policies[chosen].type} policy, and the step needs an env-binding"
            raise InvalidApplication.at(f"{path}.policy", message, chosen, nearest(chosen, known))
        envs = self.bindings.get(chosen)
        if envs is None:
            return ()
        if env not in envs:
            message = f"policy {chosen!r} has no such env"
            raise InvalidApplication.at(f"{path}.env", message, env, nearest(env, envs))
        return tuple(policy.name for policy in envs[env])


def environments(application: Application, *, external: Iterable[str] = ()) -> Environments:
    """Return the environments of an application; policies that are invalid are left out.

    ``external`` are the names of Policy objects that its steps use, which are not to be taken again.
    """
    inline = application.spec.policies or ()
    count = sum(map(_count, inline))
    if count > MOST_ITEMS:
        return Environments(excess=count)
    taken = {*external, *(policy.name for policy in inline)}
    bindings: dict[str, Mapping[str, list[InlinePolicy]]] = {}
    for policy in inline:
        if policy.type != ENV_BINDING:
            continue
        try:
            bindings[policy.name] = environment_policies(policy, taken=taken)
        except InvalidApplication:
            continue  # Whoever checks the policies reports it.
    return Environments(bindings)


def _count(policy: InlinePolicy) -> int:
    written = (policy.properties or {}).get("envs") if policy.type == ENV_BINDING else None
    return len(as_list(written) or ())


def default_env_steps(envs: Environments) -> tuple[PlannedStep, ...]:
    """Return a step for each env of each policy, named as KubeVela names them."""
    return tuple(
        PlannedStep(
            name=f"{DEPLOY}-{binding}-{env}",
            type=DEPLOY,
            policies=tuple(policy.name for policy in policies),
        )
        for binding, found in envs.bindings.items()
        for env, policies in found.items()
    )


def delivered_together(steps: Sequence[str]) -> Iterator[str]:
    """Warn about steps whose components KubeVela would deliver one after the other."""
    if steps:
        listed = ", ".join(map(repr, steps[:_MOST_LISTED]))
        more = ", …" if len(steps) > _MOST_LISTED else ""
        yield (
            "components are delivered together, not one after the other as KubeVela does without"
            f" parallel: true (deploy2env: {listed}{more})"
        )

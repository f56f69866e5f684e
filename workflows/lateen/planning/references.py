"""What an application refers to outside itself: names to look up in its namespace of the hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.model.application import Application, InlinePolicy, Policy, Step, Workflow
from lateen.model.base import Record
from lateen.model.json_values import as_list
from lateen.planning.step_types import DEPLOY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator


class References(Record):
    """Names of Policy objects in order of first use, and of the Workflow object if there is one.

    With a ``workflow``, ``policy_references`` tells what that one uses in turn.
    """

    policies: tuple[str, ...] = ()
    workflow: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the application stands on its own."""
        return not self.policies and self.workflow is None


def external_references(application: Application) -> References:
    """Return what must be fetched before the application's steps can be planned."""
    workflow = application.spec.workflow
    if workflow is None:
        return References()
    names = _unknown_names(workflow.steps or (), inline_names(application))
    return References(policies=names, workflow=workflow.ref or None)


def policy_references(workflow: Workflow, inline: Collection[str]) -> tuple[str, ...]:
    """Return the policies that a Workflow uses and the application does not define itself."""
    return _unknown_names(workflow.steps, inline)


def inline_names(application: Application) -> frozenset[str]:
    """Return the names of the application's own policies, which win over objects of that name."""
    return frozenset(policy.name for policy in application.spec.policies or ())


def _unknown_names(steps: Iterable[Step], inline: Collection[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in _used(steps) if name not in inline))


def _used(steps: Iterable[Step]) -> Iterator[str]:
    """Yield the names that deploy steps use, at any depth; planning refuses what is malformed."""
    for step in steps:
        names = (step.properties or {}).get("policies") if step.type == DEPLOY else None
        yield from (name for name in as_list(names) or () if isinstance(name, str) and name)
        yield from _used(step.sub_steps or ())


def inline_policy(policy: Policy) -> InlinePolicy:
    """Return a Policy object as if it stood inside an application."""
    return InlinePolicy(name=policy.metadata.name, type=policy.type, properties=policy.properties)

"""The table of policy types, and the check that goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.model.errors import InvalidApplication, Problem, nearest
from lateen.policies.env_binding import ENV_BINDING, EnvBindingProperties, read_env_binding
from lateen.policies.override import OVERRIDE, OverrideProperties, read_override
from lateen.policies.replication import (
    REPLICATION,
    ReplicationProperties,
    read_replication,
    replication_warnings,
)
from lateen.policies.topology import TOPOLOGY, TopologyProperties, read_topology, topology_warnings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lateen.model.application import InlinePolicy
    from lateen.model.base import Model


@dataclass(frozen=True)
class PolicyType:
    """How a type's properties are checked (None: not supported yet), where it acts, and their model."""

    check: Callable[[InlinePolicy, str], list[str]] | None = None
    in_steps: bool = False
    properties: type[Model] | None = None


def _check_topology(policy: InlinePolicy, path: str) -> list[str]:
    return list(topology_warnings(policy, read_topology(policy, path=path)))


def _check_override(policy: InlinePolicy, path: str) -> list[str]:
    read_override(policy, path=path)
    return []


def _check_replication(policy: InlinePolicy, path: str) -> list[str]:
    read_replication(policy, path=path)
    return list(replication_warnings(policy))


def _check_env_binding(policy: InlinePolicy, path: str) -> list[str]:
    read_env_binding(policy, path=path)
    return []


POLICY_TYPES: Mapping[str, PolicyType] = {
    TOPOLOGY: PolicyType(_check_topology, in_steps=True, properties=TopologyProperties),
    OVERRIDE: PolicyType(_check_override, in_steps=True, properties=OverrideProperties),
    REPLICATION: PolicyType(_check_replication, in_steps=True, properties=ReplicationProperties),
    ENV_BINDING: PolicyType(_check_env_binding, properties=EnvBindingProperties),
    "apply-once": PolicyType(),
    "debug": PolicyType(),
    "garbage-collect": PolicyType(),
    "health": PolicyType(),
    "read-only": PolicyType(),
    "resource-update": PolicyType(),
    "shared-resource": PolicyType(),
    "take-over": PolicyType(),
}


def check_policy(policy: InlinePolicy, *, path: str) -> tuple[list[Problem], list[str]]:
    """Check a policy that stands at ``path``; return problems and warnings."""
    known = POLICY_TYPES.get(policy.type)
    if known is None:
        hint = nearest(policy.type, POLICY_TYPES)
        return [Problem(f"{path}.type", "unknown policy type", policy.type, hint)], []
    if known.check is None:
        supported = ", ".join(name for name, entry in POLICY_TYPES.items() if entry.check)
        message = "policies of this type are not supported yet"
        hint = f"remove the policy; supported: {supported}"
        return [Problem(f"{path}.type", message, policy.type, hint)], []
    try:
        return [], known.check(policy, f"{path}.properties")
    except InvalidApplication as error:
        return list(error.problems), []

"""The table of policy types, and the check that goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.model.errors import InvalidApplication, Problem, nearest
from lateen.policies.env_binding import ENV_BINDING, EnvBindingProperties, read_env_binding
from lateen.policies.override import OVERRIDE, OverrideProperties, read_override
from lateen.policies.properties import read_properties
from lateen.policies.replication import (
    REPLICATION,
    ReplicationProperties,
    read_replication,
    replication_warnings,
)
from lateen.policies.rules import checking
from lateen.policies.rules.apply_once import APPLY_ONCE, ApplyOnceProperties
from lateen.policies.rules.debug import DEBUG, DebugProperties
from lateen.policies.rules.garbage_collect import GARBAGE_COLLECT, GarbageCollectProperties
from lateen.policies.rules.read_only import READ_ONLY, ReadOnlyProperties
from lateen.policies.rules.resource_update import RESOURCE_UPDATE, ResourceUpdateProperties
from lateen.policies.rules.shared_resource import SHARED_RESOURCE, SharedResourceProperties
from lateen.policies.rules.take_over import TAKE_OVER, TakeOverProperties
from lateen.policies.topology import TOPOLOGY, TopologyProperties, read_topology, topology_warnings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lateen.model.application import InlinePolicy
    from lateen.model.base import Model


@dataclass(frozen=True)
class PolicyType:
    """How a type's properties are checked (None: not supported), where it acts, and their model.

    ``instead`` says of a type that is not supported what does its work.
    """

    check: Callable[[InlinePolicy, str], list[str]] | None = None
    in_steps: bool = False
    properties: type[Model] | None = None
    instead: str = ""


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


def _check_debug(policy: InlinePolicy, path: str) -> list[str]:
    if policy.properties:
        read_properties(policy, DebugProperties, path=path)
    return [f"policy {policy.name!r}: debug policies have no effect; see lateen dry-run"]


POLICY_TYPES: Mapping[str, PolicyType] = {
    TOPOLOGY: PolicyType(_check_topology, in_steps=True, properties=TopologyProperties),
    OVERRIDE: PolicyType(_check_override, in_steps=True, properties=OverrideProperties),
    REPLICATION: PolicyType(_check_replication, in_steps=True, properties=ReplicationProperties),
    ENV_BINDING: PolicyType(_check_env_binding, properties=EnvBindingProperties),
    APPLY_ONCE: PolicyType(checking.check_apply_once, properties=ApplyOnceProperties),
    DEBUG: PolicyType(_check_debug, properties=DebugProperties),
    GARBAGE_COLLECT: PolicyType(
        checking.check_garbage_collect, properties=GarbageCollectProperties
    ),
    "health": PolicyType(
        instead="remove it; the health of every delivered object is waited for, and an object with the "
        "annotation app.oam.dev/disable-health-check is left out"
    ),
    READ_ONLY: PolicyType(checking.check_read_only, properties=ReadOnlyProperties),
    RESOURCE_UPDATE: PolicyType(
        checking.check_resource_update, properties=ResourceUpdateProperties
    ),
    SHARED_RESOURCE: PolicyType(
        checking.check_shared_resource, properties=SharedResourceProperties
    ),
    TAKE_OVER: PolicyType(checking.check_take_over, properties=TakeOverProperties),
}


def check_policy(policy: InlinePolicy, *, path: str) -> tuple[list[Problem], list[str]]:
    """Check a policy that stands at ``path``; return problems and warnings."""
    known = POLICY_TYPES.get(policy.type)
    if known is None:
        hint = nearest(policy.type, POLICY_TYPES)
        return [Problem(f"{path}.type", "unknown policy type", policy.type, hint)], []
    if known.check is None:
        message = "policies of this type are not supported"
        return [Problem(f"{path}.type", message, policy.type, known.instead)], []
    try:
        return [], known.check(policy, f"{path}.properties")
    except InvalidApplication as error:
        return list(error.problems), []

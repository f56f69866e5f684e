"""Checking rule policies: each by its model, with warnings for what certainly has no effect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from lateen.model.base import Model
from lateen.policies.properties import read_properties
from lateen.policies.rules.apply_once import ApplyOnceProperties, apply_once_warnings
from lateen.policies.rules.garbage_collect import (
    GarbageCollectProperties,
    garbage_collect_warnings,
)
from lateen.policies.rules.read_only import ReadOnlyProperties
from lateen.policies.rules.resource_update import (
    ResourceUpdateProperties,
    resource_update_warnings,
)
from lateen.policies.rules.shared_resource import SharedResourceProperties
from lateen.policies.rules.take_over import TakeOverProperties

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lateen.model.application import InlinePolicy
    from lateen.policies.rules.resource_update import UpdateRule
    from lateen.policies.rules.selectors import RuleSelector, SelectorRule

_Properties = TypeVar("_Properties", bound=Model)


def check_read_only(policy: InlinePolicy, path: str) -> list[str]:
    """Return warnings; raises ``InvalidApplication`` with paths below ``path``, as all of these do."""
    return _checked(policy, path, ReadOnlyProperties, lambda read: _selectors(read.rules))


def check_take_over(policy: InlinePolicy, path: str) -> list[str]:
    """Check a take-over policy."""
    return _checked(policy, path, TakeOverProperties, lambda read: _selectors(read.rules))


def check_shared_resource(policy: InlinePolicy, path: str) -> list[str]:
    """Check a shared-resource policy."""
    return _checked(policy, path, SharedResourceProperties, lambda read: _selectors(read.rules))


def check_apply_once(policy: InlinePolicy, path: str) -> list[str]:
    """Check an apply-once policy."""

    def warnings(read: ApplyOnceProperties) -> Iterator[str]:
        yield from apply_once_warnings(read)
        yield from _of_selectors(rule.selector for rule in read.rules)

    return _checked(policy, path, ApplyOnceProperties, warnings)


def check_resource_update(policy: InlinePolicy, path: str) -> list[str]:
    """Check a resource-update policy."""

    def warnings(read: ResourceUpdateProperties) -> Iterator[str]:
        yield from resource_update_warnings(read)
        yield from _selectors(read.rules)

    return _checked(policy, path, ResourceUpdateProperties, warnings)


def check_garbage_collect(policy: InlinePolicy, path: str) -> list[str]:
    """Check a garbage-collect policy."""

    def warnings(read: GarbageCollectProperties) -> Iterator[str]:
        yield from garbage_collect_warnings(read)
        yield from _of_selectors(rule.selector for rule in read.rules)

    return _checked(policy, path, GarbageCollectProperties, warnings)


def _checked(
    policy: InlinePolicy,
    path: str,
    model: type[_Properties],
    warnings: Callable[[_Properties], Iterable[str]],
) -> list[str]:
    read = read_properties(policy, model, path=path)
    return [f"policy {policy.name!r}: {warning}" for warning in warnings(read)]


def _selectors(rules: Iterable[SelectorRule | UpdateRule]) -> Iterator[str]:
    known = list(rules)
    if not known:
        yield "has no rules and does nothing"
    yield from _of_selectors(rule.selector for rule in known)


def _of_selectors(selectors: Iterable[RuleSelector]) -> Iterator[str]:
    for index, selector in enumerate(selectors):
        yield from (f"rules[{index}].selector {why}" for why in selector.warnings())

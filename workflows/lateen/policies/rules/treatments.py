"""What all rule policies of an application together say about each of its objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from lateen.policies.properties import read_properties
from lateen.policies.rules.apply_once import APPLY_ONCE, ApplyOnceProperties
from lateen.policies.rules.field_paths import FieldPath, is_within, parse_path
from lateen.policies.rules.garbage_collect import (
    GARBAGE_COLLECT,
    Collect,
    GarbageCollectProperties,
    Propagation,
)
from lateen.policies.rules.read_only import READ_ONLY, ReadOnlyProperties
from lateen.policies.rules.resource_update import (
    RESOURCE_UPDATE,
    Operation,
    ResourceUpdateProperties,
)
from lateen.policies.rules.shared_resource import SHARED_RESOURCE, SharedResourceProperties
from lateen.policies.rules.take_over import TAKE_OVER, TakeOverProperties

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lateen.model.application import InlinePolicy
    from lateen.model.base import Model
    from lateen.policies.rules.selectors import Facts, SelectorRule

_Properties = TypeVar("_Properties", bound="Model")


@dataclass(frozen=True)
class Treatment:
    """How one object is treated; the defaults are those of an object that no rule is for.

    ``kept`` are the fields that a later delivery leaves as they are, ``exempt`` those whose drift is not
    repaired; an empty path is the whole object. ``collect`` is None when no rule says when the object is
    deleted.
    """

    read_only: bool = False
    take_over: bool = False
    shared: bool = False
    kept: tuple[FieldPath, ...] = ()
    exempt: tuple[FieldPath, ...] = ()
    op: Operation = "patch"
    recreate: tuple[FieldPath, ...] = ()
    collect: Collect | None = None
    propagation: Propagation | None = None

    @property
    def plain(self) -> bool:
        """Whether the object is looked at and written like any other."""
        special = self.read_only or self.take_over or self.shared or self.op != "patch"
        return not (special or self.kept or self.recreate)

    @property
    def keeps_all(self) -> bool:
        """Whether an object that exists is not changed at all."""
        return () in self.kept

    def is_exempt(self, path: FieldPath = ()) -> bool:
        """Tell whether drift at a path (by default: of the whole object) is none to be repaired."""
        return any(is_within(path, exempt) for exempt in self.exempt)


PLAIN = Treatment()


@dataclass(frozen=True)
class Rules:
    """The rule policies of an application, those of one type merged. They act on all of it."""

    read_only: ReadOnlyProperties = field(default_factory=ReadOnlyProperties)
    take_over: TakeOverProperties = field(default_factory=TakeOverProperties)
    shared: SharedResourceProperties = field(default_factory=SharedResourceProperties)
    apply_once: ApplyOnceProperties = field(default_factory=ApplyOnceProperties)
    update: ResourceUpdateProperties = field(default_factory=ResourceUpdateProperties)
    collect: GarbageCollectProperties = field(default_factory=GarbageCollectProperties)

    @classmethod
    def of(cls, policies: Iterable[InlinePolicy]) -> Rules:
        """Read and merge an application's policies; those of other types are passed over.

        Raises ``InvalidApplication``.
        """
        every = list(policies)
        return cls(
            read_only=_merged(every, READ_ONLY, ReadOnlyProperties),
            take_over=_merged(every, TAKE_OVER, TakeOverProperties),
            shared=_merged(every, SHARED_RESOURCE, SharedResourceProperties),
            apply_once=_merged(every, APPLY_ONCE, ApplyOnceProperties),
            update=_merged(every, RESOURCE_UPDATE, ResourceUpdateProperties),
            collect=_merged(every, GARBAGE_COLLECT, GarbageCollectProperties),
        )

    def named_components(self) -> dict[str, list[str]]:
        """Return the components that rules name, by the type of the policy.

        Those of garbage-collect are left out: its rules may be for what an edit removes.
        """
        selectors = {
            READ_ONLY: [rule.selector for rule in self.read_only.rules],
            TAKE_OVER: [rule.selector for rule in self.take_over.rules],
            SHARED_RESOURCE: [rule.selector for rule in self.shared.rules],
            APPLY_ONCE: [rule.selector for rule in self.apply_once.rules],
            RESOURCE_UPDATE: [rule.selector for rule in self.update.rules],
        }
        return {
            kind: [name for selector in found for name in selector.component_names or ()]
            for kind, found in selectors.items()
        }

    def treatment(self, facts: Facts) -> Treatment:
        """Return how an object is treated: of each policy the first rule that fits it counts.

        What is only looked at is spared everything else.
        """
        if _any_fits(self.read_only.rules, facts):
            return Treatment(read_only=True, exempt=((),))
        update = self.update.strategy(facts)
        collect = self.collect.rule(facts)
        return Treatment(
            take_over=_any_fits(self.take_over.rules, facts),
            shared=_any_fits(self.shared.rules, facts),
            kept=self.apply_once.kept(facts),
            exempt=self.apply_once.exempt(facts),
            op=update.op,
            recreate=tuple(map(parse_path, update.recreate_fields)),
            collect=collect.strategy if collect else None,
            propagation=collect.propagation if collect else None,
        )


def _any_fits(rules: Sequence[SelectorRule], facts: Facts) -> bool:
    return any(rule.selector.matches(facts) for rule in rules)


def _merged(policies: Iterable[InlinePolicy], kind: str, model: type[_Properties]) -> _Properties:
    """Merge the policies of one type.

    Lists are joined, a switch that one of them sets is on, and of everything else the first that says
    something counts.
    """
    merged: dict[str, Any] = {}
    for policy in policies:
        if policy.type != kind:
            continue
        read = read_properties(policy, model)
        for name in sorted(read.model_fields_set):
            value = getattr(read, name)
            if isinstance(value, list):
                merged[name] = [*merged.get(name, ()), *value]
            elif isinstance(value, bool):
                merged[name] = merged.get(name, False) or value
            elif merged.get(name) is None:
                merged[name] = value
    return model(**merged)

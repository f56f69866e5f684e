"""Garbage-collect policies: what is deleted when, and how many revisions are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import Field

from lateen.model.base import Model
from lateen.policies.rules.selectors import RuleSelector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lateen.policies.rules.selectors import Facts

GARBAGE_COLLECT = "garbage-collect"

Collect: TypeAlias = Literal["onAppUpdate", "onAppDelete", "never"]
"""When an object that nothing delivers any more is deleted; ``never`` leaves it alone for good."""

Propagation: TypeAlias = Literal["orphan", "cascading"]
"""What happens to an object's dependents, such as the Pods of a Job."""


class CollectRule(Model):
    """When and how some objects are deleted."""

    selector: RuleSelector = Field(description="Which objects are meant.")
    strategy: Collect = Field(
        default="onAppUpdate",
        description="When an object that is not delivered any more is deleted: by the delivery that "
        "drops it, only with the application, or not at all.",
    )
    propagation: Propagation | None = Field(
        default=None,
        description="Leave the dependents of a deleted object (`orphan`), or wait until they are gone "
        "(`cascading`); by default the cluster deletes them in its own time.",
    )


class GarbageCollectProperties(Model):
    """Say what is deleted when, in which order, and how many revisions are kept."""

    application_revision_limit: int | None = Field(
        default=None, ge=0, le=1000, description="Revisions that are kept, besides those in use."
    )
    keep_legacy_resource: bool = Field(
        default=False,
        description="Keep what is not delivered any more until the application is deleted.",
    )
    continue_on_failure: bool = Field(
        default=False,
        description="Prune also when a step failed, wherever the new revision has arrived.",
    )
    order: Literal["dependency"] | None = Field(
        default=None, description="Delete components before those that they depend on."
    )
    rules: list[CollectRule] = Field(
        default=[], description="The first that fits an object counts."
    )

    def rule(self, facts: Facts) -> CollectRule | None:
        """Return the rule for an object."""
        return next((rule for rule in self.rules if rule.selector.matches(facts)), None)


def garbage_collect_warnings(properties: GarbageCollectProperties) -> Iterator[str]:
    """Point to what has no effect."""
    for index, rule in enumerate(properties.rules):
        if rule.strategy == "never" and rule.propagation:
            yield f"rules[{index}].propagation has no effect on what is never deleted"

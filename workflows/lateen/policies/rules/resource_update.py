"""Resource-update policies: how objects that exist are changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import Field

from lateen.model.base import Model
from lateen.policies.rules.field_paths import PathText
from lateen.policies.rules.selectors import RuleSelector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lateen.policies.rules.selectors import Facts

RESOURCE_UPDATE = "resource-update"

Operation: TypeAlias = Literal["patch", "replace"]


class UpdateStrategy(Model):
    """How an object is changed."""

    op: Operation = Field(
        default="patch",
        description="Change only what the application sets (`patch`), or replace the object, which "
        "also drops what others set.",
    )
    recreate_fields: list[PathText] = Field(
        default=[],
        description="Paths that can't be changed, such as `spec.template` of a Job: a change of one "
        "deletes the object and creates it again.",
    )


class UpdateRule(Model):
    """How some objects are changed."""

    selector: RuleSelector = Field(description="Which objects are meant.")
    strategy: UpdateStrategy = Field(description="How they are changed.")


class ResourceUpdateProperties(Model):
    """Replace objects instead of patching them, or recreate them where a field can't be changed."""

    rules: list[UpdateRule] = Field(default=[], description="The first that fits an object counts.")

    def strategy(self, facts: Facts) -> UpdateStrategy:
        """Return how an object is changed."""
        rules = (rule.strategy for rule in self.rules if rule.selector.matches(facts))
        return next(rules, UpdateStrategy())


def resource_update_warnings(properties: ResourceUpdateProperties) -> Iterator[str]:
    """Point to what has no effect."""
    for index, rule in enumerate(properties.rules):
        if rule.strategy == UpdateStrategy():
            yield f"rules[{index}].strategy is what happens anyway"

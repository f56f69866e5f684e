"""Apply-once policies: fields that others may change after the first apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lateen.model.base import Model
from lateen.policies.rules.field_paths import PathText, parse_path
from lateen.policies.rules.selectors import RuleSelector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lateen.policies.rules.field_paths import FieldPath
    from lateen.policies.rules.selectors import Facts

APPLY_ONCE = "apply-once"


class ApplyOnceStrategy(Model):
    """Fields that are left as they are found, and by whom."""

    path: list[PathText] = Field(
        min_length=1, description="Paths such as `spec.replicas`; `*` is the whole object."
    )
    affect: Literal["onUpdate", "onStateKeep", "always", ""] = Field(
        default="",
        description="Whether later deliveries leave the fields alone (`onUpdate`), only the repair of "
        "drift does (`onStateKeep`), or both do (`always`, the default).",
    )


class ApplyOnceRule(Model):
    """Fields of some objects."""

    selector: RuleSelector = Field(
        default=RuleSelector(), description="Which objects are meant; none by default."
    )
    strategy: ApplyOnceStrategy = Field(
        description="Which of their fields are left alone, and when."
    )


class ApplyOnceProperties(Model):
    """Leave fields that others changed as they are, such as a replica count that an autoscaler sets."""

    enable: bool = Field(
        default=False,
        description="Whether the policy is in force; without rules it keeps drift from being repaired.",
    )
    rules: list[ApplyOnceRule] = Field(
        default=[], description="The first that fits an object counts."
    )

    def kept(self, facts: Facts) -> tuple[FieldPath, ...]:
        """Return the paths that a later delivery takes from the live object."""
        return self._paths(facts, ("onUpdate", "always", ""))

    def exempt(self, facts: Facts) -> tuple[FieldPath, ...]:
        """Return the paths that the repair of drift passes over."""
        if self.enable and not self.rules:
            return ((),)
        return self._paths(facts, ("onStateKeep", "always", ""))

    def _paths(self, facts: Facts, affects: tuple[str, ...]) -> tuple[FieldPath, ...]:
        rules = (rule for rule in self.rules if rule.selector.matches(facts))
        rule = next(rules, None) if self.enable else None
        if rule is None or rule.strategy.affect not in affects:
            return ()
        return tuple(map(parse_path, rule.strategy.path))


def apply_once_warnings(properties: ApplyOnceProperties) -> Iterator[str]:
    """Point to what has no effect."""
    if not properties.enable:
        yield "is not enabled and does nothing; write enable: true"

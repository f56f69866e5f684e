"""Read-only policies: objects that exist already, are looked at and never touched."""

from __future__ import annotations

from pydantic import Field

from lateen.model.base import Model
from lateen.policies.rules.selectors import SelectorRule

READ_ONLY = "read-only"


class ReadOnlyProperties(Model):
    """Only look at objects that exist already: they are never written, pruned or deleted."""

    rules: list[SelectorRule] = Field(default=[], description="Which objects are only looked at.")

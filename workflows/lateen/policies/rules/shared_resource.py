"""Shared-resource policies: objects that several applications have in common."""

from __future__ import annotations

from pydantic import Field

from lateen.model.base import Model
from lateen.policies.rules.selectors import SelectorRule

SHARED_RESOURCE = "shared-resource"


class SharedResourceProperties(Model):
    """Share objects with other applications: the first one writes them, the last one deletes them."""

    rules: list[SelectorRule] = Field(
        default=[], description="Which objects are shared; each application has to say so."
    )

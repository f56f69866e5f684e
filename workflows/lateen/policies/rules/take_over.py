"""Take-over policies: objects that exist already and belong to nobody become the application's."""

from __future__ import annotations

from pydantic import Field

from lateen.model.base import Model
from lateen.policies.rules.selectors import SelectorRule

TAKE_OVER = "take-over"


class TakeOverProperties(Model):
    """Adopt objects that exist and that no application owns: from then on they are its own."""

    rules: list[SelectorRule] = Field(default=[], description="Which objects may be adopted.")

"""Label selectors."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lateen.rendering.parameters import Named, Parameters


class LabelExpression(Parameters):
    """A condition on one label."""

    key: Named = Field(description="The label.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = Field(
        default="In", description="How its value is compared."
    )
    values: list[str] | None = Field(default=None, description="The values to compare with.")


class LabelSelector(Parameters):
    """Conditions on labels; all have to hold."""

    match_labels: dict[str, str] | None = Field(default=None, description="Labels by value.")
    match_expressions: list[LabelExpression] | None = Field(
        default=None, description="Further conditions."
    )

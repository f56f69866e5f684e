"""A stand-in for the cue program: remembers what it was asked, answers what it was told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lateen.definitions.evaluating import BrokenTemplate
from lateen.definitions.values import Member, read_struct
from lateen.model.errors import Problem

if TYPE_CHECKING:
    from lateen.definitions.templates import Lengths

Json = dict[str, Any]


@dataclass
class FakeEvaluator:
    """Answers every rendering with one printed text; a ``broken`` one fails."""

    printed: str = ""
    found: list[Problem] = field(default_factory=list)
    broken: str = ""
    asked: list[Json] = field(default_factory=list)

    def problems(self, template: str, properties: Json, *, path: str) -> list[Problem]:
        return [
            Problem(f"{path}.{each.path}", each.message, each.value, each.hint)
            for each in self.found
        ]

    def render(
        self, template: str, properties: Json, context: Json, *, lengths: Lengths | None = None
    ) -> dict[str, Member]:
        self.asked.append({"properties": properties, "context": context})
        if self.broken:
            raise BrokenTemplate(self.broken)
        return read_struct(self.printed)

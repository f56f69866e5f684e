"""The types of a revision: those that are installed, and the definitions that it froze."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.definitions.objects import COMPONENT, read_definition
from lateen.definitions.types import CueComponent, CueTrait

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lateen.definitions.evaluating import Evaluator
    from lateen.model.records import UsedDefinition
    from lateen.rendering.registry import Registry


def with_definitions(
    types: Registry,
    definitions: Iterable[UsedDefinition],
    evaluator: Evaluator,
    *,
    mentioned: Iterable[str] = (),
) -> Registry:
    """Return the types that a revision may use. Without definitions these are ``types`` themselves.

    ``mentioned`` are further names that the hub has, for suggestions. Raises ``InvalidApplication`` for a
    definition that can't be used.
    """
    used, names = list(definitions), set(mentioned)
    if not used and not names:
        return types
    registry = types.copy(mentioned=names)
    for each in used:
        definition = read_definition(each)
        made = CueComponent if each.kind == COMPONENT else CueTrait
        registry.register(made(definition, evaluator), version=each.version)
    return registry

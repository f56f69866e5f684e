"""The types that commands know: installed ones, and the definitions that go with a snapshot."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lateen.definitions.evaluating import CueEvaluator
from lateen.definitions.registering import with_definitions
from lateen.model.application import Definition
from lateen.model.parsing import parse_policy
from lateen.model.records import Snapshot, UsedDefinition
from lateen.planning.provenance import foreign_types
from lateen.planning.references import inline_policy
from lateen.rendering.plugins import installed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lateen.model.application import Application
    from lateen.rendering.registry import Registry

SYSTEM_NAMESPACE = "vela-system"
"""Where definitions for all namespaces are."""

_KINDS = ("ComponentDefinition", "TraitDefinition")


@cache
def evaluator() -> CueEvaluator:
    """Return the one evaluator of this process."""
    return CueEvaluator()


def types_of(snapshot: Snapshot, *, mentioned: Iterable[str] = ()) -> Registry:
    """Return the types that an application may use. Raises ``InvalidApplication``."""
    return with_definitions(installed(), snapshot.definitions, evaluator(), mentioned=mentioned)


def with_given(
    snapshot: Snapshot, application: Application, given: Sequence[Definition]
) -> Snapshot:
    """Add the definitions that an application uses from those given with it, without a hub."""
    policies = [inline_policy(parse_policy(policy)) for policy in snapshot.policies]
    wanted = zip(_KINDS, foreign_types(application, policies, installed()), strict=True)
    places = (application.metadata.namespace, SYSTEM_NAMESPACE)
    used = [
        found
        for kind, names in wanted
        for name in names
        if (found := _given(kind, name, places, given)) is not None
    ]
    return snapshot.model_copy(update={"definitions": used}) if used else snapshot


def used_definition(document: Definition) -> UsedDefinition:
    """Return a document as a revision would keep it."""
    return UsedDefinition(
        kind=document.kind,
        namespace=document.metadata.namespace,
        name=document.metadata.name,
        spec=document.spec,
    )


def _given(
    kind: str, name: str, places: Sequence[str], given: Sequence[Definition]
) -> UsedDefinition | None:
    for place in places:
        for document in given:
            metadata = document.metadata
            if (document.kind, metadata.namespace, metadata.name) == (kind, place, name):
                return used_definition(document)
    return None

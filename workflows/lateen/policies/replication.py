"""Replication policies: several copies of a component in each placement, told apart by a key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, field_validator

from lateen.model.base import Model
from lateen.model.errors import InvalidApplication, Problem, nearest, shorten
from lateen.policies.properties import properties_path, read_properties

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lateen.model.application import Component, InlinePolicy

REPLICATION = "replication"

_LABEL_VALUE = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def _label_value(key: str) -> str:
    if not _LABEL_VALUE.fullmatch(key):
        raise ValueError("a key becomes a label: at most 63 letters, digits, '-', '_' and '.'")
    return key


class ReplicationProperties(Model):
    """Make a copy of each selected component for each key."""

    keys: list[Annotated[str, AfterValidator(_label_value)]] = Field(
        min_length=1, max_length=100, description="One for each copy; templates can read it."
    )
    selector: list[str] = Field(min_length=1, description="Names of the components to copy.")

    @field_validator("keys")
    @classmethod
    def _distinct(cls, keys: list[str]) -> list[str]:
        twice = next((key for index, key in enumerate(keys) if key in keys[:index]), None)
        if twice is not None:
            raise ValueError(f"the key {shorten(twice)} is there twice; remove one")
        return keys


def read_replication(policy: InlinePolicy, *, path: str | None = None) -> ReplicationProperties:
    """Read a replication policy; raises ``InvalidApplication`` with paths below ``path``."""
    return read_properties(policy, ReplicationProperties, path=path)


def replication_warnings(policy: InlinePolicy) -> Iterator[str]:
    """Point to what works, but probably not as its author thinks."""
    yield (
        f"policy {policy.name!r}: only a type whose template uses context.replicaKey makes different"
        " objects of the copies; of the built-in types none does, and equal objects are delivered once"
    )


def replica_keys(
    components: Sequence[Component], policies: Iterable[InlinePolicy]
) -> Mapping[str, tuple[str, ...]]:
    """Return the keys of each component that the replication policies of a step copy.

    Policies of other types are passed over. Raises ``InvalidApplication`` for a policy that selects
    no component of the step.
    """
    names = {component.name for component in components}
    found: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for policy in policies:
        if policy.type != REPLICATION:
            continue
        properties = read_replication(policy)
        selected = [name for name in dict.fromkeys(properties.selector) if name in names]
        if not selected:
            path = f"{properties_path(policy)}.selector"
            hint = nearest(properties.selector[0], names)
            listed = ", ".join(properties.selector[:12])
            problems.append(Problem(path, "selects no component to replicate", listed, hint))
        for name in selected:
            found[name] = tuple(dict.fromkeys((*found.get(name, ()), *properties.keys)))
    if problems:
        raise InvalidApplication(problems)
    return found

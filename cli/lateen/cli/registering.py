"""Registering search attributes with a Temporal server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.service import RPCError

from lateen.client.connecting import connect_temporal
from lateen.contracts.search_attributes import ALL
from lateen.model.errors import LateenError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from temporalio.client import Client

_TYPES: Mapping[str, IndexedValueType.ValueType] = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "KeywordList": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
}


class TemporalNotReady(LateenError):
    """The search attributes can't be registered: no rights, or the names are taken."""


@dataclass(frozen=True)
class Registered:
    """A search attribute, and whether it had to be added."""

    name: str
    type: str
    added: bool


async def register_search_attributes() -> list[Registered]:
    """Register what is missing with the server that ``TEMPORAL_*`` variables and profiles name.

    Raises ``TemporalUnavailable`` when it doesn't answer.
    """
    client = await connect_temporal()
    try:
        existing = await _list(client)
        missing = {name: _TYPES[kind] for name, kind in ALL if name not in existing}
        if missing:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(search_attributes=missing, namespace=client.namespace)
            )
    except RPCError as error:
        raise TemporalNotReady(
            f"Temporal namespace {client.namespace!r}: search attributes can't be registered"
            f" ({error.status.name}: {error.message}); register them with `temporal operator"
            " search-attribute create`, or go on without them"
        ) from error
    return [Registered(name, kind, added=name in missing) for name, kind in ALL]


async def _list(client: Client) -> Mapping[str, IndexedValueType.ValueType]:
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    existing = dict(listed.custom_attributes)
    _refuse_other_types(existing, client.namespace)
    return existing


def _refuse_other_types(existing: Mapping[str, IndexedValueType.ValueType], namespace: str) -> None:
    for name, kind in ALL:
        if name in existing and existing[name] != _TYPES[kind]:
            found = IndexedValueType.Name(existing[name])
            raise TemporalNotReady(
                f"Temporal namespace {namespace!r} has a search attribute {name!r} of type {found},"
                f" but lateen needs {kind}; remove it, or use another namespace"
            )

"""Registering search attributes with a Temporal server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from lateen.contracts.search_attributes import ALL
from lateen.model.errors import LateenError

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECT_TIMEOUT = 1.2
"""Seconds for connecting to the Temporal server."""

_TYPES: Mapping[str, IndexedValueType.ValueType] = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "KeywordList": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
}


class TemporalNotReady(LateenError):
    """The search attributes can't be registered: no server, no rights, or the names are taken."""


@dataclass(frozen=True)
class Registered:
    """A search attribute, and whether it had to be added."""

    name: str
    type: str
    added: bool


async def register_search_attributes() -> list[Registered]:
    """Register what is missing with the server that ``TEMPORAL_*`` variables and profiles name."""
    client = await _connect()
    try:
        listed = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
        existing = dict(listed.custom_attributes)
        _refuse_other_types(existing, client.namespace)
        missing = {name: _TYPES[kind] for name, kind in ALL if name not in existing}
        if missing:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(search_attributes=missing, namespace=client.namespace)
            )
    except RPCError as error:
        if error.status == RPCStatusCode.ALREADY_EXISTS:
            return await register_search_attributes()
        raise TemporalNotReady(
            f"Temporal namespace {client.namespace!r}: search attributes can't be registered"
            f" ({error.status.name}: {error.message}); register them with `temporal operator"
            " search-attribute create`, or go on without them"
        ) from error
    return [Registered(name, kind, added=name in missing) for name, kind in ALL]


async def _connect() -> Client:
    config = ClientConfig.load_client_connect_config()
    address = config.setdefault("target_host", "localhost:7233")
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await Client.connect(**config)
    except (RuntimeError, TimeoutError) as error:
        raise TemporalNotReady(
            f"the Temporal server at {address} can't be reached; check TEMPORAL_ADDRESS and that"
            " it runs"
        ) from error


def _refuse_other_types(existing: Mapping[str, IndexedValueType.ValueType], namespace: str) -> None:
    for name, kind in ALL:
        if name in existing and existing[name] != _TYPES[kind]:
            found = IndexedValueType.Name(existing[name])
            raise TemporalNotReady(
                f"Temporal namespace {namespace!r} has a search attribute {name!r} of type {found},"
                f" but lateen needs {kind}; remove it, or use another namespace"
            )

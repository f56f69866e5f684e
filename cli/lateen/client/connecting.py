"""Connecting to Temporal with the settings that its own tools use, and failing soon and clearly."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig

from lateen.client.errors import TemporalUnavailable

__all__ = ["CONNECT_TIMEOUT", "TemporalUnavailable", "connect_temporal"]

CONNECT_TIMEOUT = 1.5
"""Seconds: a server that is there answers in milliseconds."""


async def connect_temporal(**overrides: Any) -> Client:
    """Connect by ``TEMPORAL_*`` variables and profile files, as the ``temporal`` CLI does.

    ``overrides`` are parameters of ``temporalio.client.Client.connect``. Raises ``TemporalUnavailable``.
    """
    settings: dict[str, Any] = {**_configured(), **overrides}
    settings.setdefault("target_host", "127.0.0.1:7233")
    settings.setdefault("data_converter", pydantic_data_converter)
    target = settings["target_host"]
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await Client.connect(settings.pop("target_host"), **settings)
    except (RuntimeError, TimeoutError) as error:
        raise TemporalUnavailable(
            f"no Temporal server answers at {target}; start one (`lateen local up`), or point "
            "TEMPORAL_ADDRESS to it"
        ) from error


def _configured() -> Mapping[str, Any]:
    try:
        return ClientConfig.load_client_connect_config()
    except RuntimeError as error:
        raise TemporalUnavailable(
            f"the settings for Temporal can't be read: {error}; check TEMPORAL_PROFILE and "
            "TEMPORAL_CONFIG_FILE"
        ) from error

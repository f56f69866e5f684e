"""Connecting to Temporal with the settings that its own tools use, and failing soon and clearly."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from temporalio.client import Client
from temporalio.envconfig import ClientConfig

from lateen.client.encryption import codec_configured, data_converter
from lateen.client.errors import TemporalUnavailable

__all__ = ["CONNECT_TIMEOUT", "TemporalUnavailable", "codec_configured", "connect_temporal"]

CONNECT_TIMEOUT = 1.5
"""Seconds: a server that is there answers in milliseconds."""


async def connect_temporal(**overrides: Any) -> Client:
    """Connect by ``TEMPORAL_*`` variables and profile files, as the ``temporal`` CLI does.

    Payloads are encrypted if ``LATEEN_CODEC_KEYS`` says so. ``overrides`` are parameters of
    ``temporalio.client.Client.connect``. Raises ``TemporalUnavailable``, ``InvalidKeys``.
    """
    settings: dict[str, Any] = {**_configured(), **overrides}
    settings.setdefault("target_host", "127.0.0.1:7233")
    if "data_converter" not in settings:
        settings["data_converter"] = data_converter()
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

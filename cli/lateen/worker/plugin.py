"""lateen as a plug-in of somebody's own Temporal worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter
from temporalio.plugin import SimplePlugin
from temporalio.worker import Worker, WorkerConfig
from typing_extensions import override

from lateen.activities.implementation import KubernetesActivities
from lateen.activities.rooms import Rooms
from lateen.client.encryption import data_converter
from lateen.model.errors import LateenError
from lateen.worker.running import WORKFLOWS, activities_of, connected_rooms
from lateen.worker.settings import WorkerSettings


class NotRunning(LateenError):
    """An activity was called outside a running worker, where there is no hub."""


class LateenPlugin(SimplePlugin):
    """Adds lateen's workflows and activities to a worker, and connects to the hub while it runs.

    Give it to ``Client.connect(plugins=[...])``, whose converter it sets, and every worker of that client
    delivers applications besides what else it does::

        client = await Client.connect(address, plugins=[LateenPlugin(WorkerSettings())])
        await Worker(client, task_queue="lateen").run()

    Of the settings those about running (task queue, slots, build) are the worker's own.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._rooms = _LaterRooms()
        activities = KubernetesActivities(cast("Rooms", self._rooms))
        super().__init__(  # pyright: ignore[reportUnknownMemberType] - the SDK's own signature
            "lateen",
            data_converter=_converter,
            workflows=WORKFLOWS,
            activities=activities_of(activities),
        )

    @override
    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """Add lateen's part. Cancellations reach activities by heartbeats, which must not be held back."""
        configured = super().configure_worker(config)
        configured["max_heartbeat_throttle_interval"] = timedelta(seconds=1)
        configured["default_heartbeat_throttle_interval"] = timedelta(seconds=1)
        return configured

    @override
    async def run_worker(
        self,
        worker: Worker,
        next: Callable[[Worker], Awaitable[None]],
    ) -> None:
        """Run the worker with a connection to the hub."""
        async with connected_rooms(worker.client, self._settings) as rooms:
            self._rooms.opened = rooms
            try:
                await super().run_worker(worker, next)
            finally:
                self._rooms.opened = None


class _LaterRooms:
    """Stands for the rooms in activities that are registered before there is a connection."""

    opened: Rooms | None = None

    def __getattr__(self, name: str) -> Any:
        if self.opened is None:
            raise NotRunning("the worker with this plug-in does not run, so there is no hub yet")
        return getattr(self.opened, name)


def _converter(existing: DataConverter | None) -> DataConverter:
    """Read and write lateen's messages; a codec that the client has of its own is kept."""
    if existing is None or existing is DataConverter.default:
        return data_converter()
    return replace(
        existing, payload_converter_class=pydantic_data_converter.payload_converter_class
    )

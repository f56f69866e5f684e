"""One dev server for all tests, and a fresh application, task queue and fakes for each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from support.activities import FakeActivities
from support.temporal import IDENTITY, Bench, start_server

CLUSTERS = ["a", "b", "c"]
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the SDK warn of a cancellation that meets an ended activity: an error would kill the worker."""
    harmless = pytest.mark.filterwarnings("ignore:Cannot find activity to cancel:UserWarning")
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(harmless)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server() -> AsyncIterator[WorkflowEnvironment]:
    """A real Temporal dev server."""
    environment = await start_server()
    async with environment:
        yield environment


@pytest.fixture
async def client(server: WorkflowEnvironment) -> Client:
    """A client as lateen's own: with the pydantic converter."""
    return await Client.connect(
        server.client.service_client.config.target_host,
        data_converter=pydantic_data_converter,
        identity=IDENTITY,
    )


@pytest.fixture
async def plain_client(server: WorkflowEnvironment) -> Client:
    """A client as any program's: default converter, none of lateen's types."""
    return await Client.connect(server.client.service_client.config.target_host, identity=IDENTITY)


@pytest.fixture
def idle(client: Client) -> Bench:
    """A bench without a worker."""
    return Bench(client, FakeActivities(CLUSTERS))


@pytest.fixture
async def bench(idle: Bench) -> AsyncIterator[Bench]:
    """A bench with a running worker."""
    async with idle.worker():
        yield idle

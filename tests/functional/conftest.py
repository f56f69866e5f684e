"""The real stack that functional tests share: one Temporal and four clusters a session."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from pathlib import Path

import pytest

from lateen.cli.registering import register_search_attributes
from lateen.local import services
from lateen.local.preparing import prepare
from lateen.local.stack import Stack
from support.platforms import Platform
from support.processes import torn_down
from support.rights import restrict

_HERE = Path(__file__).parent
_NOTED_EACH_SECOND = tuple(
    f'history.{queue}ProcessorUpdateAckInterval="1s"' for queue in ("transfer", "visibility")
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this directory."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.functional)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """The stack, brought up when the first test asks and removed at the end, whatever happened.

    Tests share it: a test that stops a part starts it again, and its objects have their own names. Its
    Temporal deletes runs at once: it would wait for the next time that its queues note how far they are.
    """
    quick = (*services.DYNAMIC_CONFIG, *_NOTED_EACH_SECOND)
    with (
        pytest.MonkeyPatch.context() as patch,
        torn_down(Stack(tmp_path_factory.mktemp("stack"))) as shared,
    ):
        patch.setattr(services, "DYNAMIC_CONFIG", quick)
        shared.up()
        yield shared


@pytest.fixture(scope="session")
def platform(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Generator[Platform]:
    """The stack with lateen installed, its clusters joined, and a worker: ready to deliver.

    The worker has the rights that ship, and no others: in the hub those of its ServiceAccount, in the
    members those of the account that `join --service-account` makes.
    """
    restricted = tmp_path_factory.mktemp("hub") / "kubeconfig"

    async def make_ready() -> None:
        await prepare(stack)
        await register_search_attributes()
        restricted.write_text(json.dumps(await restrict(stack)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEMPORAL_ADDRESS", stack.temporal_address)
        asyncio.run(make_ready())
    ready = Platform(stack, tmp_path_factory.mktemp("logs"), hub_kubeconfig=restricted)
    ready.start_worker("--deadline", "12s")
    try:
        asyncio.run(ready.worker_polls())
        yield ready
    finally:
        if ready.worker is not None:
            ready.worker.stop()

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from unit.kube.apiserver import FakeApiServer


@pytest.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    fake = FakeApiServer()
    await fake.start()
    yield fake
    await fake.stop()

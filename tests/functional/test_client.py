"""The public client against real clusters: what only a worker can tell it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from lateen.client import Lateen, NotFound, NoWorker
from support.platforms import BEIJING, HANGZHOU_1, Platform, application, unique


@pytest.fixture
async def lateen(platform: Platform) -> AsyncIterator[Lateen]:
    """A client of the stack, once the worker polls: its process needs a moment to start."""
    async with Lateen.connect(target_host=platform.stack.temporal_address) as client:
        async with asyncio.timeout(30):
            while True:
                try:
                    await client.require_worker()
                    break
                except NoWorker:
                    continue
        yield client


async def test_from_nothing_to_healthy_and_back(platform: Platform, lateen: Lateen) -> None:
    name = unique("api")
    wanted = application(name, clusters=[BEIJING, HANGZHOU_1])
    outcome = await lateen.wait(await lateen.apply(wanted, actor="ci"), timeout=60)
    outcome.raise_unless_ok()
    status = await lateen.status("examples", name)
    assert (status.phase, status.healthy, status.actor) == ("delivered", True, "ci")
    assert {(s.cluster, s.message) for s in status.services} == {
        (BEIJING, "Ready:1/1"),
        (HANGZHOU_1, "Ready:1/1"),
    }
    rows = {row.name: row for row in (await lateen.list("examples")).applications}
    assert rows[name].clusters == [BEIJING, HANGZHOU_1]
    assert name in {row.name for row in (await lateen.list()).applications}
    gone = await lateen.wait(await lateen.delete("examples", name), timeout=60)
    assert (gone.phase, set(gone.clusters)) == ("deleted", {BEIJING, HANGZHOU_1})
    assert (await lateen.status("examples", name)).phase == "deleted"
    assert name not in {row.name for row in (await lateen.list()).applications}


async def test_orphaning_leaves_the_objects(platform: Platform, lateen: Lateen) -> None:
    name = unique("orphan")
    await lateen.wait(await lateen.apply(application(name, clusters=[BEIJING])), timeout=60)
    outcome = await lateen.wait(await lateen.delete("examples", name, orphan=True), timeout=60)
    assert outcome.phase == "deleted"
    assert platform.deployment(BEIJING, name) is not None
    path = f"/apis/apps/v1/namespaces/examples/deployments/{name}"
    platform.api(BEIJING).delete(path)


async def test_what_lost_its_objects_is_ill(platform: Platform, lateen: Lateen) -> None:
    """Status looks at the clusters now, not at what was once delivered."""
    name = unique("ill")
    wanted = application(name, clusters=[BEIJING])
    await lateen.wait(await lateen.apply(wanted), timeout=60)
    platform.api(BEIJING).delete(f"/apis/apps/v1/namespaces/examples/deployments/{name}")
    async with asyncio.timeout(15):
        while (await lateen.status("examples", name)).healthy:  # noqa: ASYNC110 - a cluster has no event
            await asyncio.sleep(0.2)
    assert (await lateen.wait(await lateen.apply(wanted), timeout=60)).phase == "delivered"
    assert (await lateen.status("examples", name)).healthy
    await lateen.wait(await lateen.delete("examples", name), timeout=60)


async def test_an_unknown_one(lateen: Lateen) -> None:
    with pytest.raises(NotFound):
        await lateen.status("examples", unique("never"))

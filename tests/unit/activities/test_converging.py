"""Placements that end at nearly the same time end together, and none is kept waiting for long."""

from __future__ import annotations

import asyncio
import time

import pytest

from lateen.activities.converging import Convergence


async def placement(convergence: Convergence, seconds: float, *, step: str = "s") -> float:
    async with convergence.member(run="r", step=step):
        await asyncio.sleep(seconds)
    return time.monotonic()


async def test_the_first_waits_for_those_that_end_soon() -> None:
    convergence = Convergence(patience=5)
    ends = await asyncio.gather(*(placement(convergence, pause) for pause in (0, 0.05, 0.1)))
    assert max(ends) - min(ends) < 0.05


async def test_nobody_waits_longer_than_its_patience() -> None:
    convergence = Convergence(patience=0.05)
    quick, slow = await asyncio.gather(placement(convergence, 0), placement(convergence, 0.5))
    assert slow - quick > 0.3


async def test_one_alone_and_other_steps_do_not_wait() -> None:
    convergence = Convergence(patience=5)
    begun = time.monotonic()
    other = asyncio.create_task(placement(convergence, 0.5, step="other"))
    await asyncio.sleep(0)
    assert await placement(convergence, 0) - begun < 0.3
    await other


async def test_an_error_is_not_held_back_and_lets_the_others_go() -> None:
    convergence = Convergence(patience=5)

    async def failing() -> None:
        async with convergence.member(run="r", step="s"):
            raise ValueError("no")

    waiting = asyncio.create_task(placement(convergence, 0))
    await asyncio.sleep(0)
    begun = time.monotonic()
    with pytest.raises(ValueError, match="no"):
        await failing()
    assert await waiting - begun < 1


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    convergence = Convergence(patience=5)
    slow = asyncio.create_task(placement(convergence, 0.2))
    await asyncio.sleep(0)
    quick = asyncio.create_task(placement(convergence, 0))
    await asyncio.sleep(0.05)
    quick.cancel()
    with pytest.raises(asyncio.CancelledError):
        await quick
    await slow
    assert convergence._groups == {}

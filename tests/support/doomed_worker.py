"""A worker in a process of its own, made to be killed: it holds cluster ``a`` for ever and says when.

Run it with ``python -m support.doomed_worker ADDRESS TASK_QUEUE`` in the folder of the tests.
"""

from __future__ import annotations

import asyncio
import sys

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from support.activities import FakeActivities
from support.temporal import IDENTITY, Bench


async def main(target: str, task_queue: str) -> None:
    """Work until killed."""
    client = await Client.connect(target, data_converter=pydantic_data_converter, identity=IDENTITY)
    bench = Bench(client, FakeActivities(["a", "b", "c"]), task_queue=task_queue)
    bench.fakes.hold("a/default")
    async with bench.worker():
        await bench.fakes.begun("a/default")
        print("holding a/default", flush=True)  # noqa: T201 - the parent reads it
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

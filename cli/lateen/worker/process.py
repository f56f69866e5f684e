"""The worker as a process: logging, signals, and the connection that it needs."""

from __future__ import annotations

import asyncio
import logging
import signal

from lateen.client.connecting import connect_temporal
from lateen.worker.running import run_worker
from lateen.worker.settings import WorkerSettings


def main(settings: WorkerSettings, *, verbose: bool = False) -> None:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    if not verbose:
        logging.getLogger("temporalio.activity").addFilter(_expected)
        logging.getLogger("temporalio.workflow").addFilter(_expected)
    asyncio.run(_run(settings))


async def _run(settings: WorkerSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    client = await connect_temporal(lazy=False)
    await run_worker(client, settings, stop=stop)


def _expected(record: logging.LogRecord) -> bool:
    """Drop the traceback of what lateen raises on purpose: the message says it, the run shows it."""
    if record.exc_info and record.exc_info[1] is not None:
        record.msg = f"{record.getMessage()}: {record.exc_info[1]}"
        record.args = ()
        record.exc_info = None
    return True

"""The worker as a process: logging, signals, and the connection that it needs."""

from __future__ import annotations

import asyncio
import logging
import signal

from lateen.client.connecting import connect_temporal
from lateen.worker.logs import Format, configure_logs
from lateen.worker.running import run_worker
from lateen.worker.settings import WorkerSettings
from lateen.worker.telemetry import build_runtime, tracing


def main(
    settings: WorkerSettings, *, log_format: Format = "text", level: int = logging.INFO
) -> None:
    """Run until SIGTERM or SIGINT."""
    configure_logs(log_format, level)
    asyncio.run(_run(settings))


async def _run(settings: WorkerSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runtime = build_runtime(settings)
    client = await connect_temporal(lazy=False, runtime=runtime, interceptors=tracing(settings))
    await run_worker(client, settings, stop=stop, meter=runtime.metric_meter)

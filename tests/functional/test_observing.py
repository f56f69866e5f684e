"""What operators see of a worker: probes, metrics, the dashboard that shows them, logs, traces."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.platforms import BEIJING, Platform, application, failure_of, unique

DASHBOARD = Path(__file__).parents[2] / "deploy" / "dashboards" / "lateen.json"
_NOT_METRICS = {"lateen", "lateen_worker"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@dataclass
class Observed:
    """A worker on a task queue of its own, that tells how it is."""

    queue: str
    health: int
    metrics: int
    log: Path

    def get(self, port: int, path: str) -> tuple[int, str]:
        """Ask one of its servers; 0 while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""


@pytest.fixture
def observed(platform: Platform) -> Iterator[Observed]:
    queue, health, metrics = unique("observed"), free_port(), free_port()
    worker = platform.another_worker(
        *("--task-queue", queue, "--log-format", "json", "--deadline", "30s"),
        *("--health-address", f"127.0.0.1:{health}", "--metrics-address", f"127.0.0.1:{metrics}"),
    )
    try:
        yield Observed(queue, health, metrics, worker.log)
    finally:
        worker.stop()


async def test_everything_on_the_dashboard_is_measured(
    platform: Platform, observed: Observed
) -> None:
    """After one delivery and one failure a worker serves each metric that the dashboard's queries name."""
    async with asyncio.timeout(60):
        while observed.get(observed.health, "/readyz") != (200, "ok\n"):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    name = unique("observed")
    client = await platform.client()
    wanted = application(name, clusters=[BEIJING])
    delivered = await client.start_workflow(
        "Application", args=[wanted], id=f"examples/{name}", task_queue=observed.queue
    )
    assert (await asyncio.wait_for(delivered.result(), 90))["phase"] == "delivered"
    broken = {**wanted, "metadata": {"name": f"{name}-x", "namespace": "examples"}, "spec": {}}
    failed = await client.start_workflow(
        "Application", args=[broken], id=f"examples/{name}-x", task_queue=observed.queue
    )
    assert (await failure_of(failed)).type == "InvalidApplication"
    status, text = observed.get(observed.metrics, "/metrics")
    assert status == 200
    measured = set(re.findall(r"^([a-z_]+)\{", text, flags=re.MULTILINE))
    assert shown() - measured == set()
    assert f'lateen_placements_total{{cluster="{BEIJING}",outcome="delivered"' in text
    assert re.search(rf'lateen_api_requests_total{{cluster="{BEIJING}",code="200"', text)
    deleted = await client.start_workflow(
        "Application",
        args=[None, {"intent": "delete"}],
        id=f"examples/{name}",
        task_queue=observed.queue,
    )
    await asyncio.wait_for(deleted.result(), 60)
    lines = [json.loads(line) for line in observed.log.read_text().splitlines()]
    (started,) = [line for line in lines if line["message"] == "worker started"]
    assert (started["level"], started["task_queue"]) == ("info", observed.queue)
    assert "nginx" not in observed.log.read_text()


def shown() -> set[str]:
    """Return the metrics that the dashboard's queries name."""
    dashboard = json.loads(DASHBOARD.read_text())
    queries = [
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])
    ]
    queries += [
        variable["query"]["query"]
        for variable in dashboard["templating"]["list"]
        if isinstance(variable["query"], dict)
    ]
    assert len(queries) > 10
    found = {
        name for query in queries for name in re.findall(r"\b(?:lateen|temporal)_[a-z_]+", query)
    }
    return found - _NOT_METRICS

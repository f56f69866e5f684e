"""The ten example applications, delivered by the real command line as the real KubeVela delivered them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import yaml

from lateen.cli import codes
from support.platforms import HANGZHOU_1, HANGZHOU_2, Platform, state_when

REPOSITORY = Path(__file__).parents[2]
RECORDED = REPOSITORY / "tests" / "conformance" / "data" / "delivered"
WAITING = ("deploy-workflowstep", "external-policies-and-workflow", "nginx-stable-ultra")
CLUSTER = "app.oam.dev/cluster"
SERVER_CHOSEN = ("clusterIP", "clusterIPs")

Json = dict[str, Any]


def live(platform: Platform, expected: Json) -> Json | None:
    """The object as its cluster has it, without what differs by design or by server."""
    group = "apis/apps/v1" if expected["kind"] == "Deployment" else "api/v1"
    plural = f"{expected['kind'].lower()}s"
    path = f"/{group}/namespaces/{expected['namespace']}/{plural}"
    items = platform.api(expected["cluster"]).get(path)["items"]
    found = next((i for i in items if i["metadata"]["name"] == expected["name"]), None)
    return found and without_choices(
        {"labels": found["metadata"]["labels"], "spec": found["spec"]}, expected["cluster"]
    )


def without_choices(described: Json, cluster: str) -> Json:
    """On the hub KubeVela leaves the cluster's label out; lateen says ``local`` there."""
    dropped = {CLUSTER} if cluster == "local" else set()
    return {
        "labels": {k: v for k, v in described["labels"].items() if k not in dropped},
        "spec": {k: v for k, v in described["spec"].items() if k not in SERVER_CHOSEN},
    }


async def test_all_examples_arrive_as_recorded(platform: Platform) -> None:
    recorded = {
        path.stem: list(yaml.safe_load_all(path.read_text()))
        for path in sorted(RECORDED.glob("*.yaml"))
    }
    assert len(recorded) == 9
    up = platform.lateen("up", "-f", str(REPOSITORY / "deploy" / "examples"))
    assert up.returncode == codes.WAITING, up.stderr
    for cluster in (HANGZHOU_1, HANGZHOU_2):
        for name in WAITING:
            assert platform.deployment(cluster, f"nginx-{name.removeprefix('nginx-')}") is None
    await approve_in_three_ways(platform)
    for name, objects in recorded.items():
        for expected in objects:
            where = f"{name}: {expected['kind']} {expected['name']} in {expected['cluster']}"
            assert live(platform, expected) == without_choices(expected, expected["cluster"]), where
        held = {
            (cluster, listed)
            for cluster, entries in platform.inventories(name).items()
            for listed in entries
        }
        assert held == {(each["cluster"], f"{each['kind']}/{each['name']}") for each in objects}
    again = platform.lateen("up", "-f", str(REPOSITORY / "deploy" / "examples"))
    assert again.returncode == codes.UNCHANGED, again.stderr
    await platform.delete(*recorded)


async def approve_in_three_ways(platform: Platform) -> None:
    """By the command line, by a bare signal, and by an update of a plain client."""
    by_command, by_signal, by_update = WAITING
    client = await platform.client()
    handles = [client.get_workflow_handle(f"examples/{name}") for name in WAITING]
    for handle in handles:
        await state_when(handle, lambda state: bool(state.get("waiting")))
    done = platform.lateen("approve", by_command, "-n", "examples", "-m", "looks good")
    assert done.returncode == 0, done.stderr
    await client.get_workflow_handle(f"examples/{by_signal}").signal("approve")
    answer = await client.get_workflow_handle(f"examples/{by_update}").execute_update(
        "approve", {"actor": "alice"}
    )
    assert answer["accepted"]
    for handle in handles:
        result = await asyncio.wait_for(handle.result(), 60)
        assert result["phase"] == "delivered"

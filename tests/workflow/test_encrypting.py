"""With keys, Temporal stores nothing that can be read; everybody who has them reads everything."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.testing import WorkflowEnvironment

from lateen.cli.codec_serving import make_server
from lateen.client import Lateen
from lateen.client.connecting import connect_temporal
from lateen.client.encryption import EncryptionCodec, configured_keys
from lateen.contracts import errors
from lateen.model.errors import LateenError
from support.activities import FakeActivities, failing
from support.applications import NAMESPACE, deploy
from support.temporal import IDENTITY, Bench, find_server, result_of

OLD = "old: b29vb29vb29vb29vb29vb29vb29vb29vb29vb29vb28=\n"
NEW = "new: bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4=\n"
IMAGE, WHY, FAILURE, BEAT = "hidden-image", "hidden-reason", "hidden-failure", "hidden-heartbeat"
WORDS = (IMAGE, WHY, FAILURE, BEAT, "webservice", "apiVersion")

Connect = Callable[[str], Any]


@pytest.fixture
def connect(
    server: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Connect:
    """Connect as lateen's own processes do, with a file of these keys; without any, none is set."""

    async def connected(keys: str) -> Client:
        path = tmp_path / "keys"
        path.write_text(keys)
        monkeypatch.setenv("LATEEN_CODEC_KEYS", str(path) if keys else "")
        target = server.client.service_client.config.target_host
        return await connect_temporal(target_host=target, identity=IDENTITY)

    return connected


@pytest.fixture
async def secret(connect: Connect) -> AsyncIterator[Bench]:
    """A bench whose client and worker have keys."""
    made = Bench(await connect(NEW), FakeActivities(["a", "b", "c"]))
    async with made.worker():
        yield made


def gated(bench: Bench) -> dict[str, Any]:
    steps = [deploy("ship", "t", auto=False)]
    return bench.app(topologies={"t": ["a"]}, steps=steps, image=IMAGE)


async def stored(bench: Bench, plain: Client) -> str:
    """Return what Temporal has of the latest run, as somebody without keys exports it."""
    history = await plain.get_workflow_handle(bench.id).fetch_history()
    return history.to_json() + json.dumps(history.to_json_dict())


async def test_history_holds_nothing_readable(secret: Bench, plain_client: Client) -> None:
    """Application, decision, failure and summaries are hidden, and all of them reach who has the keys."""
    secret.fakes.failures["a/default"] = [failing(errors.UNHEALTHY, FAILURE)]
    lateen = Lateen(secret.client, task_queue=secret.task_queue)
    submitted = await lateen.apply(gated(secret), actor="mia-of-the-night-shift")
    await secret.until_waiting("ship")
    await lateen.approve(NAMESPACE, secret.name, reason=WHY, actor="joe-of-the-night-shift")
    outcome = await lateen.wait(submitted, timeout=20)
    assert outcome.phase == "failed"
    assert FAILURE in str(outcome)
    text = await stored(secret, plain_client)
    assert [word for word in (*WORDS, "night-shift") if word in text] == []
    assert "Encoded failure" in text
    described = await plain_client.get_workflow_handle(secret.id).describe()
    assert described.raw_description.execution_config.user_metadata.summary.metadata[
        "encoding"
    ] == (b"binary/encrypted")


async def test_worker_without_keys_says_so_and_loses_nothing(
    connect: Connect, plain_client: Client
) -> None:
    """The run waits, its task's failure names the variable; a worker with keys takes it up."""
    with_keys = Bench(await connect(NEW), FakeActivities(["a"]))
    without = Bench(
        await connect(""), with_keys.fakes, name=with_keys.name, task_queue=with_keys.task_queue
    )
    handle = await with_keys.start(with_keys.app(topologies={"t": ["a"]}))
    async with without.worker():
        async with asyncio.timeout(20):
            text = ""
            while "LATEEN_CODEC_KEYS" not in text:
                await asyncio.sleep(0.1)
                text = await stored(with_keys, plain_client)
    assert "encrypted with key 'new'" in text
    async with with_keys.worker():
        assert (await result_of(handle))["phase"] == "delivered"


async def test_keys_are_rotated_under_a_waiting_approval(connect: Connect) -> None:
    """Begun with the old key, approved and finished with the new one; without the old one it is unreadable."""
    before = Bench(await connect(OLD), FakeActivities(["a"]))
    async with before.worker():
        handle = await before.start(gated(before))
        await before.until_waiting("ship")
    after = Bench(
        await connect(NEW + OLD), before.fakes, name=before.name, task_queue=before.task_queue
    )
    async with after.worker():
        await after.handle.signal("approve", {"actor": "joe"})
        assert (await result_of(after.handle))["phase"] == "delivered"
    with pytest.raises(Exception, match=r"key 'new', but .* only has 'old'"):
        await result_of(handle)


async def test_bare_signals_of_the_ui_still_count(secret: Bench, plain_client: Client) -> None:
    """Who has no keys can still approve, in the clear."""
    await secret.start(gated(secret))
    await secret.until_waiting("ship")
    await plain_client.get_workflow_handle(secret.id).signal("approve", "fine")
    assert (await result_of(secret.handle))["phase"] == "delivered"


async def test_temporal_cli_reads_through_the_codec_server(secret: Bench) -> None:
    """`temporal workflow show --codec-endpoint` shows what it otherwise can't."""
    handle = await secret.start(secret.app(topologies={"t": ["a"]}, image=IMAGE))
    await result_of(handle)
    server = make_server(("127.0.0.1", 0), EncryptionCodec(configured_keys()), origins=[])
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    target = secret.client.service_client.config.target_host
    show = [str(find_server()), "workflow", "show", "--workflow-id", secret.id, "--output", "json"]

    def shown(*options: str) -> str:
        done = subprocess.run(
            [*show, "--address", target, *options],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        (submitted,) = json.loads(done.stdout)["events"][0][
            "workflowExecutionStartedEventAttributes"
        ]["input"]["payloads"]
        return base64.b64decode(submitted["data"]).decode(errors="replace")

    try:
        endpoint = f"http://127.0.0.1:{server.server_port}"
        readable = await asyncio.to_thread(shown, "--codec-endpoint", endpoint)
        hidden = await asyncio.to_thread(shown)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert IMAGE in readable
    assert IMAGE not in hidden


async def test_failure_of_a_run_is_readable_with_keys(secret: Bench) -> None:
    with pytest.raises(WorkflowFailureError) as caught:
        await result_of(await secret.start({"kind": "Nonsense"}))
    assert "Encoded failure" not in str(caught.value.cause)


async def test_story_of_a_run_is_told_to_who_has_the_keys(secret: Bench, connect: Connect) -> None:
    secret.fakes.failures["a/default"] = [failing(errors.UNHEALTHY, FAILURE)]
    lateen = Lateen(secret.client, task_queue=secret.task_queue)
    submitted = await lateen.apply(secret.app(topologies={"t": ["a"]}), actor="mia")
    await lateen.wait(submitted, timeout=20)
    events = [event async for event in lateen.story(NAMESPACE, secret.name)]
    assert events[0].actor == "mia"
    assert FAILURE in [event.message for event in events if event.type == "failed"]
    stranger = Lateen(await connect(""), task_queue=secret.task_queue)
    with pytest.raises(LateenError, match="LATEEN_CODEC_KEYS"):
        await anext(stranger.story(NAMESPACE, secret.name))


async def test_progress_tells_what_is_retried(secret: Bench) -> None:
    """What the server keeps of a failed attempt is encrypted, too; who follows the run reads it."""
    unreachable = failing(errors.CLUSTER_UNREACHABLE, FAILURE, retryable=True)
    secret.fakes.failures["a/default"] = [unreachable] * 3
    handle = await secret.start(secret.app(topologies={"t": ["a"]}))
    lateen = Lateen(secret.client, task_queue=secret.task_queue)
    async with asyncio.timeout(20):
        while True:
            retries = (await lateen.progress(NAMESPACE, secret.name)).retries
            if retries:
                break
            await asyncio.sleep(0.1)
    assert [(retry.subject, retry.message) for retry in retries] == [("a/default", FAILURE)]
    assert (await result_of(handle))["phase"] == "delivered"

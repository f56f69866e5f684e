"""What people see in Temporal: search attributes, current details, summaries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from lateen.contracts import errors, search_attributes
from lateen.contracts.messages import RunOptions
from support.activities import failing
from support.applications import deploy, suspend
from support.temporal import Bench, event_types, failure_of, result_of


async def details_of(bench: Bench) -> str:
    """Return the Markdown that the UI asks for."""
    from temporalio.api.sdk.v1 import WorkflowMetadata

    metadata = await bench.handle.query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    return str(metadata.current_details)


async def attributes_of(bench: Bench) -> dict[str, Any]:
    """Return the run's search attributes by name, without the server's own."""
    found = (await bench.handle.describe()).typed_search_attributes
    return {
        pair.key.name: pair.value
        for pair in found.search_attributes
        if pair.key.name.startswith("Lateen")
    }


async def test_search_attributes_follow_the_run(bench: Bench) -> None:
    bench.fakes.options = RunOptions(search_attributes=True)
    run = await bench.start(
        bench.app(topologies={"t": ["b", "a"]}, steps=[suspend("gate"), deploy("d", "t")])
    )
    await bench.until_waiting("gate")
    assert await attributes_of(bench) == {
        "LateenApplication": bench.id,
        "LateenRevision": "v1",
        "LateenPhase": "waiting",
        "LateenWaitingFor": "gate",
        "LateenClusters": ["a", "b"],
    }
    await bench.handle.signal("approve")
    await result_of(run)
    found = await attributes_of(bench)
    assert found["LateenPhase"] == "delivered"
    assert not found.get("LateenWaitingFor")


async def test_the_next_run_corrects_what_it_inherits(bench: Bench) -> None:
    bench.fakes.options = RunOptions(search_attributes=True)
    await bench.start(bench.app(topologies={"t": ["a"]}, steps=[suspend("gate"), deploy("d", "t")]))
    await bench.until_waiting("gate")
    app = bench.app(topologies={"t": []}, steps=[suspend("pause", duration="1s")])
    app["spec"]["policies"] = []
    await bench.handle.execute_update("submit", app)
    await result_of(bench.handle)
    found = await attributes_of(bench)
    assert found["LateenPhase"] == "delivered"
    assert not found.get("LateenClusters")
    assert not found.get("LateenWaitingFor")


async def test_many_clusters_are_cut(bench: Bench) -> None:
    bench.fakes.options = RunOptions(search_attributes=True)
    names = [f"m{n:02}" for n in range(60)]
    bench.fakes.clusters += names
    steps = [deploy("d", "t", parallelism=30)]
    await bench.deliver(topologies={"t": names}, steps=steps)
    assert (await attributes_of(bench))["LateenClusters"] == names[
        : search_attributes.MOST_CLUSTERS
    ]


async def test_without_search_attributes_nothing_is_upserted(bench: Bench) -> None:
    run = await bench.start(bench.app())
    await result_of(run)
    assert "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES" not in await event_types(run)
    assert await attributes_of(bench) == {}


async def test_an_unchanged_run_is_found_by_its_phase(bench: Bench) -> None:
    bench.fakes.options = RunOptions(search_attributes=True)
    bench.fakes.unchanged = True
    await bench.deliver()
    assert (await attributes_of(bench))["LateenPhase"] == "unchanged"


async def test_details_are_a_table_of_steps_and_placements(bench: Bench) -> None:
    bench.fakes.hold("b/default")
    run = await bench.start(bench.app(topologies={"t": ["a", "b"]}))
    await bench.fakes.begun("b/default")
    await bench.until(lambda s: s["steps"][0]["placements"][0]["phase"] == "delivered")
    details = await details_of(bench)
    assert f"**{bench.id}** delivering" in details
    assert "| Step | Placement | State |" in details
    assert "| | a/default | ✓ delivered |" in details, details
    assert "| | b/default | ▶ delivering |" in details
    bench.fakes.release("b/default")
    await result_of(run)
    assert "| deploy-t | | ✓ succeeded |" in await details_of(bench)


async def test_a_long_table_is_cut_and_says_so(bench: Bench) -> None:
    names = [f"m{n:02}" for n in range(70)]
    bench.fakes.clusters += names
    steps = [deploy("d", "t", parallelism=30)]
    await bench.deliver(topologies={"t": names}, steps=steps)
    assert (await details_of(bench)).endswith("| … | 11 more rows | |")


async def test_texts_cannot_break_the_table(bench: Bench) -> None:
    nasty = "first | second\r\nthird\u2028<b>fourth"
    bench.fakes.failures["a/default"] = [failing(errors.REFUSED, nasty)]
    await failure_of(await bench.start(bench.app(topologies={"t|x": ["a"]})))
    details = await details_of(bench)
    rows = [line for line in details.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    for row in rows[2:]:
        assert row.replace("\\|", "").count("|") == 4, row
        assert "<b>" not in row


async def test_the_inspection_answers_what_it_read(bench: Bench, plain_client: Client) -> None:
    answer = await plain_client.execute_workflow(
        "Inspection",
        {"name": "web", "live": False},
        id=f"inspect-{bench.name}",
        task_queue=bench.task_queue,
    )
    assert answer == {"name": "web", "live": False}


async def test_an_inspection_of_nonsense_fails_and_is_not_tried_for_ever(
    bench: Bench, plain_client: Client
) -> None:
    with pytest.raises(WorkflowFailureError) as caught:
        await plain_client.execute_workflow(
            "Inspection",
            {"name": ["web"]},
            id=f"inspect-{bench.name}",
            task_queue=bench.task_queue,
            execution_timeout=timedelta(seconds=10),
        )
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == errors.REFUSED


async def test_activities_say_what_they_do(bench: Bench) -> None:
    run = await bench.start(bench.app(topologies={"t": ["a"]}))
    await result_of(run)
    history = await run.fetch_history()
    said = [
        event.user_metadata.summary.data.decode()
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert said == [
        f'"open a delivery of {bench.id}"',
        '"apply v1 to a/default"',
        '"close as delivered"',
    ]

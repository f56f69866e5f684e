"""What the zones promise each other: the activities, the sandbox, the namespace package."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

from lateen.activities.implementation import KubernetesActivities
from lateen.contracts.activities import DeliveryActivities
from lateen.contracts.identifiers import DRIFT
from support.activities import FakeActivities
from support.applications import deploy
from support.temporal import Bench, result_of

NAMES = [name for name, member in vars(DeliveryActivities).items() if inspect.isfunction(member)]


def definition_of(method: Callable[..., Any]) -> Any:
    return getattr(method, "__temporal_activity_definition", None)


@pytest.mark.parametrize("implementation", [KubernetesActivities, FakeActivities])
@pytest.mark.parametrize("name", NAMES)
def test_every_activity_is_implemented_under_its_name_and_signature(
    implementation: type, name: str
) -> None:
    promised = getattr(DeliveryActivities, name)
    kept = vars(implementation)[name]
    assert definition_of(kept).name == definition_of(promised).name == name
    assert get_type_hints(inspect.unwrap(kept)) == get_type_hints(promised)
    assert list(inspect.signature(kept).parameters) == list(inspect.signature(promised).parameters)


def test_no_root_holds_an_init_that_would_hide_the_others() -> None:
    """One ``lateen/__init__.py`` in any root makes the packages of the other two vanish."""
    project = Path(__file__).parents[2]
    for root in ("workflows", "activities", "cli"):
        assert (project / root / "lateen").is_dir()
        assert not (project / root / "lateen" / "__init__.py").exists()


async def test_the_sandbox_passes_nothing_through_by_mistake(idle: Bench) -> None:
    """A forgotten ``imports_passed_through`` makes second copies of the models: here it raises."""
    policy = (
        SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
        | SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    )
    strict = SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_import_notification_policy(policy)
    )
    steps = [deploy("gate", "t", auto=False), deploy("rest", "u")]
    worker: Worker = idle.worker(workflow_runner=strict)
    async with worker:
        run = await idle.start(idle.app(topologies={"t": ["a"], "u": ["b"]}, steps=steps))
        await idle.until_waiting("gate")
        await idle.handle.signal("approve", {"actor": "mia"})
        assert (await result_of(run))["phase"] == "delivered"
        idle.fakes.owned = ["a"]
        assert (await result_of(await idle.start({"intent": "delete"})))["phase"] == "deleted"
        idle.fakes.stored = [idle.id]
        look = await idle.client.start_workflow(
            DRIFT, {}, id=f"drift:{idle.name}", task_queue=idle.task_queue
        )
        assert (await result_of(look))["counts"] == {"clean": 1}

"""Making Temporal forget, as its retention does one day."""

from __future__ import annotations

import asyncio

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from lateen.contracts.identifiers import APPLICATION


async def forget(client: Client, name: str, *, namespace: str = "examples") -> int:
    """Delete every run of an application and wait until all are gone (half a minute); return how many."""
    deleted: set[str] = set()
    async with asyncio.timeout(120):
        while known := await _known(client, f"{namespace}/{name}"):
            for run_id in known - deleted:
                await _delete(client, f"{namespace}/{name}", run_id)
            deleted |= known
            await asyncio.sleep(0.2)
    return len(deleted)


async def _known(client: Client, workflow_id: str) -> set[str]:
    """Return what Temporal's index has, and the current run: the index is late."""
    query = f'WorkflowType="{APPLICATION}" AND WorkflowId="{workflow_id}"'
    known = {run.run_id async for run in client.list_workflows(query)}
    try:
        return known | {(await client.get_workflow_handle(workflow_id).describe()).run_id}
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        return known


async def _delete(client: Client, workflow_id: str, run_id: str) -> None:
    execution = WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
    request = DeleteWorkflowExecutionRequest(
        namespace=client.namespace, workflow_execution=execution
    )
    try:
        await client.workflow_service.delete_workflow_execution(request)
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise

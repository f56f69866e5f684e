"""Choosing the build of a worker deployment that Temporal sends work to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentResponse,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.service import RPCError, RPCStatusCode

from lateen.client.connecting import connect_temporal
from lateen.model.errors import LateenError, nearest, shorten

if TYPE_CHECKING:
    from temporalio.client import Client

_TRIES = 20
_PAUSE_SECONDS = 0.5


class CannotPromote(LateenError):
    """The build can't become current; nothing was changed."""


@dataclass(frozen=True)
class Promoted:
    """A build that is current now, and the one that was before: empty for unversioned workers."""

    build_id: str
    before: str


async def promote_build(build_id: str, *, deployment: str) -> Promoted:
    """Make a build current. Refused for one that no worker was ever started with.

    A worker that has just started makes its task queues known one after the other; without all of those of the
    current build Temporal refuses, so it is asked again for a while.
    """
    client = await connect_temporal()
    for left in reversed(range(_TRIES)):
        try:
            return await _promote(client, build_id, deployment=deployment)
        except RPCError as error:
            if left and error.status is RPCStatusCode.FAILED_PRECONDITION:
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            raise CannotPromote(
                f"Temporal refuses to make build {shorten(build_id)} of {deployment!r} current:"
                f" {error.message}"
            ) from error
    raise AssertionError("unreachable: the last try returns or raises")


async def _promote(client: Client, build_id: str, *, deployment: str) -> Promoted:
    described = await _describe(client, deployment)
    info = described.worker_deployment_info
    builds = [version.deployment_version.build_id for version in info.version_summaries]
    if build_id not in builds:
        known = f"known are {', '.join(sorted(builds))}" if builds else "it has no builds"
        hint = nearest(build_id, builds) or known
        raise CannotPromote(
            f"worker deployment {deployment!r} has no build {shorten(build_id)}; {hint}. Start a worker"
            " with this --build-id first"
        )
    before = info.routing_config.current_deployment_version.build_id
    if before == build_id:
        return Promoted(build_id, before)
    await client.workflow_service.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(
            namespace=client.namespace,
            deployment_name=deployment,
            build_id=build_id,
            conflict_token=described.conflict_token,
            identity=client.identity,
        )
    )
    return Promoted(build_id, before)


async def _describe(client: Client, deployment: str) -> DescribeWorkerDeploymentResponse:
    request = DescribeWorkerDeploymentRequest(
        namespace=client.namespace, deployment_name=deployment
    )
    try:
        return await client.workflow_service.describe_worker_deployment(request)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise CannotPromote(
                f"there is no worker deployment {deployment!r} in Temporal namespace"
                f" {client.namespace!r}; start a worker with --build-id first"
            ) from error
        raise CannotPromote(
            f"Temporal does not tell about worker deployment {deployment!r}: {error.message}"
        ) from error

"""Policies and Workflows as objects of their own, which users write to the hub with their own rights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.hub.applications import MissingNamespace
from lateen.hub.records import FIELD_MANAGER
from lateen.kube.errors import NotFound

if TYPE_CHECKING:
    from lateen.kube.cluster import Cluster
    from lateen.model.application import Policy, Workflow


async def apply_external(hub: Cluster, document: Policy | Workflow) -> None:
    """Write a Policy or Workflow to its namespace, over whatever is there. Raises ``MissingNamespace``."""
    try:
        await hub.apply(document.to_json(), field_manager=FIELD_MANAGER, force=True)
    except NotFound as error:
        raise MissingNamespace(document.metadata.namespace, cluster=hub.name) from error

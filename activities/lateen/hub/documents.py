"""Policies, Workflows and definitions as objects of the hub, which users write there with their own rights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.hub.applications import MissingNamespace
from lateen.hub.records import FIELD_MANAGER
from lateen.kube.errors import NotFound, UnknownKind
from lateen.model.errors import LateenError

if TYPE_CHECKING:
    from lateen.kube.cluster import Cluster
    from lateen.model.application import Definition, Policy, Workflow


class KindNotInstalled(LateenError):
    """The hub can't hold such an object."""


async def apply_external(hub: Cluster, document: Definition | Policy | Workflow) -> None:
    """Write an object to its namespace, over whatever is there.

    Raises ``MissingNamespace``, ``KindNotInstalled``.
    """
    try:
        await hub.apply(document.to_json(), field_manager=FIELD_MANAGER, force=True)
    except UnknownKind as error:
        message = f"the hub has no kind {document.kind}; run `lateen install`"
        raise KindNotInstalled(message) from error
    except NotFound as error:
        raise MissingNamespace(document.metadata.namespace, cluster=hub.name) from error

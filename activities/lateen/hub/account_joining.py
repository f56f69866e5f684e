"""Joining a cluster with an account of lateen's own, so that nobody's own credentials are kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lateen.hub.accounts import Account, Holder, close_others, open_account
from lateen.hub.cluster_errors import ClusterExists
from lateen.hub.cluster_names import check_alias, check_labels
from lateen.hub.joining import Joined, check_join, join

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lateen.hub.clusters import ClusterRegistry
    from lateen.kube.credentials import Credentials


async def join_with_account(
    registry: ClusterRegistry,
    name: str,
    *,
    credentials: Credentials,
    labels: Mapping[str, str] | None = None,
    alias: str | None = None,
    overwrite: bool = False,
) -> Joined:
    """Make an account in the cluster with ``credentials``, and register the cluster with its token.

    All that ``join`` refuses is refused before anything is made. ``overwrite`` makes a new token and
    ends the old ones as soon as the hub has it; without, a cluster that has such an account keeps its
    token.
    """
    check_labels(labels or {})
    check_alias(alias or "")
    # Credentials as they will be stored; the token is not known yet.
    storable = Account(secret="", token="unknown").of(credentials)  # noqa: S106 - stands for it
    existing = await check_join(registry, name, credentials=credentials, stored=storable)
    if existing is not None and not overwrite and not existing.token_secret:
        raise ClusterExists(name)
    holder = Holder(await registry.hub.connection.uid(), registry.namespace)
    async with registry.dial(name, credentials) as member:
        account = await open_account(
            member,
            credentials=credentials,
            holder=holder,
            fresh=overwrite,
            dial=lambda given: registry.dial(name, given),
        )
        joined = await join(
            registry,
            name,
            credentials=account.of(credentials),
            labels=labels,
            alias=alias,
            overwrite=overwrite,
            token_secret=account.secret,
        )
        if overwrite:
            kept = await registry.registration(name, fresh=True)
            await close_others(member, holder=holder, keep=kept.token_secret)
    return replace(joined, notes=account.notes)

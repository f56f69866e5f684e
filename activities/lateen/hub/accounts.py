"""lateen's own account in a member cluster: a ServiceAccount, its rights, and a token for each hub.

The token is a Secret that lives until it is deleted. A token that is asked for (TokenRequest) ends after a
time which the member's API server limits, often to an hour: somebody with the rights of whoever joined the
cluster would have to come back and renew it. Each hub has a Secret of its own, so that one hub's access ends
without the others'.
"""

from __future__ import annotations

import asyncio
import base64
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lateen.hub.cluster_errors import AccountNotReady
from lateen.hub.installing import MANAGED_BY, PRODUCT, SYSTEM_NAMESPACE, is_ours, member_manifests
from lateen.kube.errors import Conflict, Forbidden, NotFound, Unauthorized
from lateen.kube.shapes import as_object, as_text
from lateen.model.objects import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from lateen.kube.cluster import Cluster
    from lateen.kube.credentials import Credentials
    from lateen.model.base import Json

FIELD_MANAGER = "lateen-join"
SERVICE_ACCOUNT = "lateen"
HUB = "lateen.dev/hub"
"""Label of a token's Secret: UID of the hub that it was made for."""

REGISTRY = "lateen.dev/registry"
"""Label of a token's Secret: the namespace of that hub which keeps it."""

_FILLED_WITHIN = 30.0
_POLL = 0.1


@dataclass(frozen=True)
class Holder:
    """Who holds a token: a registry of a hub."""

    hub_uid: str
    registry: str

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its tokens' Secrets."""
        return {HUB: self.hub_uid, REGISTRY: self.registry}


@dataclass(frozen=True)
class Account:
    """An account that can be used: ``secret`` names the token's Secret, ``notes`` what was left alone."""

    secret: str
    token: str = field(repr=False)
    notes: tuple[str, ...] = ()

    def of(self, joining: Credentials) -> Credentials:
        """Return the account's credentials: the way to the cluster is that of whoever joins it."""
        return replace(joining, certificate=None, key=None, token=self.token, renewal=None)


async def open_account(
    member: Cluster,
    *,
    credentials: Credentials,
    holder: Holder,
    fresh: bool,
    dial: Callable[[Credentials], Cluster],
) -> Account:
    """Bring lateen's account in a member up to date, and return a token of it for its holder.

    ``credentials`` are those of whoever joins the cluster, and need the rights that they grant. Repeating
    it changes nothing, unless a ``fresh`` token is asked for; the former ones end with ``close_others``.
    What somebody else has changed stays as it is.
    """
    notes = [note for item in member_manifests() if (note := await _bring(member, item))]
    name = None if fresh else await _known(member, holder)
    if name is None:
        name = f"lateen-hub-{uuid.uuid4().hex[:8]}"
        await member.create(_secret(name, holder), field_manager=FIELD_MANAGER)
    account = Account(name, await _token(member, name), tuple(notes))
    await _wait_usable(dial(account.of(credentials)))
    return account


async def close_others(member: Cluster, *, holder: Holder, keep: str) -> None:
    """End a holder's other tokens: what was replaced must not go on working."""
    for secret in await member.list(
        "v1", "Secret", namespace=SYSTEM_NAMESPACE, labels=holder.labels
    ):
        if (name := secret["metadata"]["name"]) != keep:
            await member.delete(_ref(name))


async def close_account(member: Cluster, secret: str) -> bool:
    """End a token with its own rights, which then are gone. False when it was ended already."""
    try:
        return await member.delete(_ref(secret))
    except Unauthorized:
        return False


async def _bring(member: Cluster, manifest: Json) -> str:
    ref = ObjectRef.of(manifest)
    live = await member.get(ref)
    if live is not None and (ref.kind == "Namespace" or not is_ours(live)):
        return "" if ref.kind == "Namespace" else f"{ref} is not lateen's and stays as it is"
    try:
        await member.apply(manifest, field_manager=FIELD_MANAGER)
    except Conflict:
        return f"{ref} was changed by somebody else and stays as it is"
    return ""


async def _known(member: Cluster, holder: Holder) -> str | None:
    found = await member.list("v1", "Secret", namespace=SYSTEM_NAMESPACE, labels=holder.labels)
    return next(iter(sorted(secret["metadata"]["name"] for secret in found)), None)


async def _token(member: Cluster, name: str) -> str:
    """Return the token, as soon as the cluster's controller has written it."""
    try:
        async with asyncio.timeout(_FILLED_WITHIN):
            while True:
                data = as_object((await member.get(_ref(name)) or {}).get("data"))
                if token := as_text(data.get("token")):
                    return base64.b64decode(token).decode()
                await asyncio.sleep(_POLL)
    except TimeoutError:
        raise AccountNotReady(
            member.name,
            f"Secret {name!r} in {SYSTEM_NAMESPACE!r} got no token; the cluster's controller manager"
            " writes it, see whether it runs",
        ) from None


async def _wait_usable(account: Cluster) -> None:
    """Wait until the API server knows the token and its rights: it learns both by watching."""
    async with account:
        try:
            async with asyncio.timeout(_FILLED_WITHIN):
                while True:
                    if await _is_usable(account):
                        return
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            raise AccountNotReady(
                account.name,
                f"its ServiceAccount {SYSTEM_NAMESPACE}/{SERVICE_ACCOUNT} may not read Namespace"
                " kube-system; see its ClusterRoleBindings",
            ) from None


async def _is_usable(account: Cluster) -> bool:
    try:
        await account.connection.uid()
    except (Unauthorized, Forbidden, NotFound):
        return False
    return True


def _secret(name: str, holder: Holder) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {
            "name": name,
            "namespace": SYSTEM_NAMESPACE,
            "labels": {MANAGED_BY: PRODUCT, **holder.labels},
            "annotations": {"kubernetes.io/service-account.name": SERVICE_ACCOUNT},
        },
    }


def _ref(name: str) -> ObjectRef:
    return ObjectRef(api_version="v1", kind="Secret", namespace=SYSTEM_NAMESPACE, name=name)

"""Joining a cluster: it is asked who it is before anything is stored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import orjson

from lateen.hub.cluster_errors import (
    AlreadyJoined,
    ClusterExists,
    ClusterIdentityMismatch,
    InvalidRegistration,
    RegistryError,
    UnusableCluster,
)
from lateen.hub.cluster_names import check_alias, check_labels, check_name
from lateen.hub.cluster_secrets import build_secret
from lateen.hub.endpoints import check_endpoint
from lateen.hub.membership import (
    create_registration,
    decide,
    remove_registration,
    replace_registration,
)
from lateen.hub.registrations import (
    INSECURE,
    SYSTEM_TRUST,
    TOKEN_SECRET,
    RegisteredCluster,
    Registration,
)
from lateen.kube.errors import KubeError
from lateen.model.errors import shorten
from lateen.model.labels import (
    CLUSTER_ALIAS,
    CLUSTER_UID,
    CLUSTER_VERSION,
    CREDENTIAL_TYPE,
    ENDPOINT_TYPE,
    LOCAL,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lateen.hub.clusters import ClusterRegistry
    from lateen.kube.credentials import Credentials
    from lateen.model.base import Json

_UID = re.compile(r"[A-Za-z0-9-]{1,64}")
_VERSION_FIELDS = ("major", "minor", "gitVersion", "gitCommit", "buildDate", "platform")
_LONGEST_FIELD = 100
_WRITTEN_LABELS = (CREDENTIAL_TYPE, ENDPOINT_TYPE)
_WRITTEN_ANNOTATIONS = (CLUSTER_UID, CLUSTER_VERSION, INSECURE, SYSTEM_TRUST, TOKEN_SECRET)


@dataclass(frozen=True)
class Joined:
    """What a join did: ``rotated`` replaced the credentials, ``unchanged`` found the same ones."""

    cluster: RegisteredCluster
    action: Literal["joined", "rotated", "unchanged"]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Member:
    """What the cluster that is being joined says about itself."""

    uid: str
    version: Json


async def join(
    registry: ClusterRegistry,
    name: str,
    *,
    credentials: Credentials,
    labels: Mapping[str, str] | None = None,
    alias: str | None = None,
    overwrite: bool = False,
    token_secret: str = "",
) -> Joined:
    """Register a cluster after asking it who it is.

    Refused: another name for a known cluster or for the hub, and another cluster under a known
    name. ``overwrite`` replaces the credentials of a known name and keeps its labels and alias
    unless new ones are given. ``credentials.insecure`` is recorded, so that later uses accept it
    too; ``token_secret`` is where the member keeps a token that lateen made (``account_joining``).
    """
    check_name(name, doing="join")
    check_labels(labels or {})
    check_alias(alias or "")
    check_endpoint(credentials.endpoint)
    # Built once before anything is asked, so that what can't be stored is refused first.
    build_secret(name, credentials, namespace=registry.namespace, labels={})
    member = await _ask(registry, name, credentials)

    async def attempt() -> Joined:
        known = await registry.registrations()
        await _refuse_duplicate(registry, name, credentials=credentials, member=member, known=known)
        existing = known.get(name)
        secret = _secret(registry, name, credentials=credentials, member=member, existing=existing)
        if labels is not None:
            own = {k: v for k, v in secret["metadata"]["labels"].items() if k in _WRITTEN_LABELS}
            secret["metadata"]["labels"] = {**labels, **own}
        if alias:
            secret["metadata"]["annotations"][CLUSTER_ALIAS] = alias
        if token_secret:
            secret["metadata"]["annotations"][TOKEN_SECRET] = token_secret
        if existing is None:
            return Joined(await _create_alone(registry, secret, credentials, member), "joined")
        await _refuse_other_cluster(registry, existing, credentials=credentials, member=member)
        same = _same_wish(existing, Registration(secret))
        if not same and not overwrite:
            raise ClusterExists(name)
        if same and Registration(secret).annotations == existing.annotations:
            return Joined(existing.describe(), "unchanged")
        return Joined(
            await replace_registration(registry, secret), "unchanged" if same else "rotated"
        )

    return await decide(name, attempt)


async def check_join(
    registry: ClusterRegistry, name: str, *, credentials: Credentials, stored: Credentials
) -> Registration | None:
    """Make the checks of a join and change nothing; returns what is registered under the name.

    The cluster is asked with ``credentials``; others, like ``stored``, will be kept.
    """
    check_name(name, doing="join")
    check_endpoint(credentials.endpoint)
    build_secret(name, stored, namespace=registry.namespace, labels={})
    member = await _ask(registry, name, credentials)
    known = await registry.registrations()
    await _refuse_duplicate(registry, name, credentials=credentials, member=member, known=known)
    existing = known.get(name)
    if existing is not None:
        await _refuse_other_cluster(registry, existing, credentials=credentials, member=member)
    return existing


async def _ask(registry: ClusterRegistry, name: str, credentials: Credentials) -> _Member:
    """Ask a cluster who it is; of what it answers, only what is short and known is believed."""
    async with registry.dial(name, credentials) as cluster:
        uid, version = await cluster.connection.uid(), await cluster.connection.version()
    if not _UID.fullmatch(uid):
        raise InvalidRegistration(
            f"cannot join {name!r}: its namespace kube-system has no usable UID but {shorten(uid)}"
        )
    shown = {key: str(version[key])[:_LONGEST_FIELD] for key in _VERSION_FIELDS if key in version}
    return _Member(uid=uid, version=shown)


async def _create_alone(
    registry: ClusterRegistry, secret: Json, credentials: Credentials, member: _Member
) -> RegisteredCluster:
    """Store the Secret, and take it back when somebody joined the cluster at the same moment.

    Whoever sees the other's Secret gives way: both may have to try again, but never do both stay.
    """
    created = await create_registration(registry, secret)
    known = await registry.registrations()
    try:
        await _refuse_duplicate(
            registry, created.name, credentials=credentials, member=member, known=known
        )
    except AlreadyJoined:
        if created.name in known:
            await remove_registration(registry, known[created.name])
        raise
    return created


async def _refuse_duplicate(
    registry: ClusterRegistry,
    name: str,
    *,
    credentials: Credentials,
    member: _Member,
    known: Mapping[str, Registration],
) -> None:
    evidence = f"the same kube-system UID {member.uid}"
    if member.uid == await registry.hub.connection.uid():
        raise AlreadyJoined(name, other=LOCAL, evidence=evidence)
    for other, registration in known.items():
        if other == name:
            continue
        if registration.recorded_uid == member.uid:
            raise AlreadyJoined(name, other=other, evidence=evidence)
        if not registration.recorded_uid and _same_address(registration, credentials):
            raise AlreadyJoined(
                name, other=other, evidence=f"the same endpoint {credentials.endpoint}"
            )


async def _refuse_other_cluster(
    registry: ClusterRegistry,
    existing: Registration,
    *,
    credentials: Credentials,
    member: _Member,
) -> None:
    """Refuse credentials of another cluster, also with ``overwrite``: that is for rotation."""
    recorded = existing.recorded_uid
    if not recorded and not _same_address(existing, credentials):
        try:
            recorded = (await _ask(registry, existing.name, registry.usable(existing))).uid
        except (KubeError, UnusableCluster) as error:
            raise InvalidRegistration(
                f"cannot join {existing.name!r}: the name is taken by a cluster at"
                f" {existing.describe().endpoint} that can't be asked whether it is the same one"
                f" ({error}); `lateen cluster detach --force {existing.name}` first, or join"
                " under another"
                " --name"
            ) from error
    if recorded and recorded != member.uid:
        raise ClusterIdentityMismatch(
            existing.name,
            recorded=recorded,
            found=member.uid,
            way_out=(
                "to put another cluster in its place, "
                f"`lateen cluster detach --force {existing.name}` first"
            ),
        )


def _same_address(registration: Registration, credentials: Credentials) -> bool:
    try:
        stored = (check_endpoint(registration.text("endpoint")), registration.text("proxy-url"))
    except RegistryError:
        return False
    return stored == (check_endpoint(credentials.endpoint), credentials.proxy_url or "")


def _secret(
    registry: ClusterRegistry,
    name: str,
    *,
    credentials: Credentials,
    member: _Member,
    existing: Registration | None,
) -> Json:
    """Return the new Secret; what the old one has besides credentials is kept."""
    kept = existing.labels if existing else {}
    secret = build_secret(name, credentials, namespace=registry.namespace, labels=kept)
    metadata = secret["metadata"]
    if existing:
        old = existing.secret["metadata"]
        metadata["annotations"] |= {
            k: v for k, v in existing.annotations.items() if k not in _WRITTEN_ANNOTATIONS
        }
        metadata |= {k: old[k] for k in ("uid", "resourceVersion") if k in old}
        secret["type"] = existing.secret.get("type", secret["type"])
    metadata["annotations"][CLUSTER_UID] = member.uid
    metadata["annotations"][CLUSTER_VERSION] = orjson.dumps(member.version).decode()
    return secret


def _same_wish(existing: Registration, new: Registration) -> bool:
    """Tell whether what a person decides is the same; the version that the cluster reported is not."""

    def wish(registration: Registration) -> tuple[object, ...]:
        return (
            registration.secret.get("data"),
            registration.labels,
            registration.annotations.get(CLUSTER_ALIAS, ""),
            registration.annotations.get(INSECURE, ""),
        )

    return wish(existing) == wish(new)

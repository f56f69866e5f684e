"""Joining, changing and removing clusters.

Each operation may be repeated after a crash or run twice at once: Secrets are written with the
``resourceVersion`` that the decision was based on, and a conflict means deciding again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

import orjson

from lateen.hub.cluster_errors import (
    AlreadyJoined,
    ClusterExists,
    ClusterIdentityMismatch,
    InvalidRegistration,
    RegistryError,
    ReservedCluster,
    UnusableCluster,
)
from lateen.hub.cluster_names import check_alias, check_labels, check_name
from lateen.hub.registrations import (
    INSECURE,
    RegisteredCluster,
    Registration,
    build_secret,
    check_endpoint,
)
from lateen.kube.errors import AlreadyExists, Conflict, KubeError, NotFound
from lateen.model.labels import (
    CLUSTER_ALIAS,
    CLUSTER_UID,
    CLUSTER_VERSION,
    CREDENTIAL_TYPE,
    ENDPOINT_TYPE,
    LOCAL,
)
from lateen.model.objects import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from lateen.hub.clusters import ClusterRegistry
    from lateen.kube.credentials import Credentials
    from lateen.model.base import Json

FIELD_MANAGER = "lateen-registry"
ATTEMPTS = 5
"""How often a decision is made again when somebody else changes the same Secret."""

T = TypeVar("T")
_WRITTEN_LABELS = (CREDENTIAL_TYPE, ENDPOINT_TYPE)
_WRITTEN_ANNOTATIONS = (CLUSTER_UID, CLUSTER_VERSION, INSECURE)


@dataclass(frozen=True)
class Joined:
    """What a join did: ``rotated`` replaced the credentials, ``unchanged`` found the same ones."""

    cluster: RegisteredCluster
    action: Literal["joined", "rotated", "unchanged"]


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
) -> Joined:
    """Register a cluster after asking it who it is.

    Refused: another name for a known cluster or for the hub, and another cluster under a known name.
    ``overwrite`` replaces the credentials of a known name and keeps its labels and alias unless new ones
    are given. ``credentials.insecure`` is recorded, so that later uses accept it too.
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
        if existing is None:
            return Joined(await create_registration(registry, secret), "joined")
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


async def set_labels(
    registry: ClusterRegistry, name: str, changes: Mapping[str, str | None]
) -> RegisteredCluster:
    """Add, change and (with None) remove labels of a cluster; others stay as they are."""
    if name == LOCAL:
        raise ReservedCluster("label")
    check_labels({key: value or "" for key, value in changes.items()})

    async def attempt() -> RegisteredCluster:
        existing = await registry.registration(name, fresh=True)
        labels = existing.labels
        for key, value in changes.items():
            if value is None:
                labels.pop(key, None)
            else:
                labels[key] = value
        if labels == existing.labels:
            return existing.describe()
        return await replace_registration(registry, with_metadata(existing, labels=labels))

    return await decide(name, attempt)


async def set_alias(registry: ClusterRegistry, name: str, alias: str) -> RegisteredCluster:
    """Give a cluster a name for people; an empty one removes it."""
    if name == LOCAL:
        raise ReservedCluster("alias")
    check_alias(alias)

    async def attempt() -> RegisteredCluster:
        existing = await registry.registration(name, fresh=True)
        annotations = {k: v for k, v in existing.annotations.items() if k != CLUSTER_ALIAS}
        if alias:
            annotations[CLUSTER_ALIAS] = alias
        if annotations == existing.annotations:
            return existing.describe()
        return await replace_registration(
            registry, with_metadata(existing, annotations=annotations)
        )

    return await decide(name, attempt)


async def decide(name: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """Make a decision again for as long as its write conflicts with somebody else's."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await attempt()
        except (Conflict, AlreadyExists):
            continue
    try:
        return await attempt()
    except (Conflict, AlreadyExists) as error:
        raise RegistryError(
            f"cluster {name!r} keeps being changed by somebody else; nothing was changed, try again"
        ) from error


async def _ask(registry: ClusterRegistry, name: str, credentials: Credentials) -> _Member:
    cluster = registry.dial(name, credentials)
    try:
        return _Member(
            uid=await cluster.connection.uid(), version=await cluster.connection.version()
        )
    finally:
        await cluster.connection.close()


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
                f" ({error}); `lateen cluster detach --force {existing.name}` first, or join under another"
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
        metadata["annotations"] = {
            k: v for k, v in existing.annotations.items() if k not in _WRITTEN_ANNOTATIONS
        }
        metadata |= {k: old[k] for k in ("uid", "resourceVersion") if k in old}
        secret["type"] = existing.secret.get("type", secret["type"])
    metadata["annotations"][CLUSTER_UID] = member.uid
    metadata["annotations"][CLUSTER_VERSION] = orjson.dumps(member.version).decode()
    if credentials.insecure:
        metadata["annotations"][INSECURE] = "true"
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


def with_metadata(registration: Registration, **changes: Mapping[str, str]) -> Json:
    """Return the Secret with other ``labels`` or ``annotations``."""
    metadata = {**registration.secret["metadata"], **changes}
    metadata.pop("managedFields", None)
    return {**registration.secret, "apiVersion": "v1", "kind": "Secret", "metadata": metadata}


async def create_registration(registry: ClusterRegistry, secret: Json) -> RegisteredCluster:
    """Store a new cluster Secret; ``AlreadyExists`` when the name was taken meanwhile."""
    try:
        created = await registry.hub.create(secret, field_manager=FIELD_MANAGER)
    except NotFound as error:
        raise RegistryError(
            f"the hub has no namespace {registry.namespace!r} to keep clusters in; run `lateen install`"
        ) from error
    except AlreadyExists:
        live = await registry.hub.get(ObjectRef.of(secret))
        if live is not None and CREDENTIAL_TYPE not in Registration(live).labels:
            raise InvalidRegistration(
                f"namespace {registry.namespace!r} of the hub has a Secret {live['metadata']['name']!r}"
                " that describes no cluster; join under another --name"
            ) from None
        raise
    registry.remember(Registration(created))
    return Registration(created).describe()


async def replace_registration(registry: ClusterRegistry, secret: Json) -> RegisteredCluster:
    """Write a Secret over the one that was read; ``Conflict`` when it has changed meanwhile."""
    replaced = await registry.hub.replace(secret, field_manager=FIELD_MANAGER)
    registry.remember(Registration(replaced))
    return Registration(replaced).describe()


async def remove_registration(registry: ClusterRegistry, registration: Registration) -> None:
    """Delete exactly the Secret that was looked at: a ``Conflict`` when it has changed since."""
    metadata = registration.secret["metadata"]
    await registry.hub.delete(
        ObjectRef(
            api_version="v1",
            kind="Secret",
            namespace=metadata["namespace"],
            name=registration.name,
        ),
        uid=registration.secret_uid or None,
        resource_version=metadata.get("resourceVersion"),
    )
    registry.forget(registration.name)

"""Changing and writing cluster Secrets.

Each operation may be repeated after a crash or run twice at once: Secrets are written with the
``resourceVersion`` that the decision was based on, and a conflict means deciding again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from lateen.hub.cluster_errors import InvalidRegistration, RegistryError, ReservedCluster
from lateen.hub.cluster_names import check_alias, check_labels
from lateen.hub.registrations import RegisteredCluster, Registration
from lateen.kube.errors import AlreadyExists, Conflict, NotFound
from lateen.model.labels import CLUSTER_ALIAS, CREDENTIAL_TYPE, LOCAL
from lateen.model.objects import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from lateen.hub.clusters import ClusterRegistry
    from lateen.model.base import Json

FIELD_MANAGER = "lateen-registry"
ATTEMPTS = 5
"""How often a decision is made again when somebody else changes the same Secret."""

T = TypeVar("T")


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
            f"the hub has no namespace {registry.namespace!r} to keep clusters in; run `lateen"
            " install`"
        ) from error
    except AlreadyExists:
        live = await registry.hub.get(ObjectRef.of(secret))
        if live is not None and CREDENTIAL_TYPE not in Registration(live).labels:
            raise InvalidRegistration(
                f"namespace {registry.namespace!r} of the hub has a Secret"
                f" {live['metadata']['name']!r}"
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

"""Applications, Policies and Workflows in the hub: what users' documents become and refer to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from lateen.hub.kubevela import handover
from lateen.hub.records import FIELD_MANAGER
from lateen.kube.cluster import Cluster
from lateen.kube.errors import Conflict, NotFound
from lateen.kube.shapes import as_object
from lateen.model.application import Application
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication, LateenError, nearest
from lateen.model.kubevela import PAUSE
from lateen.model.labels import CREATE_NAMESPACE
from lateen.model.objects import ObjectRef
from lateen.model.parsing import parse_workflow
from lateen.model.records import Snapshot
from lateen.planning.references import (
    external_references,
    inline_names,
    policy_references,
)

APPLICATION = "core.oam.dev/v1beta1"
EXTERNAL = "core.oam.dev/v1alpha1"

_KUBEVELA_NAMESPACE = "vela-system"
_KUBEVELA_CONTROLLER = {"controller.oam.dev/name": "vela-core"}
_GUARD_MAX_AGE = 60.0
_MOST_TRIES = 5


class MissingNamespace(LateenError):
    """A namespace does not exist where it is needed."""

    def __init__(self, namespace: str, *, cluster: str) -> None:
        self.namespace = namespace
        super().__init__(
            f"namespace {namespace!r} does not exist in cluster {cluster!r}; create it there, or ask lateen "
            f"to: `lateen up --create-namespace`, or the annotation {CREATE_NAMESPACE}: 'true'"
        )


class KubeVelaIsActive(LateenError):
    """KubeVela's controller would deliver the application too."""


class Applications:
    """Stores applications and reads what they refer to."""

    def __init__(self, hub: Cluster) -> None:
        self._hub = hub
        self._kubevela: tuple[float, bool] | None = None

    async def admit(self, application: Application) -> None:
        """Make sure that an application may be stored, and make its namespace if it asks for that.

        Raises ``KubeVelaIsActive`` where a second controller would act on it.
        """
        await self.refuse_beside_kubevela(application)
        if application.metadata.annotations.get(CREATE_NAMESPACE) == "true":
            await ensure_namespace(self._hub, application.metadata.namespace)

    async def store(self, application: Application) -> None:
        """Write an application to the hub; ``admit`` it first. Raises ``MissingNamespace``.

        One that KubeVela managed becomes lateen's own: without the finalizer that nobody would remove, and
        so that later versions can remove what its controller wrote.
        """
        manifest = application.to_json()
        for attempt in range(_MOST_TRIES):
            try:
                applied = await self._hub.apply(manifest, field_manager=FIELD_MANAGER, force=True)
            except NotFound as error:
                raise MissingNamespace(
                    application.metadata.namespace, cluster=self._hub.name
                ) from error
            steps = handover(applied.object, manager=FIELD_MANAGER, api_version=APPLICATION)
            if not steps:
                return
            try:
                await self._hub.patch_steps(
                    ObjectRef.of(manifest), steps, field_manager=FIELD_MANAGER
                )
            except Conflict:  # Somebody wrote meanwhile: look again.
                if attempt == _MOST_TRIES - 1:
                    raise

    async def read(self, namespace: str, name: str) -> Json | None:
        """Return the stored application as plain data, or None."""
        return await self._hub.get(_application_ref(namespace, name))

    async def delete(self, namespace: str, name: str, stored: Json | None) -> None:
        """Delete the application as it was read; one that was stored again since stays."""
        if stored is None:
            return
        metadata = stored["metadata"]
        try:
            await self._hub.delete(
                _application_ref(namespace, name),
                uid=metadata["uid"],
                resource_version=metadata["resourceVersion"],
            )
        except Conflict:
            if await self.read(namespace, name) is not None:
                raise  # Changed meanwhile: the next attempt finds out whether it is wanted again.

    async def list(self, namespace: str | None) -> tuple[Json, ...]:
        """Return the stored applications of a namespace, or of all."""
        return tuple(await self._hub.list(APPLICATION, "Application", namespace=namespace))

    async def snapshot(self, application: Application, *, given: Sequence[Json] = ()) -> Snapshot:
        """Read everything that an application refers to, in its own namespace only.

        Policies and Workflows in ``given`` count as if they were stored. Raises
        ``InvalidApplication`` naming each Policy or Workflow that does not exist.
        """
        references = external_references(application)
        namespace = application.metadata.namespace
        workflow: Json | None = None
        names = list(references.policies)
        if references.workflow:
            workflow = await self._external("Workflow", namespace, references.workflow, given)
            parsed = parse_workflow(workflow)
            names += [
                name
                for name in policy_references(parsed, inline_names(application))
                if name not in names
            ]
        policies = await asyncio.gather(
            *(self._external("Policy", namespace, name, given) for name in names)
        )
        return Snapshot(
            application=application.to_json(), policies=list(policies), workflow=workflow
        )

    async def _external(self, kind: str, namespace: str, name: str, given: Sequence[Json]) -> Json:
        for document in given:
            metadata = document["metadata"]
            if (document["kind"], metadata["namespace"], metadata["name"]) == (
                kind,
                namespace,
                name,
            ):
                return document
        ref = ObjectRef(api_version=EXTERNAL, kind=kind, namespace=namespace, name=name)
        live = await self._hub.get(ref)
        if live is not None:
            return _written(live)
        others = await self._hub.list(EXTERNAL, kind, namespace=namespace)
        known = [other["metadata"]["name"] for other in others]
        what = "policy" if kind == "Policy" else "workflow"
        hint = nearest(name, known) or f"there is no {kind} in namespace {namespace!r} of the hub"
        raise InvalidApplication.at(
            "spec.workflow" if kind == "Policy" else "spec.workflow.ref",
            f"no {what} of this name, inline or in namespace {namespace!r} of the hub",
            name,
            hint,
        )

    async def refuse_beside_kubevela(self, application: Application) -> None:
        """Raise ``KubeVelaIsActive`` where its controller would deliver the application too."""
        if application.metadata.labels.get(PAUSE) == "true":
            return
        if await self._kubevela_is_active():
            raise KubeVelaIsActive(
                "KubeVela's controller runs in this hub and would deliver the application too; scale "
                "deployment kubevela-vela-core to 0, or label the application "
                f"{PAUSE}: 'true'"
            )

    async def _kubevela_is_active(self) -> bool:
        known = self._kubevela
        # Only its absence is believed for a while: who has just stopped it doesn't want to wait.
        if known is not None and not known[1] and time.monotonic() - known[0] < _GUARD_MAX_AGE:
            return False
        controllers = await self._hub.list(
            "apps/v1", "Deployment", namespace=_KUBEVELA_NAMESPACE, labels=_KUBEVELA_CONTROLLER
        )
        active = any(as_object(item.get("spec")).get("replicas", 1) for item in controllers)
        self._kubevela = (time.monotonic(), active)
        return active


async def ensure_namespace(cluster: Cluster, name: str) -> None:
    """Create a namespace unless it exists. It is never pruned: others may live in it by then."""
    ref = ObjectRef(api_version="v1", kind="Namespace", name=name)
    if await cluster.get(ref) is None:
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await cluster.apply(manifest, field_manager=FIELD_MANAGER)


def _application_ref(namespace: str, name: str) -> ObjectRef:
    return ObjectRef(api_version=APPLICATION, kind="Application", namespace=namespace, name=name)


def _written(live: Json) -> Json:
    """Return an object without what the server added: a snapshot holds what people wrote."""
    metadata = {"name": live["metadata"]["name"], "namespace": live["metadata"]["namespace"]}
    return {
        **{key: value for key, value in live.items() if key not in {"metadata", "status"}},
        "metadata": metadata,
    }

"""A cluster as the other rooms use it: objects in, objects out."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from lateen.kube.answers import error_of_status
from lateen.kube.connection import (
    APPLY_PATCH,
    MERGE_PATCH,
    Answer,
    Connection,
    Guard,
    decode,
)
from lateen.kube.errors import ApiError, Expired, NotFound, ServerError, Target, UnknownKind
from lateen.kube.resources import Resource, Resources
from lateen.kube.shapes import as_number, as_object, as_objects, as_text
from lateen.model.base import Json
from lateen.model.objects import ObjectRef

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

Objects = list[Json]  # the class below has a method of the name `list`

PAGE = 500
"""Objects a request of a listing."""

Propagation = Literal["Background", "Foreground", "Orphan"]


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply left: the object as it is now, and whether it is new."""

    object: Json
    created: bool


class Cluster:
    """One cluster's objects; every method may raise a ``KubeError``."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.name = connection.cluster
        self._resources = Resources(connection)

    def __repr__(self) -> str:
        return f"Cluster({self.name!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self.connection.close()

    async def is_namespaced(self, api_version: str, kind: str) -> bool:
        """Tell whether a kind lives in namespaces; ``UnknownKind`` when it isn't served."""
        return (await self._resources.find(api_version, kind)).namespaced

    async def get(self, ref: ObjectRef) -> Json | None:
        """Return an object, or None when it does not exist."""
        try:
            return await self._call("GET", ref, action="get")
        except NotFound:
            return None

    async def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: Mapping[str, str] | str | None = None,
        fields: str | None = None,
        limit: int | None = None,
    ) -> Objects:
        """Return the objects of a kind, everywhere or in one namespace, complete or not at all.

        ``labels`` and ``fields`` are selectors; ``limit`` stops after so many objects.
        """
        resource = await self._resources.find(api_version, kind)
        path = resource.path(namespace or "")
        params = _selectors(labels, fields)
        try:
            return await self._pages(resource, path, params, limit)
        except Expired:  # changed too much between two pages: once more from the start
            return await self._pages(resource, path, params, limit)

    async def apply(
        self,
        manifest: Json,
        *,
        field_manager: str,
        force: bool = False,
        dry_run: bool = False,
        subresource: str = "",
        guard: Guard | None = None,
    ) -> Applied:
        """Apply a manifest (server-side apply): set what it says, remove what it no longer says.

        A ``metadata.resourceVersion`` in it is a precondition. Raises ``Conflict`` with the
        managers and fields when others own some of them (never with ``force``), ``Invalid`` also
        for fields that the kind doesn't have, ``NotFound`` when the namespace is missing. A
        ``guard`` that raises keeps the request from being sent (``Unreachable``).
        """
        params = {"fieldManager": field_manager, "fieldValidation": "Strict"}
        if force:
            params["force"] = "true"
        if dry_run:
            params["dryRun"] = "All"
        target, answer = await self._send(
            "PATCH",
            ObjectRef.of(manifest),
            action="apply",
            params=params,
            body=manifest,
            content_type=APPLY_PATCH,
            subresource=subresource,
            guard=guard,
        )
        return Applied(decode(target, answer), created=answer.status == 201)

    async def create(self, manifest: Json, *, field_manager: str) -> Json:
        """Create an object; ``AlreadyExists`` when there is one of its name."""
        return await self._call(
            "POST",
            ObjectRef.of(manifest),
            action="create",
            params={"fieldManager": field_manager, "fieldValidation": "Strict"},
            body=manifest,
        )

    async def replace(self, manifest: Json, *, field_manager: str, dry_run: bool = False) -> Json:
        """Replace an object; ``Conflict`` when it no longer has the given ``resourceVersion``."""
        params = {"fieldManager": field_manager, "fieldValidation": "Strict"}
        if dry_run:
            params["dryRun"] = "All"
        return await self._call(
            "PUT", ObjectRef.of(manifest), action="replace", params=params, body=manifest
        )

    async def patch(
        self, ref: ObjectRef, patch: Json, *, field_manager: str, subresource: str = ""
    ) -> Json:
        """Change some fields of an object (JSON merge patch: None removes a field)."""
        return await self._call(
            "PATCH",
            ref,
            action="patch",
            params={"fieldManager": field_manager, "fieldValidation": "Strict"},
            body=patch,
            content_type=MERGE_PATCH,
            subresource=subresource,
        )

    async def patch_status(self, ref: ObjectRef, status: Json, *, field_manager: str) -> Json:
        """Change fields of an object's status (JSON merge patch)."""
        patch = {"status": status}
        return await self.patch(ref, patch, field_manager=field_manager, subresource="status")

    async def delete(
        self,
        ref: ObjectRef,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Propagation = "Background",
    ) -> bool:
        """Ask for an object's deletion; False when it was gone already.

        ``uid`` and ``resource_version`` are preconditions: ``Conflict`` when it is another object,
        or has changed. Finalizers may keep the object for a while after True.
        """
        options: Json = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
        }
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        if given := {key: value for key, value in preconditions.items() if value is not None}:
            options["preconditions"] = given
        try:
            await self._send("DELETE", ref, action="delete", body=options)
        except NotFound:
            return False
        return True

    async def watch(
        self,
        ref: ObjectRef,
        *,
        resource_version: str,
        timeout: float,  # noqa: ASYNC109 - how long the server keeps the watch open
    ) -> AsyncGenerator[tuple[str, Json]]:
        """Yield ``(ADDED|MODIFIED|DELETED, object)`` as it happens after ``resource_version``.

        Ends after ``timeout`` seconds, or earlier when the server wants so: watch again from the
        version seen last. Raises ``Expired`` when that version is too old (get the object, watch
        from there) and ``Unreachable`` when the connection breaks. Use ``contextlib.aclosing`` to
        stop earlier.
        """
        resource, _ = await self._resources.locate(ref, action="watch")
        path = resource.path(ref.namespace)
        params = {
            "watch": "true",
            "fieldSelector": f"metadata.name={ref.name}",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(max(1, round(timeout))),
        }
        stream = self.connection.stream(path, params=params, timeout=timeout + 10, ref=ref)
        async with aclosing(stream):
            async for event in stream:
                kind, live = as_text(event.get("type")), as_object(event.get("object"))
                if not kind or not live:
                    target = Target(self.name, "watch", path, ref)
                    raise ServerError(target, status=200, detail="an event without type or object")
                if kind == "ERROR":
                    raise self._watch_error(ref, path, live)
                yield kind, live

    def _watch_error(self, ref: ObjectRef, path: str, status: Json) -> ApiError:
        target = Target(self.name, "watch", path, ref)
        return error_of_status(target, status=as_number(status.get("code")) or 500, answer=status)

    async def _pages(
        self, resource: Resource, path: str, params: dict[str, str], limit: int | None
    ) -> Objects:
        found: Objects = []
        token = ""
        while True:
            size = PAGE if limit is None else min(PAGE, limit - len(found))
            paging = {"limit": str(size)} | ({"continue": token} if token else {})
            page = await self.connection.request("GET", path, params=params | paging)
            # Items of a list leave out what the list says once.
            said = {"apiVersion": resource.api_version, "kind": resource.kind}
            found.extend(said | item for item in as_objects(page.get("items")))
            token = as_text(as_object(page.get("metadata")).get("continue"))
            if not token or (limit is not None and len(found) >= limit):
                return found[:limit]

    async def _call(self, verb: str, ref: ObjectRef, *, action: str, **more: Any) -> Json:
        target, answer = await self._send(verb, ref, action=action, **more)
        return decode(target, answer)

    async def _send(
        self,
        verb: str,
        ref: ObjectRef,
        *,
        action: str,
        params: Mapping[str, str] | None = None,
        body: Json | None = None,
        content_type: str | None = None,
        subresource: str = "",
        guard: Guard | None = None,
    ) -> tuple[Target, Answer]:
        resource, path = await self._resources.locate(ref, action=action)
        if verb == "POST":
            path = resource.path(ref.namespace)
        if subresource:
            path = f"{path}/{subresource}"
        target = Target(self.name, action, path, ref)
        try:
            answer = await self.connection.send(
                verb, target, params=params, body=body, content_type=content_type, guard=guard
            )
        except NotFound as error:
            if error.reason:
                raise
            # Not the object but its path is unknown: the kind is not served any more.
            self._resources.forget(ref.api_version)
            raise UnknownKind(ref.api_version, ref.kind, cluster=self.name) from error
        return target, answer


def _selectors(labels: Mapping[str, str] | str | None, fields: str | None) -> dict[str, str]:
    params: dict[str, str] = {}
    if labels:
        given = (
            labels if isinstance(labels, str) else ",".join(f"{k}={v}" for k, v in labels.items())
        )
        params["labelSelector"] = given
    if fields:
        params["fieldSelector"] = fields
    return params
